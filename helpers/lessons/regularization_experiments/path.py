"""The path of L1: from weak to strong penalties, accuracy against the weights that are left."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.analysis.readings import Runs, tested, zeros


def factor_and_step(run: Mapping[str, Any]) -> tuple[float, str]:
    """The factor of the L1 penalty of a run, and the step that is taken with it."""
    recipe = run["config"]["recipe"]
    return recipe["l1"], recipe["l1_step"]


def by_seed(runs: Runs, step: str) -> dict[int, list[Any]]:
    """Seed -> the finished runs of that step, "subgradient" or "proximal", from the weakest penalty up."""
    chosen = [run for run in runs if factor_and_step(run)[1] == step and run["status"] == "done"]
    chosen.sort(key=factor_and_step)
    return {
        seed: [run for run in chosen if run["seed"] == seed] for seed in sorted({r["seed"] for r in chosen})
    }


def accuracy_at(runs: Runs, share: float) -> dict[int, float]:
    """Seed -> test accuracy (percent) where proximal steps make `share` percent of the weights 0, in a line
    between two runs.

    Seeds whose runs do not reach from below to above that share are left out.
    """
    found = {}
    for seed, path in by_seed(runs, "proximal").items():
        points = sorted((zeros(run), tested(run)) for run in path)
        if points[0][0] <= share <= points[-1][0]:
            found[seed] = float(np.interp(share, *zip(*points, strict=True)))
    return found
