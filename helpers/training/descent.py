"""Gradient descent on the quadratic loss of a linear model: paths, rates, steps, and inputs to order.

The loss of weights w is the mean over n of (x_n . w - y_n)^2 / 2. Its Hessian is H = X^T X / N. If some w*
fits every target, loss and gradient depend on the error e = w - w* alone: e . H e / 2 and H e.
"""

import math

import torch
from torch import Tensor


def inputs_with(covariance: Tensor, mean: Tensor | float = 0.0, count: int = 200) -> Tensor:
    """Random inputs (count, d), float64, with exactly this mean and covariance (divided by count).

    Args:
        covariance: (d, d), positive definite.
        mean: (d,), or a number for all inputs.

    Raises:
        ValueError: count is too small to have that covariance.
    """
    d = len(covariance)
    if count <= d:
        raise ValueError(
            f"count is {count}; {d} inputs with a covariance to order need at least {d + 1} rows"
        )
    drawn = torch.randn(count, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = drawn - drawn.mean(dim=0)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(drawn.T @ drawn / count), drawn.T, upper=False
    )  # (d, count)
    return white.T @ torch.linalg.cholesky(covariance.double()).T + mean


def hessian(inputs: Tensor) -> Tensor:
    """X^T X / N, (d, d): the second derivatives of the loss for inputs X (N, d)."""
    return inputs.T @ inputs / len(inputs)


def condition_number(hessian: Tensor) -> float:
    """Largest over smallest eigenvalue of a symmetric matrix (d, d); infinite if the smallest is 0."""
    eigenvalues = torch.linalg.eigvalsh(hessian)
    smallest = eigenvalues[0].item()
    return eigenvalues[-1].item() / smallest if smallest > 0 else math.inf


def best_settings(smallest: float, largest: float, momentum: bool = False) -> tuple[float, float]:
    """Learning rate and momentum that shrink the worst error fastest, for eigenvalues in [smallest, largest].

    Without momentum 2 / (largest + smallest) and 0. With it, Polyak's (1964) of the heavy ball:
    4 / (sqrt(largest) + sqrt(smallest))^2 and the square of (sqrt(k) - 1) / (sqrt(k) + 1), k = largest /
    smallest.
    """
    if not 0 < smallest <= largest:
        raise ValueError(f"eigenvalues {smallest} and {largest}: give 0 < smallest <= largest")
    if not momentum:
        return 2 / (largest + smallest), 0.0
    high, low = math.sqrt(largest), math.sqrt(smallest)
    return 4 / (high + low) ** 2, ((high - low) / (high + low)) ** 2


def rate(condition: float, momentum: bool = False) -> float:
    """What the error is multiplied by in a step at the best settings, in the long run: (k - 1) / (k + 1).

    With momentum the same of sqrt(k).
    """
    k = math.sqrt(condition) if momentum else condition
    return (k - 1) / (k + 1)


def steps_in_theory(condition: float, tolerance: float, momentum: bool = False) -> float:
    """ln(tolerance) / (2 ln rate): steps until the loss, which shrinks by rate^2, is that share of the first.

    At least 1. Exact without momentum (rounded up); with it, what the rate alone would take.
    """
    per_step = rate(condition, momentum)
    return max(1.0, math.log(tolerance) / (2 * math.log(per_step))) if per_step > 0 else 1.0


def path(hessian: Tensor, start: Tensor, lr: float, steps: int, momentum: float = 0.0) -> Tensor:
    """The errors (steps + 1, d) of gradient descent from `start` (d,), step by step.

    With momentum the velocity v becomes momentum * v + gradient, and the step is -lr * v, as in
    torch.optim.SGD: Polyak's heavy ball.
    """
    errors, velocity = [start], torch.zeros_like(start)
    for _ in range(steps):
        velocity = momentum * velocity + hessian @ errors[-1]
        errors.append(errors[-1] - lr * velocity)
    return torch.stack(errors)


def whitening(inputs: Tensor, kind: str = "zca", eps: float = 0.0) -> tuple[Tensor, Tensor]:
    """Mean (d,) and matrix W (d, d) such that (x - mean) @ W has the covariance 1, for inputs (N, d).

    "pca" turns to the eigenvectors of the covariance and divides by the deviation along each; "zca" turns
    back after it, which of all whitenings moves the inputs least (Kessy, Lewin & Strimmer 2018). `eps` is
    added to each eigenvalue, for directions in which the inputs hardly vary.
    """
    if kind not in ("pca", "zca"):
        raise ValueError(f'kind is {kind!r}; choose "pca" or "zca"')
    mean = inputs.mean(dim=0)
    eigenvalues, vectors = torch.linalg.eigh(hessian(inputs - mean))
    if eigenvalues[0] + eps <= 1e-12 * eigenvalues[-1]:
        raise ValueError("the inputs do not vary in some direction: leave it out, or give eps > 0")
    turned = vectors / (eigenvalues + eps).sqrt()  # scales the columns
    return mean, turned if kind == "pca" else turned @ vectors.T
