"""What the factorial of lesson 05 says."""

from helpers import comparison, factorial, run_measures
from helpers.comparison import Measure, Runs
from helpers.findings.finding import Finding, beats, greater
from helpers.findings.reproduction import reproduced
from helpers.stats import Interval, paired


def fashion_mlp(runs: Runs) -> list[Finding]:
    design, norm, pixels = factorial.BATCH_NORM, "batch norm", "input batch norm"

    def effects(factor: str, measure: Measure = comparison.final) -> dict[str, Interval | None]:
        return {factor: factorial.effect(runs, design, [factor], measure)}

    def saved(factor: str) -> dict[str, Interval | None]:  # points of a shift's cost
        costs = {kind: run_measures.shift_cost(kind) for kind in run_measures.SHIFTS}
        return {
            kind: factorial.effect(runs, design, [factor], lambda run, cost=cost: -cost(run))
            for kind, cost in costs.items()
        }

    slower = factorial.effect(runs, design, [norm], run_measures.log_epoch)
    theirs = comparison.published("fashion_mlp")
    price = theirs["relu after input"]["seconds"] / theirs["leaky none"]["seconds"]
    plain = [arm for levels, arm in design.arms.items() if not levels[1]]
    return [
        beats(runs, 16, "the published step is an improvement", "relu after input", "leaky none"),
        greater(
            16,
            "most of it is due to batch norm after the hidden layers",
            {"batch norm - half of the step": _beyond_half(runs, design, norm)},
            "points",
        ),
        greater(
            16,
            "batch norm helps whatever the rest of the network",
            factorial.simple_effects(runs, design, norm),
            "points",
        ),
        greater(16, "input batch norm helps, on average", effects(pixels), "points"),
        greater(16, "ReLU with Glorot helps, on average", effects(design.factors[0]), "points"),
        greater(
            17,
            "an epoch takes longer with batch norm",
            {norm: slower and factorial.as_percent_more(slower)},
            "% more seconds",
        ),
        greater(
            17,
            "and yet, at the published price of an epoch, it gets to the plain network's accuracy sooner",
            {arm: run_measures.time_saved(runs, arm.replace("none", "after"), arm, price) for arm in plain},
            "% of the time saved",
        ),
        greater(
            18,
            "batch norm narrows the gap between training and test images",
            effects(norm, lambda run: -run_measures.gap(run)),
            "points less",
        ),
        greater(19, "batch norm makes shifts of the input cheaper", saved(norm), "points saved"),
        greater(19, "input batch norm makes shifts of the input cheaper", saved(pixels), "points saved"),
        reproduced(runs, 16, "5,000 images drawn at random held out, the published accuracies come again"),
    ]


def fashion_mlp_published(runs: Runs) -> list[Finding]:
    return [
        reproduced(runs, 16, "the first 5,000 images held out, the published accuracies come again"),
        beats(runs, 16, "on these images, too, the step is an improvement", "relu after input", "leaky none"),
    ]


def fashion_mlp_tuned(runs: Runs) -> list[Finding]:
    """Tests each network once on the real test images: the held-out ones have chosen the learning rates."""
    design, tested = factorial.BATCH_NORM, run_measures.tested
    factors = {factor: factorial.effect(runs, design, [factor], tested) for factor in design.factors}
    gap = factorial.effect(runs, design, ["batch norm"], lambda run: -run_measures.gap(run))
    return [
        greater(
            16,
            "batch norm helps, each network at its own best learning rate",
            factorial.simple_effects(runs, design, "batch norm", tested),
            "points",
        ),
        greater(16, "each change helps on average, each network at its own best rate", factors, "points"),
        greater(
            18, "batch norm narrows the gap, each network at its own best rate", {"batch norm": gap}, "points"
        ),
    ]


def _beyond_half(runs: Runs, design: factorial.Design, factor: str) -> Interval | None:
    """The factor's main effect minus half of the step from all off to all on, paired."""
    alone = factorial.contrast(runs, design, [factor])
    if not alone:
        return None
    found = factorial.cells(runs, design)
    off, on = found[(False,) * len(design.factors)], found[(True,) * len(design.factors)]
    return paired(alone, {seed: (on[seed] - off[seed]) / 2 for seed in alone})
