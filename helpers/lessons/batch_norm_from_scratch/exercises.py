"""Exercises of lesson 04: batch norm forward, its backward, a term that is missing."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as, with_gradients
from helpers.lessons.forward import (
    EPS,
    EVERYTHING,
    FIXED,
    NO_EPS,
    NO_ROOT,
    OUTSIDE,
    SCALE_AND_SHIFT,
    UNBIASED,
    VARIANCE,
    random_values,
)


def batch_norm_forward(x, weight, bias, eps=1e-5):
    axes = [0, *range(2, x.ndim)]  # all but the channels: [0] for (N, C), [0, 2, 3] for images
    shape = [1, -1] + [1] * (x.ndim - 2)  # (1, C) or (1, C, 1, 1)
    mean = x.mean(axes, keepdim=True)
    var = x.var(axes, correction=0, keepdim=True)  # biased: divide by m
    x_hat = (x - mean) / torch.sqrt(var + eps)
    return weight.view(shape) * x_hat + bias.view(shape)


def batch_norm_backward(grad_y, x, weight, eps=1e-5):
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)

    def mean(values):  # over each channel
        return values.mean(axes, keepdim=True)

    deviation = x - mean(x)
    s = torch.sqrt(mean(deviation**2) + eps)
    x_hat = deviation / s
    h = weight.view(shape) * grad_y  # gradient at x_hat
    grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s
    grad_weight, grad_bias = (grad_y * x_hat).sum(axes), grad_y.sum(axes)
    return grad_x, grad_weight, grad_bias


def missing_terms(b, size):
    def moves(history):  # still, at the end: the forward pass undoes each step
        return abs(history[-1] - history[-2]) > 1e-3

    if moves(b):
        return "both" if moves(size) else "mean"
    return "variance" if moves(size) else "none"


# What is tried. C = W: a parameter along the wrong axis then broadcasts silently, and is found.
def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


_SMALL = _numbers(1, 2, 5, 4, 3, -6).view(3, 2)  # feature vectors small enough to be shown
_FAR = (10_000 + random_values(5, 3, 2, 3)).float()
_WEIGHT, _BIAS = _numbers(2.2, -1.4, 3.1), _numbers(-0.3, -1.9, 0.8)

_AXES = "averaged over the wrong axes: over "
_WRONG_AXES = {
    "[0]": _AXES + "the images only, so that each pixel has a mean of its own",
    "list(range(2, x.ndim)) or [1]": _AXES + "each image on its own (that is instance norm)",
    "list(range(1, x.ndim))": _AXES + "channels and pixels of each image (that is layer norm)",
    "[1]": _AXES + "the channels",
    "list(range(x.ndim))": EVERYTHING,
}

FORWARD: Mistakes = {
    "[0, *range(2, x.ndim)]": _WRONG_AXES,
    **VARIANCE,
    "torch.sqrt(var + eps)": {
        "(torch.sqrt(var) + eps)": OUTSIDE,
        "torch.sqrt(var)": NO_EPS,
        "torch.sqrt(var + 1e-5)": FIXED,
        "(var + eps)": NO_ROOT,
        "torch.sqrt(var + eps**2)": "eps is squared: it is added to the variance as it is",
        "(x.amax(axes, keepdim=True) - x.amin(axes, keepdim=True) + eps)": (
            "divided by the range, not by the standard deviation"
        ),
    },
    **SCALE_AND_SHIFT,
    "x.var(axes, correction=0, keepdim=True)": {
        "(x**2).mean(axes, keepdim=True)": (
            "the mean of the squares stands for the variance: the squares of x - mean are averaged"
        ),
    },
    "[1, -1] + [1] * (x.ndim - 2)": {
        "[1] * (x.ndim - 1) + [-1]": (
            "weight and bias run along the last axis (the columns), not along the channels"
        ),
    },
    ("x.mean(", "x.var("): {
        ("x.detach().mean(", "x.var("): (
            "the mean is treated as a constant: its gradient is lost (detach or no_grad)"
        ),
        ("x.mean(", "x.detach().var("): (
            "the variance is treated as a constant: its gradient is lost (detach or no_grad)"
        ),
        ("x.detach().mean(", "x.detach().var("): (
            "mean and variance are treated as constants: their gradients are lost (detach or no_grad)"
        ),
    },
    "x_hat = (x - mean) /": {
        "x_hat = x - mean /": "operator precedence: x - mean / s divides the mean only; write (x - mean) / s",
        "x_hat = x /": "the mean is not subtracted",
        "x_hat = (x + mean) /": "the mean is added: subtract it",
        "x_hat = (x - x.amin(axes, keepdim=True)) /": "the minimum is subtracted, not the mean",
        "x_hat = (x.detach() - mean) /": "x itself is detached: the direct path of its gradient is lost",
    },
    "x_hat = (x - mean) / torch.sqrt(var + eps)": {
        "mean, var = mean.flatten(), var.flatten()\n    x_hat = (x - mean) / torch.sqrt(var + eps)": (
            "mean and variance run along the last axis: is keepdim=True missing?"
        ),
        "low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)\n"
        "    x_hat = (x - low) / (high - low + eps)": (
            "minimum and range are used: that is min-max scaling, not standardization"
        ),
    },
    "    x_hat = (x - mean) / torch.sqrt(var + eps)\n"
    "    return weight.view(shape) * x_hat + bias.view(shape)": {
        "    flat = x.reshape(-1, x.shape[1])\n"
        "    flat = (flat - flat.mean(0)) / torch.sqrt(flat.var(0, correction=0) + eps)\n"
        "    return (weight * flat + bias).reshape(x.shape)": (
            "reshape(-1, C) mixes the channels: axis 1 has to be the last one first (movedim)"
        ),
        "    flat = x.reshape(-1, x.shape[1])\n"
        "    x_hat = ((flat - flat.mean(0)) / torch.sqrt(flat.var(0, correction=0) + eps)).reshape(x.shape)\n"
        "    return weight.view(shape) * x_hat + bias.view(shape)": (
            "reshape(-1, C) mixes the channels: axis 1 has to be the last one first (movedim), and to go "
            "back after"
        ),
    },
    "eps=1e-5):": {
        "eps=1e-5):\n    x = x.detach()": "x is detached: no gradient reaches it",
        "eps=1e-5):\n    weight, bias = weight.detach(), bias.detach()": (
            "weight and bias are detached: they would never learn"
        ),
    },
}

BACKWARD: Mistakes = {
    "values.mean(axes,": {f"values.mean({axes},": words for axes, words in _WRONG_AXES.items()},
    "mean(deviation**2)": {
        "mean(deviation**2) / (1 - mean(x).numel() / x.numel())": UNBIASED,
    },
    "torch.sqrt(mean(deviation**2) + eps)": {
        "(torch.sqrt(mean(deviation**2)) + eps)": OUTSIDE,
        "torch.sqrt(mean(deviation**2))": NO_EPS,
        "torch.sqrt(mean(deviation**2) + 1e-5)": FIXED,
        "(mean(deviation**2) + eps)": NO_ROOT,
    },
    " - mean(h)": {
        "": "the mean is treated as a constant: the term - mean(h) is missing",
        " + mean(h)": "the term mean(h) has the wrong sign",
    },
    " - x_hat * mean(h * x_hat)": {
        "": "the variance is treated as a constant: the term - x_hat * mean(h * x_hat) is missing",
        " + x_hat * mean(h * x_hat)": "the term x_hat * mean(h * x_hat) has the wrong sign",
        " - mean(h * x_hat)": "the last term lacks its factor x_hat: x_hat * mean(h * x_hat)",
        " - x_hat * mean(h * x)": "the last term averages h * x: it should be h * x_hat",
    },
    "    grad_x = ": {
        "    average, m = mean, x.numel() / s.numel()\n"
        "    mean = lambda values: m * average(values)\n"
        "    grad_x = ": "the two terms in grad_x are sums: they should be means, divided by m",
        "    average, m = mean, x.numel() / s.numel()\n"
        "    mean = lambda values: m / len(x) * average(values)\n"
        "    grad_x = ": (
            "the two sums in grad_x are divided by N, the number of images: divide by m, the number of "
            "values of a channel"
        ),
    },
    "weight.view(shape) * grad_y": {"grad_y": "weight is missing in grad_x: h = weight * grad_y"},
    "(h * x_hat)) / s": {
        "(h * x_hat))": "grad_x is not divided by s = sqrt(var + eps)",
        "(h * x_hat)) / s**2": "grad_x is divided by var + eps: divide by s = sqrt(var + eps)",
        "(h * x_hat)) / s * weight.view(shape)": "the weight multiplies grad_x twice: h has it already",
    },
    "(grad_y * x_hat)": {
        "(grad_y * x)": "grad_weight uses x: it should use x_hat",
        "(grad_y * deviation)": "grad_weight uses x - mean: it should use x_hat",
        "(h * x_hat)": "grad_weight uses h, which holds the weight already: it should use grad_y",
    },
    ".sum(axes), grad_y.sum(axes)": {
        ".mean(axes), grad_y.mean(axes)": (
            "grad_weight and grad_bias are means: they should be sums over all m values"
        ),
        ".sum(axes) * weight, h.sum(axes)": (
            "grad_weight and grad_bias are multiplied by weight: they should not be"
        ),
        ".sum(axes), h.sum(axes)": "grad_bias is multiplied by weight: it should not be",
    },
    "grad_x, grad_weight, grad_bias": {
        "grad_x, grad_bias, grad_weight": "grad_weight and grad_bias are swapped",
    },
    "    grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s": {
        "    grad_x = h": "grad_x is h alone: it has to pass through the normalization",
    },
}


_READS = """\
    def moves(history):  # still, at the end: the forward pass undoes each step
        return abs(history[-1] - history[-2]) > 1e-3

    if moves(b):
        return "both" if moves(size) else "mean"
    return "variance" if moves(size) else "none"
