"""Exercises of lesson 06: the axes of each norm, group norm, what is counted, RMS norm."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes, returned_as, with_gradients
from helpers.lessons.forward import SCALE_AND_SHIFT, VARIANCE


def pooled_axes(norm):
    if norm == "group":
        return (2, 3, 4)  # of (N, groups, C / groups, H, W)
    return {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3), "position": (1,)}[norm]


def group_norm(x, groups, weight, bias, eps=1e-5):
    N, C, H, W = x.shape
    axes, shape = (2, 3, 4), (1, C, 1, 1)
    grouped = x.reshape(N, groups, C // groups, H, W)  # neighbouring channels form a group
    mean = grouped.mean(axes, keepdim=True)
    var = grouped.var(axes, correction=0, keepdim=True)
    x_hat = ((grouped - mean) / torch.sqrt(var + eps)).reshape(N, C, H, W)
    return weight.view(shape) * x_hat + bias.view(shape)


def count_statistics(norm, N, C, H, W, groups):
    sets = {"batch": C, "layer": N, "group": N * groups, "instance": N * C, "position": N * H * W, "RMS": N}
    each = {"layer": C * H * W, "RMS": C * H * W}  # an element each; the others: a channel each
    parameters = each.get(norm, C) * (1 if norm == "RMS" else 2)
    return sets[norm], parameters


def rms_norm(x, weight, eps=1e-5):
    axis = -1
    mean_square = (x**2).mean(axis, keepdim=True)
    return weight * x / torch.sqrt(mean_square + eps)


_KEPT = "these are the axes that are kept: name those that are pooled"
_LAST = "that is for channels in the last axis: here they are axis 1 of (N, C, H, W)"
_HOW_MANY = "this is how many axes are pooled: name which, as a tuple"
AXES: Mistakes = {
    '"batch": (0, 2, 3)': {
        '"batch": (1,)': _KEPT,
        '"batch": (0, 1, 2)': _LAST,
        '"batch": (3,)': _HOW_MANY,
        '"batch": (0,)': "batch norm pools the pixels of a channel too, not the images only",
        '"batch": (1, 2, 3)': "that is layer norm: batch norm pools the images and keeps the channels",
        '"batch": (2, 3)': "that is instance norm: batch norm pools the images too",
        '"batch": (0, 1, 2, 3)': (
            "with every axis pooled, the channels share one mean: batch norm keeps them apart"
        ),
    },
    '"layer": (1, 2, 3)': {
        '"layer": (0,)': _KEPT,
        '"layer": (0, 2, 3)': "that is batch norm: layer norm pools the channels and keeps the images",
        '"layer": (3,)': _HOW_MANY,
        '"layer": (2, 3)': "that is instance norm: layer norm pools the channels too",
        '"layer": (1,)': "that is layer norm per position: here the pixels are pooled too",
        '"layer": (0, 1, 2, 3)': (
            "with every axis pooled, the images share one mean: layer norm keeps them apart"
        ),
    },
    '"instance": (2, 3)': {
        '"instance": (0, 1)': _KEPT,
        '"instance": (0, 2, 3)': "that is batch norm: instance norm keeps the images apart",
        '"instance": (1, 2, 3)': "that is layer norm: instance norm keeps the channels apart",
        '"instance": (1, 2)': _LAST,
        '"instance": (2,)': "a pixel has two axes, H and W: both are pooled",
        '"instance": (3,)': "a pixel has two axes, H and W: both are pooled",
    },
    '"position": (1,)': {
        '"position": (0, 2, 3)': _KEPT,
        '"position": (1, 2, 3)': "that is layer norm over (C, H, W): per position, no pixels are pooled",
        '"position": (3,)': "axis 3 is W: in (N, C, H, W) the channels are axis 1",
        '"position": (0, 1)': "per position, images are kept apart: only channels, axis 1, are pooled",
        '"position": (2, 3)': "these are the pixels: per position, the channels (axis 1) are pooled",
    },
    "(2, 3, 4)": {
        "(0, 1)": _KEPT,
        "(1, 3, 4)": "this pools the groups: keep axis 1, pool the C / groups channels of a group, axis 2",
        "(2,)": "group norm pools the pixels too",
        "(3,)": _HOW_MANY,
        "(1, 2, 4)": "that is for channels in the last axis: here it is (N, groups, C / groups, H, W)",
        "(1, 2, 3)": "count the axes of (N, groups, C / groups, H, W): the pixels are 3 and 4",
        "(1, 2, 3, 4)": "that is layer norm: the groups, axis 1, are kept",
        "(3, 4)": "that is instance norm: the C / groups channels of a group, axis 2, are pooled too",
        "(0, 2, 3, 4)": "group norm keeps the images apart: axis 0 is not pooled",
    },
}

_ROOT = {
    "torch.sqrt(var + eps)": {
        "(torch.sqrt(var) + eps)": "eps is outside the square root",
        "torch.sqrt(var)": "eps is missing",
        "torch.sqrt(var + 1e-5)": "eps is always 1e-5: the argument eps is not used",
        "torch.sqrt(var + 1e-6)": "eps is always 1e-6: the argument eps is not used",
        "(var + eps)": "the square root is missing",
    },
}
_CONSTANT = "treated as a constant: its gradient is lost (detach or no_grad)"
GROUP: Mistakes = {
    (
        "x.reshape(N, groups, C // groups, H, W)",
        ".reshape(N, C, H, W)",
    ): {
        (
            "x.reshape(N, C // groups, groups, H, W).transpose(1, 2)",
            ".transpose(1, 2).reshape(N, C, H, W)",
        ): "the groups are interleaved: channels 0, 1, ... belong together, not every other one",
        (
            "x.reshape(N, C // groups, groups, H, W)",
            ".reshape(N, C, H, W)",
        ): "groups of `groups` channels: there should be `groups` groups, of C / groups channels each",
    },
    "axes, shape = (2, 3, 4),": {
        "axes, shape = (0, 2, 3, 4),": "the images share statistics: pool axes 2, 3 and 4 only, not axis 0",
        "axes, shape = (3, 4),": (
            "each channel has a mean of its own (that is instance norm): pool axis 2 as well"
        ),
        "axes, shape = (2,),": "each pixel has a mean of its own: pool the pixels, axes 3 and 4, as well",
        "axes, shape = (1, 2, 3, 4),": "the groups share one mean (that is layer norm): keep axis 1",
        "axes, shape = (1, 3, 4),": "this pools the groups, axis 1: pool the channels of a group, axis 2",
    },
    "N, C, H, W = x.shape": {
        "N, C, H, W = x.shape\n    groups = 3": "there are always 3 groups: the argument groups is not used",
        "N, C, H, W = x.shape\n    groups = 2": "there are always 2 groups: the argument groups is not used",
    },
    **VARIANCE,
    "torch.sqrt(var + eps)": _ROOT["torch.sqrt(var + eps)"],
    "weight.view(shape) * x_hat + bias.view(shape)": {
        **SCALE_AND_SHIFT["weight.view(shape) * x_hat + bias.view(shape)"],
        "weight.view(groups, -1).mean(1).repeat_interleave(C // groups).view(shape) * x_hat "
        "+ bias.view(groups, -1).mean(1).repeat_interleave(C // groups).view(shape)": (
            "weight and bias are averaged over each group: each channel has its own"
        ),
    },
    "(1, C, 1, 1)": {
        "(1, 1, 1, C)": "weight and bias run along the last axis (the columns), not along the channels",
    },
    ("grouped.mean(", "grouped.var("): {
        ("grouped.detach().mean(", "grouped.var("): "the mean is " + _CONSTANT,
        ("grouped.mean(", "grouped.detach().var("): "the variance is " + _CONSTANT,
        (
            "grouped.detach().mean(",
            "grouped.detach().var(",
        ): "mean and variance are treated as constants: their gradients are lost (detach or no_grad)",
    },
    "(grouped - mean)": {"grouped": "the mean is not subtracted", "(grouped + mean)": "the mean is added"},
}

RMS: Mistakes = {
    "    mean_square = ": {
        "    x = x - x.mean(axis, keepdim=True)\n    mean_square = ": (
            "the mean is subtracted: that is layer norm"
        ),
        "    x = weight * x\n    weight = 1\n    mean_square = ": (
            "the weight multiplies before the mean square is taken: it multiplies after"
        ),
        "    weight = 1 + weight\n    mean_square = ": "1 + weight multiplies: it should be weight",
    },
    "(x**2).mean(axis, keepdim=True)": {
        "x.var(axis, correction=0, keepdim=True)": (
            "divided by the standard deviation: the mean square is taken about 0, not about the mean"
        ),
        "x.var(axis, correction=1, keepdim=True)": (
            "divided by the (unbiased) standard deviation: the mean square is taken about 0, not about the "
            "mean"
        ),
        "(x**2).sum(axis, keepdim=True)": "the squares are added up: take their mean",
        "(x**2).mean(axis, keepdim=True) / (1 - x.mean(axis, keepdim=True).numel() / x.numel())": (
            "the sum of the squares is divided by m - 1: divide by m"
        ),
        "x.abs().mean(axis, keepdim=True) ** 2": (
            "this is the mean of the absolute values: take the mean of the squares, then the square root"
        ),
        "x.mean(axis, keepdim=True) ** 2": "this is the square of the mean: take the mean of the squares",
        "(x**2).amax(axis, keepdim=True)": "the largest square is taken: take the mean of the squares",
        "(x**2).detach().mean(axis, keepdim=True)": "the mean square is " + _CONSTANT,
    },
    "axis = -1": {
        "axis = tuple(range(x.ndim))": "everything shares one mean square: pool the last axis only",
        "axis = 0": "the mean square is taken over axis 0: pool the last axis",
        "axis = 1": "the mean square is taken over axis 1: pool the last axis",
    },
    "torch.sqrt(mean_square + eps)": {
        "(torch.sqrt(mean_square) + eps)": "eps is outside the square root",
        "torch.sqrt(mean_square)": "eps is missing",
        "torch.sqrt(mean_square + 1e-5)": "eps is always 1e-5: the argument eps is not used",
        "torch.sqrt(mean_square + 1e-6)": "eps is always 1e-6: the argument eps is not used",
        "(mean_square + eps)": "the square root is missing",
        "(x.abs().mean(axis, keepdim=True) + eps)": (
            "divided by the mean of the absolute values: take the mean of the squares, then the square root"
        ),
    },
    "weight * x": {"x": "weight is not used"},
    "weight * x / torch": {"weight * x * torch": "multiplied by the root of the mean square: divide by it"},
}

_IMAGES = "{} norm does not pool the images: each has statistics of its own"
_ELEMENTS = "layer and RMS norm over (C, H, W) have parameters for each element, not channel"
COUNT: Mistakes = {
    '"batch": C': {
        '"batch": N * C': (
            "batch norm pools the images: one set for each channel, however many images there are"
        ),
        '"batch": N': "batch norm has a set for each channel, not for each image",
    },
    ('"layer": N', '"RMS": N'): {
        ('"layer": C', '"RMS": C'): "layer norm has a set for each image, not for each channel",
        ('"layer": 1', '"RMS": 1'): _IMAGES.format("layer"),
    },
    '"group": N * groups': {
        '"group": groups': _IMAGES.format("group"),
        '"group": N * C // groups': (
            "group norm: groups x images, not channels / groups x images (claim 12 has the same slip)"
        ),
        '"group": N': "group norm has `groups` sets for each image",
    },
    '"instance": N * C': {
        '"instance": C': _IMAGES.format("instance"),
        '"instance": N': "instance norm does not pool the channels: a set for each channel of each image",
    },
    '"position": N * H * W': {
        '"position": N': "per position: each pixel of each image has a set of its own",
        '"position": H * W': "layer norm per position does not pool the images",
    },
    '(1 if norm == "RMS" else 2)': {
        "1": "gamma and beta are two numbers, not one",
        "2": "RMS norm has no beta",
    },
    "each.get(norm, C)": {
        "N": "parameters never belong to an image: the next batch holds other images",
        "C": _ELEMENTS,
        "C * H * W": "only layer and RMS norm over (C, H, W) have parameters for each element",
        '(groups if norm == "group" else each.get(norm, C))': (
            "group norm has parameters for each channel, not for each group"
        ),
        '(2 * C if norm == "batch" else each.get(norm, C))': (
            "batch norm's running statistics are no parameters: gamma and beta only"
        ),
        '(0 if norm == "instance" else each.get(norm, C))': (
            "instance norm has no parameters by default: here affine=True gives it gamma and beta"
        ),
        '(H * W if norm == "position" else each.get(norm, C))': (
            "per position, LayerNorm(C) has gamma and beta for each channel: the pixels share them"
        ),
        "sets[norm]": "parameters do not count like sets: none belongs to an image",
        '(N * C if norm == "instance" else each.get(norm, C))': (
            "parameters never belong to an image: instance norm has them for each channel"
        ),
    },
    "return sets[norm], parameters": {
        "return parameters, sets[norm]": "the order: first how many sets, then how many parameters",
        'return sets[norm] * (1 if norm == "RMS" else 2), parameters': (
            "mean and variance of a set count once: how many sets of values there are is asked for"
        ),
    },
}


def _random(*shape: int, seed: int = 4) -> Tensor:
    """Values in float64: no mean is 0, no variance is 1, no two places are alike."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x + 1.5) * torch.linspace(0.5, 2, x.numel(), dtype=torch.float64).view(shape)


