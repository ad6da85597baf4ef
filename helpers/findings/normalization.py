"""What the studies of lessons 01 and 06 say."""

from helpers.comparison import Runs, by_seed, epochs_until
from helpers.findings.finding import Differences, Finding, Statement, beats, greater, larger
from helpers.findings.reproduction import reproduced


def input_scaling(runs: Runs, matters: float | None) -> list[Statement]:
    return [
        beats(runs, 2, "training benefits from equalization", "equalized", "standardized", matters),
        beats(runs, 5, "standardized inputs beat raw ones", "standardized", "raw", matters),
        beats(runs, 5, "standardized inputs beat those from 0 to 1", "standardized", "min_max", matters),
        beats(runs, 5, "each image's own statistics beat one pair", "per_image", "standardized", matters),
    ]


def cifar_norms(runs: Runs, matters: float | None) -> list[Statement | Finding]:
    epochs = max((len(run["epochs"]) for run in runs), default=0)

    def later(a: str, b: str) -> dict[str, Differences]:
        reached = {f"to {level} %": epochs_until(level) for level in (60, 70)}
        return {name: by_seed(runs, a, b, measure, missing=epochs + 1) for name, measure in reached.items()}

    return [
        beats(runs, 20, "batch norm beats group norm", "batch", "group", matters),
        beats(runs, 20, "batch norm beats layer norm", "batch", "layer", matters),
        beats(runs, 20, "group norm beats layer norm", "group", "layer", matters),
        greater(21, "batch norm gets there before layer norm", later("layer", "batch"), "epochs", 1.0),
        greater(21, "group norm gets there before layer norm", later("layer", "group"), "epochs", 1.0),
        reproduced(runs, 35, "the recipe as described gives the published best accuracies"),
        larger(
            35,
            "the kind of norm (batch or layer) moves accuracy more than the colour of rotated corners",
            ("batch - layer", by_seed(runs, "batch", "layer")),
            ("mean corners - black", by_seed(runs, "batch_mean_corners", "batch")),
            matters,
        ),
    ]
