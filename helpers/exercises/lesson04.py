"""Exercises of lesson 04: the axes of each norm, group norm, what is counted, RMS norm."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from helpers.exercises import lesson04_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, call, named, wrong_form


def pooled_axes(norm):
    if norm == "group":
        return (2, 3, 4)  # of (N, groups, C / groups, H, W)
    return {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3), "position": (1,)}[norm]


def group_norm(x, groups, weight, bias, eps=1e-5):
    N, C, H, W = x.shape
    grouped = x.reshape(N, groups, C // groups, H, W)  # neighbouring channels form a group
    mean = grouped.mean((2, 3, 4), keepdim=True)
    var = grouped.var((2, 3, 4), correction=0, keepdim=True)
    x_hat = ((grouped - mean) / torch.sqrt(var + eps)).reshape(N, C, H, W)
    return weight.view(1, C, 1, 1) * x_hat + bias.view(1, C, 1, 1)


def count_statistics(norm, N, C, H, W, groups):
    sets = {"batch": C, "layer": N, "group": N * groups, "instance": N * C, "position": N * H * W, "RMS": N}
    each = {"layer": C * H * W, "RMS": C * H * W}  # an element each; the others: a channel each
    return sets[norm], each.get(norm, C) * (1 if norm == "RMS" else 2)


def rms_norm(x, weight, eps=1e-5):
    mean_square = (x**2).mean(dim=-1, keepdim=True)
    return weight * x / torch.sqrt(mean_square + eps)


_EPS = 0.1  # large, so that its place shows


def _random(*shape: int, seed: int = 4) -> Tensor:
    """Values in float64: no mean is 0, no spread is 1, no two places are alike."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x + 1.5) * torch.linspace(0.5, 2, x.numel()).double().view(shape)


def _diagnose_axes(answer: Callable) -> list[str]:
    right = {norm: pooled_axes(norm) for norm in ("batch", "layer", "instance", "position", "group")}
    found = []
    for norm, expected in right.items():
        axes, mistakes = call(answer, norm, what=f"pooled_axes({norm!r})")
        if mistakes:
            return mistakes
        if axes is None:
            return [f"pooled_axes({norm!r}) is None: is a `return` missing?"]
        try:
            listed = [axes] if isinstance(axes, int) else list(axes)
            chosen = tuple(sorted(axis % (5 if norm == "group" else 4) for axis in listed))
        except TypeError:
            return [f"pooled_axes({norm!r}) gives {axes!r}: it should be a tuple of axes, such as (0, 2, 3)"]
        if chosen != expected:
            says = wrong.AXES[norm].get(chosen, "not the axes that share a statistic")
            found.append(f"pooled_axes({norm!r}) gives {axes!r}: {says}")
    return found


def _with_gradients(y: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """The output, and the gradients of a loss that no constant direction of x leaves unmoved."""
    target = torch.linspace(-1, 1, y.numel()).double().view(y.shape) ** 2
    return y, *torch.autograd.grad((y * target).sum(), inputs, materialize_grads=True)


def _compare(
    answer: Callable,
    inputs: list[Tensor],
    arguments: Callable[[list[Tensor]], list[object]],
    reference: Callable[..., Tensor],
    mistakes: wrong.Mistakes,
    what: str,
) -> list[str]:
    """What is wrong with one result and its gradients; `arguments` puts the inputs in the call's order."""
    inputs = [tensor.requires_grad_() for tensor in inputs]
    given = [tensor * 1 for tensor in inputs]  # a learner's in-place change does not reach the reference
    before = given[0].detach().clone()
    y, found = call(answer, *arguments(given), what=what)
    found = found or wrong_form([y], {"the result": inputs[0]})
    if found:
        return found
    if not torch.equal(given[0].detach(), before):
        return ["it changes x itself: leave the input as it is"]
    exact = partial(reference, *arguments(inputs))
    if not y.requires_grad:
        found = named([y], lambda **choices: [exact(**choices)], mistakes)
        return found or ["no gradient reaches x: the result is computed outside the graph"]
    return named(
        _with_gradients(y, inputs), lambda **choices: _with_gradients(exact(**choices), inputs), mistakes
    )


def _diagnose_group(answer: Callable) -> list[str]:
    for groups in (3, 2):
        c = 6
        inputs = [_random(4, c, 2, c), _random(c, seed=5), _random(c, seed=6)]  # W = C: finds the last axis
        found = _compare(
            answer,
            inputs,
            lambda t, groups=groups: [t[0], groups, t[1], t[2], _EPS],
            wrong.group,
            wrong.GROUP,
            f"images (N, C, H, W) with C = {c} in {groups} groups",
        )
        if found:
            return found
    return []


def _diagnose_rms(answer: Callable) -> list[str]:
    for shape, what in (((4, 5), "rows (N, C)"), ((2, 3, 5), "sequences (N, L, C)")):
        inputs = [_random(*shape), _random(5, seed=5)]
        found = _compare(answer, inputs, lambda t: [*t, _EPS], wrong.rms, wrong.RMS, what)
        if found:
            return found
    return []


_CASES = [
    *((norm, 8, 6, 4, 5, 3) for norm in ("batch", "layer", "group", "instance", "position", "RMS")),
    ("group", 3, 10, 2, 7, 2),
    ("batch", 3, 10, 2, 7, 2),
]


def _diagnose_count(answer: Callable) -> list[str]:
    results = []
    for case in _CASES:
        result, mistakes = call(answer, *case, what=f"count_statistics{case}")
        if mistakes:
            return mistakes
        try:
            sets, parameters = (float(number) for number in result)
        except (TypeError, ValueError):
            return [f"count_statistics{case} gives {result!r}: it should be two numbers, (sets, parameters)"]
        results.append((sets, parameters))

    def reference(**choices: object) -> list[Tensor]:
        return [torch.tensor([wrong.count(*case, **choices) for case in _CASES], dtype=torch.float64)]

    found = named([torch.tensor(results, dtype=torch.float64)], reference, wrong.COUNT)
    if not found or any(found[0] in words.values() for words in wrong.COUNT.values()):
        return found
    pairs = zip(_CASES, results, strict=True)
    case, (sets, parameters) = next((c, r) for c, r in pairs if r != count_statistics(*c))
    return [
        f"count_statistics{case} gives ({sets:g}, {parameters:g}), it should be {count_statistics(*case)}"
    ]


EXERCISES = {
    "pooled_axes": Exercise(pooled_axes, _diagnose_axes, "Five norms, and these axes are all that differs."),
    "group_norm": Exercise(group_norm, _diagnose_group, "It gives torch's output and gradients."),
    "count_statistics": Exercise(
        count_statistics, _diagnose_count, "Sets and parameters, for every norm and shape tried."
    ),
    "rms_norm": Exercise(rms_norm, _diagnose_rms, "It gives torch's output and gradients."),
}