def _axes(answer: Callable, norm: str) -> Seen:
    """The axes of one norm, from 0 upwards, in any order and form."""
    given = answer(norm)
    if given is None:
        raise Mistaken(f"pooled_axes({norm!r}) is None: is a `return` missing?")
    dims = 5 if norm == "group" else 4
    try:
        listed = [int(axis) for axis in ([given] if isinstance(given, int) else list(given))]
        if listed != [given] and listed != list(given):
            raise TypeError
    except (TypeError, ValueError):
        raise Mistaken(
            f"pooled_axes({norm!r}) gives {given!r}: it should be a tuple of whole numbers, such as (0, 2, 3)"
        ) from None
    if outside := [axis for axis in listed if not -dims <= axis < dims]:
        raise Mistaken(
            f"pooled_axes({norm!r}) gives {given!r}: there is no axis {outside[0]}: they are counted from "
            f"0, the last is {dims - 1}"
        )
    if len({axis % dims for axis in listed}) != len(listed):
        raise Mistaken(f"pooled_axes({norm!r}) gives {given!r}: an axis is named twice")
    return {"the axes": tuple(sorted(axis % dims for axis in listed))}


_EPS = 0.1  # large, so that its place shows
_C = 6  # W = C: finds parameters along the last axis
_SIZES = [
    *((norm, 8, 6, 4, 5, 3) for norm in ("batch", "layer", "group", "instance", "position", "RMS")),
    ("group", 3, 10, 2, 7, 2),
    ("batch", 3, 10, 2, 7, 2),
]

