"""Exercises of lesson 09: what L1 adds to gradients, silent channels, the runs that a difference needs."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from helpers.exercises import lesson09_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, call, named, numbers_named, wrong_form


def l1_pull(parameters, factor):
    return {
        name: factor * torch.sign(w) if w.ndim > 1 else torch.zeros_like(w)  # biases, gamma, beta have 1 axis
        for name, w in parameters.items()
    }


def silent_channels(weight):
    return (weight.flatten(1) == 0).all(dim=1).sum()


def runs_needed(difference, deviation, reach=2.8):
    exact = (reach * deviation / difference) ** 2  # from difference = reach * deviation / sqrt(runs)
    return -int(-exact // 1)  # rounded up


def _example() -> dict[str, Tensor]:
    """Parameters as model.named_parameters() names them: convolution, batch norm, linear layer."""
    draw = torch.Generator().manual_seed(9)
    shapes = {"0.weight": (2, 1, 3, 3), "2.weight": (2,), "2.bias": (2,), "5.weight": (3, 2), "5.bias": (3,)}
    found = {name: torch.randn(shape, generator=draw, dtype=torch.float64) for name, shape in shapes.items()}
    found["0.weight"][0, 0, 0, 0] = 0.0  # the derivative of |w| at 0 is taken as 0
    return found


def _diagnose_pull(answer: Callable) -> list[str]:
    parameters, factor = _example(), 0.25
    what = f"parameters {', '.join(parameters)}"
    result, mistakes = call(answer, {name: w.clone() for name, w in parameters.items()}, factor, what=what)
    if mistakes:
        return mistakes
    if result is None:
        return ["it returns None: is a `return` missing?"]
    if not isinstance(result, Mapping):
        return [f"the result is a {type(result).__name__}: a dictionary from name to tensor is asked for"]
    if set(result) != set(parameters):
        lost, more = sorted(set(parameters) - set(result)), sorted(set(result) - set(parameters))
        return [
            f"names lacking: {', '.join(lost) or 'none'}; names too many: {', '.join(more) or 'none'} "
            "(what is not penalized gets zeros)"
        ]
    results = [result[name] for name in parameters]
    mistakes = wrong_form(results, {f"of {name}" if name else name: w for name, w in parameters.items()})
    if mistakes:
        return mistakes

    def reference(**choices: object) -> Sequence[Tensor]:
        return list(wrong.pull(parameters, factor, **choices).values())

    return named(results, reference, wrong.PULL)


def _diagnose_silent(answer: Callable) -> list[str]:
    weight = torch.ones(6, 3, 2, 2, dtype=torch.float64)
    weight[1] = 0.0
    weight[2] = torch.tensor([1.0, -1.0]).double()  # adds up to 0, and is not silent
    weight[3:5] = 1e-9
    weight[5, 0, 0, 0] = 0.0
    weight[:, 2] = 0.0  # an input channel that nobody listens to
    other = torch.randn(9, 4, 3, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    other[[0, 3, 4]] = 0.0
    other[:, 1] = 0.0
    cases = [(weight,), (torch.cat([weight, weight[1:2].expand(3, -1, -1, -1)]),), (other,)]
    return numbers_named(
        answer, cases, wrong.silent, wrong.SILENT, lambda w: f"the weight {' x '.join(map(str, w.shape))}"
    )


def _diagnose_runs(answer: Callable) -> list[str]:
    cases = [(0.04, 0.05, 2.8), (0.03, 0.05, 2.8), (0.1, 0.06, 2.8), (0.07, 0.2, 3.24), (0.5, 0.25, 2.0)]

    def shown(difference: float, deviation: float, reach: float) -> str:
        return f"runs_needed({difference}, {deviation}, reach={reach})"

    return numbers_named(answer, cases, wrong.runs, wrong.RUNS, shown)


EXERCISES = {
    "l1_pull": Exercise(l1_pull, _diagnose_pull, "Weights are pulled, biases and norms are left alone."),
    "silent_channels": Exercise(
        silent_channels, _diagnose_silent, "Every weight of the channel is exactly 0."
    ),
    "runs_needed": Exercise(runs_needed, _diagnose_runs, "Half the difference takes four times the runs."),
}
