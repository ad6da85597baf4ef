"""Exercises of lesson 06: other right answers pass, each mistake is named."""

import ast

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from helpers.figures.sharing import counts
from helpers.lessons.layer_group_instance_rms_norm import exercises

AXES = [
    ("group", ast.literal_eval(wrong), text)
    if right.startswith("(")
    else (*ast.literal_eval(f"{{{wrong}}}").popitem(), text)
    for right, table in exercises.AXES.items()
    for wrong, text in table.items()
]


RIGHT = {
    "torch's group norm": ("group_norm", lambda x, g, w, b, eps: F.group_norm(x, g, w, b, eps)),
    "a loop over the groups": (
        "group_norm",
        lambda x, g, w, b, eps: (
            torch.cat([F.layer_norm(part, part.shape[1:], eps=eps) for part in x.chunk(g, dim=1)], dim=1)
            * w[:, None, None]
            + b[:, None, None]
        ),
    ),
    "torch's RMS norm": ("rms_norm", lambda x, w, eps: F.rms_norm(x, (x.shape[-1],), w, eps)),
    "rsqrt": ("rms_norm", lambda x, w, eps: x * torch.rsqrt((x * x).mean(-1, True) + eps) * w),
    "axes from the end, as a list": (
        "pooled_axes",
        lambda norm: {
            "batch": [0, -1, -2],
            "layer": range(1, 4),
            "instance": {-2, -1},
            "position": 1,
            "group": [-3, -2, -1],
        }[norm],
    ),
    "an array of counts": ("count_statistics", lambda *case: np.array(exercises.count_statistics(*case))),
    "a list of tensors": (
        "count_statistics",
        lambda *case: [torch.tensor(v) for v in exercises.count_statistics(*case)],
    ),
}


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_another_way_passes(way, said):
    name, answer = RIGHT[way]
    assert said(name, answer).startswith(f"{name}: correct.")


@pytest.mark.parametrize(("norm", "axes", "text"), AXES)
def test_wrong_axes_are_named(norm, axes, text, said):
    output = said("pooled_axes", lambda name: axes if name == norm else exercises.pooled_axes(name))
    assert output == f"pooled_axes: not yet.\n  - pooled_axes({norm!r}) gives {axes!r}: {text}\n"


def interleaved(x, groups, weight, bias, eps):
    split = x.reshape(x.shape[0], -1, groups, *x.shape[2:])  # as a learner writes it
    x_hat = (split - split.mean((1, 3, 4), True)) / (
        split.var((1, 3, 4), correction=0, keepdim=True) + eps
    ).sqrt()
    return weight.view(-1, 1, 1) * x_hat.reshape(x.shape) + bias.view(-1, 1, 1)


def detached(x, weight, eps):
    with torch.no_grad():
        return exercises.rms_norm(x, weight, eps)


def in_place(x, weight, eps):
    root = ((x**2).mean(-1, keepdim=True) + eps).sqrt()
    with torch.no_grad():
        x /= root
    return weight * x


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("group_norm", interleaved, "the groups are interleaved"),
        ("group_norm", lambda x, g, w, b, eps: F.group_norm(x, g, w, b, 0), "eps is missing"),
        (
            "group_norm",
            lambda x, g, w, b, eps: F.instance_norm(x, weight=w, bias=b, eps=eps),
            "is instance norm",
        ),
        ("group_norm", lambda x, g, w, b, eps: F.group_norm(x, 1, w, b, eps), "is layer norm"),
        ("group_norm", lambda x, g, w, b, eps: x.view(4, g, 2, -1), "has shape (4, 3, 2, 12), it should"),
        ("group_norm", lambda x, g, w, b, eps: x.sin(), "this check has no name for"),
        ("rms_norm", lambda x, w, eps: F.layer_norm(x, x.shape[-1:], w, eps=eps), "that is layer norm"),
        ("rms_norm", lambda x, w, eps: w * F.normalize(x, dim=-1), "added up"),
        ("rms_norm", detached, "outside the graph"),
        ("rms_norm", in_place, "it changes x itself"),
        ("rms_norm", lambda x, w, eps: None, "is a `return` missing?"),
        ("pooled_axes", lambda norm: None, "is a `return` missing?"),
        ("pooled_axes", lambda norm: 1.5, "it should be a tuple of axes"),
        ("pooled_axes", lambda norm: (0, 1), "that is not right"),
        ("count_statistics", lambda *case: 8, "it should return 2 things, sets, parameters"),
        ("count_statistics", lambda *case: (1, 2), "it is 1, 2 for every input"),
        ("count_statistics", lambda *case: 1 / 0, "it stops with ZeroDivisionError"),
    ],
)
def test_wrong_answers_as_learners_write_them(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(x, groups, weight, bias, eps):
        z = x.reshape(len(x), groups, -1)
        z = (z - z.mean(-1, keepdim=True)) / (z.std(-1, keepdim=True) + eps)
        return z.view_as(x) * weight.view(-1, 1, 1) + bias.view(-1, 1, 1)

    output = said("group_norm", answer)
    assert "unbiased" in output
    assert "outside the square root" in output


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "instance", "position", "RMS"])
def test_the_counts_are_those_of_the_picture_and_of_torchs_parameters(norm):
    n, c, h, w, groups = 4, 6, 2, 3, 3
    layers = {
        "batch": torch.nn.BatchNorm2d(c),
        "layer": torch.nn.LayerNorm((c, h, w)),
        "group": torch.nn.GroupNorm(groups, c),
        "instance": torch.nn.InstanceNorm2d(c, affine=True),
        "position": torch.nn.LayerNorm(c),
        "RMS": torch.nn.RMSNorm((c, h, w)),
    }
    learned = sum(p.numel() for p in layers[norm].parameters())
    assert exercises.count_statistics(norm, n, c, h, w, groups) == (
        counts(norm, (n, c, h, w), groups)[0],
        learned,
    )