EXERCISES = [
    Exercise(
        pooled_axes,
        cases=[(norm,) for norm in ("batch", "layer", "instance", "position", "group")],
        look=_axes,
        apart=True,
        mistakes=AXES,
        hints=(
            "The axes that are pooled are those over which the mean is taken; a norm has one mean for each "
            "place on the axes that are kept.",
            "Batch norm keeps the channels (axis 1), layer norm the images (axis 0), instance norm both. "
            "Group norm's five axes are (N, groups, C / groups, H, W): it keeps images and groups.",
        ),
        praise="Five norms, and these axes are all that differs.",
    ),
    Exercise(
        group_norm,
        cases=[
            (_random(4, _C, 2, _C), 3, _random(_C, seed=5), _random(_C, seed=6), _EPS),
            (_random(4, _C, 2, _C), 2, _random(_C, seed=5), _random(_C, seed=6), _EPS),
            (
                torch.tensor([1, 2, 5, -4]).double().view(1, 2, 1, 2),
                1,
                torch.tensor([2, -1]).double(),
                torch.tensor([1, 0.5]).double(),
                0.5,
            ),
        ],
        far=(
            (10_000 + _random(4, _C, 2, 5)).float(),
            3,
            _random(_C, seed=5).float(),
            _random(_C, seed=6).float(),
            _EPS,
        ),
        look=with_gradients,
        mistakes=GROUP,
        hints=(
            "Split axis 1 into two, (N, groups, C / groups, H, W): neighbouring channels then form a group.",
            "Pool the axes (2, 3, 4) of that, with keepdim=True and correction=0, and normalize; then "
            "reshape back.",
            "gamma and beta belong to channels: multiply and add after reshaping back, as (1, C, 1, 1).",
        ),
        praise="It gives torch's output and gradients.",
    ),
    Exercise(
        count_statistics,
        cases=_SIZES,
        look=returned_as("sets", "parameters"),
        typed=False,
        mistakes=COUNT,
        hints=(
            "A norm has a set for each place on the axes that it keeps: multiply their sizes.",
            "PyTorch's parameters: gamma and beta for each channel, but for each element of (C, H, W) in "
            "layer and RMS norm over (C, H, W). RMS norm has no beta.",
        ),
        praise="Sets and parameters, for every norm and shape tried.",
    ),
    Exercise(
        rms_norm,
        cases=[
            (_random(4, 5), _random(5, seed=5), _EPS),
            (_random(2, 3, 5), _random(5, seed=5), _EPS),
            (torch.tensor([[1, -2], [3, 0]]).double(), torch.tensor([2, -1]).double(), 0.5),
        ],
        look=with_gradients,
        mistakes=RMS,
        hints=(
            "As layer norm, without subtracting a mean: divide by the root of the mean of the squares.",
            "(x**2).mean(-1, keepdim=True) is the mean square; eps is added inside the square root; the "
            "weight multiplies last.",
        ),
        praise="It gives torch's output and gradients.",
    ),
]
