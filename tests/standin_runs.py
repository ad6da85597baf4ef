"""Made-up records of studies for tests, in the form in which helpers.studies.records stores them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from helpers.analysis.claims import Finding, judged
from helpers.lessons import CLAIMS, STUDIES
from helpers.studies import records
from helpers.studies.study import Study

STUDY = STUDIES["cifar_norms"]
EPOCH = {
    "epoch": 1,
    "train_loss": 1.5,
    "train_accuracy": 40.0,
    "test_loss": 1.6,
    "test_accuracy": 38.0,
    "seconds": 2.0,
}
LEVEL = {
    "none": 66.0,
    "batch": 74.0,
    "layer": 71.0,
    "group": 71.5,
    "instance": 10.0,
    "batch_mean_corners": 77.0,
}


def run(
    arm: str,
    seed: int,
    accuracies: list[float],
    status: str = "done",
    study: Study = STUDY,
    measures: dict[str, Any] | None = None,
    seconds: float = 12.0,
) -> dict[str, Any]:
    """A record of that arm and seed whose test accuracy (percent) by epoch is given, and seconds an epoch."""
    of = next(a for a in study.arms if a.name == arm)
    config = study.config(of)
    epochs = [
        {
            "epoch": i,
            "train_loss": 1.0,
            "train_accuracy": a - 1,
            "test_loss": 1.0,
            "test_accuracy": a,
            "seconds": seconds,
        }
        for i, a in enumerate(accuracies, start=1)
    ]
    found = {
        "key": records.key(config, seed),
        "study": study.name,
        "arm": arm,
        "seed": seed,
        "config": config,
        "status": status,
        "epochs": epochs,
        "seconds": 240.0,
        "execution": {"device": "cpu", "precision": "bfloat16", "threads": 1},
        "environment": {
            "python": "3.11.7",
            "torch": "2.15.0",
            "numpy": "2.3.0",
            "processor": "A <processor> & more",
            "device_name": None,
            "commit": "0123456789abcdef+changes",
        },
        "finished": "2026-11-22T07:00:00+00:00",
    }
    found |= {"at": of.at} if of.at else {}
    return found if measures is None else found | {"measures": measures}


def ended(study: Study, arm: str, seed: int, accuracy: float | None, train: float | None = None) -> dict:
    """A record with that final accuracy, 5 points more on training images; for None a diverged one."""
    if accuracy is None:
        return run(arm, seed, [], "diverged", study)
    trained = {"train": {"loss": 1.0, "accuracy": accuracy + 5 if train is None else train}}
    return run(arm, seed, [accuracy - 1, accuracy], "done", study, trained if study.measures else None)


def runs(seeds: int) -> list[dict[str, Any]]:
    """All arms of that many seeds: 20 epochs up to about LEVEL, with noise of 0.3 points, all done."""
    found = []
    for seed in range(seeds):
        for arm, level in LEVEL.items():
            noise = np.random.default_rng([seed, len(arm), ord(arm[0])]).normal(0, 0.3, size=21)
            climb = level - (level - 10) * 0.6 ** np.arange(1, 21)
            found.append(
                run(arm, seed, [round(float(v), 2) for v in climb + noise[:20] * (level > 10) + noise[20]])
            )
    return found


def renamed(found: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The same runs with other names of their arms: without a space, and with more of them."""
    names = (lambda arm: arm.replace(" ", "_").replace(",", ""), lambda arm: f"the  arm {arm}, as 1 ever")
    return [[run | {"arm": name(run["arm"])} for run in found] for name in names]


def judge(found: list[dict[str, Any]], error: float | None = 0.05) -> list[Finding]:
    """The findings of these runs as at a look that may use up `error`, whichever arms and seeds there are."""
    study = STUDIES[found[0]["study"]]
    return judged(CLAIMS[study.name](found, study.matters), error)


def words(found: list[dict[str, Any]]) -> list[str]:
    """The verdicts of these runs, each as a word; "holds when" with its conditions."""
    return [re.sub("^(holds|false|undecided):.*", r"\1", finding.verdict) for finding in judge(found)]


def write(folder: Path, found: list[dict[str, Any]]) -> None:
    """Puts the records, all of one study, into its results file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{found[0]['study']}.jsonl").write_text(
        "".join(json.dumps(item) + "\n" for item in found), "utf-8"
    )
