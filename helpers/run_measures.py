"""What a run's record says beside its accuracy by epoch: gap, cost of shifts, seconds."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers import comparison
from helpers.comparison import Measure, Runs, final

SHIFTS = ("brightness", "contrast")


def tested(run: Mapping[str, Any]) -> float:
    """Accuracy (percent) of the final network on the real test images, also where others were held out."""
    return run["measures"]["test"]["accuracy"] if "test" in run["measures"] else final(run)


def trained(run: Mapping[str, Any]) -> float:
    """Accuracy (percent) of the final network on its training images, in evaluation mode."""
    return run["measures"]["train"]["accuracy"]


def gap(run: Mapping[str, Any]) -> float:
    """Training minus test accuracy of the final network, both in evaluation mode, in points."""
    return trained(run) - tested(run)


def slope(runs: Runs, outcome: Measure, covariate: Measure) -> float:
    """By how much the outcome rises with the covariate between runs of one arm, over all finished runs.

    Least squares with a mean of its own for each arm, as in an analysis of covariance. 0 if the covariate
    varies within no arm.
    """
    done = [run for run in runs if run["status"] == "done"]
    pairs = pd.DataFrame(
        [(run["arm"], covariate(run), outcome(run)) for run in done], columns=["arm", "x", "y"]
    )
    within = pairs[["x", "y"]] - pairs.groupby("arm")[["x", "y"]].transform("mean")
    spread = float((within.x**2).sum())
    return float((within.x * within.y).sum()) / spread if spread > 0 else 0.0


def shift_cost(kind: str) -> Measure:
    """The measure "points of test accuracy lost to a shift", mean over all shifts of that kind of SHIFTS.

    Each network is compared with itself on the images as they are.
    """
    if kind not in SHIFTS:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(SHIFTS)}")
    return lambda run: _unshifted(run) - float(np.mean(list(run["measures"]["shifts"][kind].values())))


def shift_curve(run: Mapping[str, Any], kind: str) -> dict[float, float]:
    """Shift -> test accuracy (percent), in ascending order, with the images as they are among them."""
    as_it_is = 0.0 if kind == "brightness" else 1.0
    found = {float(step): value for step, value in run["measures"]["shifts"][kind].items()}
    return dict(sorted((found | {as_it_is: _unshifted(run)}).items()))


def _unshifted(run: Mapping[str, Any]) -> float:
    return run["measures"]["shifts"]["none"]["0"]


def log_epoch(run: Mapping[str, Any]) -> float:
    """Natural logarithm of the seconds of the run's fastest epoch: their differences are ratios."""
    return math.log(comparison.fastest_epoch(run))


def time_saved(runs: Runs, a: str, b: str, price: float) -> dict[int, float]:
    """Seed -> how much of b's training time arm a saves on its way to b's final accuracy, in percent of it.

    Arm a needs so many epochs (see comparison.epochs_until) of `price` epochs of b each; a run that
    never gets there counts as getting there one epoch after its end.
    """
    goals = comparison.values(runs, b)
    saved = {}
    for run in runs:
        if run["arm"] == a and run["status"] == "done" and run["seed"] in goals:
            epochs = len(run["epochs"])
            needed = comparison.epochs_until(goals[run["seed"]])(run) or epochs + 1
            saved[run["seed"]] = 100 * (1 - price * needed / epochs)
    comparison.same_place([run for run in runs if run["arm"] in (a, b) and run["seed"] in saved])
    return saved
