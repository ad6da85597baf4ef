"""Exercises: each stub is told apart, each solution passes, each known mistake is named in words."""

import inspect
from collections.abc import Callable

import nbformat
import pytest
import torch
from torch.nn import functional as F

from helpers import ROOT, exercises
from helpers.exercises import (
    check,
    lesson01_mistakes,
    lesson02_mistakes,
    lesson03_mistakes,
    lesson04_mistakes,
    lesson05_mistakes,
    lesson06_mistakes,
    lesson07_mistakes,
    lesson08_mistakes,
    lesson09_mistakes,
    solution,
)
from helpers.exercises.diagnosis import named

ALL = sorted(exercises._EXERCISES)
NAMES = ("batch_norm_forward", "update_running_statistics", "batch_norm_backward")


def said(capsys: pytest.CaptureFixture, name: str, answer: Callable) -> str:
    assert check(name, answer) is None
    return capsys.readouterr().out


def axes(x):
    return [0, *range(2, x.ndim)]


def wide(p, x):
    return p.reshape(1, -1, *[1] * (x.ndim - 2))


def stub_from_lessons(name: str) -> Callable:
    """The stub as the one lesson that checks it has it."""
    call = f'check("{name}", {name})'
    cells = [
        c for path in (ROOT / "notebooks").glob("*.ipynb") for c in nbformat.read(path, as_version=4).cells
    ]
    (stub,) = [cell.source for cell in cells if cell.cell_type == "code" and call in cell.source]
    scope: dict = {}
    exec(stub.replace(call, ""), scope)
    return scope[name]


@pytest.mark.parametrize("name", ALL)
def test_the_lessons_stub_waits_for_an_answer_and_has_the_solutions_arguments(name, capsys):
    stub = stub_from_lessons(name)
    assert said(capsys, name, stub) == f"{name}: waits for your answer.\n"
    assert inspect.signature(stub) == inspect.signature(exercises._EXERCISES[name].answer)


@pytest.mark.parametrize("name", ALL)
def test_the_solution_passes_as_it_is_printed(name, capsys):
    solution(name)
    scope = {"torch": torch, "F": F}  # what the lessons import
    exec(capsys.readouterr().out, scope)
    assert said(capsys, name, scope[name]).startswith(f"{name}: correct.")


LISTED = {  # exercise -> a reference that can be computed wrongly on purpose, and the words for each way
    "undo_min_max": (lesson01_mistakes.undo, lesson01_mistakes.UNDO),
    "standardize": (lesson01_mistakes.standardized, lesson01_mistakes.STANDARDIZED),
    "merge": (lesson01_mistakes.merged, lesson01_mistakes.MERGED),
    "equalize": (lesson01_mistakes.equalized, lesson01_mistakes.EQUALIZED),
    "best_learning_rate": (lesson02_mistakes.rate, lesson02_mistakes.RATE),
    "whitening_matrix": (lesson02_mistakes.whitening, lesson02_mistakes.WHITENING),
    "he_std": (lesson02_mistakes.he, lesson02_mistakes.HE),
    "dead_units": (lesson02_mistakes.dead, lesson02_mistakes.DEAD),
    "group_norm": (lesson04_mistakes.group, lesson04_mistakes.GROUP),
    "count_statistics": (lesson04_mistakes.count, lesson04_mistakes.COUNT),
    "rms_norm": (lesson04_mistakes.rms, lesson04_mistakes.RMS),
    "count_numbers": (lesson05_mistakes.count, lesson05_mistakes.COUNT),
    "fold": (lesson05_mistakes.folded, lesson05_mistakes.FOLDED),
    "main_effect": (lesson05_mistakes.effect, lesson05_mistakes.EFFECT),
    "count_means": (lesson06_mistakes.means, lesson06_mistakes.MEANS_MISTAKES),
    "standard_error": (lesson06_mistakes.error, lesson06_mistakes.ERROR_MISTAKES),
    "paired_interval": (lesson06_mistakes.paired, lesson06_mistakes.PAIRED_MISTAKES),
    "first_epoch": (lesson06_mistakes.first, lesson06_mistakes.FIRST_MISTAKES),
    "crossing_point": (lesson07_mistakes.crossing, lesson07_mistakes.CROSSING),
    "train_test_gap": (lesson07_mistakes.gap, lesson07_mistakes.GAP),
    "scaled_gradient": (lesson07_mistakes.scaled, lesson07_mistakes.SCALED),
    "effective_rate": (lesson07_mistakes.rate, lesson07_mistakes.RATE),
    "soft_threshold": (lesson08_mistakes.soft, lesson08_mistakes.SOFT),
    "ridge_with_intercept": (lesson08_mistakes.ridge, lesson08_mistakes.RIDGE),
    "lasso_coordinate": (lesson08_mistakes.coordinate, lesson08_mistakes.COORDINATE),
    "adamw_step": (lesson08_mistakes.adamw, lesson08_mistakes.ADAMW),
    "l1_pull": (lesson09_mistakes.pull, lesson09_mistakes.PULL),
    "silent_channels": (lesson09_mistakes.silent, lesson09_mistakes.SILENT),
    "runs_needed": (lesson09_mistakes.runs, lesson09_mistakes.RUNS),
}
MISTAKES = [
    pytest.param(name, {choice: value}, text, id=f"{name}-{choice}-{value}")
    for name, (_, mistakes) in LISTED.items()
    for choice, wrong in mistakes.items()
    for value, text in wrong.items()
]


