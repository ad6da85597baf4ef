"""What the runs of a study say about the claims that it tests: every verdict is computed from the runs."""

from collections.abc import Callable

import pandas as pd

from helpers.comparison import Runs
from helpers.findings import conditions, mlp, normalization, regularization
from helpers.findings.finding import Finding
from helpers.findings.reproduction import reproduction

__all__ = ["FINDINGS", "Finding", "findings", "findings_table", "reproduction"]

FINDINGS: dict[str, Callable[[Runs], list[Finding]]] = {
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
    "l1_path": regularization.l1_path,
}


def findings(runs: Runs) -> list[Finding]:
    """The findings of the study that the runs are of; none without runs, or if it tests no claim."""
    return FINDINGS.get(runs[0]["study"], lambda _: [])(runs) if runs else []


def findings_table(runs: Runs) -> pd.DataFrame:
    """The findings as a table, one row each, by the number of the claim."""
    rows = [(f.claim, f.statement, f.measured, f.verdict) for f in findings(runs)]
    return pd.DataFrame(rows, columns=["claim", "what it says", "measured", "verdict"]).set_index("claim")
