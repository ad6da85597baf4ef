"""Exercises of lesson 08: numbers of a network, folding a batch norm, a main effect."""

from itertools import product

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def count_numbers(widths, norm, input_norm):
    trained = sum((widths[i] + 1) * widths[i + 1] for i in range(len(widths) - 1))  # weights, biases
    units = (sum(widths[1:-1]) if norm else 0) + (widths[0] if input_norm else 0)  # that a batch norm sees
    learned = 2 * units  # gamma and beta
    kept = 2 * units  # running mean and running variance
    return trained + learned, kept


def fold(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / torch.sqrt(var + eps)  # (out,): one for each unit, that is, each row of the weight
    return factor.view(-1, 1) * weight, factor * bias - factor * mean + beta


def main_effect(accuracy, factor):
    on = [value for levels, value in accuracy.items() if levels[factor]]
    off = [value for levels, value in accuracy.items() if not levels[factor]]
    with_it, without = sum(on) / len(on), sum(off) / len(off)
    return with_it - without  # each pair of cells that differ in it alone is in here


COUNT: Mistakes = {
    "range(len(widths) - 1)": {
        "range(len(widths) - 2)": "the last linear layer, to the outputs, is not counted",
        "range(1, len(widths) - 1)": "the first linear layer, from the inputs, is not counted",
    },
    "(widths[i] + 1)": {
        "widths[i]": "the biases of the linear layers are missing: one for each unit",
        "(widths[i] + widths[i] / widths[i + 1])": (
            "the biases are counted for the inputs of each layer: there is one for each of its outputs"
        ),
        "(widths[i] + (not norm or i == len(widths) - 2))": (
            "the biases before a norm are left out: nn.Linear has them all the same"
        ),
    },
    "learned = 2 * units": {
        "learned = units": "gamma and beta are two numbers for each unit: one of them is missing",
        "learned = 0": "gamma and beta are missing: two trained numbers for each unit that is normalized",
    },
    "trained + learned,": {
        "trained, learned +": "gamma and beta are counted as not trained: the optimizer moves them",
        "trained + learned, learned +": "gamma and beta are counted twice: they are trained, not kept",
    },
    "kept = 2 * units": {
        "kept = units": "two numbers are kept for each unit, a mean and a variance: one of them is missing",
        "trained, kept = trained + 2 * units, 0": (
            "the running mean and variance are counted as trained: no gradient moves them"
        ),
        "learned, kept = 4 * units, 4 * units": (
            "gamma, beta, running mean and variance are all counted twice: two are trained, two are kept"
        ),
        "kept = 0": "the running statistics are missing: a mean and a variance for each unit",
        "kept = 2 * units + (len(widths) - 2 if norm else 0) + (1 if input_norm else 0)": (
            "the counters of batches are counted: leave them out"
        ),
    },
    "widths[1:-1]": {
        "widths[1:]": "the outputs are counted as normalized: no batch norm follows the last layer",
        "widths[1:-1][:1]": (
            "only the first hidden layer is counted as normalized: a norm follows each of them"
        ),
    },
    "(widths[0] if input_norm else 0)": {
        "0": "the input batch norm is missing: it normalizes each pixel",
        "(widths[0] if norm and input_norm else 0)": (
            "the input batch norm is counted only together with the others: input_norm alone is enough"
        ),
        "(1 if input_norm else 0)": "the input batch norm has a mean for each input, not one for all",
    },
    "if norm else 0": {"if True else 0": "the argument norm is not used: without it nothing is normalized"},
    "if input_norm else": {"if True else": "the argument input_norm is not used"},
    # In one's place with all that may stand there, so that two mistakes at once are found.
    "    return trained + learned, kept": {
        "    return kept, trained + learned": "the two numbers are swapped: trained first",
    },
    "    kept = 2 * units  # running mean and running variance\n    return trained + learned, kept": {
        "    kept = 2 * units\n    return learned + kept, trained": (
            "the two numbers are swapped: trained first; and gamma and beta are counted as not trained: the "
            "optimizer moves them"
        ),
        "    return 0, trained + learned + 2 * units": (
            "the two numbers are swapped: trained first; and the running mean and variance are counted as "
            "trained: no gradient moves them"
        ),
    },
}

FOLDED: Mistakes = {
    "factor.view(-1, 1)": {
        "factor.view(1, -1)": (
            "the factor multiplies the columns of the weight: a unit is a row, so use view(-1, 1)"
        ),
        "1": "the weight is not multiplied by the factor",
    },
    "torch.sqrt(var + eps)": {
        "(var + eps)": "the square root is forgotten: divide by sqrt(var + eps)",
        "torch.sqrt(var)": "eps is missing: sqrt(var + eps)",
        "(torch.sqrt(var) + eps)": "eps is outside the square root: sqrt(var + eps)",
        "torch.ones_like(var)": (
            "not divided by the standard deviation: the factor is gamma / sqrt(var + eps)"
        ),
        "(1 / torch.sqrt(var + eps))": "multiplied by the standard deviation: divide by sqrt(var + eps)",
    },
    "factor.view(-1, 1) * weight": {
        "factor.view(-1, 1) * (weight - mean.view(-1, 1))": (
            "the mean is subtracted from the weight as well: it belongs to the bias only"
        ),
        "factor.view(-1, 1) * weight + beta.view(-1, 1)": (
            "beta is added to the weight as well: it belongs to the bias only"
        ),
    },
    "gamma /": {"1 /": "gamma is missing: the factor is gamma / sqrt(var + eps)"},
    " - factor * mean": {
        "": "the running mean is not subtracted from the bias",
        " - mean": "the running mean is subtracted after the factor: factor * (bias - mean) + beta",
        " + factor * mean": "the running mean is added: it should be subtracted",
        " - factor / gamma * mean": (
            "the running mean is not multiplied by gamma: factor * (bias - mean) + beta"
        ),
    },
    "factor * bias": {
        "0 * bias": "the old bias is lost: it is multiplied by the factor too",
        "bias": "the old bias is not multiplied by the factor",
        "gamma * bias": "the old bias is multiplied by gamma, not by the whole factor",
    },
    " + beta": {
        "": "beta is missing: it is added at the end",
        " + factor * beta": "beta is multiplied by the factor: it is added after it",
    },
    "factor * bias - factor * mean + beta": {
        "bias": "the bias stays as it was: factor * (bias - mean) + beta is the new one",
        "bias + weight @ (beta - factor * mean)": (
            "that folds a norm that comes before the linear layer: here the norm follows it"
        ),
    },
    "factor.view(-1, 1) * weight, factor * bias - factor * mean + beta": {
        "factor.view(1, -1) * weight, bias + weight @ (beta - factor * mean)": (
            "that folds a norm that comes before the linear layer: here the norm follows it"
        ),
    },
}

_SET = "    with_it, without = "
_CELLS_OF = f"    k = len(next(iter(accuracy)))\n{_SET}accuracy"
EFFECT: Mistakes = {
    f"{_SET}sum(on) / len(on), sum(off) / len(off)": {
        f"{_CELLS_OF}[tuple(i == factor for i in range(k))], accuracy[(False,) * k]": (
            "this is one pair only, all other factors off: take the mean over all pairs"
        ),
        f"{_CELLS_OF}[(True,) * k], accuracy[tuple(i != factor for i in range(k))]": (
            "this is one pair only, all other factors on: take the mean over all pairs"
        ),
        f"{_CELLS_OF}[(True,) * k], accuracy[(False,) * k]": (
            "this is everything on minus everything off: the other factors are in it, too"
        ),
        f"{_SET}sum(on) / len(on), 0": (
            "this is the mean of the cells with the factor: subtract the mean of those without it"
        ),
        f"    cells = list(accuracy.values())\n{_SET}sum(cells[1::2]) / len(on), sum(cells[::2]) / len(on)": (
            "neighbours in the dictionary are taken for pairs: its order says nothing, levels[factor] does"
        ),
        f"{_SET}sum(on), sum(off)": "the differences are added up: divide by how many pairs there are",
        f"{_SET}sum(on) / len(accuracy), sum(off) / len(accuracy)": (
            "half of what it should be: divided by the number of cells (there are half as many pairs), or "
            "compared with the mean of all cells"
        ),
        f"{_SET}sum(on) / 4, sum(off) / 4": (
            "divided by 4: the number of pairs depends on the number of factors"
        ),
        f"{_SET}max(on), max(off)": "the best cells are compared: take the mean over all pairs",
        f"    from statistics import median\n\n{_SET}median(on), median(off)": (
            "this is a difference of medians: take the mean"
        ),
        f"{_SET}100 * sum(on) / sum(off), 100": (
            "this is a relative change in percent: the difference in points is asked for"
        ),
    },
    "with_it - without": {
        "without - with_it": "the sign is wrong: with the factor minus without it",
        "abs(with_it - without)": "the sign is lost: an effect may be negative",
        "(with_it - without) / 100": "this is a share: points are percent",
    },
    "    on = [": {
        "    factor = len(next(iter(accuracy))) - 1 - factor\n    on = [": (
            "this is another factor: levels[factor] counts from the left, from 0"
        ),
        "    factor = factor - 1\n    on = [": (
            "this is the factor before: levels[factor] counts from 0 already"
        ),
        "    factor = 0\n    on = [": "this is always factor 0: the argument factor is not used",
    },
}


def _random(*shape: int, seed: int = 5) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.5


def _layer(n: int) -> tuple[Tensor, ...]:
    """Weight (n, n), bias, gamma, beta, running mean and running variance."""
    vectors = _random(4, n, seed=6)
    return _random(n, n), *vectors, _random(n, seed=7).abs() + 0.2


_VALUES = [83.1, 84.9, 86.4, 86.2, 83.7, 85.8, 80.3, 79.2]
_CELLS = dict(zip(product((False, True), repeat=3), _VALUES, strict=True))
_FOUR = dict(zip(product((True, False), repeat=2), (70.0, 64.0, 61.5, 60.0), strict=True))
_WIDTHS = (7, 5, 3, 2)

EXERCISES = [
    Exercise(
        count_numbers,
        cases=[
            (_WIDTHS, True, True),
            (_WIDTHS, False, False),
            (_WIDTHS, True, False),
            (_WIDTHS, False, True),
            ((6, 4), True, True),
        ],
        look=returned_as("trained", "kept"),
        typed=False,
        mistakes=COUNT,
        hints=(
            "A linear layer from a to b units has a * b weights and b biases.",
            "A batch norm has two trained numbers for each unit that it sees, gamma and beta, and keeps two "
            "more, the running mean and variance.",
            "Which units does a batch norm see? The hidden ones, widths[1:-1], if norm; the inputs, "
            "widths[0], if input_norm. Never the outputs.",
        ),
        praise="Trained and not trained, with and without each batch norm.",
    ),
    Exercise(
        fold,
        cases=[  # as many inputs as units, so that a factor on the wrong axis fits; a large eps shows
            (*_layer(3), 0.1),
            (*_layer(2), 0.5),
        ],
        look=returned_as("the new weight", "the new bias"),
        mistakes=FOLDED,
        hints=(
            "In evaluation batch norm is gamma * (z - mean) / sqrt(var + eps) + beta: a factor and a "
            "constant for each unit. Put z = W x + b in.",
            "factor = gamma / sqrt(var + eps). The weight's rows belong to the units: row i is multiplied by "
            "factor[i].",
            "The new bias is factor * (bias - mean) + beta; the new weight is factor.view(-1, 1) * weight.",
        ),
        praise="In evaluation, this batch norm costs nothing.",
    ),
    Exercise(
        main_effect,
        cases=[*((_CELLS, factor) for factor in range(3)), (_FOUR, 1), (_FOUR, 0)],
        typed=False,
        mistakes=EFFECT,
        hints=(
            "levels[factor] says whether a cell has the factor. Half of all cells have it.",
            "The mean over all pairs is the mean of all cells with the factor minus the mean of all cells "
            "without it.",
        ),
        praise="The mean over all pairs that differ in it alone.",
    ),
]
