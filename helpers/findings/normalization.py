"""What the studies of lessons 01 and 06 say."""

import pandas as pd

from helpers import comparison
from helpers.comparison import Runs, best, difference, epochs_until
from helpers.findings.finding import Finding, beats, greater
from helpers.stats import Interval, paired


def input_scaling(runs: Runs) -> list[Finding]:
    return [
        beats(runs, 2, "training profits from equalization", "equalized", "standardized"),
        beats(runs, 5, "standardized inputs beat raw ones", "standardized", "raw"),
        beats(runs, 5, "standardized inputs beat those from 0 to 1", "standardized", "min_max"),
        beats(runs, 5, "each image's own statistics beat one pair", "per_image", "standardized"),
    ]


def cifar_norms(runs: Runs) -> list[Finding]:
    epochs = max((len(run["epochs"]) for run in runs), default=0)

    def later(a: str, b: str) -> dict[str, Interval | None]:
        reached = {f"to {level} %": epochs_until(level) for level in (60, 70)}
        return {
            name: difference(runs, a, b, measure, missing=epochs + 1) for name, measure in reached.items()
        }

    return [
        beats(runs, 20, "batch norm beats group norm", "batch", "group"),
        beats(runs, 20, "batch norm beats layer norm", "batch", "layer"),
        beats(runs, 20, "group norm beats layer norm", "group", "layer"),
        greater(21, "batch norm gets there before layer norm", later("layer", "batch"), "epochs"),
        greater(21, "group norm gets there before layer norm", later("layer", "group"), "epochs"),
        _reproduced(runs),
        greater(
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