@pytest.mark.parametrize(("name", "choice", "text"), MISTAKES)
def test_each_listed_mistake_is_named_and_no_other(name, choice, text, capsys):
    reference, _ = LISTED[name]
    output = said(capsys, name, lambda *case: reference(*case, **choice))
    assert output == f"{name}: not yet.\n  - {text}\n"


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    for call in (lambda: check("batch_norm", print), lambda: solution("batch_norm")):
        with pytest.raises(ValueError, match=r"no exercise 'batch_norm'.*batch_norm_backward"):
            call()


# Forward: answers as learners write them. Each function has the mistake that its sentence names.


def forward(
    x, weight, bias, eps=1e-5, *, over=None, correction=0, divide=None, affine=None, x_of=lambda x: x
):
    over = axes(x) if over is None else over
    mean, var = x.mean(over, keepdim=True), x.var(over, correction=correction, keepdim=True)
    divide = divide or (lambda var: torch.sqrt(var + eps))
    x_hat = (x - x_of(mean)) / divide(x_of(var))
    affine = affine or (lambda h: wide(weight, x) * h + wide(bias, x))
    return affine(x_hat)


def one_pass(x, weight, bias, eps=1e-5):
    mean = x.mean(axes(x), keepdim=True)
    var = (x**2).mean(axes(x), keepdim=True) - mean**2
    return wide(weight, x) * (x - mean) / torch.sqrt(var + eps) + wide(bias, x)


def in_place(x, weight, bias, eps=1e-5):
    with torch.no_grad():
        x -= x.mean(axes(x), keepdim=True)
    return forward(x, weight, bias, eps)


def only_mean_constant(x, weight, bias, eps=1e-5):
    var = x.var(axes(x), correction=0, keepdim=True)
    return wide(weight, x) * (x - x.mean(axes(x), keepdim=True).detach()) / (var + eps).sqrt() + wide(bias, x)


def only_variance_constant(x, weight, bias, eps=1e-5):
    s = torch.sqrt(x.var(axes(x), correction=0, keepdim=True).detach() + eps)
    return wide(weight, x) * (x - x.mean(axes(x), keepdim=True)) / s + wide(bias, x)


def no_graph(x, weight, bias, eps=1e-5):
    with torch.no_grad():
        return forward(x, weight, bias, eps)


def images_only(x, weight, bias, eps=1e-5):
    return forward(x, weight, bias, eps, over=(0, 2, 3))


def last_axis(x, weight, bias, eps=1e-5):
    return forward(x, weight, bias, eps, affine=lambda h: weight * h + bias)


FORWARD = {
    "the variance is the unbiased one": lambda x, w, b, e: forward(x, w, b, e, correction=1),
    "over the images only": lambda x, w, b, e: forward(x, w, b, e, over=(0,)),
    "that is instance norm": lambda x, w, b, e: forward(x, w, b, e, over=(2, 3)),
    "that is layer norm": lambda x, w, b, e: forward(x, w, b, e, over=(1, 2, 3)),
    "wrong axes: over the channels": lambda x, w, b, e: forward(x, w, b, e, over=(1,)),
    "the channels share one mean": lambda x, w, b, e: forward(x, w, b, e, over=tuple(range(x.ndim))),
    "eps is outside the square root": lambda x, w, b, e: forward(x, w, b, e, divide=lambda v: v.sqrt() + e),
    "eps is missing": lambda x, w, b, e: forward(x, w, b, e, divide=torch.sqrt),
    "eps is always 1e-5": lambda x, w, b, e: forward(x, w, b, 1e-5),
    "divided by the variance": lambda x, w, b, e: forward(x, w, b, e, divide=lambda v: v + e),
    "weight is not used": lambda x, w, b, e: forward(x, w, b, e, affine=lambda h: h + wide(b, x)),
    "bias is not used": lambda x, w, b, e: forward(x, w, b, e, affine=lambda h: wide(w, x) * h),
    "weight and bias are not used": lambda x, w, b, e: forward(x, w, b, e, affine=lambda h: h),
    "weight and bias are swapped": lambda x, w, b, e: forward(x, b, w, e),
    "bias is added before": lambda x, w, b, e: forward(x, w, 0 * b, e) + wide(w * b, x),
    "along the last axis": last_axis,
    "the mean is treated as a constant": only_mean_constant,
    "the variance is treated as a constant": only_variance_constant,
    "mean and variance are treated as constants": lambda x, w, b, e: forward(x, w, b, e, x_of=torch.detach),
    "outside the graph": no_graph,
    "it changes x itself": in_place,
    "digits are lost far from zero": one_pass,
    "it stops with IndexError on rows (N, C)": images_only,
    "is a `return` missing?": lambda x, w, b, e: None,
    "is a float, not a tensor": lambda x, w, b, e: 1.0,
    "has shape (3,), it should have": lambda x, w, b, e: w,
    "torch.float32, the input was torch.float64": lambda x, w, b, e: forward(x, w, b, e).float(),
    "has no name for": lambda x, w, b, e: forward(x, w, b, e).sin(),
}


