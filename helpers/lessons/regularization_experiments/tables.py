"""Tables of regularized runs and networks: cells, published figures beside ours, power, penalties."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from torch import nn

from helpers.analysis import claims, comparison
from helpers.analysis.published import published_for
from helpers.analysis.readings import Measure, Runs, best, final
from helpers.analysis.stats import interval, power, runs_needed, told
from helpers.lessons.regularization_experiments.penalties import NORMS, PAIRS
from helpers.lessons.regularization_experiments.studies import PENALTIES
from helpers.nn import penalties


def parts_table(model: nn.Module) -> pd.DataFrame:
    """One row for each kind of parameter of a network: how many numbers, sum of |w|, sum of w^2."""
    weights = {id(w) for w in penalties.weight_parameters(model)}
    rows: dict[str, list[nn.Parameter]] = {}
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            if id(p) in weights:
                kind = "weights of convolutions" if p.ndim == 4 else "weights of the linear layer"
            elif isinstance(module, penalties.WITH_WEIGHTS):
                kind = "biases"
            else:
                kind = "gamma of the norms" if name == "weight" else "beta of the norms"
            rows.setdefault(kind, []).append(p)
    table = {
        kind: {
            "numbers": sum(p.numel() for p in found),
            "sum of |w|": penalties.l1_penalty(found).item(),
            "sum of w^2": penalties.l2_penalty(found).item(),
        }
        for kind, found in rows.items()
    }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("parameters")


def measured_table(
    runs: Runs, arms: Sequence[str], measures: Mapping[str, tuple[Measure, int]]
) -> pd.DataFrame:
    """One row per arm, one column per named measure: mean, interval and n, with so many digits."""
    rows = {
        arm: {
            name: told(comparison.mean(runs, arm, measure), digits)
            for name, (measure, digits) in measures.items()
        }
        for arm in arms
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def cells_table(runs: Runs, measure: Measure = final, digits: int = 2) -> pd.DataFrame:
    """All cells of mnist_regularization, norms down, penalties across: mean, interval and n."""
    rows = {
        norm: {name: told(comparison.mean(runs, f"{norm} {name}", measure), digits) for name in PENALTIES}
        for norm in NORMS
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("norm")


def published_table(runs: Runs) -> pd.DataFrame:
    """One row per published arm: best test and training accuracy and lowest test loss, theirs and ours.

    Ours are means over n runs of the same figures, taken as the source takes them; the range is where one run
    of ours falls (see findings.reproduction).
    """
    ranges = claims.reproduction(runs).set_index("arm") if runs else pd.DataFrame()
    rows = {}
    for arm, source in published_for("mnist_regularization").items():
        ours = comparison.mean(runs, arm, best)
        rows[arm] = {
            "best, published": f"{source['best']:.2f}",
            "ours": told(ours),
            "one run of ours": ranges.range[arm] if ours else "no run",
            "theirs is": ranges.verdict[arm] if ours else "no run",
            "final, ours": told(comparison.mean(runs, arm)),
            "training, published": f"{source['best_train']:.2f}",
            "training, ours": told(comparison.mean(runs, arm, _extreme("train_accuracy", max))),
            "loss, published": f"{source['best_test_loss']:.4f}",
            "loss, ours": told(comparison.mean(runs, arm, _extreme("test_loss", min)), 4),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def _extreme(metric: str, choose: Callable) -> Measure:
    return lambda run: choose(epoch[metric] for epoch in run["epochs"])


def power_table(runs: Runs) -> pd.DataFrame:
    """One row per pair of norms without penalty: the published difference, ours, and the runs that it takes.

    Power and runs are for a true difference as large as the published one and for the deviation between our
    paired differences; 80 % power.
    """
    source = published_for("mnist_regularization")
    rows = {}
    for a, b in PAIRS:
        theirs = source[f"{a} none"]["best"] - source[f"{b} none"]["best"]
        found = list(comparison.by_seed(runs, f"{a} none", f"{b} none").values())
        deviation = float(np.std(found, ddof=1)) if len(found) > 1 else 0.0
        known = deviation > 1e-9  # accuracies come in steps of an image: two differences may be equal
        rows[f"{a} - {b}"] = {
            "published": f"{theirs:+.2f}",
            "ours": told(interval(found) if found else None, sign="+"),
            "deviation of a pair": f"{deviation:.3f}" if known else "not known",
            "power of 5 runs": f"{power(theirs, deviation, 5):.0%}" if known else "not known",
            "runs needed": f"{runs_needed(theirs, deviation):,}" if known else "not known",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("difference")
