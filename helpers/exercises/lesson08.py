"""Exercises of lesson 08: soft threshold, ridge with an intercept, a lasso update, a step of AdamW."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from helpers.exercises import lesson08_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, Mistakes, agree, call, reproducing, wrong_form


def soft_threshold(w, threshold):
    return w.sign() * (w.abs() - threshold).clamp(min=0)


def ridge_with_intercept(x, y, penalty):
    rows, target = x - x.mean(dim=0), y - y.mean()
    gram = rows.T @ rows / len(x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    w = torch.linalg.solve(gram, rows.T @ target / len(x))
    return w, y.mean() - x.mean(dim=0) @ w


def lasso_coordinate(x, y, w, j, penalty):
    residual = y - x @ w + x[:, j] * w[j]  # without the share of weight j
    c = x[:, j] @ residual / len(x)
    return c.sign() * (c.abs() - penalty).clamp(min=0) / (x[:, j] @ x[:, j] / len(x))


def adamw_step(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    w = w * (1 - lr * decay)  # the decay: past m, v and the division
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), m, v


def _copy(case: tuple) -> list:
    return [item.clone() if isinstance(item, Tensor) else item for item in case]


def _several(result: object, count: int) -> list | None:
    """A result as a list of `count`, with plain numbers as float64 tensors; None if it is not so many."""
    parts = list(result) if count > 1 and isinstance(result, tuple | list) else [result]
    if len(parts) != count:
        return None
    return [torch.tensor(p, dtype=torch.float64) if isinstance(p, int | float) else p for p in parts]


def _diagnose(
    answer: Callable, cases: Sequence[tuple], reference: Callable, mistakes: Mistakes, names: Sequence[str],
    what: str,
) -> list[str]:  # fmt: skip
    """Mistakes, alone or in pairs, that reproduce the answer in all cases; none if all are right."""

    def computed(**choices: object) -> list[Tensor]:
        found = (reference(*_copy(case), **choices) for case in cases)
        return [part for result in found for part in (result if isinstance(result, tuple) else (result,))]

    right, results = computed(), []
    for number, case in enumerate(cases):
        given = _copy(case)
        result, error = call(answer, *given, what=what)
        if error:
            return error
        if result is None:
            return ["it returns None: is a `return` missing?"]
        parts = _several(result, len(names))
        if parts is None:
            return [f"it should return {len(names)} things: {', '.join(names)}"]
        form = dict(zip(names, right[number * len(names) :], strict=False))
        if mistaken := wrong_form(parts, form):
            return mistaken
        results += parts
    if not all(torch.isfinite(part).all() for part in results):
        return ["the result holds NaN or infinity"]
    if agree(results, right):
        return []
    if found := reproducing(mistakes, lambda **choices: agree(results, computed(**choices))):
        return found
    largest = max((a - b).abs().max().item() for a, b in zip(results, right, strict=True))
    return [f"the numbers are off by up to {largest:.2g}, in a way that this check has no name for"]


def _drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _diagnose_soft(answer: Callable) -> list[str]:
    w = torch.tensor([-3.0, -0.7, -0.2, 0.0, 0.1, 0.6, 2.5]).double()
    cases = [(w, 0.5), (w.view(1, 7), 0.15), (_drawn(2, 3), 0.0), (w[:4], 2.0)]
    return _diagnose(answer, cases, wrong.soft, wrong.SOFT, ["the result"], "weights of shape (7,)")


def _regression() -> tuple[Tensor, Tensor]:
    x = (
        _drawn(12, 3, seed=1) * torch.tensor([1.0, 2.0, 0.5]).double()
        + torch.tensor([1.0, -2.0, 0.5]).double()
    )
    return x, x @ torch.tensor([1.0, -0.6, 0.3]).double() + 4 + 0.3 * _drawn(12, seed=2)


def _diagnose_ridge(answer: Callable) -> list[str]:
    x, y = _regression()
    cases = [(x, y, 0.7), (x[:9, :2], y[:9], 2.0)]
    return _diagnose(
        answer, cases, wrong.ridge, wrong.RIDGE, ["the weights", "the intercept"], "inputs (12, 3)"
    )


def _diagnose_coordinate(answer: Callable) -> list[str]:
    x, y = _regression()
    x, y = x - x.mean(dim=0), y - y.mean()
    w = torch.tensor([0.4, 0.9, -0.2]).double()
    cases = [(x, y, w, 0, 0.3), (x, y, w, 1, 0.2), (x, y, w, 2, 50.0), (x, -y, w, 0, 0.1)]
    return _diagnose(answer, cases, wrong.coordinate, wrong.COORDINATE, ["the weight"], "inputs (12, 3)")


def _diagnose_adamw(answer: Callable) -> list[str]:
    w, g, m = (_drawn(4, seed=seed) for seed in (3, 4, 5))
    v = _drawn(4, seed=6).square()
    zero = torch.zeros(4).double()
    cases = [(w, g, zero, zero, 1, 0.1, 0.9, 0.99, 1e-2, 0.3), (w, g, m, v, 3, 0.05, 0.8, 0.95, 1e-1, 0.5)]
    return _diagnose(answer, cases, wrong.adamw, wrong.ADAMW, ["w", "m", "v"], "four weights")


EXERCISES = {
    "soft_threshold": Exercise(
        soft_threshold, _diagnose_soft, "All of [-threshold, threshold] becomes exactly 0."
    ),
    "ridge_with_intercept": Exercise(
        ridge_with_intercept, _diagnose_ridge, "Adding 100 to y adds 100 to the intercept and nothing else."
    ),
    "lasso_coordinate": Exercise(
        lasso_coordinate,
        _diagnose_coordinate,
        "The exact minimum over one weight: no learning rate is needed.",
    ),
    "adamw_step": Exercise(adamw_step, _diagnose_adamw, "As torch.optim.AdamW, step for step."),
}
