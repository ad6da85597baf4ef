"""Exercises of lesson 06: norms known by what they move, RMS norm's and layer norm's backward passes."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as
from helpers.lessons.forward import UNBIASED


def which_norm(images, channels, pixels, C):
    if images > 1:
        return "batch"
    if channels == 1 and pixels == 1:
        return "evaluation"
    if pixels == 1:
        return "position"
    if channels == C:
        return "layer"
    if channels > 1:
        return "group"
    return "instance"


def rms_norm_backward(grad_y, x, weight, eps=1e-5):
    def mean(values):  # of each vector
        return values.mean(-1, keepdim=True)

    r = torch.sqrt(mean(x**2) + eps)
    x_hat = x / r
    h = weight * grad_y  # gradient at x_hat
    grad_x = (h - x_hat * mean(h * x_hat)) / r
    return grad_x, (grad_y * x_hat).sum(0)


def layer_norm_backward(grad_y, x, weight, eps=1e-5):
    def mean(values):  # of each vector
        return values.mean(-1, keepdim=True)

    deviation = x - mean(x)
    s = torch.sqrt(mean(deviation**2) + eps)
    x_hat = deviation / s
    h = weight * grad_y  # gradient at x_hat
    grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s
    return grad_x, (grad_y * x_hat).sum(0), grad_y.sum(0)


_MOVES = {
    "batch": "batch norm in training moves the outputs of more than one image",
    "evaluation": "batch norm in evaluation moves one number only: its statistics are fixed",
    "position": "layer norm per position moves all channels, of one pixel",
    "layer": "layer norm over (C, H, W) moves all channels and all pixels of one image",
    "group": "group norm moves several channels of one image, not all, and all pixels",
    "instance": "instance norm moves all pixels of one channel of one image",
}
WHICH: Mistakes = {
    f'return "{right}"': {f'return "{wrong}"': words for wrong, words in _MOVES.items() if wrong != right}
    for right in _MOVES
}

_MEAN = {
    "values.mean(-1,": {
        "values.mean(0,": "averaged over axis 0, the vectors: each vector has statistics of its own",
        "values.mean((0, -1),": "averaged over everything: each vector has statistics of its own",
    },
}
_GRADIENTS_MEAN = "averaged over axis 0, the vectors: the means of h and h * x_hat are those of each vector"
_WEIGHT = {"h = weight * grad_y": {"h = grad_y": "weight is missing in grad_x: h = weight * grad_y"}}
_LAST_TERM = {
    "": "the term x_hat * mean(h * x_hat) is missing: s or r also depends on x",
    " + x_hat * mean(h * x_hat)": "the term x_hat * mean(h * x_hat) has the wrong sign",
    " - mean(h * x_hat)": "the last term lacks its factor x_hat: x_hat * mean(h * x_hat)",
    " - x_hat * mean(h * x)": "the last term averages h * x: it should be h * x_hat",
    " - x_hat * mean(h)": "the last term averages h: it should be h * x_hat",
    " - x_hat * (h * x_hat)": "the last term is no mean: take mean(h * x_hat)",
    " - mean(h * x_hat) / x_hat": "the last term is divided by x_hat: multiply by it",
}
_TO_WEIGHT = {
    "(grad_y * x_hat)": {
        "(grad_y * x)": "grad_weight uses x: it should use x_hat",
        "(h * x_hat)": "grad_weight uses h, which holds the weight already: it should use grad_y",
    },
}
_TO_SUM = "grad_weight is a mean: it should be the sum over the vectors, axis 0"


def _sizes(root: str) -> Mistakes:
    """The square root of a mean square: wrong places of eps, no root."""
    inside = root.removeprefix("torch.sqrt(").removesuffix(" + eps)")
    return {
        root: {
            f"(torch.sqrt({inside}) + eps)": "eps is outside the square root",
            f"torch.sqrt({inside})": "eps is missing",
            f"torch.sqrt({inside} + 1e-5)": "eps is always 1e-5: the argument eps is not used",
            f"({inside} + eps)": "the square root is missing",
        },
    }


def _divided(by: str) -> Mistakes:
    return {
        f"(h * x_hat)) / {by}": {
            "(h * x_hat))": f"grad_x is not divided by {by}",
            f"(h * x_hat)) / {by}**2": f"grad_x is divided by {by} squared: divide by {by}",
            f"(h * x_hat)) / {by} * weight": "the weight multiplies grad_x twice: h has it already",
        },
    }


def _summed(term: str) -> Mistakes:
    """Means in grad_x taken as sums."""
    return {
        "    grad_x = ": {
            "    average = mean\n"
            "    mean = lambda values: x.shape[-1] * average(values)\n"
            "    grad_x = ": f"{term} in grad_x: take means, divided by the number of elements of a vector",
        },
    }


RMS_BACKWARD: Mistakes = {
    **_MEAN,
    **_sizes("torch.sqrt(mean(x**2) + eps)"),
    "mean(x**2)": {
        "(x**2).sum(-1, keepdim=True)": (
            "r is the norm of the vector: the root mean square divides by the number of its elements"
        ),
        "mean((x - mean(x)) ** 2)": "r is the standard deviation: RMS norm subtracts no mean, x ** 2",
    },
    "(h - x_hat * mean(h * x_hat)) / r": {
        "h - x_hat * mean(h * x_hat) / r": "only the last term is divided by r: h is divided by it as well",
        "(h - x_hat * (h * x_hat).mean(0)) / r": _GRADIENTS_MEAN,
    },
    "    r = ": {"    x = x - mean(x)\n    r = ": "the mean is subtracted: RMS norm leaves it in"},
    **_WEIGHT,
    " - x_hat * mean(h * x_hat)": _LAST_TERM
    | {
        " - x_hat * mean(h * x)": (
            "the last term averages h * x, or is not divided by r: it should be x_hat * mean(h * x_hat) / "
            "r, within the brackets"
        ),
        " - x_hat * mean(h) * mean(x_hat)": (
            "the last term is a product of means, and that of x_hat is near 0: take the mean of the product "
            "h * x_hat"
        ),
        " - mean(h) - x_hat * mean(h * x_hat)": (
            "the term mean(h) belongs to layer norm: RMS norm subtracts no mean"
        ),
    },
    **_divided("r"),
    **_summed("a sum"),
    **_TO_WEIGHT,
    "(grad_y * x_hat).sum(0)": {
        "(grad_y * x_hat).mean(0)": _TO_SUM,
        "(grad_y * x_hat).sum()": (
            "grad_weight is summed over everything: weight has an element for each place of a vector"
        ),
        "(grad_y * x_hat).sum(-1)": "grad_weight is summed over each vector: sum over the vectors, axis 0",
        "grad_y.sum(0)": "that is the gradient of a bias: grad_weight has a factor x_hat",
    },
    "    grad_x = (h - x_hat * mean(h * x_hat)) / r": {
        "    grad_x = h": "grad_x is h alone: it has to pass through the normalization",
    },
    "return grad_x, (grad_y * x_hat).sum(0)": {
        "return (grad_y * x_hat).sum(0), grad_x": "the results are in another order: grad_x, grad_weight",
    },
}

LAYER_BACKWARD: Mistakes = {
    **_MEAN,
    "(h - mean(h) - x_hat * mean(h * x_hat)) / s": {
        "(h - h.mean(0) - x_hat * (h * x_hat).mean(0)) / s": _GRADIENTS_MEAN,
        "(h - x_hat * mean(h * x_hat)) / s - mean(x)": (
            "the mean of x is subtracted from the gradient: it should be the mean of h, before the division "
            "by s"
        ),
        "(h - mean(x) - x_hat * mean(h * x_hat)) / s": (
            "the mean of x is subtracted from the gradient: it should be the mean of h"
        ),
        "(h - x_hat * mean(h * x_hat)) / s - mean(h)": (
            "the mean of h is not divided by s: brackets round all three terms"
        ),
        "(h - mean(h)) / s - x_hat * mean(h * x_hat)": (
            "the last term is not divided by s: brackets round all three terms"
        ),
        "h / s - mean(h) - x_hat * mean(h * x_hat)": "only h is divided by s: brackets round all three terms",
    },
    "mean(deviation**2)": {
        "mean(deviation**2) / (1 - 1 / x.shape[-1])": UNBIASED,
    },
    **_sizes("torch.sqrt(mean(deviation**2) + eps)"),
    "deviation = x - mean(x)": {"deviation = x": "the mean is not subtracted: that is RMS norm's x_hat"},
    **_WEIGHT,
    " - mean(h)": {
        "": "the mean is treated as a constant: the term - mean(h) is missing",
        " + mean(h)": "the term mean(h) has the wrong sign",
    },
    " - x_hat * mean(h * x_hat)": _LAST_TERM
    | {
        "": (
            "the term x_hat * mean(h * x_hat) is missing, for s also depends on x; or it is a product of "
            "means, which is 0: take the mean of the product h * x_hat"
        ),
    },
    **_divided("s"),
    **_summed("sums"),
    "(grad_y * x_hat)": _TO_WEIGHT["(grad_y * x_hat)"]
    | {"(grad_y * deviation)": "grad_weight uses x - mean: it should use x_hat"},
    ".sum(0), grad_y.sum(0)": {
        ".mean(0), grad_y.mean(0)": "grad_weight and grad_bias are means: take sums over the vectors",
        ".sum(0) * weight, h.sum(0)": "grad_weight and grad_bias are multiplied by weight",
        ".sum(0), h.sum(0)": "grad_bias is multiplied by weight: it should not be",
        ".sum(-1), grad_y.sum(-1)": "summed over each vector: sum over the vectors, axis 0",
    },
    "return grad_x, (grad_y * x_hat).sum(0), grad_y.sum(0)": {
        "return grad_x, grad_y.sum(0), (grad_y * x_hat).sum(0)": "grad_weight and grad_bias are swapped",
    },
    "    grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s": {
        "    grad_x = h": "grad_x is h alone: it has to pass through the normalization",
    },
}


def _random(*shape: int, seed: int = 4) -> Tensor:
    """Values in float64: no mean is 0, no variance is 1, no two places are alike."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x + 1.5) * torch.linspace(0.5, 2, x.numel(), dtype=torch.float64).view(shape)


