"""The numbers of a comparison: values of each arm by seed, differences, tables."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from helpers.analysis.published import published_for
from helpers.analysis.readings import Measure, Runs, best, final, place
from helpers.analysis.stats import Interval, differences_of, over_seeds, span

METRICS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds")
COLUMNS = ("study", "arm", "seed", "epoch", *METRICS, "status")
# Study -> the arm that the others are compared with.
BASELINES = {
    "cifar_norms": "batch",
    "input_scaling": "standardized",
    "fashion_mlp": "leaky none",
    "fashion_mlp_published": "leaky none",
    "mnist_regularization": "batch none",
}


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
    """Refuses runs of one seed that were made at different places (see readings.place).

    A GPU, another precision or another kind of processor rounds differently: the difference of such a pair
    would hold the machine's part too. Raises PlaceError with seed, arms and places.
    """
    first: dict[int, Mapping[str, Any]] = {}
    for run in runs:
        other = first.setdefault(run["seed"], run)
        if place(run) != place(other):
            raise PlaceError(
                f"seed {run['seed']} of {other['study']} / {other['arm']} was run on {place(other)}, "
                f"of {run['study']} / {run['arm']} on {place(run)}: they are no pair. `course train` "
                "trains all arms of a seed on one machine."
            )


def by_seed(
    runs: Runs, a: str, b: str, measure: Measure = final, missing: float | None = None
) -> dict[int, float]:
    """Seed -> a - b, over the seeds that came to their end in both arms.

    `missing` stands in for a measure of None, see stats.paired. Raises PlaceError for pairs across machines.
    """
    ours = [run for run in runs if run["arm"] in (a, b)]
    return pairs(ours, values(runs, a, measure), values(runs, b, measure), missing)


def pairs(
    runs: Runs,
    first: Mapping[int, float | None],
    second: Mapping[int, float | None],
    missing: float | None = None,
) -> dict[int, float]:
    """Seed -> first - second, over the seeds that both have; `runs` are those that the values are of.

    Raises PlaceError for pairs across machines.
    """
    shared = sorted(first.keys() & second.keys())
    same_place([run for run in runs if run["seed"] in shared])
    return differences_of({s: first[s] for s in shared}, {s: second[s] for s in shared}, missing)


def mean(runs: Runs, arm: str, measure: Measure = final) -> Interval | None:
    """Mean and 95 % interval over the arm's runs, None if none came to its end."""
    return over_seeds(values(runs, arm, measure))


def difference(
    runs: Runs, a: str, b: str, measure: Measure = final, missing: float | None = None
) -> Interval | None:
    """Mean and 95 % interval of a - b over the seeds that came to their end in both arms, None if none did.

    `missing` stands in for a measure of None, see stats.paired.
    """
    return over_seeds(by_seed(runs, a, b, measure, missing))


def differences(runs: Runs, baseline: str, measure: Measure = final) -> dict[str, Interval]:
    """Each other arm minus the baseline, where both have a seed in common."""
    others = {arm: difference(runs, arm, baseline, measure) for arm in arms(runs) if arm != baseline}
    return {arm: found for arm, found in others.items() if found is not None}


def accuracy_table(runs: Runs) -> pd.DataFrame:
    """One row per arm: n, diverged, final and best test accuracy (percent): mean, interval, published."""
    rows = {}
    for arm in arms(runs):
        last, highest = mean(runs, arm), mean(runs, arm, best)
        source = published_for(runs[0]["study"]).get(arm, {})
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


def difference_table(found: Mapping[str, Interval]) -> pd.DataFrame:
    """One row per named difference: pairs, mean, interval, and whether that lies on one side of 0."""
    rows = {
        name: {
            "pairs": item.n,
            "mean": f"{item.mean:+.2f}",
            "95 % interval": span(item, sign="+"),
            "excludes 0": "-" if item.n == 1 else "yes" if item.low > 0 or item.high < 0 else "no",
        }
        for name, item in found.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("difference")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def frame(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Records as a tidy table, one row per arm, seed and epoch.

    Losses are in nats, accuracies in percent, seconds per epoch; null becomes NaN. A run
    that diverged in its first epoch has no row.
    """
    rows = [
        {"study": run["study"], "arm": run["arm"], "seed": run["seed"], **epoch, "status": run["status"]}
        for run in records
        for epoch in run["epochs"]
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(METRICS, float) | {"seed": int, "epoch": int})
