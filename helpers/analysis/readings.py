"""What one run's record says: accuracies, gap, cost of shifts, sparsity, seconds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.analysis.stats import epochs_to

Runs = Sequence[Mapping[str, Any]]  # records of one study, as helpers.studies.records reads them
Measure = Callable[[Mapping[str, Any]], float | None]  # of one run
CHANCE = 10.0  # percent, naming one of ten classes always: what a run that diverged counts as
SHIFTS = ("brightness", "contrast")


def config(runs: Runs, arm: str) -> Mapping[str, Any]:
    """Everything that determines the arm's runs but seed and machine, as it is recorded with each of them."""
    return next(run["config"] for run in runs if run["arm"] == arm)


def final(run: Mapping[str, Any]) -> float:
    """Test accuracy after the last epoch, in percent; of a text the loss, in nats, where less is better."""
    last = run["epochs"][-1]
    return last["test_accuracy"] if "test_accuracy" in last else last["test_loss"]


def best(run: Mapping[str, Any]) -> float:
    """The highest test accuracy of any epoch, in percent: chosen on the test set, as many sources do.

    Of a text the least loss of any evaluation.
    """
    if "test_accuracy" not in run["epochs"][-1]:
        return min(epoch["test_loss"] for epoch in run["epochs"])
    return max(epoch["test_accuracy"] for epoch in run["epochs"])


def epochs_until(threshold: float) -> Measure:
    """The measure "epochs until the test accuracy (percent) reaches the threshold"; None if it never does.

    Between two epochs accuracy is taken to run in a straight line: whole epochs are so coarse that five equal
    differences would look like certainty.
    """
    return lambda run: epochs_to_reach([epoch["test_accuracy"] for epoch in run["epochs"]], threshold)


def epochs_to_reach(accuracies: Sequence[float], threshold: float) -> float | None:
    """The epoch, in a line between two, at which accuracies (percent) reach the threshold; None: never."""
    after = epochs_to(accuracies, threshold)
    if after in (None, 1):
        return after
    below, above = accuracies[after - 2 : after]
    return after - (above - threshold) / (above - below)


def fastest_epoch(run: Mapping[str, Any]) -> float:
    """Seconds of the fastest epoch: the others were slowed down by whatever shared the machine."""
    return min(epoch["seconds"] for epoch in run["epochs"])


def tested(run: Mapping[str, Any]) -> float:
    """Accuracy (percent) of the final network on the real test images, also where others were held out."""
    measured = run.get("measures", {}).get("test")
    return measured["accuracy"] if measured else final(run)


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


def sparsity(what: str, of: str) -> Measure:
    """The measure "`what` in percent of `of`", such as "zeros" of "weights"."""
    return lambda run: 100 * run["measures"]["sparsity"][what] / run["measures"]["sparsity"][of]


zeros = sparsity("zeros", "weights")
zero_channels = sparsity("zero_channels", "channels")


def below(limit: float) -> Measure:
    """The measure "percent of the weights below `limit`", one of measures.SMALL; zeros are among them."""
    return lambda run: (
        100 * run["measures"]["sparsity"]["below"][f"{limit:g}"] / run["measures"]["sparsity"]["weights"]
    )


def squared(run: Mapping[str, Any]) -> float:
    """Sum of the squares of all weights of linear and convolution layers."""
    return run["measures"]["sparsity"]["squared"]


def effective_rate(run: Mapping[str, Any]) -> float:
    """Peak learning rate over the sum of squared weights at the end (van Laarhoven 2017: lr / |w|^2)."""
    return run["config"]["recipe"]["lr"] / squared(run)


def place_name(at: Sequence[str | float]) -> str:
    """A place in a grid or a sweep in words: "batch 8 0.01"."""
    return " ".join(part if isinstance(part, str) else f"{part:g}" for part in at)


def place(record: dict[str, Any]) -> str:
    """Where a run was made, as far as its numbers depend on it: GPU or kind of processor, and precision.

    Runs are compared in pairs only within one place. Those of a study that is declared mixed (see Study) are
    all of one, which is called so.
    """
    if record.get("mixed"):
        return "several machines"
    environment, execution = record["environment"], record["execution"]
    where = environment["device_name"] if execution["device"] == "cuda" else environment["processor"]
    return f"{where}, {execution['precision']}"
