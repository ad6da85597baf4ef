"""The known mistakes of lesson 04's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what each
wrong value means. The first table is one of answers: norm -> wrong axes -> words.
"""

from torch import Tensor

from helpers.exercises import lesson03_mistakes
from helpers.exercises.diagnosis import Mistakes
from helpers.exercises.lesson03_mistakes import divisor

_KEPT = "these are the axes that are kept: name those that are pooled"
AXES: dict[str, dict[tuple[int, ...], str]] = {
    "batch": {
        (1,): _KEPT,
        (0,): "batch norm pools the pixels of a channel too, not the images only",
        (1, 2, 3): "that is layer norm: batch norm pools the images and keeps the channels",
        (2, 3): "that is instance norm: batch norm pools the images too",
        (0, 1, 2, 3): "with every axis pooled, the channels share one mean: batch norm keeps them apart",
    },
    "layer": {
        (0,): _KEPT,
        (0, 2, 3): "that is batch norm: layer norm pools the channels and keeps the images",
        (2, 3): "that is instance norm: layer norm pools the channels too",
        (1,): "that is layer norm per position: here the pixels are pooled too",
        (0, 1, 2, 3): "with every axis pooled, the images share one mean: layer norm keeps them apart",
    },
    "instance": {
        (0, 1): _KEPT,
        (0, 2, 3): "that is batch norm: instance norm keeps the images apart",
        (1, 2, 3): "that is layer norm: instance norm keeps the channels apart",
        (2,): "a pixel has two axes, H and W: both are pooled",
        (3,): "a pixel has two axes, H and W: both are pooled",
    },
    "position": {
        (0, 2, 3): _KEPT,
        (1, 2, 3): "that is layer norm over (C, H, W): per position, no pixels are pooled",
        (3,): "axis 3 is W: in (N, C, H, W) the channels are axis 1",
    },
    "group": {
        (0, 1): _KEPT,
        (1, 3, 4): "this pools the groups: keep axis 1, pool the C / groups channels of a group, axis 2",
        (2,): "group norm pools the pixels too",
        (1, 2, 3): "count the axes of (N, groups, C / groups, H, W): the pixels are 3 and 4",
        (1, 2, 3, 4): "that is layer norm: the groups, axis 1, are kept",
        (3, 4): "that is instance norm: the C / groups channels of a group, axis 2, are pooled too",
        (0, 2, 3, 4): "group norm keeps the images apart: axis 0 is not pooled",
    },
}

_ROOT = lesson03_mistakes.FORWARD["root"] | {"no root": "the square root is missing"}


GROUP: Mistakes = {
    "grouping": {
        "interleaved": "the groups are interleaved: channels 0, 1, ... belong together, not every other one",
        "size": "groups of `groups` channels: there should be `groups` groups, of C / groups channels each",
    },
    "pool": {
        "batch": "the images share statistics: pool axes 2, 3 and 4 only, not axis 0",
        "pixels": "each channel has a mean of its own (that is instance norm): pool axis 2 as well",
        "channels": "each pixel has a mean of its own: pool the pixels, axes 3 and 4, as well",
        "layer": "the groups share one mean (that is layer norm): keep axis 1",
        "across": "this pools the groups, axis 1: pool the channels of a group, axis 2",
    },
    "correction": lesson03_mistakes.FORWARD["correction"],
    "root": _ROOT,
    "affine": lesson03_mistakes.FORWARD["affine"],
}


