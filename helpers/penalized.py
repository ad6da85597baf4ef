"""What penalties did to recorded networks: measures of one run, and differences between arms."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import comparison, studies
from helpers.comparison import Measure, Runs, final
from helpers.experiments import STUDIES
from helpers.experiments.regularization import PENALTIES
from helpers.run_measures import tested
from helpers.stats import Interval

NORMS = ("batch", "layer", "group")
PAIRS = (("batch", "group"), ("batch", "layer"), ("group", "layer"))


def read(
    name: str, retrain: bool = False, seeds: int = 5, device: str = "auto"
) -> tuple[list[dict[str, Any]], str]:
    """A study's runs as studies.results gives them, and a line that counts them."""
    study = STUDIES[name]
    planned = min(seeds, study.seeds) * len(study.arms)
    runs = studies.results(study, retrain, seeds, device=device, progress=True)
    lost = sum(run["status"] == "diverged" for run in runs)
    return runs, f"{name}: {len(runs)} of {planned} runs, {lost} of them diverged."


# Measures of one run.


def training_loss(run: Mapping[str, Any]) -> float:
    """Cross-entropy of the final network on its training images, in evaluation mode, without the penalty."""
    return run["measures"]["train"]["loss"]


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


def penalty(run: Mapping[str, Any]) -> float:
    """What penalties on the weights add to the loss at the end: l1 sum |w| + weight_decay sum w^2 / 2."""
    recipe, weights = run["config"]["recipe"], run["measures"]["sparsity"]
    return recipe["l1"] * weights["l1"] + recipe["weight_decay"] / 2 * weights["squared"]


# Differences, as comparison.difference_table and comparison_figures.intervals take them.


def between_norms(runs: Runs, measure: Measure = final) -> dict[str, Interval]:
    """Each pair of norms without penalty, the first minus the second, where both have a seed in common."""
    found = {f"{a} - {b}": comparison.difference(runs, f"{a} none", f"{b} none", measure) for a, b in PAIRS}
    return {name: item for name, item in found.items() if item is not None}


def against_none(runs: Runs, measure: Measure = final) -> dict[str, Interval]:
    """Each penalty of each norm minus the same norm without: nine differences where all runs are there."""
    found = {
        f"{norm} {name} - none": comparison.difference(runs, f"{norm} {name}", f"{norm} none", measure)
        for norm in NORMS
        for name in list(PENALTIES)[1:]
    }
    return {name: item for name, item in found.items() if item is not None}


def of_the_rate(runs: Runs, others: Runs) -> dict[str, Interval]:
    """Each arm of mnist_other_rates: the arm of that name in `runs` minus it, "arm: its rate - the other"."""
    first, second = ({run["arm"]: run["config"]["recipe"]["lr"] for run in part} for part in (runs, others))
    found = {}
    for arm in comparison.arms(others):
        renamed = [{**run, "arm": "other rate"} for run in others if run["arm"] == arm]
        item = comparison.difference([*runs, *renamed], arm, "other rate")
        if item is not None:
            found[f"{arm}: {first[arm]:g} - {second[arm]:g}"] = item
    return found


def at_equal_loss(runs: Runs, arm: str) -> dict[int, tuple[float, float]]:
    """Seed -> test accuracy (percent) of L1 and of `arm` at the training loss of `arm`.

    L1's is read off a straight line, over the logarithm of the training loss, between the runs of this seed
    with L1, batch norm and nothing else. Seeds whose training loss lies beyond all of those are left out.
    """
    found = {}
    for seed, loss in comparison.values(runs, arm, training_loss).items():
        points = sorted(
            (math.log(training_loss(run)), tested(run))
            for run in runs
            if run["seed"] == seed and run["status"] == "done" and run["config"]["norm"] == "batch"
            if run["config"]["recipe"]["l1"] and not run["config"]["recipe"]["weight_decay"]
        )
        if len(points) > 1 and points[0][0] <= math.log(loss) <= points[-1][0]:
            of_l1 = float(np.interp(math.log(loss), *zip(*points, strict=True)))
            found[seed] = (of_l1, comparison.values(runs, arm, tested)[seed])
    return found
