"""Exercises of lesson 05: numbers of a network, folding a batch norm, a main effect."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from helpers.exercises import lesson05_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, call, named, numbers_named, wrong_form


def count_numbers(widths, norm, input_norm):
    trained = sum((widths[i] + 1) * widths[i + 1] for i in range(len(widths) - 1))  # weights, biases
    units = (sum(widths[1:-1]) if norm else 0) + (widths[0] if input_norm else 0)  # that a batch norm sees
    return trained + 2 * units, 2 * units  # gamma and beta; running mean and running variance


def fold(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / torch.sqrt(var + eps)  # (out,): one for each unit, that is, each row of the weight
    return factor.view(-1, 1) * weight, factor * (bias - mean) + beta


def main_effect(accuracy, factor):
    on = [value for levels, value in accuracy.items() if levels[factor]]
    off = [value for levels, value in accuracy.items() if not levels[factor]]
    return sum(on) / len(on) - sum(off) / len(off)  # each pair of cells that differ in it alone is in here


def _diagnose_count(answer: Callable) -> list[str]:
    widths = (7, 5, 3, 2)
    cases = [
        (widths, True, True),
        (widths, False, False),
        (widths, True, False),
        (widths, False, True),
        ((6, 4), True, True),
    ]
    return numbers_named(answer, cases, wrong.count, wrong.COUNT, lambda *c: f"count_numbers{c}", count=2)


def _diagnose_fold(answer: Callable) -> list[str]:
    make = torch.Generator().manual_seed(5)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=make, dtype=torch.float64) + 0.5

    n = 3  # as many inputs as units, so that a factor on the wrong axis fits
    given = [random(n, n), random(n), random(n), random(n), random(n), random(n).abs() + 0.2]
    eps = 0.1  # large, so that its place shows
    before = [tensor.clone() for tensor in given]
    result, found = call(answer, *given, eps, what=f"a layer of {n} inputs and {n} units")
    if found:
        return found
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return [f"it returns a {type(result).__name__}: give two tensors, the new weight and the new bias"]
    found = wrong_form(result, {"the new weight": given[0], "the new bias": given[1]})
    if found:
        return found
    if not all(map(torch.equal, given, before)):
        return ["it changes the tensors that it was given: compute new ones"]
    return named(list(result), lambda **choices: wrong.folded(*before, eps, **choices), wrong.FOLDED)


def _diagnose_effect(answer: Callable) -> list[str]:
    values = [83.1, 84.9, 86.4, 86.2, 83.7, 85.8, 87.3, 87.2]
    accuracy = dict(zip(product((False, True), repeat=3), values, strict=True))
    four = dict(zip(product((True, False), repeat=2), (70.0, 64.0, 61.5, 60.0), strict=True))
    cases = [(accuracy, factor) for factor in range(3)] + [(four, 1)]

    def shown(cells: dict, factor: int) -> str:
        return f"main_effect of factor {factor} in {len(cells)} cells"

    return numbers_named(answer, cases, wrong.effect, wrong.EFFECT, shown)


EXERCISES = {
    "count_numbers": Exercise(
        count_numbers, _diagnose_count, "Trained and not trained, with and without each batch norm."
    ),
    "fold": Exercise(fold, _diagnose_fold, "In use, this batch norm costs nothing."),
    "main_effect": Exercise(
        main_effect, _diagnose_effect, "The mean over all pairs that differ in it alone."
    ),
}
