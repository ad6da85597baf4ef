"""Made-up records of the studies of lesson 13: their numbers are plain functions of arm and seed."""

from typing import Any

import numpy as np

from helpers.lessons import STUDIES
from helpers.studies.study import Study
from helpers.training.measures import SMALL
from tests.standin_runs import run

WEIGHTS, CHANNELS = 17_672, 114
LEVEL = {"batch": 99.58, "layer": 99.48, "group": 99.51}
COST = {"none": 0.0, "L1": 0.6, "L2": -0.02, "L1 + L2": 0.55}


def weights(zeros: float, size: float) -> dict[str, Any]:
    """The measure "sparsity" of weights with exponential |w| of mean `size`, some exactly 0."""
    silent = round(zeros * WEIGHTS)
    rest = WEIGHTS - silent
    edges = np.linspace(-0.5, 0.5, 51)
    share = np.where(edges < 0, np.exp(edges / size) / 2, 1 - np.exp(-edges / size) / 2)
    share[0], share[-1] = 0.0, 1.0
    histogram = np.round(rest * np.diff(share)).astype(int)
    histogram[25] += silent
    return {
        "weights": WEIGHTS,
        "zeros": silent,
        "channels": CHANNELS,
        "zero_channels": round(max(0.0, zeros - 0.5) * CHANNELS),
        "below": {f"{x:g}": silent + round(rest * (1 - float(np.exp(-x / size)))) for x in SMALL},
        "l1": rest * size,
        "squared": 2 * rest * size**2,
        "histogram": histogram.tolist(),
    }


def record(
    study: Study, arm: str, seed: int, accuracy: float, train: float, loss: float, sparse: dict[str, Any]
) -> dict[str, Any]:
    """A finished run: test accuracy climbs to `accuracy`; training accuracy and loss at the end; weights."""
    recipe = next(a.recipe for a in study.arms if a.name == arm)
    curve = [round(accuracy - 2 * 0.6**epoch, 2) for epoch in range(1, recipe.epochs)] + [accuracy]
    measures = {"train": {"loss": loss, "accuracy": train}, "sparsity": sparse}
    if "test" in study.measures:
        measures["test"] = {"loss": 0.02, "accuracy": accuracy}
    return run(arm, seed, curve, "done", study, measures)


def regularization(seeds: int) -> list[dict[str, Any]]:
    """mnist_regularization: L1 costs, L2 hardly does anything; noise of 0.04 points."""
    found = []
    for seed in range(seeds):
        for arm in STUDIES["mnist_regularization"].arms:
            norm, penalty = arm.name.split(" ", 1)
            noise = np.random.default_rng([seed, *map(ord, arm.name)]).normal(0, 0.04)
            size = {"none": 0.08, "L1": 0.004, "L2": 0.02, "L1 + L2": 0.0035}[penalty]
            loss = {"none": 0.01, "L1": 0.06, "L2": 0.015, "L1 + L2": 0.065}[penalty] * float(
                np.exp(5 * noise)
            )
            accuracy = round(LEVEL[norm] - COST[penalty] + noise, 2)
            found.append(
                record(
                    STUDIES["mnist_regularization"], arm.name, seed, accuracy,
                    accuracy + (0.3 if penalty in ("none", "L2") else -0.3), loss, weights(0.0, size),
                )
            )  # fmt: skip
    return found


def readings(seeds: int) -> list[dict[str, Any]]:
    """mnist_readings: the mean does nothing, the others what the first readings do."""
    like = {"L1 weights only": (99.1, 0.05, 0.004), "L1 mean": (99.56, 0.0101, 0.08)}
    like |= {"L2 weights only": (99.6, 0.014, 0.02), "L2 sum of squares": (99.55, 0.02, 0.015)}
    found = []
    for seed in range(seeds):
        for arm in STUDIES["mnist_readings"].arms:
            accuracy, loss, size = like[arm.name.split(" ", 1)[1]]
            noise = np.random.default_rng([seed, *map(ord, arm.name)]).normal(0, 0.04)
            accuracy = round(accuracy + noise, 2)
            measured = weights(0.0, size)
            loss *= float(np.exp(5 * noise))
            found.append(record(STUDIES["mnist_readings"], arm.name, seed, accuracy, 99.8, loss, measured))
    return found


def path(seeds: int) -> list[dict[str, Any]]:
    """l1_path: accuracy falls with the factor; proximal steps make zeros, subgradient steps none."""
    found = []
    for seed in range(seeds):
        for arm in STUDIES["l1_path"].arms:
            strength = (np.log10(arm.recipe.l1) + 6) / 4  # 0 to 1
            noise = np.random.default_rng([seed, *map(ord, arm.name)]).normal(0, 0.04)
            accuracy = round(99.4 - 4 * strength**4 + noise, 2)
            zeros = float(strength) if arm.recipe.l1_step == "proximal" else 0.0
            measured = weights(min(zeros, 0.99), 0.08 * (1 - 0.9 * strength))
            loss = 0.02 + 0.2 * strength**4
            found.append(record(STUDIES["l1_path"], arm.name, seed, accuracy, accuracy + 0.1, loss, measured))
    return found
