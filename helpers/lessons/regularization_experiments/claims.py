"""What the studies of lesson regularization_experiments say."""

import math
from collections.abc import Mapping
from typing import Any

from helpers.analysis import comparison, readings
from helpers.analysis.claims import Differences, Statement, beats, greater
from helpers.analysis.comparison import by_seed
from helpers.analysis.readings import Measure, Runs, final
from helpers.lessons.regularization_experiments import path, penalties
from helpers.training.recipe import L1_STEPS


def mnist_regularization(runs: Runs, matters: float | None) -> list[Statement]:
    def minus(a: str, b: str, measure: Measure = final) -> dict[str, Differences]:
        return {norm: by_seed(runs, f"{norm} {a}", f"{norm} {b}", measure) for norm in penalties.NORMS}

    return [
        greater(
            29,
            "at the factor 0.001 L2 learns the training images better than L1",
            minus("L2", "L1", readings.trained),
            "points",
            matters,
        ),
        *(
            beats(runs, 31, f"without penalty {a} norm beats {b} norm", f"{a} none", f"{b} none", matters)
            for a, b in penalties.PAIRS
        ),
        greater(32, "L1 (0.001) costs accuracy", minus("none", "L1"), "points", matters),
        beats(runs, 32, "L2 (0.001) helps layer norm", "layer L2", "layer none", matters),
        greater(
            32,
            "L2 (0.001) helps, pooled over the three norms",
            {"L2 - none": pooled(minus("L2", "none"))},
            "points",
            matters,
        ),
        greater(
            42,
            "L2 (0.001) makes the effective rate at the end larger, at the peak rate found for it",
            minus("L2", "none", _doublings),
            "doublings of the effective rate",
            0.5,
        ),
    ]


def _doublings(run: Mapping[str, Any]) -> float:
    """Effective rate on a scale on which 1 more is twice as large."""
    return math.log2(readings.effective_rate(run))


def pooled(found: dict[str, Differences]) -> Differences:
    """Seed -> the mean of the differences, of the seeds that all of them have: one question, asked once."""
    seeds = set.intersection(*(set(values) for values in found.values())) if found else set()
    return {seed: sum(values[seed] for values in found.values()) / len(found) for seed in sorted(seeds)}


def l1_path(runs: Runs, matters: float | None) -> list[Statement]:
    most = max((path.factor_and_step(run)[0] for run in runs), default=0.0)
    made = {step: comparison.values(runs, f"{step} {most:g}", readings.zeros) for step in L1_STEPS}
    half = {seed: 99.0 - accuracy for seed, accuracy in path.accuracy_at(runs, 50.0).items()}
    return [
        greater(26, f"L1 ({most:g}) makes weights exactly zero", made, "% of the weights", 1.0),
        greater(
            29,
            "L1 cannot learn: with half of the weights exactly 0 a network stays below 99 %",
            {"99 - accuracy": half},
            "points",
            matters,
        ),
    ]
