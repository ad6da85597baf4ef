"""Exercises of lesson 13: right answers pass, mistakes as learners write them are named."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F


def by_autograd(parameters, factor):
    leaves = {name: w.detach().clone().requires_grad_() for name, w in parameters.items()}
    loss = factor * sum(w.abs().sum() for w in leaves.values() if w.dim() >= 2)
    loss.backward()
    return {name: torch.zeros_like(w) if w.grad is None else w.grad for name, w in leaves.items()}


def in_a_loop(parameters, factor):
    found = {}
    for name in reversed(list(parameters)):
        w = parameters[name]
        found[name] = w.sign().mul(factor) if len(w.shape) != 1 else w * 0
    return found


RIGHT = [
    ("l1_pull", by_autograd),
    ("l1_pull", in_a_loop),
    ("silent_channels", lambda w: sum(not channel.any() for channel in w)),
    ("silent_channels", lambda w: int((w.abs().amax(dim=tuple(range(1, w.ndim))) == 0).sum())),
    ("silent_channels", lambda w: np.sum(w.numpy().reshape(len(w), -1).any(axis=1) == 0)),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil((reach * s / d) ** 2)),
    ("runs_needed", lambda d, s, reach=2.8: int(np.ceil(reach**2 * s**2 / d**2))),
    (
        "runs_needed",
        lambda d, s, reach=2.8: next(n for n in range(1, 9999) if d >= reach * s / n**0.5),
    ),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def pull(choose, of):
    return lambda parameters, factor: {
        name: of(w, factor) if choose(name, w) else torch.zeros_like(w) for name, w in parameters.items()
    }


def is_weight(_, w):
    return w.ndim > 1


AS_LEARNERS_WRITE_THEM = [
    ("l1_pull", pull(lambda name, w: True, lambda w, f: f * w.sign()), "biases and norms are pulled too"),
    ("l1_pull", pull(lambda name, w: "weight" in name, lambda w, f: f * w.sign()), "the norm's gamma"),
    ("l1_pull", pull(lambda name, w: w.ndim == 4, lambda w, f: f * w.sign()), "linear layer's weight"),
    ("l1_pull", pull(is_weight, lambda w, f: f * w), "the pull of L2"),
    ("l1_pull", pull(is_weight, lambda w, f: f * w.abs()), "the penalty itself"),
    ("l1_pull", pull(is_weight, lambda w, f: w.sign()), "the factor is missing"),
    ("l1_pull", pull(is_weight, lambda w, f: -f * w.sign()), "the sign is turned round"),
    ("l1_pull", lambda p, f: {n: f * w.sign() for n, w in p.items() if w.ndim > 1}, "names lacking: 2.bias"),
    ("l1_pull", lambda p, f: [f * w.sign() for w in p.values()], "a list: a dictionary"),
    ("l1_pull", lambda p, f: None, "is a `return` missing"),
    ("l1_pull", lambda p, f: dict.fromkeys(p, f), "a float, not a tensor"),
    ("l1_pull", lambda p, f: 1 / 0, "stops with ZeroDivisionError"),
    ("silent_channels", lambda w: (w.sum(dim=(1, 2, 3)) == 0).sum(), "may add up to 0"),
    ("silent_channels", lambda w: (w == 0).sum(), "single weights"),
    ("silent_channels", lambda w: (w.flatten(1).abs().sum(1) < 1e-3).sum(), "a small weight is not 0"),
    ("silent_channels", lambda w: (w == 0).all(dim=0).sum(), "has no name for"),
    ("silent_channels", lambda w: (w.flatten(1) == 0).all(dim=1), "one number is asked for"),
    ("silent_channels", lambda w: (w.transpose(0, 1).flatten(1) == 0).all(1).sum(), "input channels"),
    ("runs_needed", lambda d, s, reach=2.8: (reach * s / d) ** 2, "round up"),
    ("runs_needed", lambda d, s, reach=2.8: round((reach * s / d) ** 2), "to the nearest"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil(reach * s / d), "the square is missing"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil((reach * d / s) ** 2), "changed places"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil(2 * (reach * s / d) ** 2), "variance is doubled"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil((1.96 * s / d) ** 2), "every second time"),
    ("runs_needed", lambda d, s, reach=2.8: 7, "it should be"),
    ("runs_needed", lambda d, s, reach=2.8: "many", "one number is asked for"),
    ("runs_needed", lambda d, s, reach=2.8: None, "is a `return` missing"),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_mistakes_as_learners_write_them_are_named(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(parameters, factor):
        return {name: w.sign() for name, w in parameters.items()}

    output = said("l1_pull", answer)
    assert "the factor is missing" in output
    assert "biases and norms are pulled too" in output


def test_the_pull_is_the_gradient_of_the_penalty():
    w = torch.tensor([[0.5, -2.0, 0.0]], requires_grad=True)
    F.l1_loss(w, torch.zeros_like(w), reduction="sum").backward()
    from helpers.lessons.regularization_experiments.exercises import l1_pull

    assert torch.equal(l1_pull({"a": w.detach()}, 1.0)["a"], w.grad)
