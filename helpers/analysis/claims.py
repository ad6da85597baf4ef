"""A claim and what runs say about it, and whether a published figure is reproduced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from helpers.analysis import comparison
from helpers.analysis.comparison import by_seed
from helpers.analysis.published import published_for
from helpers.analysis.readings import Runs, best, final
from helpers.analysis.stats import (
    ERROR,
    MOST_TO_DECIDE,
    Interval,
    interval,
    range_of_a_run,
    runs_to_decide,
    span,
    told,
    verdict,
    within,
)

Differences = Mapping[int, float]  # seed -> difference; each is to be above 0
Evidence = Callable[[float], Interval]  # error level -> the interval that misses the truth so seldom


@dataclass(frozen=True)
class Statement:
    """What a claim says of one study: that differences are above 0, in each of some conditions.

    claim: its number; text: what would have to be true; evidence: condition -> interval, without those that
    have no runs; unit: of the differences; matters: the smallest difference that matters, in that unit;
    open: why it is undecided, if more runs would not decide.
    """

    claim: int
    text: str
    evidence: Mapping[str, Evidence]
    unit: str
    matters: float | None
    open: str = ""


@dataclass(frozen=True)
class Finding:
    """A claim by its number, what would have to be true, what was measured, and the verdict.

    verdict: one of stats.VERDICTS; "holds when" with its conditions, "undecided" with what would decide it.
    intervals: by condition, each at 1 - error; none where it is not differences that were judged. unit and
    matters as of the Statement.
    """

    claim: int
    statement: str
    measured: str
    verdict: str
    intervals: Mapping[str, Interval] = field(default_factory=dict, compare=False)
    unit: str = field(default="", compare=False)
    matters: float | None = field(default=None, compare=False)
    error: float = field(default=ERROR, compare=False)


def greater(
    claim: int,
    text: str,
    differences: Mapping[str, Differences],
    unit: str = "points",
    matters: float | None = None,
) -> Statement:
    """The statement that each of the differences, named by their conditions, is above 0."""

    def evidence(values: Differences) -> Evidence:
        return lambda error: interval(list(values.values()), 1 - error)

    found = {name: evidence(values) for name, values in differences.items() if values}
    return Statement(claim, text, found, unit, matters)


def beats(runs: Runs, claim: int, text: str, a: str, b: str, matters: float | None) -> Statement:
    """The statement that the final accuracy (percent) of arm a is above that of arm b."""
    return greater(claim, text, {f"{a} - {b}": by_seed(runs, a, b)}, "points", matters)


def larger(
    claim: int, text: str, a: tuple[str, Differences], b: tuple[str, Differences], matters: float | None
) -> Statement:
    """The statement that one effect is larger than another, whatever the sign of either.

    |a| - |b| is judged by a - b and a + b: of one sign, |a| is larger, and by the smaller of the two. The
    mean of |a| - |b| over the seeds would not do: |x| of a noisy x grows with the noise.
    """
    (name_a, values_a), (name_b, values_b) = a, b
    seeds = sorted(values_a.keys() & values_b.keys())

    def evidence(error: float) -> Interval:
        minus, plus = (
            interval([values_a[seed] + sign * values_b[seed] for seed in seeds], 1 - error / 2)
            for sign in (-1, 1)
        )
        corners = [_difference_of_sizes(u, v) for u in (minus.low, minus.high) for v in (plus.low, plus.high)]
        mean = _difference_of_sizes(minus.mean, plus.mean)
        return Interval(mean, min(corners), max(corners), minus.n)

    found = {f"|{name_a}| - |{name_b}|": evidence} if seeds else {}
    return Statement(claim, text, found, "points", matters)


def _difference_of_sizes(minus: float, plus: float) -> float:
    """|a| - |b| of a - b and a + b."""
    return abs(minus + plus) / 2 - abs(plus - minus) / 2


def judged(
    statements: Sequence[Statement | Finding], error: float | None, why: str = "before the first look"
) -> list[Finding]:
    """The findings, each with intervals that hold together for all comparisons of its claim.

    error: the part of the error level that may be used up now (see stats.spent); None where nothing is to be
    decided, and why. A claim with m comparisons has intervals at error / m each (Bonferroni): all of them
    hold the truth at once in 1 - error of studies. A finding that is judged already stays as it is.
    """
    found = []
    open_ = [statement for statement in statements if isinstance(statement, Statement)]
    for statement in statements:
        if isinstance(statement, Finding):
            found.append(statement)
            continue
        family = sum(len(other.evidence) for other in open_ if other.claim == statement.claim)
        each = (ERROR if error is None else error) / max(family, 1)
        intervals = {name: evidence(each) for name, evidence in statement.evidence.items()}
        measured = "; ".join(f"{name}: {told(item, sign='+')}" for name, item in intervals.items())
        found.append(
            Finding(
                statement.claim,
                statement.text,
                f"{measured} {statement.unit}" if measured else "no run",
                _verdict(statement, intervals, each, why if error is None else ""),
                intervals,
                statement.unit,
                statement.matters,
                each,
            )
        )
    return found


def _verdict(statement: Statement, intervals: Mapping[str, Interval], error: float, why: str) -> str:
    if not intervals:
        return "undecided: no run"
    if why:
        return f"undecided: {why}"
    word = verdict(intervals, matters=statement.matters)
    if word == "holds when":
        return "holds when: " + ", ".join(name for name, item in intervals.items() if item.low > 0)
    if word == "undecided":
        return "undecided: " + (statement.open or _what_decides(statement, intervals, error))
    if word in ("holds", "false") and all(within(item, statement.matters) for item in intervals.values()):
        return f"{word}: by less than matters"
    return word


def _what_decides(statement: Statement, intervals: Mapping[str, Interval], error: float) -> str:
    """How many runs of each arm would decide it, at the spread seen so far."""
    open_ = [item for item in intervals.values() if verdict(item, matters=statement.matters) == "undecided"]
    if any(item.n < 2 for item in open_):
        return "one run does not tell"
    needed = [runs_to_decide(item, error, statement.matters) for item in open_]
    if None in needed:
        return f"more than {MOST_TO_DECIDE:,} runs would decide"
    return f"about {max(needed)} runs would decide"


def reproduced(runs: Runs, claim: int, statement: str) -> Finding:
    """Whether the published accuracies are such as a run of ours gives.

    A figure inside a range so wide that it could not tell the published norms apart shows nothing.
    """
    rows = reproduction(runs)
    said = [
        f"{row.arm} {row.published:.2f} (range of one run of ours: {row.range})" for row in rows.itertuples()
    ]
    inside = list(rows.arm[rows.verdict == "inside"])
    if inside:
        decided = "holds" if len(inside) == len(rows) else "holds when: " + ", ".join(inside)
    elif rows.empty:
        decided = "undecided: no run"
    elif all(rows.verdict == "outside"):
        decided = "false"
    else:
        decided = "undecided: the range of one run is wider than the differences between the arms"
    return Finding(claim, statement, "; ".join(said) or "no run", decided)


def reproduction(runs: Runs) -> pd.DataFrame:
    """One row per published arm: its accuracy, our mean and n, the range of one run, and the verdict.

    The accuracy is that of the best epoch, or of the last where the source gives no other, ours as well.
    "inside" or "outside" the range; "cannot tell" if it is inside, but the range reaches farther to each side
    than the published norms lie apart, as it does with two or three runs.
    """
    source = published_for(runs[0]["study"]) if runs else {}
    theirs = {arm: figures.get("best", figures.get("final")) for arm, figures in source.items()}
    rows = []
    for arm, figure in theirs.items():
        ours = comparison.mean(runs, arm, best if "best" in source[arm] else final)
        if ours is None:
            continue
        one = range_of_a_run(ours)
        where = "inside" if one.low <= figure <= one.high else "outside"
        if ours.n == 1 or (
            where == "inside" and one.high - one.mean > max(theirs.values()) - min(theirs.values())
        ):
            where = "cannot tell"
        rows.append((arm, figure, ours.mean, ours.n, span(one), where))
    return pd.DataFrame(rows, columns=["arm", "published", "mean", "n", "range", "verdict"])
