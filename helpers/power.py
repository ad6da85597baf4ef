"""How many runs, or test images, a comparison needs before it can be expected to show a difference."""

import bisect
import math

from scipy import stats

from helpers.stats import Interval

WANTED = 0.8  # the usual power
MOST_TO_DECIDE = 1000  # paired runs: more than any study here has
_MOST = 1_000_000  # runs: beyond any study


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


def runs_needed(difference: float, deviation: float, wanted: float = 0.8, level: float = 0.95) -> int:
    """The fewest paired runs, at least 2, whose power to show the difference is `wanted` or more.

    Raises:
        ValueError: a difference so small beside the deviation that a million runs would not do, or 0.
    """
    if power(difference, deviation, _MOST, level) < wanted:
        raise ValueError(
            f"a difference of {difference} with a deviation of {deviation} needs more than {_MOST:,} runs; "
            "give a larger difference"
        )
    low, high = 1, 2  # low does not do, high is tried
    while power(difference, deviation, high, level) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if power(difference, deviation, middle, level) < wanted:
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


def images_needed(difference: float, accuracy: float, wanted: float = 0.8, level: float = 0.95) -> int:
    """Test images for each of two networks so that a difference of so many points is expected to show.

    Two accuracies near `accuracy` (percent), each on test images of its own: twice the binomial variance.
    Networks that are tested on the same images fail on many of them together, so this is an upper bound.

    Raises:
        ValueError: a difference of 0, or an accuracy outside 0 to 100.
    """
    if difference == 0 or not 0 <= accuracy <= 100:
        raise ValueError(f"difference is {difference}, accuracy {accuracy}; give one not 0, and a percentage")
    reach = float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(wanted))  # 2.80: both kinds of chance
    return math.ceil(2 * accuracy * (100 - accuracy) * (reach / difference) ** 2)
