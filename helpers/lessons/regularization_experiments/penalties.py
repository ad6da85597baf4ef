"""What penalties did to recorded networks: measures of one run, and differences between arms."""

import math
from typing import Any

import numpy as np

from helpers.analysis import comparison
from helpers.analysis.readings import Measure, Runs, final, tested, training_loss
from helpers.analysis.stats import Interval
from helpers.lessons.regularization_experiments.studies import PENALTIES
from helpers.studies import runs as study_runs
from helpers.studies.study import Study

NORMS = ("batch", "layer", "group")
PAIRS = (("batch", "group"), ("batch", "layer"), ("group", "layer"))


def read(
    study: Study, retrain: bool = False, seeds: int = 5, device: str = "auto"
) -> tuple[list[dict[str, Any]], str]:
    """A study's runs as runs.results gives them, and a line that counts them."""
    runs = study_runs.results(study, retrain, seeds, device=device, progress=True)
    planned = sum(len(study.arms_of(seed)) for seed in {run["seed"] for run in runs})
    lost = sum(run["status"] == "diverged" for run in runs)
    return runs, f"{study.name}: {len(runs)} of {planned} runs, {lost} of them diverged."


# Differences, as comparison.difference_table and runs.intervals take them.


def between_norms(runs: Runs) -> dict[str, Interval]:
    """Each pair of norms without penalty, the first minus the second, where both have a seed in common."""
    found = {f"{a} - {b}": comparison.difference(runs, f"{a} none", f"{b} none") for a, b in PAIRS}
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