_EPS = 0.1  # large, so that its place shows
_SMALL = torch.tensor([[1, -2, 4], [3, 0, 1]]).double()  # vectors small enough to be shown
_SMALL_GRADIENT = torch.tensor([[1, 0, 2], [-1, 1, 0]]).double()
_OF_SMALL = torch.tensor([2, -1, 0.5]).double()


def _vectors(dtype: torch.dtype = torch.float64, far: float = 0.0) -> tuple[Tensor, ...]:
    """grad_y, x, weight, eps; as many vectors as elements, so that the wrong axis broadcasts."""
    numbers = (_random(5, 5), _random(5, 5, seed=5) + far, _random(5, seed=6))
    return *(values.to(dtype) for values in numbers), _EPS


EXERCISES = [
    Exercise(
        which_norm,
        cases=[(5, 1, 12, 6), (1, 1, 1, 8), (1, 6, 1, 6), (1, 9, 20, 9), (1, 3, 15, 12), (1, 1, 8, 4)],
        apart=True,
        mistakes=WHICH,
        hints=(
            "What moves together shares a mean. Ask first: does an image move another one? Which norms can "
            "that be?",
            "If one image moves: all its pixels or one? Then: one channel, some, or all C of them?",
            "One image, one channel, one pixel: nothing else moves, so the statistics do not come from this "
            "input. Only batch norm in evaluation is like that.",
        ),
        praise="Five norms, told from outside, without a look at their code.",
    ),
    Exercise(
        rms_norm_backward,
        cases=[(_SMALL_GRADIENT, _SMALL, _OF_SMALL, 0.5), _vectors()],
        look=returned_as("grad_x", "grad_weight"),
        mistakes=RMS_BACKWARD,
        hints=(
            "y_i = weight_i x_hat_i. What is the derivative of the loss by weight_i, and by x_hat_i (call it "
            "h_i)?",
            "x_hat_i = x_i / r: x_j acts on x_hat_j directly, and on every x_hat_i through r. First show "
            "that dr/dx_j = x_j / (m r) = x_hat_j / m.",
            "grad_x_j = h_j / r - (sum over i of h_i x_i / r²) x_hat_j / m, which is "
            "(h_j - x_hat_j mean(h x_hat)) / r.",
        ),
        praise="Both gradients are torch's.",
    ),
    Exercise(
        layer_norm_backward,
        cases=[(_SMALL_GRADIENT, _SMALL, _OF_SMALL, 0.5), _vectors()],
        far=_vectors(torch.float32, far=10_000),
        look=returned_as("grad_x", "grad_weight", "grad_bias"),
        mistakes=LAYER_BACKWARD,
        hints=(
            "Layer norm is RMS norm of the deviations x - mean(x). Go back through RMS norm first.",
            "Then through x - mean(x): the gradient g at the deviations becomes g - mean(g). What is the "
            "mean of x_hat, and so of x_hat * mean(h * x_hat)?",
            "grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s; grad_weight and grad_bias are sums over "
            "the vectors.",
        ),
        praise="All three gradients are torch's.",
    ),
]
