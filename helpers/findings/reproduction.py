"""Whether a published figure, one run, is such as a run of ours gives."""

import pandas as pd

from helpers import comparison
from helpers.comparison import Runs, best, final
from helpers.findings.finding import Finding


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
    source = comparison.published(runs[0]["study"]) if runs else {}
    theirs = {arm: figures.get("best", figures.get("final")) for arm, figures in source.items()}
    rows = []
    for arm, figure in theirs.items():
        ours = comparison.mean(runs, arm, best if "best" in source[arm] else final)
        if ours is None:
            continue
        one = comparison.range_of_a_run(ours)
        where = "inside" if one.low <= figure <= one.high else "outside"
        if ours.n == 1 or (
            where == "inside" and one.high - one.mean > max(theirs.values()) - min(theirs.values())
        ):
            where = "cannot tell"
        rows.append((arm, figure, ours.mean, ours.n, comparison.span(one), where))
    return pd.DataFrame(rows, columns=["arm", "published", "mean", "n", "range", "verdict"])
