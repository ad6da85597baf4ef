"""The known mistakes of lesson 05's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what
each wrong value means.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from helpers.exercises.diagnosis import Mistakes

COUNT: Mistakes = {
    "biases": {
        False: "the biases of the linear layers are missing: one for each unit",
    },
    "affine": {
        "one": "gamma and beta are two numbers for each unit: one of them is missing",
        "fixed": "gamma and beta are counted as not trained: the optimizer moves them",
        "none": "gamma and beta are missing: two trained numbers for each unit that is normalized",
    },
    "statistics": {
        "one": "two numbers are kept for each unit, a mean and a variance: one of them is missing",
        "trained": "the running mean and variance are counted as trained: no gradient moves them",
        "none": "the running statistics are missing: a mean and a variance for each unit",
    },
    "where": {
        "output": "the outputs are counted as normalized: no batch norm follows the last layer",
        "no input": "the input batch norm is missing: it normalizes each pixel",
        "first hidden": "only the first hidden layer is counted as normalized: a norm follows each of them",
    },
    "order": {
        "swapped": "the two numbers are swapped: trained first",
    },
}


def count(
    widths: Sequence[int], norm: bool, input_norm: bool, biases: bool = True, affine: str = "two",
    statistics: str = "two", where: str = "right", order: str = "trained first",
) -> tuple[int, int]:  # fmt: skip
    """Trained and other numbers of a network, with the mistakes of COUNT on request."""
    trained = sum(a * b + biases * b for a, b in pairwise(widths))
    hidden = {"output": widths[1:], "first hidden": widths[1:-1][:1]}.get(where, widths[1:-1])
    units = norm * sum(hidden) + (input_norm and where != "no input") * widths[0]
    learned = {"two": 2, "one": 1, "none": 0, "fixed": 2}[affine] * units
    kept = {"two": 2, "one": 1, "none": 0, "trained": 2}[statistics] * units
    trained, other = (trained, learned) if affine == "fixed" else (trained + learned, 0)
    trained, other = (trained + kept, other) if statistics == "trained" else (trained, other + kept)
    return (other, trained) if order == "swapped" else (trained, other)


FOLDED: Mistakes = {
    "axis": {
        "columns": "the factor multiplies the columns of the weight: a unit is a row, so use view(-1, 1)",
    },
    "divide": {
        "variance": "the square root is forgotten: divide by sqrt(var + eps)",
        "no eps": "eps is missing: sqrt(var + eps)",
        "eps outside": "eps is outside the square root: sqrt(var + eps)",
        "nothing": "not divided by the deviation: the factor is gamma / sqrt(var + eps)",
        "multiplied": "multiplied by the deviation: divide by sqrt(var + eps)",
    },
    "gamma": {
        False: "gamma is missing: the factor is gamma / sqrt(var + eps)",
    },
    "mean": {
        "missing": "the running mean is not subtracted from the bias",
        "unscaled": "the running mean is subtracted after the factor: factor * (bias - mean) + beta",
        "plus": "the running mean is added: it should be subtracted",
    },
    "bias": {
        "missing": "the old bias is lost: it is multiplied by the factor too",
        "unscaled": "the old bias is not multiplied by the factor",
    },
    "beta": {
        "missing": "beta is missing: it is added at the end",
        "scaled": "beta is multiplied by the factor: it is added after it",
    },
}


def folded(
    weight: Tensor, b: Tensor, g: Tensor, shift: Tensor, m: Tensor, var: Tensor, eps: float,
    axis: str = "rows", divide: str = "right", gamma: bool = True, mean: str = "right", bias: str = "right",
    beta: str = "right",
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """A linear layer with the batch norm after it folded in, with the mistakes of FOLDED on request.

    weight (out, in), b bias (out,), g gamma, shift beta, m running mean, var running variance, all (out,).
    """
    deviation = {
        "right": torch.sqrt(var + eps),
        "variance": var + eps,
        "no eps": torch.sqrt(var),
        "eps outside": torch.sqrt(var) + eps,
        "nothing": torch.ones_like(var),
        "multiplied": 1 / torch.sqrt(var + eps),
    }[divide]
    factor = (g if gamma else torch.ones_like(g)) / deviation
    subtracted = {"right": factor * m, "missing": 0 * m, "unscaled": m, "plus": -factor * m}[mean]
    kept = {"right": factor * b, "missing": 0 * b, "unscaled": b}[bias]
    added = {"right": shift, "missing": 0 * shift, "scaled": factor * shift}[beta]
    return factor.view((-1, 1) if axis == "rows" else (1, -1)) * weight, kept - subtracted + added


EFFECT: Mistakes = {
    "of": {
        "one pair": "this is one pair only, all other factors off: take the mean over all pairs",
        "last pair": "this is one pair only, all other factors on: take the mean over all pairs",
        "ends": "this is everything on minus everything off: the other factors are in it, too",
        "on": "this is the mean of the cells with the factor: subtract the mean of those without it",
        "sum": "the differences are added up: divide by how many pairs there are",
        "cells": "divided by the number of cells: there are half as many pairs",
    },
    "sign": {
        -1: "the sign is wrong: with the factor minus without it",
    },
    "counted": {
        "from the right": "this is another factor: levels[factor] counts from the left, from 0",
    },
}


def effect(
    cells: Mapping[tuple[bool, ...], float], factor: int, of: str = "mean", sign: int = 1,
    counted: str = "from the left",
) -> float:  # fmt: skip
    """The main effect of a factor, with the mistakes of EFFECT on request."""
    k = len(next(iter(cells)))
    place = k - 1 - factor if counted == "from the right" else factor
    pairs = [
        (value, cells[(*levels[:place], False, *levels[place + 1 :])])
        for levels, value in sorted(cells.items())
        if levels[place]
    ]
    differences = [on - off for on, off in pairs]
    return (
        sign
        * {
            "mean": sum(differences) / len(pairs),
            "one pair": differences[0],
            "last pair": differences[-1],
            "ends": cells[(True,) * k] - cells[(False,) * k],
            "on": sum(on for on, _ in pairs) / len(pairs),
            "sum": sum(differences),
            "cells": sum(differences) / len(cells),
        }[of]
    )
