"""Exercises of lesson 03: batch norm forward, its running statistics, and its backward."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from helpers.exercises import lesson03_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, agree, call, named, wrong_form


def batch_norm_forward(x, weight, bias, eps=1e-5):
    axes = [0, *range(2, x.ndim)]  # all but the channels: [0] for rows, [0, 2, 3] for images
    shape = [1, -1] + [1] * (x.ndim - 2)  # (1, C) or (1, C, 1, 1)
    mean = x.mean(axes, keepdim=True)
    var = x.var(axes, correction=0, keepdim=True)  # biased: divide by m
    x_hat = (x - mean) / torch.sqrt(var + eps)
    return weight.view(shape) * x_hat + bias.view(shape)


def update_running_statistics(x, running_mean, running_var, momentum=0.1):
    axes = [0, *range(2, x.ndim)]
    with torch.no_grad():  # the statistics are a record, not a part of the loss
        mean, var = x.mean(axes), x.var(axes, correction=1)  # unbiased: divide by m - 1
        running_mean.mul_(1 - momentum).add_(momentum * mean)
        running_var.mul_(1 - momentum).add_(momentum * var)


def batch_norm_backward(grad_y, x, weight, eps=1e-5):
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean = x.mean(axes, keepdim=True)
    s = torch.sqrt(x.var(axes, correction=0, keepdim=True) + eps)
    x_hat = (x - mean) / s
    h = weight.view(shape) * grad_y  # gradient at x_hat
    grad_x = (h - h.mean(axes, keepdim=True) - x_hat * (h * x_hat).mean(axes, keepdim=True)) / s
    return grad_x, (grad_y * x_hat).sum(axes), grad_y.sum(axes)


# The inputs of the checks. C = W: a parameter along the wrong axis then broadcasts silently, and is found.
_IMAGES, _ROWS = (5, 3, 2, 3), (7, 3)
_INPUTS = {_IMAGES: "images (N, C, H, W)", _ROWS: "rows (N, C)"}
_EPS = 0.1  # large, so that its place shows


def _probe(shape: tuple[int, ...], seed: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weight and bias, float64: no mean is 0, no spread is 1, no two channels are alike."""
    make = torch.Generator().manual_seed(seed)
    x, weight, bias = (
        torch.randn(s, generator=make, dtype=torch.float64) for s in (shape, shape[1], shape[1])
    )
    return (x + 1.5) * torch.linspace(0.5, 2, x.numel()).double().view(shape), weight + 2, bias - 1


def _with_gradients(y: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """The output, and the gradients of a loss that no constant direction of x leaves unmoved."""
    target = torch.linspace(-1, 1, y.numel()).double().view(y.shape) ** 2
    return y, *torch.autograd.grad((y * target).sum(), inputs, materialize_grads=True)


def _wrong_forward(answer: Callable, shape: tuple[int, ...], what: str) -> list[str]:
    inputs = [t.requires_grad_() for t in _probe(shape)]
    y, mistakes = call(answer, *(t * 1 for t in inputs), _EPS, what=what)
    mistakes = mistakes or wrong_form([y], {"the result": inputs[0]})
    if mistakes:
        return mistakes
    if y.requires_grad:
        return named(
            _with_gradients(y, inputs),
            lambda **choices: _with_gradients(wrong.forward(*inputs, _EPS, **choices), inputs),
            wrong.FORWARD,
        )
    values = named([y], lambda **choices: [wrong.forward(*inputs, _EPS, **choices)], wrong.FORWARD)
    return values or ["no gradient reaches x: the result is computed outside the graph"]


def _diagnose_forward(answer: Callable) -> list[str]:
    for shape, what in _INPUTS.items():
        if mistakes := _wrong_forward(answer, shape, what):
            return mistakes
    x, weight, bias = _probe(_IMAGES)
    changed = x.clone()
    answer(changed, weight, bias, _EPS)
    if not torch.equal(changed, x):
        return ["it changes x itself: leave the input as it is"]
    far = (x + 10_000).float()
    y = answer(far, weight.float(), bias.float(), _EPS)
    if not torch.allclose(y.double(), wrong.forward(far.double(), weight, bias, _EPS), atol=0.05):
        return ["the digits are lost far from zero: take the mean of (x - mean)², not E[x²] - E[x]²"]
    return []


def _diagnose_statistics(answer: Callable) -> list[str]:
    momentum = 0.3
    for shape, what in _INPUTS.items():
        x, mean, var = _probe(shape)
        x.requires_grad_()
        kept = mean.clone(), var.clone().abs()
        start = [t.clone() for t in kept]
        _, mistakes = call(answer, x, *kept, momentum, what=what)
        if mistakes:
            return mistakes
        if agree(kept, start):
            return ["running_mean and running_var have not changed: update them in place (mul_, add_, copy_)"]
        if any(t.requires_grad for t in kept):
            which = "running mean" if kept[0].requires_grad else "running variance"
            return [f"the {which} keeps the graph alive: update it under torch.no_grad()"]
        if any(t.shape != s.shape for t, s in zip(kept, start, strict=True)):
            return ["the running statistics change their shape: they have one value per channel, (C,)"]
        batch = x.detach()
        mistakes = named(kept, partial(wrong.statistics, batch, *start, momentum), wrong.STATISTICS)
        if mistakes:
            return mistakes
    return []


def _diagnose_backward(answer: Callable) -> list[str]:
    for shape, what in _INPUTS.items():
        x, weight, bias = _probe(shape)
        grad_y = _probe(shape, seed=4)[0]
        with torch.no_grad():  # as inside torch.autograd.Function: autograd cannot be asked
            results, mistakes = call(answer, grad_y.clone(), x.clone(), weight, _EPS, what=what)
        if mistakes:
            return mistakes
        if not isinstance(results, tuple | list) or len(results) != 3:
            return ["it should return three tensors: grad_x, grad_weight, grad_bias"]
        mistakes = wrong_form(results, {"grad_x": x, "grad_weight": weight, "grad_bias": bias})
        mistakes = mistakes or named(
            results, partial(wrong.backward, grad_y, x, weight, _EPS), wrong.BACKWARD
        )
        if mistakes:
            return mistakes
    return []


EXERCISES = {
    "batch_norm_forward": Exercise(
        batch_norm_forward, _diagnose_forward, "It gives torch's output and gradients, on images and on rows."
    ),
    "update_running_statistics": Exercise(
        update_running_statistics,
        _diagnose_statistics,
        "It keeps what torch keeps, in place and outside the graph.",
    ),
    "batch_norm_backward": Exercise(
        batch_norm_backward, _diagnose_backward, "All three gradients are torch's, on images and on rows."
    ),
}
