"""Runs over a grid: each norm with several batch sizes, learning rates or depths."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from helpers.analysis import comparison, readings, sweeps
from helpers.analysis.readings import CHANCE, Runs, final
from helpers.analysis.stats import Interval, interval, over_seeds

TRAINS = 2 * CHANCE  # a run that ends above this has learned something
Value = Callable[[Mapping[str, Any]], float]  # of one run, diverged or not


def setting(run: Mapping[str, Any]) -> tuple[str, float]:
    """Norm and number of a run, as its study says; a search has the rate as well."""
    norm, number, *_ = run["at"]
    return norm, float(number)


def cells(runs: Runs) -> dict[tuple[str, float], str]:
    """(norm, number) -> the arm that has them."""
    return {setting(run): run["arm"] for run in runs}


def reached(run: Mapping[str, Any]) -> float:
    """Final accuracy in percent; chance for a run that diverged, so that failing counts."""
    return final(run) if run["status"] == "done" else CHANCE


def gap(run: Mapping[str, Any]) -> float:
    """Accuracy on the training images minus that on the test images, in points, of the final network.

    NaN for a run that diverged: it has neither.
    """
    if run["status"] != "done":
        return math.nan
    return readings.gap(run)


def train_accuracy(run: Mapping[str, Any]) -> float:
    """Accuracy on the training images of the final network, in percent; chance for a run that diverged."""
    return run["measures"]["train"]["accuracy"] if run["status"] == "done" else CHANCE


def values(runs: Runs, arm: str, value: Value = reached) -> dict[int, float]:
    """Seed -> value, of all the arm's runs but those whose value is NaN."""
    found = {run["seed"]: value(run) for run in runs if run["arm"] == arm}
    return {seed: found[seed] for seed in sorted(found) if not math.isnan(found[seed])}


def mean(runs: Runs, arm: str, value: Value = reached) -> Interval | None:
    """Mean and 95 % interval of the arm's values, None if there are none."""
    return over_seeds(values(runs, arm, value))


def by_seed(runs: Runs, a: str, b: str, value: Value = reached) -> dict[int, float]:
    """Seed -> a - b, over the seeds that both arms have. Raises comparison.PlaceError across machines."""
    ours = [run for run in runs if run["arm"] in (a, b)]
    return comparison.pairs(ours, values(runs, a, value), values(runs, b, value))


def difference(runs: Runs, a: str, b: str, value: Value = reached) -> Interval | None:
    """Mean and 95 % interval of a - b over the seeds that both arms have, None if there are none."""
    return over_seeds(by_seed(runs, a, b, value))


def gap_at_equal_training(runs: Runs) -> Value:
    """The value "gap, as it would be at equal training accuracy": a network that learned less has less of it.

    From the gap is taken what group norm, which has no batch noise, has at that training accuracy with the
    same seed: by a parabola through its runs of all batch sizes, fitted for each seed by itself, so that its
    error is in the spread of the seeds. Seeds that lack one of those runs have no value.

    The gap contains the training accuracy, and so its chance. Least squares would take that chance for a
    slope. So the fit is weighted by the mean training accuracies over the seeds, which hold little of the
    chance of one run (an instrument). It takes it that batch size itself changes the gap of both norms alike.
    """
    arms = comparison.arms([run for run in runs if run["config"]["norm"] == "group"])
    trained, gaps = (
        [comparison.values(runs, arm, measure) for arm in arms]
        for measure in (readings.trained, readings.gap)
    )
    usual = np.array([np.mean(list(by_seed.values())) for by_seed in trained if by_seed])
    middle = usual.mean() if usual.size else 0.0  # a parabola counts accuracies from here
    weights = np.vander(usual - middle, 3).T
    curves = {}
    for seed in set.intersection(*map(set, trained)) if trained else ():
        x, y = (np.array([by_seed[seed] for by_seed in measured]) for measured in (trained, gaps))
        curves[seed] = np.linalg.lstsq(weights @ np.vander(x - middle, 3), weights @ y)[0]

    def beyond(run: Mapping[str, Any]) -> float:
        if run["seed"] not in curves:
            return math.nan
        return gap(run) - float(np.polyval(curves[run["seed"]], train_accuracy(run) - middle))

    return beyond


