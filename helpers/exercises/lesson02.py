"""Exercises of lesson 02: the best learning rate, a whitening matrix, He's deviation, dead units."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.descent import inputs_with
from helpers.exercises import lesson02_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, call, numbers_named, wrong_form


def best_learning_rate(hessian):
    eigenvalues = torch.linalg.eigvalsh(hessian)  # (d,), in ascending order
    return 2 / (eigenvalues[-1] + eigenvalues[0])


def whitening_matrix(x):
    centred = x - x.mean(dim=0)
    eigenvalues, vectors = torch.linalg.eigh(centred.T @ centred / len(x))  # vectors: one in each column
    return vectors / eigenvalues.sqrt()  # scales the columns; any rotation after it whitens too


def he_std(fan_in, fan_out, gain=2**0.5):
    return gain / fan_in**0.5


def dead_units(h):
    return (h == 0).all(dim=0).sum()


def _diagnose_rate(answer: Callable) -> list[str]:
    make = torch.Generator().manual_seed(2)
    cases = []
    for d in (3, 2):  # with three weights the trace is not the sum of largest and smallest
        x = torch.randn(20, d, generator=make, dtype=torch.float64) * torch.tensor([1.0, 3.0, 0.5])[:d]
        x = x @ torch.randn(d, d, generator=make, dtype=torch.float64)
        cases.append((x.T @ x / 20,))

    def shown(hessian: Tensor) -> str:
        return f"eigenvalues {', '.join(f'{v:.3g}' for v in torch.linalg.eigvalsh(hessian))}"

    return numbers_named(answer, cases, wrong.rate, wrong.RATE, shown)


def _diagnose_whitening(answer: Callable) -> list[str]:
    covariance = torch.tensor([[4.0, 1.5, -0.6], [1.5, 1.0, 0.1], [-0.6, 0.1, 0.49]])
    x = inputs_with(covariance, mean=torch.tensor([1.0, -2.0, 0.5]), count=50)
    w, mistakes = call(answer, x.clone(), what="inputs (50, 3)")
    mistakes = mistakes or wrong_form([w], {"the result": x[:3]})
    if mistakes:
        return mistakes
    if not torch.isfinite(w).all():
        return ["the result holds NaN or infinity"]

    def become(w: Tensor) -> Tensor:  # the covariance after whitening: blind to signs, order and rotation
        return w.T @ covariance.double() @ w

    def spectrum(w: Tensor) -> Tensor:
        return torch.linalg.eigvalsh(become(w))

    found, one = become(w), torch.eye(3, dtype=torch.float64)
    if torch.allclose(found, one, atol=1e-3):  # leaves room for an eps of 1e-5 under the root
        return []
    if torch.allclose(found, one * (49 / 50), atol=1e-3):  # divided by N - 1, as torch.cov does
        return []
    known = [(choice, value) for choice, values in wrong.WHITENING.items() for value in values]
    mistaken = {(choice, value): wrong.whitening(x, **{choice: value}) for choice, value in known}
    turn = torch.linalg.eigh(covariance.double())[1].T  # turns a PCA into the ZCA
    for alike in (
        lambda m: torch.allclose(w.abs(), m.abs(), rtol=1e-6),  # eigenvectors have no sign of their own
        lambda m: torch.allclose(spectrum(w), spectrum(m), rtol=1e-6),
        lambda m: torch.allclose(spectrum(w), spectrum(m @ turn), rtol=1e-6),
    ):
        for (choice, value), m in mistaken.items():
            if alike(m):
                return [wrong.WHITENING[choice][value]]
    rounded = [[round(v, 3) for v in row] for row in found.tolist()]
    return [f"the covariance of (x - mean) @ W is {rounded}: it should be 1 on the diagonal and 0 beside it"]


def _diagnose_he(answer: Callable) -> list[str]:
    cases = [(256, 64, 2**0.5), (50, 400, 3.0), (64, 32, 1.7)]

    def shown(fan_in: int, fan_out: int, gain: float) -> str:
        return f"he_std({fan_in}, {fan_out}, gain={gain:.4g})"

    return numbers_named(answer, cases, wrong.he, wrong.HE, shown)


def _diagnose_dead(answer: Callable) -> list[str]:
    h = torch.tensor(
        [
            [0.0, 1.0, 0.0, -1.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, 2.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 3.0, 0.0, 0.0, 1.0],
        ]
    ).double()
    cases = [(h,), (torch.cat([h, h[:, 1:2] + 1, h[:, :2]], dim=1),)]
    shown = "activations {0[0]} x {0[1]}".format
    return numbers_named(answer, cases, wrong.dead, wrong.DEAD, lambda h: shown(h.shape))


EXERCISES = {
    "best_learning_rate": Exercise(
        best_learning_rate, _diagnose_rate, "Largest and smallest eigenvalue shrink at the same rate."
    ),
    "whitening_matrix": Exercise(
        whitening_matrix, _diagnose_whitening, "The covariance of (x - mean) @ W is the identity."
    ),
    "he_std": Exercise(he_std, _diagnose_he, "For any layer and any gain."),
    "dead_units": Exercise(dead_units, _diagnose_dead, "Zero for every input of the batch."),
}
