"""What the studies of lessons 01 and 06 say."""

from helpers import comparison
from helpers.comparison import Runs, difference, epochs_until
from helpers.findings.finding import Finding, beats, greater
from helpers.findings.reproduction import reproduced
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
        reproduced(runs, 35, "the recipe as described gives the published best accuracies"),
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