"""
_LAST = "abs(history[-1] - history[-2])"
READING: Mistakes = {  # of one snippet, so that words are never taken for two mistakes at once
    _READS: {
        _READS.replace(_LAST, "history[-1] - history[-2]"): (
            "b and |w| may run down as well as up: the direction depends on the target"
        ),
        _READS.replace(_LAST, "abs(history[-1] - history[0])"): (
            "compared with the start: |w| moves with the full gradient too, until the fit is done; what "
            "tells is whether it still moves at the end"
        ),
        _READS.replace(_LAST, "abs(history[-1])"): (
            "judged by the last value: b and |w| may start anywhere; what tells is whether they still move"
        ),
        _READS.replace(
            "> 1e-3", "<= 1e-3"
        ): "the wrong way round: what stands still at the end is not pushed",
        _READS.replace('"mean"', "0").replace('"variance"', '"mean"').replace("0\n", '"variance"\n'): (
            "the names are swapped: b would change the mean, |w| the variance"
        ),
        _READS.replace('"both" if moves(size) else "mean"', '"mean"'): (
            "both terms may be missing: look at |w| where b moves, too"
        ),
        _READS.replace('"variance" if moves(size) else "none"', '"none"'): (
            "b stands still, but |w| may move: then the variance term is missing"
        ),
        _READS.replace('"both" if moves(size) else "mean"', '"mean"').replace(
            '"variance" if moves(size) else "none"', '"none"'
        ): "|w| is not looked at: it tells whether the variance term is missing",
        _READS.replace('else "none"', 'else "variance"'): (
            "neither b nor |w| moves at the end: then no term is missing"
        ),
        _READS.replace(_LAST, "history[-1] - history[0]"): (
            "b and |w| may run down as well as up, and what tells is whether they still move at the end"
        ),
        **{
            _READS.replace("moves(b)", f"b[-1] - {before} > 1e-3"): (
                "b may run down as well as up: the direction depends on the target, take abs"
            )
            for before in ("b[0]", "b[-2]")
        },
        _READS.replace("moves(size)", "size[-1] - size[-2] > 1e-3"): (
            "|w| may become smaller as well as larger: the start is not always too small, take abs"
        ),
        _READS.replace("moves(b)", "abs(b[-1]) > 1e-3"): (
            "b may start anywhere: what tells is whether it still moves, not whether it is 0"
        ),
        _READS.replace("moves(b)", "b[-1] > 1e-3"): (
            "b may start anywhere and run down: what tells is whether it still moves at the end"
        ),
        _READS.replace("moves(b)", "abs(b[-1]) > 2 * abs(b[0])"): (
            "b is compared with a multiple of its start: it may start anywhere; look at the difference of "
            "its last values"
        ),
        _READS.replace("moves(size)", "size[-1] > size[0]"): (
            "|w| moves with the full gradient too, until the fit is done: what tells is whether it still "
            "moves at the end, not what became of its start"
        ),
        _READS.replace("moves(size)", "not moves(size)"): (
            "|w| is read the wrong way round: where it stops, nothing is missing; where it grows without "
            "end, the variance term is"
        ),
        _READS.replace("moves(b)", "not moves(b)"): (
            "b is read the wrong way round: where it stands still, nothing is missing; where it runs on, "
            "the mean term is"
        ),
        _READS.replace('"both" if moves(size) else "mean"', '"variance" if moves(size) else "mean"'): (
            '"both" never comes: ask for it before "variance" and "mean"'
        ),
        **{
            f"    return 'mean' if abs(b[-1] - b[{i}]) > abs(size[-1] - size[{i}]) else 'variance'\n": (
                "b is compared with |w|: both may move, and neither; ask for each by itself whether it moves "
                "at the end"
            )
            for i in (0, -2)
        },
        **{
            _READS.replace("moves(b)", f"{b} > 1").replace("moves(size)", "size[-1] > 1.2"): (
                "the numbers of the example are asked for: other runs start elsewhere; look at the "
                "differences of the last values"
            )
            for b in ("b[-1]", "abs(b[-1])")
        },
        **{
            _READS.replace("moves(b)", f"b[-1] != {before}"): (
                "b is compared exactly: rounding moves it by a tiny amount; allow for that"
            )
            for before in ("b[-2]", "b[0]")
        },
        _READS.replace(f"{_LAST} > 1e-3", "history[-1] != history[-2]"): (
            "compared exactly: eps keeps |w| moving by a few millionths; allow for that"
        ),
    },
}


def _backward(answer: Callable, *inputs: object) -> Seen:
    with torch.no_grad():  # as inside torch.autograd.Function: autograd cannot be asked
        return returned_as("grad_x", "grad_weight", "grad_bias")(answer, *inputs)


EXERCISES = [
    Exercise(
        batch_norm_forward,
        cases=[
            (random_values(5, 3, 2, 3), _WEIGHT, _BIAS, EPS),
            (random_values(7, 3), _WEIGHT, _BIAS, EPS),
            (_SMALL, _numbers(2, -1), _numbers(1, 0.5), 0.5),
        ],
        far=(_FAR, _WEIGHT.float(), _BIAS.float(), EPS),
        look=with_gradients,
        mistakes=FORWARD,
        hints=(
            "Pool all axes but axis 1, and let keepdim=True keep their places, so that the results broadcast "
            "against x.",
            "x.mean and x.var take a list of axes. The variance here divides by m: which argument of x.var "
            "says so? And weight, (C,), has to stand along axis 1: give it the shape (1, C, 1, 1) for "
            "images, (1, C) for feature vectors.",
            "axes = [0, *range(2, x.ndim)] are the axes, [1, -1] + [1] * (x.ndim - 2) is the shape; what is "
            "left are the four lines of the algorithm, eps inside the square root.",
        ),
        praise="It gives torch's output and gradients, on images and on feature vectors.",
    ),
    Exercise(
        batch_norm_backward,
        cases=[
            (random_values(5, 3, 2, 3, seed=4), random_values(5, 3, 2, 3), _WEIGHT, EPS),
            (random_values(7, 3, seed=4), random_values(7, 3), _WEIGHT, EPS),
            (_numbers(1, 0, -1, 2, 0, 1).view(3, 2), _SMALL, _numbers(2, -1), 0.5),
        ],
        far=(random_values(5, 3, 2, 3, seed=4).float(), _FAR, _WEIGHT.float(), EPS),
        look=_backward,
        mistakes=BACKWARD,
        hints=(
            "Compute x_hat and s = sqrt(var + eps) as in exercise 1. The gradient at x_hat is h = weight * "
            "grad_y.",
            "Two of the three are sums over the pooled axes: what does y = weight * x_hat + bias give for "
            "weight, and for bias?",
            "grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s, with means over the pooled axes "
            "(keepdim=True).",
        ),
        praise="All three gradients are torch's, on images and on feature vectors.",
    ),
    Exercise(
        missing_terms,
        cases=[
            ([0.0, 0.0, 0.0, 0.0, 0.0], [0.866, 1.124, 1.1247, 1.12478, 1.12479]),
            ([0.0, -3.61, -7.25, -10.88, -14.5], [0.866, 1.124, 1.1247, 1.12478, 1.12479]),
            ([0.0, 0.0, 0.0, 0.0, 0.0], [0.866, 2.81, 4.01, 4.92, 5.68]),
            ([0.0, 2.57, 3.75, 4.61, 5.33], [0.866, 2.81, 4.01, 4.92, 5.68]),
            ([5.0, 5.0, 5.0, 5.0, 5.0], [3.1, 3.21, 3.215, 3.215, 3.215]),
            ([-2.0, -2.0, -2.0, -2.0, -2.0], [1.9, 1.71, 1.55, 1.4, 1.27]),
            ([0.7, 0.7 + 1e-15, 0.7 - 1e-15, 0.7 + 1e-15, 0.7 + 2e-15], [2.7, 2.41, 2.406, 2.406, 2.406]),
            ([-4.2, -3.1, -2.03, -0.96, 0.12], [2.2, 1.63, 1.622, 1.622, 1.622]),  # from below 0 to above
            ([3.3, -1.9, -4.6, -6.7, -8.4], [0.41, 2.9, 4.2, 5.2, 6.1]),
            ([0.3, 0.3, 0.3, 0.3, 0.3], [0.3, 0.92, 1.31, 1.63, 1.9]),
        ],
        typed=False,
        mistakes=READING,
        hints=(
            "Which of the two could reach a target with another mean, if the forward pass let it: b or |w|? "
            "And which a target with another standard deviation?",
            "With the full gradient |w| moves as well, until the fit is done. So look at the end: what still "
            "moves there is pushed by a gradient that should be 0.",
            "Compare the last two values of b, and of size: if they differ by more than rounding and eps can "
            "do (0.001, say), the mean term, or the variance term, is missing.",
        ),
        praise="It reads all ten runs: what still moves at the end is pushed by a term that is missing.",
    ),
]