@pytest.mark.parametrize("sentence", FORWARD)
def test_a_mistake_in_the_forward_pass_is_named(sentence, capsys):
    lines = said(capsys, NAMES[0], FORWARD[sentence]).splitlines()
    assert lines[0] == "batch_norm_forward: not yet."
    assert len(lines) == 2
    assert sentence in lines[1]


def test_two_mistakes_at_once_are_both_named(capsys):
    text = said(capsys, NAMES[0], lambda x, w, b, e: forward(x, w, b, 0, correction=1))
    assert "unbiased" in text
    assert "eps is missing" in text


# Running statistics.


def update(x, mean, var, momentum=0.1, *, over=None, correction=1, spread=lambda v: v):
    with torch.no_grad():
        over = over or axes(x)
        mean.mul_(1 - momentum).add_(momentum * x.mean(over))
        var.mul_(1 - momentum).add_(momentum * spread(x.var(over, correction=correction)))


def keeps_graph(x, mean, var, momentum=0.1):
    mean.mul_(1 - momentum).add_(momentum * x.mean(axes(x)))
    var.mul_(1 - momentum).add_(momentum * x.var(axes(x)))


def keeps_graph_of_variance(x, mean, var, momentum=0.1):
    update(x, mean, var.clone(), momentum)
    var.mul_(1 - momentum).add_(momentum * x.var(axes(x)))


def rebinds(x, mean, var, momentum=0.1):
    mean = (1 - momentum) * mean + momentum * x.mean(axes(x))
    var = (1 - momentum) * var + momentum * x.var(axes(x))
    return mean, var


UPDATE = {
    "the biased one": lambda x, m, v, p: update(x, m, v, p, correction=0),
    "momentum is the share of the new value": lambda x, m, v, p: update(x, m, v, 1 - p),
    "momentum is always 0.1": lambda x, m, v, p: update(x, m, v),
    "the old value is forgotten": lambda x, m, v, p: update(x, m, v, 1.0),
    "the standard deviation is kept": lambda x, m, v, p: update(x, m, v, p, spread=torch.sqrt),
    "the channels share one mean": lambda x, m, v, p: update(x, m, v, p, over=tuple(range(x.ndim))),
    "the running mean keeps the graph alive": keeps_graph,
    "the running variance keeps the graph alive": keeps_graph_of_variance,
    "have not changed": rebinds,
    "running_var is not updated": lambda x, m, v, p: update(x, m, v.clone(), p),
    "running_mean is not updated": lambda x, m, v, p: update(x, m.clone(), v, p),
    "it stops with RuntimeError on images": lambda x, m, v, p: update(x, m, v, p, over=(0,)),
    "has no name for": lambda x, m, v, p: update(2 * x, m, v, p),
}


@pytest.mark.parametrize("sentence", UPDATE)
def test_a_mistake_in_the_running_statistics_is_named(sentence, capsys):
    lines = said(capsys, NAMES[1], UPDATE[sentence]).splitlines()
    assert lines[0] == "update_running_statistics: not yet."
    assert len(lines) == 2
    assert sentence in lines[1]


# Backward.


def backward(
    g, x, w, eps, *, over=None, correction=0, divide=None, road=(1, 1), pool=torch.mean, h=None, last=1
):
    over = over or axes(x)
    s = (divide or (lambda v: torch.sqrt(v + eps)))(x.var(over, correction=correction, keepdim=True))
    x_hat = (x - x.mean(over, keepdim=True)) / s
    h = wide(w, x) * g if h is None else h
    grad_x = h - road[0] * pool(h, over, keepdim=True) - road[1] * x_hat * pool(h * x_hat, over, keepdim=True)
    return grad_x / (s if last else 1), (g * x_hat).sum(axes(x)), g.sum(axes(x))


