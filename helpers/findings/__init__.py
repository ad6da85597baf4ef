"""What the runs of a study say about the claims that it tests: every verdict is computed from the runs."""

from collections.abc import Callable

import pandas as pd

from helpers.comparison import Runs
from helpers.experiments import STUDIES, Study
from helpers.findings import conditions, mlp, normalization, regularization
from helpers.findings.finding import Finding, Statement, judged
from helpers.findings.reproduction import reproduction
from helpers.stats import spent

__all__ = ["FINDINGS", "Finding", "findings", "findings_table", "judged", "reproduction"]

# Study -> what its claims say of the runs, given the smallest difference that matters there, in points.
FINDINGS: dict[str, Callable[[Runs, float | None], list[Statement | Finding]]] = {
    "cifar_norms": normalization.cifar_norms,
    "input_scaling": normalization.input_scaling,
    "fashion_mlp": mlp.fashion_mlp,
    "fashion_mlp_published": mlp.fashion_mlp_published,
    "fashion_mlp_tuned": mlp.fashion_mlp_tuned,
    "norm_grid": conditions.norm_grid,
    "vgg_learning_rate": conditions.vgg_learning_rate,
    "depth": conditions.depth,
    "adam_l2_adamw": regularization.adam_l2_adamw,
    "mnist_regularization": regularization.mnist_regularization,
    "mnist_penalties": regularization.mnist_regularization,
    "l1_path": regularization.l1_path,
}


def findings(runs: Runs) -> list[Finding]:
    """The findings of the study that the runs are of; none without runs, or if it tests no claim.

    Judged are the seeds up to the last of the study's looks that all arms have reached. Before the first
    look, and of a study whose runs of one seed are from several machines, nothing is decided.
    """
    if not runs or runs[0]["study"] not in FINDINGS:
        return []
    study = STUDIES[runs[0]["study"]]
    if any(run.get("mixed") for run in runs):
        return judged(
            FINDINGS[study.name](runs, study.matters), None, "its pairs were made on several machines"
        )
    look = looked(study, runs)
    judging = [run for run in runs if run["seed"] < look] if look else runs
    error = spent(study.looks, look) if look else None
    return judged(FINDINGS[study.name](judging, study.matters), error)


def looked(study: Study, runs: Runs) -> int:
    """The last of the study's looks for which all seeds and arms are among the runs; 0 before the first."""
    there = {(run["arm"], run["seed"]) for run in runs}
    complete = 0
    while all((arm.name, complete) in there for arm in study.arms_of(complete)):
        complete += 1
        if complete == study.seeds:
            break
    return max([look for look in study.looks if look <= complete], default=0)


def findings_table(runs: Runs) -> pd.DataFrame:
    """The findings as a table, one row each, by the number of the claim."""
    rows = [(f.claim, f.statement, f.measured, f.verdict) for f in findings(runs)]
    return pd.DataFrame(rows, columns=["claim", "what it says", "measured", "verdict"]).set_index("claim")
