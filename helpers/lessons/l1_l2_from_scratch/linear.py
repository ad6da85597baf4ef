"""Linear models with penalties, written out: ridge, lasso two ways, and fits that outliers hardly move.

All of them make the mean over N rows of half the squared error, plus the penalty, as small as they can:
|y - X w|^2 / (2 N) + penalty * sum |w| is the lasso, + penalty * sum w^2 / 2 is ridge regression. There is no
intercept unless said: give centred inputs and targets. Everything is float64.
"""

import torch
from torch import Tensor

from helpers.nn.penalties import soft_threshold
from helpers.training.descent import hessian


def ridge(x: Tensor, y: Tensor, penalty: float) -> Tensor:
    """The weights (d,) of ridge regression for inputs (N, d) and targets (N,), in closed form.

    (X^T X / N + penalty I)^-1 X^T y / N (Hoerl and Kennard 1970, equation 2.1, divided by N).
    scikit-learn's Ridge does not divide by N: its alpha is N * penalty.

    Raises:
        ValueError: a negative penalty.
    """
    _at_least_zero(penalty)
    h = hessian(x)
    return torch.linalg.solve(h + penalty * torch.eye(len(h), dtype=h.dtype), x.T @ y / len(x))


def lasso_objective(x: Tensor, y: Tensor, w: Tensor, penalty: float) -> float:
    """|y - X w|^2 / (2 N) + penalty * sum |w|: what the lasso makes smallest, scikit-learn's with alpha."""
    return ((y - x @ w).square().mean() / 2 + penalty * w.abs().sum()).item()


def coordinate_sweep(x: Tensor, y: Tensor, w: Tensor, penalty: float) -> Tensor:
    """The weights (d,) after the lasso is solved for each weight in turn, with the others as they are.

    For weight j: soft_threshold(x_j . r / N, penalty) / (x_j . x_j / N), r the residual without its share
    (Friedman, Hastie and Tibshirani 2010, equation 5). An input that is 0 throughout keeps its weight.
    """
    w, n = w.clone(), len(x)
    residual = y - x @ w
    for j, column in enumerate(x.T):
        curvature = column @ column / n
        if curvature == 0:
            continue
        before = w[j].clone()
        w[j] = soft_threshold(column @ residual / n + curvature * before, penalty) / curvature
        residual -= column * (w[j] - before)
    return w


def lasso(x: Tensor, y: Tensor, penalty: float, start: Tensor | None = None, limit: int = 10_000) -> Tensor:
    """The weights (d,) of the lasso by sweeps of coordinate descent, from `start` (0 if None).

    It stops when a sweep moves no weight by more than 1e-10 of the largest.

    Raises:
        ValueError: a negative penalty, or not there after `limit` sweeps.
    """
    _at_least_zero(penalty)
    w = torch.zeros(x.shape[1], dtype=x.dtype) if start is None else start
    for _ in range(limit):
        before, w = w, coordinate_sweep(x, y, w, penalty)
        if (w - before).abs().max() <= 1e-10 * w.abs().max():
            return w
    raise ValueError(
        f"the lasso has not settled after {limit:,} sweeps: raise `limit`, or take a larger penalty"
    )


def linear_fits(
    x: Tensor, y: Tensor, l1: Tensor, l2: Tensor, delta: float | None = None, steps: int = 800
) -> Tensor:
    """Linear models for several data sets and penalties at once: weights (P, S, d + 1), the intercept last.

    Each minimizes the mean loss + l1 * sum |w| + l2 * sum w^2 / 2; the intercept is free. By accelerated
    proximal gradient steps (Beck and Teboulle 2009, FISTA).

    Args:
        x: inputs (S, N, d) of the S data sets; y: their targets (S, N).
        l1, l2: penalties (P,) to go through together.
        delta: half the squared error if None; otherwise Huber's loss (1964), which goes on as a
            straight line, like the absolute error, where a residual is beyond delta.
    """
    rows = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)  # (S, N, d + 1)
    free = torch.ones(rows.shape[-1], dtype=x.dtype)
    free[-1] = 0.0
    l1, l2 = l1.view(-1, 1, 1) * free, l2.view(-1, 1, 1) * free  # (P, 1, d + 1)
    steepest = torch.linalg.eigvalsh(rows.mT @ rows / rows.shape[1])[:, -1].view(-1, 1) + l2  # (P, S, d + 1)
    w = ahead = torch.zeros(len(l1), len(rows), rows.shape[-1], dtype=x.dtype)
    momentum = 1.0
    for _ in range(steps):
        residual = (rows @ ahead.unsqueeze(-1)).squeeze(-1) - y  # (P, S, N)
        if delta is not None:
            residual = residual.clamp(-delta, delta)
        gradient = (residual.unsqueeze(-2) @ rows).squeeze(-2) / rows.shape[1] + l2 * ahead
        target = ahead - gradient / steepest
        moved = target.sign() * (target.abs() - l1 / steepest).clamp(min=0)  # a threshold for each weight
        grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = moved + (momentum - 1) / grown * (moved - w)
        w, momentum = moved, grown
    return w


def predictions(x: Tensor, w: Tensor) -> Tensor:
    """What linear_fits' weights (P, S, d + 1) say for inputs (S, N, d): (P, S, N)."""
    return (x @ w[..., :-1].unsqueeze(-1)).squeeze(-1) + w[..., -1:]


def _at_least_zero(penalty: float) -> None:
    if penalty < 0:
        raise ValueError(f"penalty is {penalty}; give one of at least 0")
