"""The study adam_l2_adamw as maps, decay by learning rate, and what one decay for all rates costs."""

from collections.abc import Callable

import pandas as pd

from helpers.analysis import comparison, sweeps
from helpers.analysis.readings import CHANCE, Runs
from helpers.analysis.stats import Interval, differences_of, over_seeds

OPTIMIZERS = ("adam", "adamw")
Map = pd.DataFrame  # accuracy in percent; rows: decay, columns: learning rate


def maps(runs: Runs) -> dict[str, Map]:
    """For each optimizer the final accuracy, NaN where a run is missing or diverged.

    Mean over the seeds that have all the arms, so that all cells are of the same seeds; over all runs if no
    seed has.
    """
    complete = _complete(runs)
    ours = [run for run in runs if run["seed"] in complete] or runs
    cells: dict[str, dict[float, dict[float, float]]] = {optimizer: {} for optimizer in OPTIMIZERS}
    for arm, recipe in {run["arm"]: run["config"]["recipe"] for run in ours}.items():
        column = cells[recipe["optimizer"]].setdefault(recipe["lr"], {})
        column[recipe["weight_decay"]] = sweeps.accuracy(ours, arm)
    return {
        optimizer: pd.DataFrame(columns)
        .sort_index()
        .sort_index(axis="columns")
        .rename_axis(index="weight decay", columns="learning rate")
        for optimizer, columns in cells.items()
    }


def maps_by_seed(runs: Runs) -> dict[int, dict[str, Map]]:
    """The maps of each seed that has all the arms; a run that diverged counts as chance, 10 %."""
    found = {}
    for seed in _complete(runs):
        comparison.same_place([run for run in runs if run["seed"] == seed])
        ours = maps([run for run in runs if run["seed"] == seed])
        found[seed] = {name: table.fillna(CHANCE) for name, table in ours.items()}
    return found


def _complete(runs: Runs) -> list[int]:
    """The seeds that have a run of every arm."""
    arms, seeds = set(comparison.arms(runs)), sorted({run["seed"] for run in runs})
    return [seed for seed in seeds if {run["arm"] for run in runs if run["seed"] == seed} == arms]


def best_decay(table: Map) -> float:
    """The decay with the highest mean accuracy over the learning rates, 0 left out."""
    return float(table.drop(index=0.0).mean(axis=1).idxmax())


def points_lost(table: Map) -> float:
    """What it costs to keep one decay, the best on average, at all learning rates: points, mean over rates.

    0 if the best decay does not depend on the rate.
    """
    return float((table.max() - table.loc[table.mean(axis=1).idxmax()]).mean())


OfMaps = Callable[[dict[str, Map]], float]  # of the maps of one seed, by optimizer


def by_seed(runs: Runs, a: OfMaps, b: OfMaps) -> dict[int, float]:
    """Seed -> measure a minus measure b, of the seeds that have all the arms."""
    return {seed: a(both) - b(both) for seed, both in maps_by_seed(runs).items()}


def difference(runs: Runs, a: OfMaps, b: OfMaps) -> Interval | None:
    """Mean and 95 % interval of by_seed, None if no seed has all the arms."""
    return over_seeds(by_seed(runs, a, b))


def at_its_best(runs: Runs) -> dict[int, float]:
    """Seed -> AdamW minus Adam with L2, each at its best rate and decay on the mean map, in points.

    Decays above 0 only: without decay the two are one algorithm.
    """
    found = maps_by_seed(runs)
    if not found:
        return {}
    best = {}
    for name in OPTIMIZERS:
        mean = sum(both[name] for both in found.values()).drop(index=0.0)
        rate = mean.max().idxmax()
        decay = mean[rate].idxmax()
        best[name] = {seed: float(both[name].loc[decay, rate]) for seed, both in found.items()}
    return differences_of(best["adamw"], best["adam"])


def at_decay(optimizer: str, decay: float) -> OfMaps:
    """The quantity "accuracy of the optimizer at this decay, mean over the learning rates"."""
    return lambda both: float(both[optimizer].loc[decay].mean())
