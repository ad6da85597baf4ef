"""What the study of lesson batch_layer_group_compared says."""

from helpers.analysis.claims import Differences, Finding, Statement, beats, greater, larger, reproduced
from helpers.analysis.comparison import by_seed
from helpers.analysis.readings import Runs, epochs_until


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