def group(
    x, groups, weight, bias, eps, grouping="right", pool="right", correction=0, root="right", affine="right"
) -> Tensor:
    """The output of group norm, with the mistakes of GROUP on request."""
    n, c, h, w = x.shape
    g = c // groups if grouping == "size" else groups
    split = (
        x.view(n, c // g, g, h, w).transpose(1, 2) if grouping == "interleaved" else x.view(n, g, -1, h, w)
    )
    axes = {
        "batch": (0, 2, 3, 4),
        "pixels": (3, 4),
        "channels": (2,),
        "layer": (1, 2, 3, 4),
        "across": (1, 3, 4),
    }
    over = axes.get(pool, (2, 3, 4))
    var = split.var(over, correction=correction, keepdim=True)
    x_hat = (split - split.mean(over, keepdim=True)) / divisor(var, eps, root)
    x_hat = (x_hat.transpose(1, 2) if grouping == "interleaved" else x_hat).reshape(x.shape)
    a, b = (p if affine == "last axis" else p.view(1, -1, 1, 1) for p in (weight, bias))
    slips = {"no weight": lambda: x_hat + b, "no bias": lambda: a * x_hat, "none": lambda: x_hat}
    slips |= {"swapped": lambda: b * x_hat + a, "bias first": lambda: a * (x_hat + b)}
    return slips.get(affine, lambda: a * x_hat + b)()


RMS: Mistakes = {
    "center": {True: "the mean is subtracted: that is layer norm"},
    "square": {
        "variance": "divided by the deviation: the mean square is taken about 0, not about the mean",
        "sum": "the squares are added up: take their mean",
        "unbiased": "the sum of the squares is divided by m - 1: divide by m",
        "absolute": "this is the mean of the absolute values: take the mean of the squares, then the root",
    },
    "axes": {
        "all": "everything shares one mean square: pool the last axis only",
        "first": "the mean square is taken over the rows: pool the last axis",
    },
    "root": _ROOT,
    "affine": {"no weight": "weight is not used"},
}


def rms(x, weight, eps, center=False, square="mean", axes="last", root="right", affine="right") -> Tensor:
    """The output of RMS norm over the last axis, with the mistakes of RMS on request."""
    over = {"last": -1, "all": tuple(range(x.dim())), "first": 0}[axes]
    x = x - x.mean(over, keepdim=True) if center else x
    mean = (x**2).mean(over, keepdim=True)
    m = x.numel() / mean.numel()
    squares = {"sum": lambda: m * mean, "unbiased": lambda: m / (m - 1) * mean}
    squares |= {"variance": lambda: x.var(over, correction=0, keepdim=True)}
    squares |= {"absolute": lambda: x.abs().mean(over, keepdim=True) ** 2}
    x_hat = x / divisor(squares.get(square, lambda: mean)(), eps, root)
    return x_hat if affine == "no weight" else weight * x_hat


_IMAGES = "{} norm does not pool the images: each has statistics of its own"
COUNT: Mistakes = {
    "batch": {
        "N C": "batch norm pools the images: one set for each channel, however many images there are",
        "N": "batch norm has a set for each channel, not for each image",
    },
    "layer": {
        "C": "layer norm has a set for each image, not for each channel",
        "1": _IMAGES.format("layer"),
    },
    "group": {
        "G": _IMAGES.format("group"),
        "N C/G": "group norm: groups x images, not channels / groups x images (claim 12 has the same slip)",
        "N": "group norm has `groups` sets for each image",
    },
    "instance": {
        "C": _IMAGES.format("instance"),
        "N": "instance norm does not pool the channels: a set for each channel of each image",
    },
    "position": {
        "N": "per position: each pixel of each image has a set of its own",
        "H W": "layer norm per position does not pool the images",
    },
    "parameters": {
        "half": "gamma and beta are two numbers, not one",
        "images": "parameters never belong to an image: the next batch holds other images",
        "channels": "layer and RMS norm over (C, H, W) have parameters for each element, not channel",
        "elements": "only layer and RMS norm over (C, H, W) have parameters for each element",
    },
    "beta": {True: "RMS norm has no beta"},
    "order": {"swapped": "the order: first how many sets, then how many parameters"},
}


def count(
    norm, N, C, H, W, groups, batch="C", layer="N", group="N G", instance="N C", position="N H W",
    parameters="right", beta=False, order="right",
) -> tuple[int, int]:  # fmt: skip
    """How many sets share statistics, and how many parameters; with the mistakes of COUNT on request."""
    sizes = {"1": 1, "N": N, "C": C, "G": groups, "N C": N * C, "N G": N * groups, "N C/G": N * C // groups}
    sizes |= {"N H W": N * H * W, "H W": H * W}
    places = {"batch": batch, "layer": layer, "RMS": layer, "group": group, "instance": instance}
    sets = sizes[(places | {"position": position})[norm]]
    elements = norm in ("layer", "RMS") if parameters != "channels" else False
    each = {"images": N}.get(parameters, C * H * W if elements or parameters == "elements" else C)
    learned = each * (1 if parameters == "half" or (norm == "RMS" and not beta) else 2)
    return (learned, sets) if order == "swapped" else (sets, learned)
