"""The path of L1: from weak to strong penalties, accuracy against the weights and channels that are left."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.analysis import comparison
from helpers.analysis.readings import Runs, below, tested, zero_channels, zeros
from helpers.analysis.stats import interval, told
from helpers.lessons.regularization_experiments.studies import LAMBDAS
from helpers.training.recipe import L1_STEPS

SMALL_WEIGHT = 1e-3  # what "nearly zero" is to mean


def factor_and_step(run: Mapping[str, Any]) -> tuple[float, str]:
    """The factor of the L1 penalty of a run, and the step that is taken with it."""
    recipe = run["config"]["recipe"]
    return recipe["l1"], recipe["l1_step"]


def by_seed(runs: Runs, step: str) -> dict[int, list[Any]]:
    """Seed -> the finished runs of that step, "subgradient" or "proximal", from the weakest penalty up."""
    chosen = [run for run in runs if factor_and_step(run)[1] == step and run["status"] == "done"]
    chosen.sort(key=factor_and_step)
    return {
        seed: [run for run in chosen if run["seed"] == seed] for seed in sorted({r["seed"] for r in chosen})
    }


def accuracy_at(runs: Runs, share: float) -> dict[int, float]:
    """Seed -> test accuracy (percent) where proximal steps make `share` percent of the weights 0, in a line
    between two runs.

    Seeds whose runs do not reach from below to above that share are left out.
    """
    found = {}
    for seed, path in by_seed(runs, "proximal").items():
        points = sorted((zeros(run), tested(run)) for run in path)
        if points[0][0] <= share <= points[-1][0]:
            found[seed] = float(np.interp(share, *zip(*points, strict=True)))
    return found


def left_at(left: Sequence[float], accuracies: Sequence[float], level: float) -> float | None:
    """How many weights are left where accuracy falls below the level for good, in a line between two.

    None if no network reaches the level, or if the sparsest one still does.
    """
    points = sorted(zip(left, accuracies, strict=True))
    reached = [i for i, (_, accuracy) in enumerate(points) if accuracy >= level]
    if not reached or reached[0] == 0:
        return None
    (few, low), (many, high) = points[reached[0] - 1 : reached[0] + 1]
    return few + (level - low) / (high - low) * (many - few)


def weights_left(runs: Runs, level: float, step: str = "proximal") -> dict[int, float | None]:
    """Seed -> weights not exactly 0 with which the test accuracy is `level` percent; None: see left_at."""
    found = {}
    for seed, path in by_seed(runs, step).items():
        left = [r["measures"]["sparsity"]["weights"] - r["measures"]["sparsity"]["zeros"] for r in path]
        found[seed] = left_at(left, [tested(run) for run in path], level)
    return found


def left_table(runs: Runs) -> pd.DataFrame:
    """One row per accuracy, one column per step: weights left, mean and interval of the seeds that cross."""
    rows = {}
    for level in (99.5, 99.0, 98.0):
        rows[f"{level:g} %"] = {step: _left(runs, level, step) for step in L1_STEPS}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("weights left at")


def _left(runs: Runs, level: float, step: str) -> str:
    found = weights_left(runs, level, step)
    crossed = [value for value in found.values() if value is not None]
    lost = len(found) - len(crossed)
    if not crossed:
        return f"never crossed, n = {lost}" if lost else "no run"
    return told(interval(crossed), 0) + (f", {lost} never crossed" if lost else "")


def path_table(runs: Runs, step: str) -> pd.DataFrame:
    """One row per factor of l1_path, weakest first: means over the runs of that step, in percent; n."""
    columns = {
        "test accuracy": (tested, 2),
        "weights exactly 0": (zeros, 1),
        f"weights below {SMALL_WEIGHT:g}": (below(SMALL_WEIGHT), 1),
        "channels all 0": (zero_channels, 1),
    }
    rows = {}
    for factor in LAMBDAS:
        arm = f"{step} {factor:g}"
        n, lost = len(comparison.values(runs, arm)), comparison.diverged(runs, arm)
        means = {
            name: f"{item.mean:.{digits}f}" if (item := comparison.mean(runs, arm, measure)) else "-"
            for name, (measure, digits) in columns.items()
        }
        rows[f"{factor:g}"] = means | {"n": n, "diverged": lost}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("factor")
