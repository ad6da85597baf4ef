"""What the study of lesson data_normalization says."""

from helpers.analysis.claims import Statement, beats
from helpers.analysis.readings import Runs


def input_scaling(runs: Runs, matters: float | None) -> list[Statement]:
    return [
        beats(runs, 2, "training benefits from equalization", "equalized", "standardized", matters),
        beats(runs, 5, "standardized inputs beat raw ones", "standardized", "raw", matters),
        beats(runs, 5, "standardized inputs beat those from 0 to 1", "standardized", "min_max", matters),
        beats(runs, 5, "each image's own statistics beat one pair", "per_image", "standardized", matters),
    ]
