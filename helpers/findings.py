"""What the runs of a study say about the claims that it tests: every verdict is computed from the runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from helpers import comparison
from helpers.comparison import Runs, best, difference, epochs_until, told
from helpers.stats import Interval, paired, verdict


@dataclass(frozen=True)
class Finding:
    """A claim by its number, what would have to be true, what was measured, and one of stats.VERDICTS."""

    claim: int
    statement: str
    measured: str
    verdict: str


def _greater(claim: int, statement: str, found: Mapping[str, Interval | None], unit: str) -> Finding:
    """The finding that each of the differences is above 0; without runs nothing is decided."""
    there = {name: item for name, item in found.items() if item is not None}
    decided = verdict(there) if there else "not supported"
    if decided == "holds when":
        decided += ": " + ", ".join(name for name, item in there.items() if item.low > 0)
    said = "; ".join(f"{name}: {told(item, sign='+')}" for name, item in found.items())
    return Finding(claim, statement, f"{said} {unit}", decided)


def _beats(runs: Runs, claim: int, statement: str, a: str, b: str) -> Finding:
    """The finding that the final accuracy of arm a is above that of arm b."""
    return _greater(claim, statement, {f"{a} - {b}": difference(runs, a, b)}, "points")


def _cifar_norms(runs: Runs) -> list[Finding]:
    epochs = max((len(run["epochs"]) for run in runs), default=0)

    def later(a: str, b: str) -> dict[str, Interval | None]:
        reached = {f"to {level} %": epochs_until(level) for level in (60, 70)}
        return {
            name: difference(runs, a, b, measure, missing=epochs + 1) for name, measure in reached.items()
        }

    return [
        _beats(runs, 20, "batch norm beats group norm", "batch", "group"),
        _beats(runs, 20, "batch norm beats layer norm", "batch", "layer"),
        _beats(runs, 20, "group norm beats layer norm", "group", "layer"),
        _greater(21, "batch norm gets there before layer norm", later("layer", "batch"), "epochs"),
        _greater(21, "group norm gets there before layer norm", later("layer", "group"), "epochs"),
        _reproduced(runs),
        _greater(
            35,
            "the kind of norm (batch or layer) moves accuracy more than the colour of rotated corners",
            {"|batch - layer| - |mean corners - black|": _norm_beyond_corners(runs)},
            "points",
        ),
    ]


def _norm_beyond_corners(runs: Runs) -> Interval | None:
    by_norm, by_corners = (
        _distances(runs, *pair) for pair in (("batch", "layer"), ("batch_mean_corners", "batch"))
    )
    shared = by_norm.keys() & by_corners.keys()
    if not shared:
        return None
    return paired({seed: by_norm[seed] for seed in shared}, {seed: by_corners[seed] for seed in shared})


def _distances(runs: Runs, a: str, b: str) -> dict[int, float]:
    first, second = comparison.values(runs, a), comparison.values(runs, b)
    return {seed: abs(first[seed] - second[seed]) for seed in first if seed in second}


def _reproduced(runs: Runs) -> Finding:
    """Whether the published best accuracies are such as a run of ours gives.

    A figure inside a range so wide that it could not tell the published norms apart shows nothing.
    """
    rows = reproduction(runs)
    said = [
        f"{row.arm} {row.published:.2f} (range of one run of ours: {row.range})" for row in rows.itertuples()
    ]
    shown = list(rows.arm[rows.verdict == "inside"])
    if shown:
        decided = "holds" if len(shown) == len(rows) else "holds when: " + ", ".join(shown)
    else:
        decided = "false" if len(rows) and all(rows.verdict == "outside") else "not supported"
    text = "the recipe as described gives the published best accuracies"
    return Finding(35, text, "; ".join(said) or "no run", decided)


def reproduction(runs: Runs) -> pd.DataFrame:
    """One row per published arm: its best accuracy, our mean and n, the range of one run, and the verdict.

    "inside" or "outside" the range; "cannot tell" if it is inside, but the range reaches farther to each side
    than the published norms lie apart, as it does with two or three runs.
    """
    source = comparison.published(runs[0]["study"]) if runs else {}
    theirs = {arm: figures["best"] for arm, figures in source.items()}
    rows = []
    for arm, figure in theirs.items():
        ours = comparison.mean(runs, arm, best)
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


def _input_scaling(runs: Runs) -> list[Finding]:
    return [
        _beats(runs, 2, "training profits from equalization", "equalized", "standardized"),
        _beats(runs, 5, "standardized inputs beat raw ones", "standardized", "raw"),
        _beats(runs, 5, "standardized inputs beat those from 0 to 1", "standardized", "min_max"),
        _beats(runs, 5, "each image's own statistics beat one pair", "per_image", "standardized"),
    ]


FINDINGS: dict[str, Callable[[Runs], list[Finding]]] = {
    "cifar_norms": _cifar_norms,
    "input_scaling": _input_scaling,
}


def findings(runs: Runs) -> list[Finding]:
    """The findings of the study that the runs are of; none without runs, or if it tests no claim."""
    return FINDINGS.get(runs[0]["study"], lambda _: [])(runs) if runs else []


def findings_table(runs: Runs) -> pd.DataFrame:
    """The findings as a table, one row each, by the number of the claim."""
    rows = [(f.claim, f.statement, f.measured, f.verdict) for f in findings(runs)]
    return pd.DataFrame(rows, columns=["claim", "what it says", "measured", "verdict"]).set_index("claim")
