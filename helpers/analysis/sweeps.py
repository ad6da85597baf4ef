"""Sweeps: studies whose arms try several learning rates for each of some families, on held-out images."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from helpers.analysis import comparison
from helpers.analysis.readings import Runs, place_name


def family_and_rate(run: Mapping[str, Any]) -> tuple[str, float]:
    """What a run of a search is a setting of, and which rate it tries, as its study says.

    It is the learning rate, or the course's measure of it where the study scales it by the batch size.
    """
    *family, rate = run["at"]
    return place_name(family), rate


def accuracy(runs: Runs, arm: str) -> float:
    """Final accuracy of an arm (percent, mean over seeds); NaN where a run diverged or there is none.

    A rate that fails sometimes is not one to choose.
    """
    found = comparison.mean(runs, arm)
    return math.nan if found is None or comparison.diverged(runs, arm) else found.mean


def accuracies(runs: Runs) -> pd.DataFrame:
    """The accuracy on the held-out images by rate (rows) and family (columns)."""
    cells = {family_and_rate(run): run["arm"] for run in runs}
    rates = pd.Index(sorted({rate for _, rate in cells}), name="learning rate")
    table = pd.DataFrame(index=rates, columns=list(dict.fromkeys(family for family, _ in cells)))
    for (family, rate), arm in cells.items():
        table.loc[rate, family] = accuracy(runs, arm)
    return table.astype(float)


def tried(runs: Runs) -> pd.DataFrame:
    """Which rates (rows) were tried for each family (columns): True also where every run diverged."""
    table, cells = accuracies(runs), set(map(family_and_rate, runs))
    return pd.DataFrame(
        {family: [(family, rate) in cells for rate in table.index] for family in table}, index=table.index
    )


def best_rates(runs: Runs) -> dict[str, float]:
    """Each family's learning rate with the highest accuracy; of equal ones the smallest that has been tried
    from both sides, if there is one.

    Raises:
        ValueError: every run of a family diverged.
    """
    table = accuracies(runs)
    lost = [name for name in table if table[name].isna().all()]
    if lost:
        raise ValueError(f"every run of {', '.join(lost)} diverged; add smaller learning rates to the search")
    best, ends = {}, _ends(runs)
    for name, accuracy in table.items():
        equal = [float(rate) for rate in table.index[accuracy == accuracy.max()]]
        best[name] = min([rate for rate in equal if rate not in ends[name]] or equal)
    return best


def beyond(runs: Runs) -> list[str]:
    """The families whose best rate is the smallest or largest of theirs: a better one may lie beyond."""
    ends = _ends(runs)
    return [name for name, best in best_rates(runs).items() if best in ends[name]]


def _ends(runs: Runs) -> dict[str, tuple[float, float]]:
    rates = {name: column.index[column] for name, column in tried(runs).items()}
    return {name: (min(found), max(found)) for name, found in rates.items()}
