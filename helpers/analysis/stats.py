"""What runs can and cannot tell: means with intervals, paired differences, sampling error, verdicts.

Intervals over runs are Student's t intervals. With the five runs an arm has here the percentile bootstrap is
too narrow: it resamples five numbers, and covers the true mean in about 84 % of studies where it promises 95
% (tests/analysis/test_stats.py measures both). The t interval assumes that runs of one arm differ by roughly
normal amounts.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_MOST = 1_000_000  # runs: beyond any study
ERROR = 0.05  # that a study may use up: its intervals hold together in 95 % of studies
VERDICTS = ("holds", "holds when", "false", "no difference that matters", "undecided")


@dataclass(frozen=True)
class Interval:
    """A mean of n values and the interval for it, in the values' unit; low and high are NaN if n is 1."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of runs and its Student t interval at the given level (0.95 is 95 %).

    One value has no interval: one run says nothing about the spread of runs. Raises ValueError for no value,
    and for a value that is missing or not finite, as a diverged run has.
    """
    numbers = _finite(values, "values")
    mean, n = float(np.mean(numbers)), len(numbers)
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1)
    half = float(stats.t.ppf(0.5 + _level(level) / 2, n - 1) * stats.sem(numbers))
    return Interval(mean, mean - half, mean + half, n)


def paired(
    a: Mapping[int, float | None],
    b: Mapping[int, float | None],
    level: float = 0.95,
    missing: float | None = None,
) -> Interval:
    """Student t interval of a - b over the seeds, each a mapping of seed to value.

    Runs of one seed share initial weights and order of batches, so that their difference varies less than
    either. Raises ValueError if the seeds of a and b differ, or a value is None or not finite. `missing`
    stands in for None: with the number of epochs + 1, for example, runs that never reached a threshold (see
    epochs_to) count as just missing it. That keeps every pair and understates by how much such a run is
    slower; to leave its pair out would favour the slower arm.
    """
    return interval(list(differences_of(a, b, missing).values()), level)


def differences_of(
    a: Mapping[int, float | None], b: Mapping[int, float | None], missing: float | None = None
) -> dict[int, float]:
    """Seed -> a - b; arguments and errors as of paired, but that there may be no seed at all."""
    if set(a) != set(b):
        raise ValueError(
            f"the two arms have different seeds, {sorted(a)} and {sorted(b)}; compare those that both have"
        )
    seeds = sorted(a)
    if not seeds:
        return {}
    values = [[arm[seed] if arm[seed] is not None else missing for seed in seeds] for arm in (a, b)]
    apart = _finite(values[0], "values of the first arm") - _finite(values[1], "values of the second arm")
    return dict(zip(seeds, apart.tolist(), strict=True))


def over_seeds(by_seed: Mapping[int, float | None]) -> Interval | None:
    """Mean and 95 % interval of the values by seed, None without a seed."""
    return interval(list(by_seed.values())) if by_seed else None


def sampling_error(accuracy: float, images: int) -> float:
    """Standard error, in points, of an accuracy in percent measured on that many test images (binomial).

    It says how far the accuracy of this one network would move on another test set of the same size; how far
    another seed would move it is a different question, which only more runs answer.
    """
    if not 0 <= accuracy <= 100 or images < 1:
        raise ValueError(
            f"accuracy is {accuracy} and images {images}; give a percentage, 0 to 100, and at least 1 image"
        )
    return math.sqrt(accuracy * (100 - accuracy) / images)


def single_runs(a: float, b: float, images: int) -> Interval:
    """The difference a - b of two accuracies in percent, one run each, with the 95 % interval of the test
    set's sampling error.

    The two are treated as measured on separate sets of `images`. Both networks saw the same images and tend
    to fail on the same ones, so this is an upper bound of the sampling error. Chance between seeds is not in
    it: n is 1.
    """
    error = math.hypot(sampling_error(a, images), sampling_error(b, images))
    half = float(stats.norm.ppf(0.975)) * error
    return Interval(a - b, a - b - half, a - b + half, 1)


def epochs_to(accuracies: Sequence[float | None], threshold: float) -> int | None:
    """The first epoch, counted from 1, whose accuracy reaches the threshold; None if none does.

    Both are in percent. NaN or None, which a diverged run has, does not reach it. In paired comparisons None
    needs a stand-in: see paired.
    """
    reached = (value is not None and value >= threshold for value in accuracies)
    return next((epoch for epoch, there in enumerate(reached, start=1) if there), None)


def spent(looks: Sequence[int], seeds: int) -> float:
    """The part of the error level that a study may use up at the last look that so many seeds reach.

    A study that is judged after 10, 20 and 30 seeds has three chances to be wrong. Look k of K is given
    k / (1 + ... + K) of the level, so that all together stay within it (Bonferroni's inequality); the later
    looks, which can see more, have the larger parts. Raises ValueError before the first look.
    """
    reached = sum(look <= seeds for look in looks)
    if not reached:
        raise ValueError(
            f"{seeds} seeds reach no look of {', '.join(map(str, looks))}; train more, then judge"
        )
    return ERROR * reached / sum(range(1, len(looks) + 1))


def verdict(
    evidence: Interval | Mapping[str, Interval], margin: float = 0.0, matters: float | None = None
) -> str:
    """What intervals of a difference say about the claim that it is greater than `margin`; one of VERDICTS.

    One interval: "holds" if all of it lies above the margin, "false" if all of it lies at or below, "no
    difference that matters" if it reaches less than `matters` to either side of the margin, "undecided"
    otherwise, which includes a single run. Several, named by their conditions: "holds" if the claim holds in
    each, "holds when" if in some. If it holds in none: "undecided" if any is, "false" if any is, "no
    difference that matters" otherwise.

    The words promise what the intervals do: where those hold all true differences at once in 95 % of studies
    (see spent, and claims.judged for several comparisons), a wrong "holds", "false" or "no difference that
    matters" comes in 5 % of studies at most. That is so for differences that are roughly normal. Where one
    seed in ten is lucky by 4 standard deviations, a study that has drawn none yet errs in 7 %, and by 8 in
    19 % (tests/analysis/test_stats.py measures all of it): look at the single runs too.

    Raises ValueError for no interval.
    """
    found = list(evidence.values()) if isinstance(evidence, Mapping) else [evidence]
    if not found:
        raise ValueError("no interval to judge by; give at least one")
    words = [_word(item, margin, matters) for item in found]
    if "holds" in words:
        return "holds" if set(words) == {"holds"} else "holds when"
    if "undecided" in words:
        return "undecided"
    return "false" if "false" in words else "no difference that matters"


def within(item: Interval, matters: float | None, margin: float = 0.0) -> bool:
    """Whether the interval reaches less than `matters` to either side of the margin."""
    return matters is not None and margin - matters < item.low and item.high < margin + matters


def _word(item: Interval, margin: float, matters: float | None) -> str:
    if item.low > margin:
        return "holds"
    if item.high <= margin:
        return "false"
    if within(item, matters, margin):
        return "no difference that matters"
    return "undecided"


def _finite(values: Sequence[float | None], what: str) -> np.ndarray:
    numbers = np.array([math.nan if value is None else value for value in values], dtype=float)
    if len(numbers) == 0 or not np.isfinite(numbers).all():
        raise ValueError(
            f"{what} are {list(values)}; give at least one, each a finite number (state diverged runs beside "
            "the interval, or give `missing` for those that never reached a threshold)"
        )
    return numbers


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a share between 0 and 1, such as 0.95")
    return level


def range_of_a_run(runs: Interval) -> Interval:
    """The range in which one more run like these falls in 95 % of cases (prediction interval), from their t
    interval.

    The interval of the mean narrows as runs are added; this one does not narrow below the spread of single
    runs. A single published figure is compared with this one. NaN if n is 1.
    """
    half = (runs.high - runs.mean) * math.sqrt(runs.n + 1)  # t s sqrt(1 + 1/n) = t s / sqrt(n) * sqrt(n + 1)
    return Interval(runs.mean, runs.mean - half, runs.mean + half, runs.n)


def span(found: Interval | None, digits: int = 2, sign: str = "") -> str:
    """An interval in words for a table: "70.98 to 71.61", or why there is none. sign="+" writes it always."""
    if found is None:
        return "no run"
    if found.n == 1:
        return "none: 1 run"
    return f"{found.low:{sign}.{digits}f} to {found.high:{sign}.{digits}f}"


def told(found: Interval | None, digits: int = 2, sign: str = "") -> str:
    """A mean with its interval and n in words: "71.30 (70.98 to 71.61, n = 5)"."""
    if found is None:
        return "no run"
    inside = "no interval" if found.n == 1 else span(found, digits, sign)
    return f"{found.mean:{sign}.{digits}f} ({inside}, n = {found.n})"


WANTED = 0.8  # the usual power
MOST_TO_DECIDE = 1000  # paired runs: more than any study here has


def power(difference: float, deviation: float, runs: int, level: float = 0.95) -> float:
    """Probability that the t interval of `runs` paired differences lies wholly on the side of the true mean.

    Args:
        difference: the true mean of the differences, in their unit; its sign does not matter.
        deviation: the standard deviation between paired differences, in the same unit, above 0.
        runs: pairs, at least 2.

    The differences are taken as normal; the t statistic then has a noncentral t distribution (Johnson and
    Welch 1940) with runs - 1 degrees of freedom around |difference| sqrt(runs) / deviation.

    Raises:
        ValueError: fewer than 2 runs, or a deviation that is not above 0.
    """
    if runs < 2 or not deviation > 0:
        raise ValueError(f"runs is {runs} and deviation {deviation}; give at least 2 runs, and one above 0")
    beyond = stats.t.ppf(0.5 + level / 2, runs - 1)
    return float(stats.nct.sf(beyond, runs - 1, abs(difference) * math.sqrt(runs) / deviation))


def runs_needed(difference: float, deviation: float) -> int:
    """The fewest paired runs, at least 2, whose power to show the difference is 80 % or more.

    Raises:
        ValueError: a difference so small beside the deviation that a million runs would not do, or 0.
    """
    if power(difference, deviation, _MOST) < WANTED:
        raise ValueError(
            f"a difference of {difference} with a deviation of {deviation} needs more than {_MOST:,} runs; "
            "give a larger difference"
        )
    low, high = 1, 2  # low does not do, high is tried
    while power(difference, deviation, high) < WANTED:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if power(difference, deviation, middle) < WANTED:
            low = middle
        else:
            high = middle
    return high


def runs_to_decide(found: Interval, error: float = 0.05, matters: float | None = None) -> int | None:
    """About how many paired runs would decide a comparison whose interval, at this error level, does not.

    If the true difference and its standard deviation are those seen so far: the fewest runs with which the
    interval excludes 0, or lies within -matters to matters, in 80 % of studies. None if the spread is not
    known yet (one run), or if more than MOST_TO_DECIDE would be needed.
    """
    if found.n < 2:
        return None
    half = (found.high - found.low) / 2
    deviation = half * math.sqrt(found.n) / float(stats.t.ppf(1 - error / 2, found.n - 1))
    if deviation == 0:
        return None

    def decides(runs: int) -> bool:
        apart = power(found.mean, deviation, runs, level=1 - error)
        scale = deviation / math.sqrt(runs)
        reach = (matters or 0.0) - float(stats.t.ppf(1 - error / 2, runs - 1)) * scale
        within = sum(stats.norm.cdf((reach + sign * found.mean) / scale) for sign in (-1, 1)) - 1
        return max(apart, within) >= WANTED

    if not decides(MOST_TO_DECIDE):
        return None
    return found.n + bisect.bisect_left(range(found.n, MOST_TO_DECIDE), True, key=decides)


def images_needed(difference: float, accuracy: float) -> int:
    """Test images for each of two networks so that a difference of so many points is expected to show.

    Two accuracies near `accuracy` (percent), each on test images of its own: twice the binomial variance.
    Networks that are tested on the same images fail on many of them together, so this is an upper bound.

    Raises:
        ValueError: a difference of 0, or an accuracy outside 0 to 100.
    """
    if difference == 0 or not 0 <= accuracy <= 100:
        raise ValueError(f"difference is {difference}, accuracy {accuracy}; give one not 0, and a percentage")
    reach = float(stats.norm.ppf(0.975) + stats.norm.ppf(WANTED))  # 2.80: both kinds of chance
    return math.ceil(2 * accuracy * (100 - accuracy) * (reach / difference) ** 2)
