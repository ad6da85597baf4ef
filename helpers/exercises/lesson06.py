"""Exercises of lesson 06: counts of means, error of an accuracy, paired interval, first epoch."""

from collections.abc import Callable

from helpers.exercises import lesson06_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, values_named


def count_means(norm, shape, groups=2):
    N, C, _H, _W = shape
    return {"batch": C, "layer": N, "group": N * groups, "instance": N * C}[norm]


def standard_error(correct, images):
    p = correct / images  # the share of right answers
    return 100 * (p * (1 - p) / images) ** 0.5  # in points


def paired_interval(a, b, t):
    differences = [x - y for x, y in zip(a, b, strict=True)]
    n, mean = len(differences), sum(differences) / len(differences)
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)  # unbiased
    error = (variance / n) ** 0.5  # of the mean difference
    return mean, mean - t * error, mean + t * error


def first_epoch(accuracies, threshold):
    for epoch, accuracy in enumerate(accuracies, start=1):
        if accuracy >= threshold:
            return epoch
    return None


_SHAPES = [
    *((norm, (8, 6, 4, 5)) for norm in ("batch", "layer", "instance")),
    ("group", (8, 6, 4, 5), 3),
    ("group", (3, 10, 2, 7), 2),
    ("batch", (3, 10, 2, 7)),
]


def _diagnose_means(answer: Callable) -> list[str]:
    def shown(norm: str, shape: tuple, *groups: int) -> str:
        return f"count_means({norm!r}, {shape}{', ' + str(groups[0]) if groups else ''})"

    return values_named(answer, _SHAPES, wrong.means, wrong.MEANS_MISTAKES, shown)


def _diagnose_error(answer: Callable) -> list[str]:
    cases = [(7_151, 10_000), (350, 355), (20, 50)]
    return values_named(
        answer,
        cases,
        wrong.error,
        wrong.ERROR_MISTAKES,
        lambda *case: f"standard_error{case}",
    )


def _diagnose_paired(answer: Callable) -> list[str]:
    def shown(a: list, b: list, t: float) -> str:
        return f"paired_interval({a}, {b}, {t})"

    a, b = [72.4, 73.1, 71.8, 72.9, 72.2], [71.2, 72.3, 70.1, 71.5, 71.6]
    cases = [(a, b, 2.776), (a[:3], b[:3], 4.303)]
    return values_named(answer, cases, wrong.paired, wrong.PAIRED_MISTAKES, shown)


def _diagnose_first(answer: Callable) -> list[str]:
    def shown(accuracies: list, threshold: float) -> str:
        return f"first_epoch({accuracies}, {threshold})"

    curve = [33.6, 52.4, 59.9, 61.0, 58.2, 60.0, 66.5, 65.9]
    cases = [(curve, 60.0), (curve, 66.5), (curve, 70.0), (curve, 20.0)]
    return values_named(answer, cases, wrong.first, wrong.FIRST_MISTAKES, shown)


EXERCISES = {
    "count_means": Exercise(count_means, _diagnose_means, "Four norms, four counts, on every shape tried."),
    "standard_error": Exercise(standard_error, _diagnose_error, "In points, for any accuracy and test set."),
    "paired_interval": Exercise(
        paired_interval, _diagnose_paired, "Mean and both ends, for five pairs and three."
    ),
    "first_epoch": Exercise(
        first_epoch, _diagnose_first, "Also for a curve that dips, and for one that never arrives."
    ),
}
