"""Exercises of lesson 06: other right answers pass, each mistake is named."""

import pytest
import torch
from torch.nn import functional as F

from helpers.figures.sharing import sharing
from helpers.lessons.layer_group_instance_rms_norm import exercises

RIGHT = {
    "RMS norm's backward by autograd": (
        "rms_norm_backward",
        lambda g, x, w, eps=1e-5: torch.autograd.functional.vjp(
            lambda x, w: F.rms_norm(x, x.shape[-1:], w, eps), (x, w), g
        )[1],
    ),
    "layer norm's backward through that of RMS norm": (
        "layer_norm_backward",
        lambda g, x, w, eps=1e-5: through_rms_norm(g, x, w, eps),
    ),
    "names from a table": (
        "which_norm",
        lambda images, channels, pixels, C: (
            "batch"
            if images > 1
            else {
                (1, False): "evaluation",
                (C, False): "position",
                (1, True): "instance",
                (C, True): "layer",
            }.get((channels, pixels > 1), "group")
        ),
    ),
}


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_another_way_passes(way, said):
    name, answer = RIGHT[way]
    assert said(name, answer).startswith(f"{name}: correct.")


def through_rms_norm(grad_y, x, weight, eps=1e-5):
    grad, grad_weight = exercises.rms_norm_backward(grad_y, x - x.mean(-1, keepdim=True), weight, eps)
    return grad - grad.mean(-1, keepdim=True), grad_weight, grad_y.sum(0)


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("rms_norm_backward", lambda g, x, w, eps=1e-5: None, "is a `return` missing?"),
        (
            "rms_norm_backward",
            lambda g, x, w, eps=1e-5: g * w,
            "it should return 2 things, grad_x, grad_weight",
        ),
        (
            "rms_norm_backward",
            lambda *given: exercises.layer_norm_backward(*given)[:2],
            "the mean is subtracted",
        ),
        (
            "layer_norm_backward",
            lambda g, x, w, eps=1e-5: (*exercises.rms_norm_backward(g, x, w, eps), g.sum(0)),
            "mean is",
        ),
        (
            "layer_norm_backward",
            lambda g, x, w, eps=1e-5: (g * w, *exercises.layer_norm_backward(g, x, w, eps)[1:]),
            "h alone",
        ),
        ("which_norm", lambda *moved: None, "is a `return` missing?"),
        (
            "which_norm",
            lambda *moved: "batch",
            "which_norm(1, 6, 1, 6) gives 'batch': batch norm in training",
        ),
        ("which_norm", lambda *moved: "group norm", "return one of these words exactly"),
        ("which_norm", lambda *moved: 1 / 0, "it stops with ZeroDivisionError"),
    ],
)
def test_wrong_answers_as_learners_write_them(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(grad_y, x, weight, eps=1e-5):
        r = (x**2).mean(-1, keepdim=True).sqrt() + eps
        x_hat, h = x / r, weight * grad_y
        return h / r, (grad_y * x_hat).sum(0)

    output = said("rms_norm_backward", answer)
    assert "outside the square root" in output
    assert "x_hat * mean(h * x_hat) is missing" in output


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "instance", "position"])
def test_which_norm_agrees_with_the_sets_of_the_picture(norm):
    sets = sharing(norm, (4, 6, 2, 5), groups=3)
    moved = sets == sets[0, 0, 0, 0]
    images, channels, pixels = (int(moved.flatten(2).any(axes).sum()) for axes in ((1, 2), (0, 2), (0, 1)))
    assert exercises.which_norm(images, channels, pixels, 6) == norm


def test_the_backward_passes_are_torchs():
    g, x, w = (torch.randn(4, 5, dtype=torch.float64) for _ in range(3))
    w = w[0]
    _, right = torch.autograd.functional.vjp(
        lambda x, w, b: F.layer_norm(x, (5,), w, b, 0.1), (x, w, torch.zeros_like(w)), g
    )
    torch.testing.assert_close(exercises.layer_norm_backward(g, x, w, 0.1), right)
    _, right = torch.autograd.functional.vjp(lambda x, w: F.rms_norm(x, (5,), w, 0.1), (x, w), g)
    torch.testing.assert_close(exercises.rms_norm_backward(g, x, w, 0.1), right)
