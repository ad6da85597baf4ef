"""What a run's record says beside its accuracy by epoch: gap, cost of shifts, seconds."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import comparison
from helpers.comparison import Measure, Runs, final
from helpers.stats import Interval, interval

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


def time_saved(runs: Runs, a: str, b: str, price: float) -> Interval | None:
    """How much of b's training time arm a saves on its way to b's final accuracy, in percent of that time.

    Seed by seed: a needs so many epochs (see comparison.epochs_until) of `price` epochs of b each; a run that
    never gets there counts as getting there one epoch after its end. None if no seed is in both.
    """
    goals = comparison.values(runs, b)
    saved = {}
    for run in runs:
        if run["arm"] == a and run["status"] == "done" and run["seed"] in goals:
            epochs = len(run["epochs"])
            needed = comparison.epochs_until(goals[run["seed"]])(run) or epochs + 1
            saved[run["seed"]] = 100 * (1 - price * needed / epochs)
    return interval(list(saved.values())) if saved else None
