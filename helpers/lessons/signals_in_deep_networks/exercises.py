"""Exercises of lesson 03: the gain that keeps a signal, the loop backward, what three curves say."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.lessons.diagnosis import Exercise, Mistakes


def gain_that_keeps(phi, variance, z, p):
    y = variance**0.5 * z  # normal with mean 0 and this variance
    square = (p * phi(y) ** 2).sum()  # E[h^2]
    return (variance / square) ** 0.5


def gradients_by_layer(gradient, ys, weights, slope, gain):
    found = []
    for y, weight in zip(ys.flip(0), weights.flip(0), strict=True):  # from the last layer to the first
        found.append(gradient)
        gradient = (gradient * slope(y)) @ weight.T * (gain / len(weight) ** 0.5)
    return torch.stack(found).flip(0)


def what_happened(std, between, gradient):
    if between[-1] < 0.1 * std[-1]:
        return "inputs alike"
    ratio = gradient[0] / gradient[-1]
    if ratio < 0.1:
        return "vanishes"
    if ratio > 10:
        return "explodes"
    return "alive"


GAIN: Mistakes = {
    "variance**0.5 * z": {
        "z": "E[h^2] is taken at variance 1: y = sqrt(variance) * z has the variance that is asked for",
        "variance * z": "y = variance * z has the variance squared: multiply z by the square root of it",
    },
    "(p * phi(y) ** 2).sum()": {
        "(p * phi(y)).sum()": "the mean of h is taken: the next layer adds up its mean square, E[h^2]",
        "(p * phi(y)).sum() ** 2": "the mean is squared: square h first, then take the mean",
        "(p * (phi(y) - (p * phi(y)).sum()) ** 2).sum()": (
            "the variance of h is taken: the mean of h counts too, the next layer adds up E[h^2]"
        ),
        "(phi(y) ** 2).mean()": "the probabilities p are not used: points far from 0 are rare",
        "(phi(y) ** 2).sum()": "the probabilities p are not used: points far from 0 are rare",
        "(p * phi(y).abs()).sum()": "the mean of |h| is taken: the next layer adds up E[h^2]",
        "(p * phi(y).abs()).sum() ** 2": (
            "the mean of |h| is squared: the next layer adds up the mean square, E[h^2]"
        ),
        "(p * phi(y) ** 2).mean()": (
            "the mean is taken of what p has weighted already: the probabilities add up to 1, take the sum"
        ),
        "(p * (phi(y) * z) ** 2).sum()": "phi(y) is multiplied by z: h = phi(y) alone is squared",
        "(p * (phi(y) * y) ** 2).sum()": "phi(y) is multiplied by y: h = phi(y) alone is squared",
        "(p * (p * phi(y) ** 2)).sum()": "p stands there twice (inside the square?): it weights h^2 once",
        "(p * phi(y**2)).sum().abs()": "the square stands inside phi: h = phi(y) first, then its square",
        "(p * phi(y) ** 4).sum()": "h is squared twice: E[h^2]",
        "(p * torch.exp(-(z**2) / 2) / (2 * math.pi) ** 0.5 * phi(y) ** 2).sum()": (
            "weighted by the density as well: p holds the probabilities already, once is enough"
        ),
        "(p * torch.autograd.functional.jvp(phi, y, torch.ones_like(y))[1] ** 2).sum() * variance": (
            "the slope of phi is squared: the forward signal needs E[h^2], the mean square of phi itself"
        ),
        "(p * torch.autograd.functional.jvp(phi, y, torch.ones_like(y))[1] ** 2).sum()": (
            "the slope of phi is squared: the forward signal needs E[h^2], the mean square of phi itself"
        ),
    },
    "(variance / square) ** 0.5": {
        "variance / square": "this is the square of the gain: take its square root",
        "(1 / square) ** 0.5": (
            "this makes the next variance 1: it should stay what it is, gain^2 * E[h^2] = variance"
        ),
        "(square / variance) ** 0.5": "upside down: that is what a layer of gain 1 does, undo it",
        "1 / square": "this is the square of the gain for variance 1: gain^2 * E[h^2] = variance",
    },
}

LOOP: Mistakes = {
    "gradient * slope(y)": {
        "gradient": "the slope of the activation is missing: the gradient of y is gradient * slope(y)",
        "gradient * y": "multiplied by y: multiply by the slope of the activation at y",
        "gradient / slope(y)": "divided by the slope: the chain rule multiplies",
        "gradient * slope(ys[len(ys) - 2 - len(found) + 1])": (
            "the slope is taken at the y of the layer below: it belongs to the y of this layer"
        ),
        "gradient * slope(ys[0])": "the slope is always taken at the first layer's y: each layer has its own",
        "gradient * slope(ys[-1])": "the slope is always taken at the last layer's y: each layer has its own",
        "gradient * slope(torch.tanh(y))": "the slope is taken at h: it is the slope at y",
    },
    "@ weight.T": {
        "@ weights[len(ys) - 1 - len(found)].T": (
            "the weights of the layer below are taken: backward, a layer has the weights that it has forward"
        ),
        "@ weights[0].T": "the first layer's weights are always taken: each layer has its own",
        "@ weights[-1].T": "the last layer's weights are always taken: each layer has its own",
    },
    "    for y, weight in zip(ys": {
        "    return torch.stack([\n"
        "        gradient * slope(ys[i]) @ weights[i].T * (gain / len(weights[0]) ** 0.5)\n"
        "        for i in range(1, len(ys))\n"
        "    ] + [gradient])\n"
        "    for y, weight in zip(ys": (
            "each gradient is computed from the last layer's: carry it on, from each layer to the one below"
        ),
        "    for y, weight in zip(ys, weights, strict=True):\n"
        "        gradient = (gradient * slope(y)) @ weight.T * (gain / len(weight) ** 0.5)\n"
        "        found.append(gradient)\n"
        "    return torch.stack(found)\n"
        "    for y, weight in zip(ys": (
            "the layers are taken forward, from the first to the last: backward begins at the last one"
        ),
    },
    "        found.append(gradient)\n        gradient = (gradient * slope(y)) @": {
        "        gradient = gradient * slope(y)\n"
        "        found.append(gradient)\n"
        "        gradient = gradient @": (
            "these are the gradients at each y: note them at each h, before the slope multiplies"
        ),
    },
    "(gradient * slope(y)) @ weight.T": {
        "(gradient @ weight.T) * slope(y)": (
            "the slope comes after the weights: backward, the activation comes first, then the weights"
        ),
        "(gradient * slope(y)) @ weight": (
            "the weights are not transposed: forward is h @ weight, backward is gradient @ weight.T"
        ),
    },
    "(gain / len(weight) ** 0.5)": {
        "1": "the factor gain / sqrt(n) is missing: the layer multiplies by it forward and backward",
        "(1 / len(weight) ** 0.5)": "the gain is missing: the layer multiplies by it forward and backward",
        "gain": "the factor 1 / sqrt(n) is missing: the weights are standard normal",
        "(gain / len(gradient) ** 0.5)": (
            "divided by the square root of the number of inputs, N: it is that of the number of units, n"
        ),
        "(gain / len(ys) ** 0.5)": (
            "divided by the square root of the number of layers: it is that of the number of units, n"
        ),
        "(gain * len(weight) ** 0.5)": "multiplied by the square root of n: the layer divides by it",
        "(gain**2 / len(weight))": "the factor gain / sqrt(n) is squared: it multiplies once in each layer",
        "(gain / len(weight))": "divided by n: the standard deviation has the square root of n",
        "(len(weight) ** 0.5 / gain)": "the factor gain / sqrt(n) is inverted: backward, it multiplies too",
    },
    "zip(ys.flip(0), weights.flip(0), strict=True)": {
        "zip(ys, weights, strict=True)": (
            "the layers are taken from the first to the last: backward, the last one comes first"
        ),
        "zip(ys, weights.flip(0), strict=True)": "ys runs forward and weights backward: flip both",
        "zip(ys.flip(0), weights, strict=True)": "weights run forward and ys backward: flip both",
    },
    "torch.stack(found).flip(0)": {
        "torch.stack(found)": "the last layer comes first: turn the result round, layer 1 first",
    },
    ("        found.append(gradient)\n", "(gain / len(weight) ** 0.5)\n"): {
        ("", "(gain / len(weight) ** 0.5)\n        found.append(gradient)\n"): (
            "one layer too far: note the gradient at h of this layer before passing it to the layer below"
        ),
    },
}
READING: Mistakes = {
    "between[-1] < 0.1 * std[-1]": {
        "(between < 0.1 * std).any()": "some layer is looked at: what comes out after the last layer counts",
        "(between < 0.1 * std).all()": "every layer is looked at: what comes out after the last layer counts",
        "between.mean() < 0.1 * std.mean()": (
            "means over the layers are compared: what comes out after the last layer counts"
        ),
        "between.min() < 0.1 * std[-1]": "the smallest value is looked at: the last layer's counts",
        "between[-1] ** 2 < 0.1 * std[-1] ** 2": (
            "squares are compared: a tenth of the standard deviation is a hundredth of its square"
        ),
        "between[-1] < 0.1 * std[0]": "std of the first layer is taken: compare after the last layer",
        "between[-1] < std[-1]": "below std is not yet below a tenth of it",
        "between[-1] > 0.1 * std[-1]": "the wrong way round: the inputs are alike where between is small",
        "between[0] < 0.1 * std[0]": "the first layer is looked at: what comes out after the last one counts",
        "between[-1] < 0.1": (
            "between is compared with a number: it is a share of the whole standard deviation, std"
        ),
        "between[-1] < 0.1 * between[0]": (
            "between is compared with its first value: compare it with std of the same layer"
        ),
        "std[-1] < 0.1 * std[0]": "a std that sinks is not yet a loss: compare between with std",
        "False": "inputs that have become alike are not noticed: compare between with std",
    },
    "gradient[0] / gradient[-1]": {
        "gradient[-1] / gradient[0]": (
            "the ends are exchanged: the gradient comes from the last layer, and arrives at the first"
        ),
        "gradient[0]": "the gradient at layer 1 alone says nothing: compare it with that at the last layer",
        "gradient.min() / gradient.max()": (
            "smallest and largest are compared: layer 1 is to be compared with the last"
        ),
        "gradient.mean() / gradient[-1]": "the mean over the layers is taken: layer 1 is to be compared",
        "gradient[-2] / gradient[-1]": "only the last two layers are compared: take the first and the last",
        "(gradient[0] / gradient[-1]) ** 2": (
            "the ratio is squared: a tenth of the gradient is asked for, not of its square"
        ),
        "(gradient[0] / gradient[-1]) ** 0.5": "the square root of the ratio is taken: take the ratio",
        "(gradient[:-1] / gradient[-1]).min() if (gradient < 0.1 * gradient[-1]).any() else gradient.max() "
        "/ "
        "gradient[-1]": (
            "the smallest and the largest gradient are looked at: the one at layer 1, the first, counts"
        ),
        "gradient[0] / gradient[1]": "only the first two layers are compared: take the first and the last",
        "std[-1] / std[0]": "the signal forward is looked at: gradient is the one that trains layer 1",
    },
    ("between[-1] < 0.1 * std[-1]", "ratio < 0.1", "ratio > 10"): {
        ("(between[-1] / std[-1]) ** 2 < 0.1", "ratio**2 < 0.1", "ratio**2 > 10"): (
            "squares are compared: a tenth is asked for, not a tenth of the square"
        ),
    },
    ("between[-1] < 0.1", "ratio < 0.1", "ratio > 10"): {
        ("between[-1] < 0.01", "ratio < 0.01", "ratio > 100"): (
            "a hundredth and a hundred times are taken: a tenth, and ten times"
        ),
        (
            "between[-1] < 0.5",
            "ratio < 0.5",
            "ratio > 2",
        ): "a half and twice are taken: a tenth, and ten times",
    },
    "    if between": {
        "    if gradient[0] < 0.1 * gradient[-1]:\n"
        '        return "vanishes"\n'
        "    if gradient[0] > 10 * gradient[-1]:\n"
        '        return "explodes"\n'
        "    if between": (
            'the order: "inputs alike" is asked first, also where the gradient vanishes or explodes'
        ),
    },
    "ratio > 10": {
        "False": "a gradient that explodes is not noticed: a ratio above 10",
        "ratio > 1": "above 1 is not yet above 10",
        "ratio > 100": "it explodes above ten times the last layer's gradient, not a hundred",
    },
    "ratio < 0.1": {
        "ratio < 1": "below 1 is not yet below 0.1",
        "ratio < 0.01": "it vanishes below a tenth of the last layer's gradient, not a hundredth",
        "False": "a gradient that vanishes is not noticed: a ratio below 0.1",
    },
}


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slope_of_tanh(y: Tensor) -> Tensor:
    return 1 - torch.tanh(y) ** 2


def slope_of_relu(y: Tensor) -> Tensor:
    return (y > 0).to(y.dtype)


def _curves(*rows: list[float]) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(row, dtype=torch.float64) for row in rows)


_Z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
_P = torch.exp(-(_Z**2) / 2) / torch.exp(-(_Z**2) / 2).sum()

EXERCISES = [
    Exercise(
        gain_that_keeps,
        cases=[
            (torch.tanh, 2.0, _Z, _P),
            (F.gelu, 0.25, _Z, _P),
            (torch.relu, 3.0, _Z, _P),
            (torch.sigmoid, 5.0, _Z, _P),
        ],
        typed=False,
        mistakes=GAIN,
        hints=(
            "If y has variance q and h = phi(y), the next layer's variance is gain^2 * E[h^2]. Which gain "
            "makes that q again?",
            "y = sqrt(q) * z with z standard normal. The mean of any f(z) is (p * f(z)).sum().",
            "gain = sqrt(q / E[phi(sqrt(q) z)^2]).",
        ),
        praise="For ReLU it is the square root of 2 at every variance; for tanh and GELU it depends on it.",
    ),
    Exercise(
        gradients_by_layer,
        cases=[
            (_normal(2, 3, seed=1), _normal(3, 2, 3, seed=2), _normal(3, 3, 3, seed=3), slope_of_tanh, 1.5),
            (_normal(3, 4, seed=4), _normal(4, 3, 4, seed=5), _normal(4, 4, 4, seed=6), slope_of_relu, 0.7),
            (
                _normal(3, 3, seed=7),
                _normal(2, 3, 3, seed=8),
                _normal(2, 3, 3, seed=9),
                slope_of_tanh,
                math.pi,
            ),
        ],
        mistakes=LOOP,
        hints=(
            "A layer computes y = h @ weight * gain / sqrt(n) and then phi(y). Backward: first through phi, "
            "then through the weights.",
            "Through phi: gradient * slope(y). Through the weights: @ weight.T * gain / sqrt(n). The result "
            "is the gradient at the layer below.",
            "Walk from the last layer to the first (flip(0) turns a tensor round along its first axis), note "
            "the gradient at each h before passing it on, and turn the list round at the end.",
        ),
        praise="It is what autograd does.",
    ),
    Exercise(
        what_happened,
        cases=[
            _curves([1.0, 0.9, 0.8], [0.9, 0.7, 0.5], [2.0, 3.0, 1.5]),
            _curves([0.3, 0.2, 0.2], [0.25, 0.01, 1e-5], [0.9, 0.95, 1.0]),
            _curves([1.0, 0.1, 0.01], [1.0, 0.1, 0.01], [4e-3, 0.4, 40.0]),
            _curves([0.6, 0.7, 0.7], [0.6, 0.7, 0.7], [90.0, 30.0, 1.0]),
            _curves([1e-3, 1e-4, 1e-6], [1e-3, 5e-5, 5e-7], [0.3, 0.2, 1.0]),
            _curves([0.5, 0.4, 0.5], [0.02, 0.3, 0.4], [0.05, 0.06, 0.05]),
            _curves([0.7, 1.0, 0.8], [0.6, 0.8, 0.2], [1.0, 1.0, 0.02]),
            _curves([0.9, 0.8, 3.0], [0.8, 0.5, 0.05], [2.0, 1.0, 1.0]),
            _curves([0.9, 0.9, 0.9], [0.5, 0.3, 0.2], [0.2, 30.0, 1.0]),
            _curves([0.1, 0.09, 0.08], [0.08, 0.06, 0.05], [1.0, 1.0, 1.0]),
            _curves([5.0, 2.0, 0.5], [5.0, 1.0, 0.4], [1.0, 1.0, 1.0]),
            _curves([0.9, 0.9, 0.9], [0.9, 0.9, 0.8], [1e-4, 1.0, 1.0]),
            _curves([0.8, 0.7, 0.7], [0.6, 0.1, 0.003], [1e-4, 0.02, 1.3]),  # alike, and it vanishes
            _curves([1.0, 1.1, 1.2], [0.9, 0.3, 0.05], [260.0, 12.0, 0.9]),  # alike, and it explodes
            _curves([0.8, 0.7, 0.7], [0.6, 0.4, 0.3], [0.09, 0.5, 1.3]),
            _curves([0.9, 0.7, 0.8], [0.05, 0.04, 0.03], [0.9, 1.1, 1.3]),  # alike from the first layer on
            _curves([0.1, 1.0, 1.0], [0.05, 0.5, 0.4], [0.9, 1.1, 1.3]),
            _curves([9.0, 1.0, 1.0], [0.2, 0.3, 0.4], [0.9, 1.1, 1.3]),
            _curves([2.0, 0.7, 0.5], [0.3, 0.2, 0.1], [0.9, 1.1, 1.3]),
            _curves([0.9, 1.0, 0.9], [0.8, 0.6, 0.4], [0.52, 1.1, 1.3]),
            _curves([0.9, 1.0, 0.9], [0.8, 0.6, 0.4], [220.0, 9.0, 1.3]),
            _curves([0.9, 1.0, 0.9], [0.8, 0.6, 0.4], [0.0011, 0.6, 1.3]),
            _curves([0.8, 0.7, 0.7], [0.6, 0.5, 0.15], [17.0, 2.0, 1.3]),
            _curves([0.8, 0.7, 0.7], [0.6, 0.5, 0.2], [0.31, 0.6, 1.3]),
            _curves([0.8, 0.7, 0.7], [0.6, 0.5, 0.2], [0.9, 0.05, 1.3]),
            _curves([0.8, 0.7, 0.7], [0.6, 0.5, 0.4], [5.5, 40.0, 1.3]),
        ],
        typed=False,
        mistakes=READING,
        hints=(
            "Read forward at the last layer and backward at the first, where signal and gradient arrive.",
            "Which share of std[-1] is between[-1]? And gradient[0] as a share of gradient[-1]?",
            "Four returns, in the order of the text: between[-1] < 0.1 * std[-1], then gradient[0] / "
            "gradient[-1] below 0.1, then above 10, then what is left.",
        ),
        praise="Both directions and the difference between inputs have been looked at.",
    ),
]
