"""The known mistakes of lesson 09's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what each
wrong value means.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.exercises.diagnosis import Mistakes

PULL: Mistakes = {
    "penalized": {
        "all": "biases and norms are pulled too: only weights, with two axes or more, should be",
        "named weight": "the norm's gamma is pulled too: it is called weight, but it has one axis",
        "convolutions": "the linear layer's weight is left out: its two axes make it a weight as well",
        "others": "the other way round: biases and norms are pulled, the weights are not",
    },
    "derivative": {
        "one": "every weight is pushed the same way: the derivative of |w| has the sign of w",
        "l2": "this is the pull of L2, proportional to w: that of L1 has the same size for every weight",
        "abs": "this is |w|, the penalty itself: its derivative is asked for",
        "zero as one": "at w = 0 it should be 0: `torch.sign` gives that, w >= 0 does not",
        "towards 0": "the sign is turned round: the optimizer subtracts what you return",
    },
    "times": {
        "nothing": "the factor is missing",
        "mean": "divided by the number of weights: the penalty here is a sum, not a mean",
    },
}


def pull(
    parameters: Mapping[str, Tensor],
    factor: float,
    penalized: str = "weights",
    derivative: str = "sign",
    times: str = "factor",
) -> dict[str, Tensor]:
    """What factor * sum |w| over the weights adds to each gradient, with the mistakes of PULL on request."""
    chosen = {
        name: {
            "weights": w.ndim > 1,
            "all": True,
            "named weight": name.endswith("weight"),
            "convolutions": w.ndim > 2,
            "others": w.ndim == 1,
        }[penalized]
        for name, w in parameters.items()
    }
    count = sum(w.numel() for name, w in parameters.items() if chosen[name])
    by = {"factor": factor, "nothing": 1.0, "mean": factor / count}[times]
    return {
        name: by
        * {
            "sign": w.sign(),
            "one": torch.ones_like(w),
            "l2": w,
            "abs": w.abs(),
            "zero as one": torch.where(w >= 0, 1.0, -1.0).to(w),
            "towards 0": -w.sign(),
        }[derivative]
        if chosen[name]
        else torch.zeros_like(w)
        for name, w in parameters.items()
    }


SILENT: Mistakes = {
    "channels": {
        "input": "input channels are counted: the output channel is axis 0 of a convolution's weight",
    },
    "zero": {
        "sum": "the weights of a channel may add up to 0 without being 0: compare each of them",
        "small": "a small weight is not 0: compare with 0 exactly",
        "any": "channels with some weight at 0 are counted: all of them must be 0",
    },
    "what": {
        "weights": "single weights are counted, not whole channels",
        "share": "this is a share: the number of channels is asked for",
        "left": "the channels that still speak are counted: the silent ones are asked for",
    },
}


def silent(weight: Tensor, channels: str = "output", zero: str = "all", what: str = "count") -> Tensor:
    """Channels of a weight (out, in, ...) that are all 0, with the mistakes of SILENT on request."""
    if channels == "input":
        weight = weight.transpose(0, 1)
    rows = weight.flatten(1)
    found = {
        "all": (rows == 0).all(dim=1),
        "sum": rows.sum(dim=1) == 0,
        "small": (rows.abs() < 1e-6).all(dim=1),
        "any": (rows == 0).any(dim=1),
    }[zero]
    return {
        "count": found.sum(),
        "weights": (rows == 0).sum(),
        "share": found.double().mean(),
        "left": (~found).sum(),
    }[what]


RUNS: Mistakes = {
    "ratio": {
        "turned": "difference and deviation have changed places: a larger difference needs fewer runs",
        "two arms": "the variance is doubled: the deviation given is of paired differences already",
    },
    "power": {
        1: "the square is missing: the interval shrinks with the root of the number of runs",
        0.5: "the root is taken where the square should be",
    },
    "rounding": {
        "none": "a number of runs is whole: round up",
        "down": "rounded down: these runs do not quite suffice",
        "nearest": "rounded to the nearest number: round up, or the runs may not suffice",
        "one more": "one run too many: math.ceil rounds up",
    },
    "number": {
        1.96: "reach is ignored: with 1.96 the difference is seen only every second time",
        2.8: "reach is ignored: its default stands where the argument should",
    },
}


def runs(
    difference: float,
    deviation: float,
    reach: float = 2.8,
    ratio: str = "right",
    power: float = 2,
    rounding: str = "up",
    number: float | None = None,
) -> float:
    """Paired runs that a difference needs, with the mistakes of RUNS on request.

    `number` is what such an answer puts in the place of `reach`.
    """
    found = difference / deviation if ratio == "turned" else deviation / difference
    exact = ((reach if number is None else number) * found) ** power * (2 if ratio == "two arms" else 1)
    return {
        "up": math.ceil(exact),
        "none": exact,
        "down": math.floor(exact),
        "nearest": round(exact),
        "one more": math.floor(exact) + 1,
    }[rounding]
