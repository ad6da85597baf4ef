"""The known mistakes of lesson 07's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what
each wrong value means.
"""

import math
from itertools import pairwise

from torch import Tensor

from helpers.exercises.diagnosis import Mistakes

CROSSING: Mistakes = {
    "axis": {
        "sizes": "the straight line is drawn over the batch size itself: draw it over its logarithm",
        "exponent": "this is the logarithm of the batch size: raise 2 to it",
    },
    "between": {
        "before": "this is the last batch size before the crossing: interpolate between it and the next",
        "after": "this is the first batch size after the crossing: interpolate between it and the one before",
        "middle": "this is the middle of the two sizes: the larger difference is farther from the crossing",
        "swapped": "the two differences are swapped: the crossing lies nearer to the one that is nearer to 0",
    },
    "direction": {
        "any": "a crossing from above counts here as well: it must rise from below 0",
        "down": "this is where the difference falls through 0: it should rise",
    },
    "which": {
        "last": "this is the last crossing: the first is asked for",
    },
}


def crossing(sizes, differences, axis="log", between="line", direction="up", which="first"):
    """The batch size at which the differences rise through 0, with the mistakes of CROSSING on request."""
    points = list(zip(sizes if axis == "sizes" else map(math.log2, sizes), differences, strict=True))
    found = []
    for (x0, d0), (x1, d1) in pairwise(points):
        rises, falls = d0 < 0 <= d1, d1 < 0 <= d0
        if {"up": rises, "down": falls, "any": rises or falls}[direction]:
            share = {
                "line": -d0 / (d1 - d0),
                "before": 0.0,
                "after": 1.0,
                "middle": 0.5,
                "swapped": d1 / (d1 - d0),
            }[between]
            found.append(x0 + share * (x1 - x0))
    if not found:
        return None
    x = found[-1 if which == "last" else 0]
    return x if axis in ("sizes", "exponent") else 2**x


SCALED: Mistakes = {
    "power": {
        "1": "multiplied by a: larger weights have a smaller gradient here, as the same step turns them less",
        "0": "unchanged: the loss is the same at a * w, but a step of one length is a smaller part of it",
        "-2": "divided by the square of a: that is the effective learning rate; the gradient is divided by a",
        "-1/2": "divided by the root of a: divide by a",
    },
    "normed": {
        True: "divided by its length: only its direction is left",
    },
}


def scaled(gradient: Tensor, a: float, power: str = "-1", normed: bool = False) -> Tensor:
    """The gradient at a * w before a batch norm, with the mistakes of SCALED on request."""
    result = gradient * a ** {"-1": -1.0, "1": 1.0, "0": 0.0, "-2": -2.0, "-1/2": -0.5}[power]
    return result / result.norm() if normed else result


RATE: Mistakes = {
    "norm": {
        "length": "the length is not squared: gradient and weights each bring one factor",
        "mean": "this takes the mean of the squares: the squared length is their sum",
        "absolute": "this takes the sum of absolute values: the squared length is the sum of squares",
    },
    "over": {
        "all": "one number for the whole layer: batch norm acts on each unit, so each row has its own rate",
        "columns": "rows and columns are swapped: a unit's weights are one row of (units, inputs)",
    },
    "multiplied": {
        True: "multiplied by the squared length: large weights turn less, so divide",
    },
}


def rate(lr: float, weight: Tensor, norm: str = "square", over: str = "rows", multiplied: bool = False):
    """The effective learning rate of each unit, with the mistakes of RATE on request."""
    dim = {"rows": 1, "columns": 0, "all": (0, 1)}[over]
    size = {
        "square": weight.square().sum(dim),
        "length": weight.square().sum(dim).sqrt(),
        "mean": weight.square().mean(dim),
        "absolute": weight.abs().sum(dim),
    }[norm]
    return lr * size if multiplied else lr / size


GAP: Mistakes = {
    "sign": {
        -1: "the sign is wrong: training minus test, so that a network that knows its training images by "
        "heart has a large gap",
    },
    "part": {
        True: "divided by the training accuracy: points are asked for, not a share",
    },
    "unit": {
        "share": "this is a share: points are percent",
        "counts": "this subtracts counts of right answers: the two sets have different sizes",
    },
}


def gap(train_right, train_all, test_right, test_all, sign=1, part=False, unit="points"):
    """The train-test gap, with the mistakes of GAP on request."""
    train, test = 100 * train_right / train_all, 100 * test_right / test_all
    if unit == "counts":
        train, test = float(train_right), float(test_right)
    if unit == "share":
        train, test = train / 100, test / 100
    return sign * (train - test) / (train if part else 1)