def table(runs: Runs, value: Value = reached) -> pd.DataFrame:
    """Mean value by norm (rows) and number (columns), NaN where there is no run."""
    rows: dict[str, dict[float, float]] = {}
    for (norm, number), arm in cells(runs).items():
        found = mean(runs, arm, value)
        rows.setdefault(norm, {})[number] = math.nan if found is None else found.mean
    return pd.DataFrame.from_dict(rows, orient="index").sort_index(axis="columns")


def searched(
    runs: Runs, table: Callable[[Runs], pd.DataFrame] = sweeps.accuracies
) -> dict[str, pd.DataFrame]:
    """Of a search, a table of helpers.analysis.sweeps for each norm: by number (rows) and rate (columns)."""
    whole = table(runs)
    found: dict[str, dict[float, pd.Series]] = {}
    for family, (norm, number) in {sweeps.family_and_rate(run)[0]: setting(run) for run in runs}.items():
        found.setdefault(norm, {})[number] = whole[family]
    return {norm: pd.DataFrame(rows).T.sort_index() for norm, rows in found.items()}


def chosen(runs: Runs) -> pd.DataFrame:
    """Of a search, the best rate of each norm (rows) and number (columns), NaN where every rate diverged."""
    best = {
        norm: {n: row.idxmax() if row.notna().any() else math.nan for n, row in rates.iterrows()}
        for norm, rates in searched(runs).items()
    }
    return pd.DataFrame.from_dict(best, orient="index")


def crossing(numbers: Sequence[float], differences: Sequence[float]) -> float | None:
    """Where the differences first rise from below 0 to 0 or above, as the base-2 logarithm of the number.

    Between two numbers (in ascending order) the difference is taken to run in a straight line over the
    logarithm. None if it never rises through 0.
    """
    points = list(zip(map(math.log2, numbers), differences, strict=True))
    for (x0, d0), (x1, d1) in pairwise(points):
        if d0 < 0 <= d1:
            return x0 + (x1 - x0) * d0 / (d0 - d1)
    return None


def crossings(runs: Runs, a: str, b: str) -> dict[int, float | None]:
    """For each seed, where norm a gets ahead of norm b (see crossing), over the numbers that both have."""
    arms = cells(runs)
    by_number = {
        number: by_seed(runs, arms[a, number], arms[b, number])
        for number in sorted({number for _, number in arms})
        if (a, number) in arms and (b, number) in arms
    }
    found = {}
    for seed in sorted({run["seed"] for run in runs}):
        there = {number: apart[seed] for number, apart in by_number.items() if seed in apart}
        found[seed] = crossing(list(there), list(there.values()))
    return found


def crossing_told(found: Mapping[int, float | None], a: str, b: str) -> str:
    """The crossing point in words: its mean over seeds, its interval in numbers, and seeds without one."""
    there = [point for point in found.values() if point is not None]
    without = len(found) - len(there)
    if not there:
        return f"{a} does not cross {b} from below in any of {len(found)} seeds: no crossing point"
    item = interval(there)
    inside = "" if item.n == 1 else f", 95 % interval {2**item.low:.1f} to {2**item.high:.1f}"
    said = f"{a} gets ahead of {b} at {2**item.mean:.1f} (n = {item.n}{inside})"
    return said + (f"; no crossing in {without} of {len(found)} seeds" if without else "")


def decades_above(rates: Sequence[float], accuracies: Sequence[float], least: float) -> float:
    """For how many decades of the learning rate the accuracy is at least `least`, over the rates tried.

    Between two rates (in ascending order) accuracy is taken to run in a straight line over the logarithm.
    """
    total = 0.0
    for (r0, a0), (r1, a1) in pairwise(zip(rates, accuracies, strict=True)):
        low, high = min(a0, a1), max(a0, a1)
        if high >= least:
            share = 1.0 if low >= least else (high - least) / (high - low)
            total += share * math.log10(r1 / r0)
    return total


def decades(runs: Runs, norm: str, below_best: float | None = None) -> dict[int, float]:
    """Seed -> decades of the learning rate over which the norm trains.

    To train is to end above TRAINS, or, with `below_best`, at most so many points below the seed's best run.
    """
    by_rate = {rate: values(runs, arm) for (of, rate), arm in sorted(cells(runs).items()) if of == norm}
    found = {}
    for seed in sorted({run["seed"] for run in runs}):
        there = {rate: ends[seed] for rate, ends in by_rate.items() if seed in ends}
        if len(there) > 1:
            least = TRAINS if below_best is None else max(there.values()) - below_best
            found[seed] = decades_above(list(there), list(there.values()), least)
    return found
