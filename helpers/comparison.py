"""The numbers of a comparison: values of each arm by seed, intervals, tables, published figures."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers import records
from helpers.stats import Interval, differences_of, epochs_to, interval

Runs = Sequence[Mapping[str, Any]]  # records of one study, as helpers.records reads them
Measure = Callable[[Mapping[str, Any]], float | None]  # of one run

# Study -> the arm that the others are compared with.
BASELINES = {
    "cifar_norms": "batch",
    "input_scaling": "standardized",
    "fashion_mlp": "leaky none",
    "fashion_mlp_published": "leaky none",
    "mnist_regularization": "batch none",
}
_FASHION = (
    "fashion_mnist_mlp",
    {
        "leaky none": "no norm: LeakyReLU, He-normal init",
        "relu after input": "batch norm on the input and after each hidden layer: ReLU, Glorot init",
    },
)
_SOURCES = {  # study -> its part of published.json, and which of its arms was published under which name
    "cifar_norms": (
        "cifar10_norms",
        {
            "batch": "batch_norm",
            "layer": "layer_norm (GroupNorm(1, C))",
            "group": "group_norm (GroupNorm(2, C))",
        },
    ),
    "fashion_mlp": _FASHION,
    "fashion_mlp_published": _FASHION,
    "mnist_regularization": (
        "mnist_norm_regularization",
        {
            "layer none": "layer_norm",
            "group none": "group_norm",
            "batch none": "batch_norm",
            "batch L1": "batch_norm + L1",
            "group L1": "group_norm + L1",
            "layer L2": "layer_norm + L2",
            "batch L1 + L2": "batch_norm + L1 + L2",
        },
    ),
}
_NAMES = {  # what a source calls a figure -> what the course does
    "final_validation": "final",
    "validation": "test_accuracy",
    "train": "train_accuracy",
}


def final(run: Mapping[str, Any]) -> float:
    """Test accuracy after the last epoch, in percent."""
    return run["epochs"][-1]["test_accuracy"]


def best(run: Mapping[str, Any]) -> float:
    """The highest test accuracy of any epoch, in percent: chosen on the test set, as many sources do."""
    return max(epoch["test_accuracy"] for epoch in run["epochs"])


def epochs_until(threshold: float) -> Measure:
    """The measure "epochs until the test accuracy (percent) reaches the threshold"; None if it never does.

    Between two epochs accuracy is taken to run in a straight line: whole epochs are so coarse that five equal
    differences would look like certainty.
    """
    return lambda run: _crossing([epoch["test_accuracy"] for epoch in run["epochs"]], threshold)


def _crossing(accuracies: Sequence[float], threshold: float) -> float | None:
    after = epochs_to(accuracies, threshold)
    if after in (None, 1):
        return after
    below, above = accuracies[after - 2 : after]
    return after - (above - threshold) / (above - below)


def fastest_epoch(run: Mapping[str, Any]) -> float:
    """Seconds of the fastest epoch: the others were slowed down by whatever shared the machine."""
    return min(epoch["seconds"] for epoch in run["epochs"])


def arms(runs: Runs) -> list[str]:
    """The arms that have runs, in the order of the runs."""
    return list(dict.fromkeys(run["arm"] for run in runs))


def values(runs: Runs, arm: str, measure: Measure = final) -> dict[int, float | None]:
    """Seed -> measure, of the arm's runs that came to their end. Diverged runs have no value: count them."""
    return {
        run["seed"]: measure(run) for run in sorted(runs, key=lambda run: run["seed"])
        if run["arm"] == arm and run["status"] == "done"
    }  # fmt: skip


def diverged(runs: Runs, arm: str) -> int:
    """How many runs of the arm ended because their loss was no longer finite."""
    return sum(run["arm"] == arm and run["status"] == "diverged" for run in runs)


class PlaceError(ValueError):
    """Runs that were made at different places are to be compared in pairs; the message names them."""


def same_place(runs: Runs) -> None:
    """Refuses runs of one seed that were made at different places (see records.place).

    A GPU, another precision or another kind of processor rounds differently: the difference of such a pair
    would hold the machine's part too. Raises PlaceError with seed, arms and places.
    """
    first: dict[int, Mapping[str, Any]] = {}
    for run in runs:
        other = first.setdefault(run["seed"], run)
        if records.place(run) != records.place(other):
            raise PlaceError(
                f"seed {run['seed']} of {other['study']} / {other['arm']} was run on {records.place(other)}, "
                f"of {run['study']} / {run['arm']} on {records.place(run)}: they are no pair. `course train` "
                "trains all arms of a seed on one machine."
            )


def by_seed(
    runs: Runs, a: str, b: str, measure: Measure = final, missing: float | None = None
) -> dict[int, float]:
    """Seed -> a - b, over the seeds that came to their end in both arms.

    `missing` stands in for a measure of None, see stats.paired. Raises PlaceError for pairs across machines.
    """
    first, second = values(runs, a, measure), values(runs, b, measure)
    shared = sorted(first.keys() & second.keys())
    same_place([run for run in runs if run["arm"] in (a, b) and run["seed"] in shared])
    return differences_of({s: first[s] for s in shared}, {s: second[s] for s in shared}, missing)


