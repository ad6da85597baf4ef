"""What the studies of lesson fifty_thousand_parameters say, and what each change of the design is worth."""

import pandas as pd

from helpers.analysis import comparison
from helpers.analysis.claims import Differences, Statement, beats, greater, judged
from helpers.analysis.published import published
from helpers.analysis.readings import Runs
from helpers.analysis.stats import spent
from helpers.lessons.fifty_thousand_parameters.studies import WITH, WITHOUT
from helpers.studies.study import Study

REACH = 91.0  # percent
_NORMS = ("batch_norm", "layer_norm", "group_norm")


def of_lesson_07() -> tuple[int, int, float]:
    """Of lesson 07's published network with batch norm: parameters, epochs, best accuracy (percent)."""
    found = published()["cifar10_norms"]
    return found["parameters"], found["epochs"], found["batch_norm"]["best"]


def published_points() -> pd.DataFrame:
    """What others reached on CIFAR-10 with at most 50,000 parameters, each its best: parameters, epochs and
    accuracy (percent, some at the best epoch on the test images, one run each).
    """
    found = published()
    rows = [of_lesson_07()]
    for peer in found["peers_under_50k_parameters"]:
        best = peer.get("best") or max(peer[norm] for norm in _NORMS if norm in peer)
        rows.append((peer["parameters"], peer["epochs"], best))
    known = found["under_50k_parameters_20_epochs"]["best_known"]
    rows += [(of["parameters"], 20, of["accuracy"]) for of in known if of["epochs"] == 20]
    return pd.DataFrame(rows, columns=["parameters", "epochs", "accuracy"])


def _above(runs: Runs, limit: float) -> dict[str, Differences]:
    """By how much each run of our designs ends above the limit, in points."""
    found = {arm: comparison.values(runs, arm) for arm in comparison.arms(runs) if arm != "published"}
    return {arm: {seed: value - limit for seed, value in of.items()} for arm, of in found.items()}


def budget_final(runs: Runs, matters: float | None) -> list[Statement]:
    return [
        greater(34, "its accuracy is above 70 %", _above(runs, 70.0), "points", matters),
        greater(34, f"its mean is at least {REACH:g} %", _above(runs, REACH), "points", matters),
    ]


def budget_sprint(runs: Runs, matters: float | None) -> list[Statement]:
    *_, theirs = of_lesson_07()
    return [
        greater(34, "20 epochs are not needed for 70 %", _above(runs, 70.0), "points", matters),
        greater(
            34,
            f"nor for the {theirs:g} % that lesson 07's source has",
            _above(runs, theirs),
            "points",
            matters,
        ),
    ]


def changes(runs: Runs, study: Study) -> pd.DataFrame:
    """The ledger of changes, for who trains budget_steps: one row for each part of the design and each
    that it might have.

    worth: what the part adds, in points: design - without it, or with it - design; the intervals hold
    together for all rows, at the study's last look. verdict: on the claim that it adds something.

    Columns: change, in the design (bool), worth (Interval), verdict; those of the design first, each kind in
    falling order.
    """
    look = study.looked(runs)
    judging = [run for run in runs if run["seed"] < look] if look else runs
    pairs = [(name, "design", name) for name in WITHOUT] + [(name, name, "design") for name in WITH]
    statements = [beats(judging, 34, name, a, b, study.matters) for name, a, b in pairs]
    rows = [
        (finding.statement, finding.statement in WITHOUT, worth, finding.verdict)
        for finding in judged(statements, spent(study.looks, look) if look else None)
        for worth in finding.intervals.values()  # none, or one
    ]
    rows.sort(key=lambda row: (not row[1], -row[2].mean))
    return pd.DataFrame(rows, columns=["change", "in the design", "worth", "verdict"])
