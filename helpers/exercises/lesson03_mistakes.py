"""The known mistakes of lesson 03's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what each
wrong value means.
"""

import torch
from torch import Tensor

from helpers.exercises.diagnosis import Mistakes

_AXES = {
    "right": lambda d: [0, *range(2, d)],
    "batch": lambda d: [0],
    "image": lambda d: list(range(2, d)) or [1],
    "layer": lambda d: list(range(1, d)),
    "channel": lambda d: [1],
    "all": lambda d: list(range(d)),
}
_WRONG_AXES = "averaged over the wrong axes: over "
_SHARED: Mistakes = {
    "axes": {
        "batch": _WRONG_AXES + "the images only, so that each pixel has a mean of its own",
        "image": _WRONG_AXES + "each image on its own (that is instance norm)",
        "layer": _WRONG_AXES + "channels and pixels of each image (that is layer norm)",
        "channel": _WRONG_AXES + "the channels",
        "all": _WRONG_AXES + "everything, so that the channels share one mean",
    },
    "correction": {1: "the variance is the unbiased one: divide by m, not by m - 1 (correction=0)"},
    "root": {
        "eps outside": "eps is outside the square root",
        "no eps": "eps is missing",
        "fixed eps": "eps is always 1e-5: the argument eps is not used",
        "no root": "divided by the variance, not by its square root",
    },
}


def _wide(p: Tensor, x: Tensor, axis: int = 1) -> Tensor:
    """(C,) -> the shape that runs along that axis of x."""
    return p.view([-1 if d == axis % x.ndim else 1 for d in range(x.ndim)])


def divisor(var: Tensor, eps: float, root: str) -> Tensor:
    """What x - mean is divided by, from the variance (or, for RMS norm, the mean square)."""
    outside, fixed = (
        {"eps outside": eps}.get(root, 0.0),
        {"no eps": 0.0, "eps outside": 0.0, "fixed eps": 1e-5},
    )
    inside = var + fixed.get(root, eps)
    return inside if root == "no root" else inside.sqrt() + outside


FORWARD: Mistakes = {
    **_SHARED,
    "affine": {
        "no weight": "weight is not used",
        "no bias": "bias is not used",
        "none": "weight and bias are not used",
        "swapped": "weight and bias are swapped",
        "bias first": "the bias is added before the weight multiplies",
        "last axis": "weight and bias run along the last axis (the columns), not along the channels",
    },
    "constant": {
        "mean": "the mean is treated as a constant: its gradient is lost (detach or no_grad)",
        "variance": "the variance is treated as a constant: its gradient is lost (detach or no_grad)",
        "mean and variance": "mean and variance are treated as constants: their gradients are lost",
    },
}


def forward(
    x, weight, bias, eps, axes="right", correction=0, root="right", affine="right", constant=""
) -> Tensor:
    """The output of batch norm, with the mistakes of FORWARD on request."""
    over = _AXES[axes](x.ndim)
    mean, var = x.mean(over, keepdim=True), x.var(over, correction=correction, keepdim=True)
    mean = mean.detach() if "mean" in constant else mean
    var = var.detach() if "variance" in constant else var
    x_hat = (x - mean) / divisor(var, eps, root)
    w, b = (_wide(p, x, -1 if affine == "last axis" else 1) for p in (weight, bias))
    slips = {"no weight": x_hat + b, "no bias": w * x_hat, "none": x_hat, "bias first": w * (x_hat + b)}
    return (slips | {"swapped": b * x_hat + w}).get(affine, w * x_hat + b)


STATISTICS: Mistakes = {
    "axes": {"all": _SHARED["axes"]["all"]},  # other axes give no (C,), and stop with an error
    "correction": {0: "the variance that is kept is the biased one: keep the unbiased one, divided by m - 1"},
    "share": {
        "swapped": "momentum is the share of the new value, not of the old one",
        "fixed": "momentum is always 0.1: the argument momentum is not used",
        "all": "the old value is forgotten: keep (1 - momentum) of it",
    },
    "spread": {
        "deviation": "the standard deviation is kept, not the variance",
        "mean only": "running_var is not updated in place",
        "variance only": "running_mean is not updated in place",
    },
}


def statistics(
    x, running_mean, running_var, momentum, axes="right", correction=1, share="right", spread="variance"
) -> tuple[Tensor, Tensor]:
    """The running statistics after one batch, with the mistakes of STATISTICS on request."""
    over = _AXES[axes](x.ndim)
    mean, var = x.mean(over), x.var(over, correction=correction)
    var = var.sqrt() if spread == "deviation" else var
    p = {"right": momentum, "swapped": 1 - momentum, "fixed": 0.1, "all": 1.0}[share]
    new_mean, new_var = (1 - p) * running_mean + p * mean, (1 - p) * running_var + p * var
    partly = {"mean only": (new_mean, running_var), "variance only": (running_mean, new_var)}
    return partly.get(spread, (new_mean, new_var))


BACKWARD: Mistakes = {
    **_SHARED,
    "mean_road": {
        0: "the mean is treated as a constant: the term - mean(h) is missing",
        -1: "the term mean(h) has the wrong sign",
    },
    "variance_road": {
        0: "the variance is treated as a constant: the term - x_hat * mean(h * x_hat) is missing",
        -1: "the term x_hat * mean(h * x_hat) has the wrong sign",
    },
    "inner": {"sum": "the two terms in grad_x are sums: they should be means, divided by m"},
    "weighted": {False: "weight is missing in grad_x: h = weight * grad_y"},
    "scale": {False: "grad_x is not divided by s = sqrt(var + eps)"},
    "factor": {
        "x": "grad_weight uses x: it should use x_hat",
        "x - mean": "grad_weight uses x - mean: it should use x_hat",
    },
    "outer": {"mean": "grad_weight and grad_bias are means: they should be sums over all m values"},
    "order": {"swapped": "grad_weight and grad_bias are swapped"},
}


def backward(
    grad_y, x, weight, eps, axes="right", correction=0, root="right", mean_road=1, variance_road=1,
    inner="mean", weighted=True, factor="x_hat", outer="sum", scale=True, order="right",
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The three gradients, with the mistakes of BACKWARD on request."""
    over = _AXES[axes](x.ndim)
    mean = x.mean(over, keepdim=True)
    s = divisor(x.var(over, correction=correction, keepdim=True), eps, root)
    x_hat = (x - mean) / s
    h = _wide(weight, x) * grad_y if weighted else grad_y
    pool = getattr(torch, inner)
    terms = (
        mean_road * pool(h, over, keepdim=True),
        variance_road * x_hat * pool(h * x_hat, over, keepdim=True),
    )
    grad_x = (h - terms[0] - terms[1]) / (s if scale else 1)
    pool, channels = getattr(torch, outer), _AXES["right"](x.ndim)
    along = {"x_hat": x_hat, "x": x, "x - mean": x - mean}[factor]
    grads = pool(grad_y * along, channels), pool(grad_y, channels)
    return grad_x, *(grads[::-1] if order == "swapped" else grads)