def mean(runs: Runs, arm: str, measure: Measure = final) -> Interval | None:
    """Mean and 95 % interval over the arm's runs, None if none came to its end."""
    found = list(values(runs, arm, measure).values())
    return interval(found) if found else None


def difference(
    runs: Runs, a: str, b: str, measure: Measure = final, missing: float | None = None
) -> Interval | None:
    """Mean and 95 % interval of a - b over the seeds that came to their end in both arms, None if none did.

    `missing` stands in for a measure of None, see stats.paired.
    """
    found = by_seed(runs, a, b, measure, missing)
    return interval(list(found.values())) if found else None


def differences(runs: Runs, baseline: str, measure: Measure = final) -> dict[str, Interval]:
    """Each other arm minus the baseline, where both have a seed in common."""
    others = {arm: difference(runs, arm, baseline, measure) for arm in arms(runs) if arm != baseline}
    return {arm: found for arm, found in others.items() if found is not None}


def range_of_a_run(runs: Interval) -> Interval:
    """The range in which one more run like these falls in 95 % of cases (prediction interval), from their t
    interval.

    The interval of the mean narrows as runs are added; this one does not narrow below the spread of single
    runs. A single published figure is compared with this one. NaN if n is 1.
    """
    half = (runs.high - runs.mean) * math.sqrt(runs.n + 1)  # t s sqrt(1 + 1/n) = t s / sqrt(n) * sqrt(n + 1)
    return Interval(runs.mean, runs.mean - half, runs.mean + half, runs.n)


def published(study: str) -> dict[str, dict[str, Any]]:
    """Arm -> what others published for it, empty if nothing: of best, final, test_accuracy and train_accuracy
    (lists by epoch) what the source has, in percent, on the images that the study's runs are tested on.
    """
    if study not in _SOURCES:
        return {}
    part, names = _SOURCES[study]
    figures = records.published()[part]
    return {
        arm: {_NAMES.get(what, what): value for what, value in figures[name].items()}
        for arm, name in names.items()
    }


def span(found: Interval | None, digits: int = 2, sign: str = "") -> str:
    """An interval in words for a table: "70.98 to 71.61", or why there is none. sign="+" writes it always."""
    if found is None:
        return "no run"
    if found.n == 1:
        return "none: 1 run"
    return f"{found.low:{sign}.{digits}f} to {found.high:{sign}.{digits}f}"


def told(found: Interval | None, digits: int = 2, sign: str = "") -> str:
    """A mean with its interval and n in words: "71.30 (70.98 to 71.61, n = 5)"."""
    if found is None:
        return "no run"
    inside = "no interval" if found.n == 1 else span(found, digits, sign)
    return f"{found.mean:{sign}.{digits}f} ({inside}, n = {found.n})"


def accuracy_table(runs: Runs) -> pd.DataFrame:
    """One row per arm: n, diverged, final and best test accuracy (percent): mean, interval, published."""
    rows = {}
    for arm in arms(runs):
        last, highest = mean(runs, arm), mean(runs, arm, best)
        source = published(runs[0]["study"]).get(arm, {})
        rows[arm] = {
            "n": last.n if last else 0,
            "diverged": diverged(runs, arm),
            "final": _number(last and last.mean),
            "95 % interval": span(last),
            "published final": _number(source.get("final")),
            "best": _number(highest and highest.mean),
            "its 95 % interval": span(highest),
            "published best": _number(source.get("best")),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def difference_table(found: Mapping[str, Interval], digits: int = 2) -> pd.DataFrame:
    """One row per named difference: pairs, mean, interval, and whether that lies on one side of 0."""
    rows = {
        name: {
            "pairs": item.n,
            "mean": f"{item.mean:+.{digits}f}",
            "95 % interval": span(item, digits, "+"),
            "excludes 0": "-" if item.n == 1 else "yes" if item.low > 0 or item.high < 0 else "no",
        }
        for name, item in found.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("difference")


def epochs_table(runs: Runs, thresholds: Sequence[float]) -> pd.DataFrame:
    """One row per arm: mean epochs until each test accuracy (percent), with n; the published run beside it.

    Runs that never get there are counted, not averaged: "5.6 (2 of 5 never)".
    """
    rows = {}
    for arm in arms(runs):
        source = published(runs[0]["study"]).get(arm)
        row = {"n": len(values(runs, arm))}
        for threshold in thresholds:
            row[f"to {threshold:g} %"] = _mean_epoch(values(runs, arm, epochs_until(threshold)).values())
            theirs = [_crossing(source["test_accuracy"], threshold)] if source else []
            row[f"published to {threshold:g} %"] = _mean_epoch(theirs) if source else "-"
        rows[arm] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def _mean_epoch(epochs: Sequence[float | None]) -> str:
    reached = [epoch for epoch in epochs if epoch is not None]
    never = len(epochs) - len(reached)
    if not reached:
        return "never" if never else "no run"
    return f"{np.mean(reached):.1f}" + (f" ({never} of {len(epochs)} never)" if never else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
