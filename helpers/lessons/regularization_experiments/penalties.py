"""The norms that are compared, and the runs of a study with a line that counts them."""

from typing import Any

from helpers.studies import runs as study_runs
from helpers.studies.study import Study

NORMS = ("batch", "layer", "group")
PAIRS = (("batch", "group"), ("batch", "layer"), ("group", "layer"))


def read(
    study: Study, retrain: bool = False, seeds: int = 5, device: str = "auto"
) -> tuple[list[dict[str, Any]], str]:
    """A study's runs as runs.results gives them, and a line that counts them."""
    runs = study_runs.results(study, retrain, seeds, device=device, progress=True)
    planned = sum(len(study.arms_of(seed)) for seed in {run["seed"] for run in runs})
    lost = sum(run["status"] == "diverged" for run in runs)
    return runs, f"{study.name}: {len(runs)} of {planned} runs, {lost} of them diverged."