def changed(change: Callable) -> Callable:
    return lambda g, x, w, e: change(*backward(g, x, w, e), g, x)


BACKWARD = {
    "term - mean(h) is missing": lambda *a: backward(*a, road=(0, 1)),
    "term - x_hat * mean(h * x_hat) is missing": lambda *a: backward(*a, road=(1, 0)),
    "term mean(h) has the wrong sign": lambda *a: backward(*a, road=(-1, 1)),
    "term x_hat * mean(h * x_hat) has the wrong sign": lambda *a: backward(*a, road=(1, -1)),
    "divided by m": lambda *a: backward(*a, pool=torch.sum),
    "weight is missing in grad_x": lambda g, x, w, e: backward(g, x, w, e, h=g),
    "not divided by s": lambda *a: backward(*a, last=0),
    "the variance is the unbiased one": lambda *a: backward(*a, correction=1),
    "eps is outside the square root": lambda g, x, w, e: backward(g, x, w, e, divide=lambda v: v.sqrt() + e),
    "eps is missing": lambda g, x, w, e: backward(g, x, w, 0.0),
    "eps is always 1e-5": lambda g, x, w, e: backward(g, x, w, 1e-5),
    "divided by the variance": lambda g, x, w, e: backward(g, x, w, e, divide=lambda v: v + e),
    "over the images only": lambda *a: backward(*a, over=(0,)),
    "that is instance norm": lambda *a: backward(*a, over=(2, 3)),
    "that is layer norm": lambda *a: backward(*a, over=(1, 2, 3)),
    "wrong axes: over the channels": lambda *a: backward(*a, over=(1,)),
    "the channels share one mean": lambda g, x, w, e: backward(g, x, w, e, over=tuple(range(x.ndim))),
    "grad_weight uses x: ": changed(lambda gx, gw, gb, g, x: (gx, (g * x).sum(axes(x)), gb)),
    "grad_weight uses x - mean": changed(
        lambda gx, gw, gb, g, x: (gx, (g * (x - x.mean(axes(x), keepdim=True))).sum(axes(x)), gb)
    ),
    "they should be sums": changed(lambda gx, gw, gb, g, x: (gx, gw * 3 / x.numel(), gb * 3 / x.numel())),
    "grad_weight and grad_bias are swapped": changed(lambda gx, gw, gb, g, x: (gx, gb, gw)),
    "grad_weight has shape (1, 3, 1, 1), it should have (3,)": changed(
        lambda gx, gw, gb, g, x: (gx, wide(gw, x), gb)
    ),
    "it should return three tensors": lambda *a: backward(*a)[0],
    "it stops with RuntimeError": lambda g, x, w, e: torch.autograd.grad(forward(x, w, w, e), [x, w, w], g),
    "has no name for": changed(lambda gx, gw, gb, g, x: (gx.cos(), gw, gb)),
}


@pytest.mark.parametrize("sentence", BACKWARD)
def test_a_mistake_in_the_backward_pass_is_named(sentence, capsys):
    lines = said(capsys, NAMES[2], BACKWARD[sentence]).splitlines()
    assert lines[0] == "batch_norm_backward: not yet."
    assert len(lines) == 2
    assert sentence in lines[1]


def test_every_listed_mistake_is_made_by_an_answer_above():
    """A sentence in the tables that no test provokes would be a promise nobody checks."""
    for table, answers in (
        (lesson03_mistakes.FORWARD, FORWARD),
        (lesson03_mistakes.BACKWARD, BACKWARD),
        (lesson03_mistakes.STATISTICS, UPDATE),
    ):
        for sentences in table.values():
            for sentence in sentences.values():
                assert any(known in sentence for known in answers), sentence


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 2, 4)])
def test_the_references_are_torchs(shape):
    """What a check calls right is what torch computes."""
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    mean, var = torch.randn(3).double(), torch.rand(3).double()
    kept = [mean.clone(), var.clone()]
    y = F.batch_norm(x, *kept, weight, bias, training=True, momentum=0.3, eps=0.1)
    grad_y = torch.randn_like(y)
    right = {
        "forward": ([y], [lesson03_mistakes.forward(x, weight, bias, 0.1)]),
        "statistics": (kept, lesson03_mistakes.statistics(x, mean, var, 0.3)),
        "backward": (
            torch.autograd.grad(y, [x, weight, bias], grad_y),
            lesson03_mistakes.backward(grad_y, x, weight, 0.1),
        ),
    }
    for expected, reference in right.values():
        for a, b in zip(expected, reference, strict=True):
            torch.testing.assert_close(a, b)


def test_named_says_how_far_off_an_unknown_mistake_is():
    (sentence,) = named([torch.tensor([1.0, 5.0])], lambda: [torch.tensor([1.0, 2.0])], {})
    assert "by up to 3" in sentence
