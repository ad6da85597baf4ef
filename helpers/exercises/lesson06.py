"""Exercises of lesson 06: counts of means, error of an accuracy, paired interval, first epoch."""

from collections.abc import Callable, Sequence

import numpy as np

from helpers.exercises import lesson06_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, Mistakes, call, reproducing


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


def _diagnose(
    answer: Callable, cases: Sequence[tuple], reference: Callable, mistakes: Mistakes, shown: Callable
) -> list[str]:
    """Mistakes that reproduce the answer's results in all cases, alone or in pairs; none if all are right.

    `shown` writes one case as the learner would call it.
    """
    results = []
    for case in cases:
        result, error = call(answer, *case, what=shown(*case))
        if error:
            return error
        results.append(result)
    right = [reference(*case) for case in cases]
    if all(map(_same, results, right)):
        return []
    if all(result is None for result in results):
        return ["it returns None: is a `return` missing?"]

    def reproduces(**choices: object) -> bool:
        return all(map(_same, results, [reference(*case, **choices) for case in cases]))

    found = reproducing(mistakes, reproduces)
    if found:
        return found
    where = next(i for i in range(len(cases)) if not _same(results[i], right[i]))
    return [f"{shown(*cases[where])} gives {_plain(results[where])}, it should be {_plain(right[where])}"]


def _same(result: object, expected: object) -> bool:
    if result is None or expected is None:
        return result is expected
    try:
        found, wanted = np.asarray(result, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return False
    return found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-6, atol=1e-9, equal_nan=True)


def _plain(value: object) -> str:
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return repr(value)
    if value is None or numbers.size == 0:
        return repr(value)
    said = [f"{number:.6g}" for number in numbers.flatten()]
    return said[0] if numbers.ndim == 0 else f"({', '.join(said)})"


_SHAPES = [
    *((norm, (8, 6, 4, 5)) for norm in ("batch", "layer", "instance")),
    ("group", (8, 6, 4, 5), 3),
    ("group", (3, 10, 2, 7), 2),
    ("batch", (3, 10, 2, 7)),
]


def _diagnose_means(answer: Callable) -> list[str]:
    def shown(norm: str, shape: tuple, *groups: int) -> str:
        return f"count_means({norm!r}, {shape}{', ' + str(groups[0]) if groups else ''})"

    return _diagnose(answer, _SHAPES, wrong.means, wrong.MEANS_MISTAKES, shown)


def _diagnose_error(answer: Callable) -> list[str]:
    cases = [(7_151, 10_000), (350, 355), (20, 50)]
    return _diagnose(
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
    return _diagnose(answer, cases, wrong.paired, wrong.PAIRED_MISTAKES, shown)


def _diagnose_first(answer: Callable) -> list[str]:
    def shown(accuracies: list, threshold: float) -> str:
        return f"first_epoch({accuracies}, {threshold})"

    curve = [33.6, 52.4, 59.9, 61.0, 58.2, 60.0, 66.5, 65.9]
    cases = [(curve, 60.0), (curve, 66.5), (curve, 70.0), (curve, 20.0)]
    return _diagnose(answer, cases, wrong.first, wrong.FIRST_MISTAKES, shown)


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
