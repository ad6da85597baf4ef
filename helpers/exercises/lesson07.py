"""Exercises of lesson 07: crossing point, train-test gap, gradient of scaled weights, effective rate."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.exercises import lesson07_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, values_named


def crossing_point(sizes, differences):
    for i in range(1, len(sizes)):
        below, above = differences[i - 1], differences[i]
        if below < 0 <= above:
            share = below / (below - above)  # of the way from one size to the next, in logarithms
            return sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** share
    return None


def train_test_gap(train_right, train_all, test_right, test_all):
    return 100 * (train_right / train_all - test_right / test_all)


def scaled_gradient(gradient, a):
    return gradient / a


def effective_rate(lr, weight):
    return lr / weight.square().sum(dim=1)  # one row for each unit


def _diagnose_crossing(answer: Callable) -> list[str]:
    cases = [
        ([2, 4, 8, 16, 32], [-6.0, -3.0, -1.0, 2.0, 3.0]),
        ([2, 4, 8, 32, 128, 512], [-2.0, 1.0, -1.0, -3.0, 6.0, 7.0]),  # rises twice
        ([2, 4, 32], [1.0, -2.0, -5.0]),  # only falls
        ([2, 8, 32, 128], [3.0, -3.0, -1.0, 0.5]),
    ]
    return values_named(
        answer, cases, wrong.crossing, wrong.CROSSING, lambda *case: "crossing_point({}, {})".format(*case)
    )


def _diagnose_gap(answer: Callable) -> list[str]:
    cases = [(19_000, 20_000, 6_500, 10_000), (450, 500, 91, 100)]
    return values_named(answer, cases, wrong.gap, wrong.GAP, "train_test_gap({}, {}, {}, {})".format)


def _weights() -> Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def _diagnose_scaled(answer: Callable) -> list[str]:
    cases = [(_weights(), 10.0), (_weights(), 0.25), (_weights(), 3)]
    return values_named(
        answer, cases, wrong.scaled, wrong.SCALED, lambda g, a: f"a gradient (4, 3) with a = {a:g}"
    )


def _diagnose_rate(answer: Callable) -> list[str]:
    square = _weights() @ _weights().T  # (4, 4), where rows and columns are as many
    cases = [(0.1, _weights()), (2.0, square + torch.eye(4, dtype=torch.float64).cumsum(dim=1))]
    shown = "lr = {:g}, weight {}".format
    return values_named(answer, cases, wrong.rate, wrong.RATE, lambda lr, w: shown(lr, tuple(w.shape)))


EXERCISES = {
    "crossing_point": Exercise(
        crossing_point, _diagnose_crossing, "And None where the difference never rises through 0."
    ),
    "train_test_gap": Exercise(train_test_gap, _diagnose_gap, "In points, for sets of any two sizes."),
    "scaled_gradient": Exercise(
        scaled_gradient, _diagnose_scaled, "The loss is the same at every length, so its slope is 1 / a."
    ),
    "effective_rate": Exercise(
        effective_rate, _diagnose_rate, "One for each unit: a unit with long weights turns slowly."
    ),
}
