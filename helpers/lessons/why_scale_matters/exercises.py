"""Exercises of lesson 02: the best learning rate, a whitening matrix, He's standard deviation, dead units."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.lessons.comparing import Seen, form
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes
from helpers.training.descent import inputs_with


def best_learning_rate(hessian):
    eigenvalues = torch.linalg.eigvalsh(hessian)  # (d,), in ascending order
    return 2 / (eigenvalues[-1] + eigenvalues[0])


def whitening_matrix(x):
    centred = x - x.mean(dim=0)
    eigenvalues, vectors = torch.linalg.eigh(centred.T @ centred / len(x))  # vectors: one in each column
    std = eigenvalues.sqrt()  # along each eigenvector
    return vectors / std  # scales the columns; any rotation after it whitens too


def he_std(fan_in, fan_out, gain=2**0.5):
    return gain / fan_in**0.5


def dead_units(h):
    return (h == 0).all(dim=0).sum()


RATE: Mistakes = {
    "eigvalsh(hessian)  # (d,), in ascending order\n    return 2 / (eigenvalues[-1] + eigenvalues[0])": {
        "eigh(hessian)\n    return 2 / (eigenvalues[-1] + eigenvalues[0])": (
            "eigh gives eigenvalues and eigenvectors: take the first of the two, or eigvalsh"
        ),
    },
    "2 / (eigenvalues[-1] + eigenvalues[0])": {
        "2 / eigenvalues[-1]": (
            "2 / largest eigenvalue is the edge: any larger rate diverges, and this one never arrives"
        ),
        "1 / eigenvalues[-1]": (
            "1 / largest eigenvalue is safe, but not the best: nearly twice the rate still converges"
        ),
        "1 / (eigenvalues[-1] + eigenvalues[0])": "a factor of 2 is missing: 2 / (largest + smallest)",
        "2 / eigenvalues.sum()": (
            "the sum of all eigenvalues (the trace) is taken: only the largest and the smallest count"
        ),
        "2 / eigenvalues[0]": (
            "2 / smallest eigenvalue is far too large: the largest eigenvalue decides what diverges"
        ),
        "2 / (eigenvalues[-1] - eigenvalues[0])": "largest minus smallest: it should be their sum",
        "2 / (hessian.diagonal().max() + hessian.diagonal().min())": (
            "the diagonal is taken for the eigenvalues: that is right for a diagonal Hessian only"
        ),
        "(eigenvalues[-1] - eigenvalues[0]) / (eigenvalues[-1] + eigenvalues[0])": (
            "this is what a step multiplies the error by: the learning rate is asked for"
        ),
        "2 / (eigenvalues[0] + eigenvalues[1])": (
            "the two smallest eigenvalues are taken: it should be the largest and the smallest (eigvalsh "
            "sorts upwards)"
        ),
        "2 / (eigenvalues[-1] + eigenvalues[-2])": (
            "the two largest eigenvalues are taken: it should be the largest and the smallest (eigvalsh "
            "sorts upwards)"
        ),
        "1 / eigenvalues.mean()": (
            "the mean of the eigenvalues is taken: only the largest and the smallest count"
        ),
        "(2 / (eigenvalues[-1].sqrt() + eigenvalues[0].sqrt())) ** 2": (
            "that is the rate with momentum: without it no square root is taken"
        ),
        "eigenvalues[-1] / eigenvalues[0]": "that is the condition number: the learning rate is asked for",
        "1 / (eigenvalues[-1] * eigenvalues[0]).sqrt()": (
            "the geometric mean is taken: it should be the sum of largest and smallest"
        ),
        "2 / (eigenvalues[-1] * eigenvalues[0])": "the product is taken: it should be the sum",
        "2 * (eigenvalues[-1] + eigenvalues[0])": "2 times the sum: divide by it",
    },
}

WHITENING: Mistakes = {
    "eigenvalues.sqrt()": {
        "eigenvalues": (
            "the square root is forgotten: divide by the standard deviations, not by the variances"
        ),
        "(1 / eigenvalues.sqrt())": (
            "the eigenvalues are not inverted: divide by the standard deviations, do not multiply"
        ),
        "(1 / eigenvalues)": "multiplied by the variances: divide by their square roots",
        "torch.ones_like(eigenvalues)": (
            "only rotated: the outputs are uncorrelated, but each has still its own variance"
        ),
        "(eigenvalues + 0.1).sqrt()": (
            "an eps of 0.1 is added to the eigenvalues: too large, the variances do not become 1"
        ),
        "(eigenvalues + 0.01).sqrt()": (
            "an eps of 0.01 is added to the eigenvalues: too large, the variances do not become 1"
        ),
    },
    "x - x.mean(dim=0)": {
        "x": "the mean is not subtracted: take the covariance of x - x.mean(dim=0)",
        "x - x.mean(dim=1, keepdim=True)": (
            "each row is centred by its own mean: take the mean of each column, x.mean(dim=0)"
        ),
    },
    "eigenvalues, vectors = torch.linalg.eigh(": {
        "vectors, eigenvalues = torch.linalg.eigh(": (
            "eigh gives the eigenvalues first, then the eigenvectors: they are swapped"
        ),
    },
    "return vectors / std": {
        "return 1 / (centred.T @ centred / len(x)).abs().sqrt()": (
            "the square root of each element is taken: a matrix needs its eigenvalues, or the inputs stay "
            "correlated"
        ),
        "return (vectors / std).T": (
            "rows and columns are swapped: this whitens W @ x, the exercise asks for x @ W"
        ),
        "return torch.linalg.inv(torch.linalg.cholesky(centred.T @ centred / len(x)))": (
            "transposed: this whitens W @ x, the exercise asks for x @ W"
        ),
    },
    "std = ": {
        "eigenvalues = eigenvalues.view(-1, 1)\n    std = ": (
            "the rows of the eigenvectors are scaled: each eigenvector is a column"
        ),
    },
    "torch.linalg.eigh(centred.T @ centred / len(x))": {
        "(centred.T @ centred / len(x)).diagonal(), torch.eye(x.shape[1], dtype=x.dtype)": (
            "only standardized: each variance is 1, but the inputs are still correlated"
        ),
        "torch.linalg.eigh(centred.T @ centred)": "the covariance is not divided by the number of rows, N",
        "torch.linalg.eigh(torch.corrcoef(x.T))": "the correlations are whitened: take the covariances",
    },
}

HE: Mistakes = {
    "/ fan_in": {
        "/ fan_out": "fan_out is used: forward, a unit sums over its fan_in inputs",
        "/ ((fan_in + fan_out) / 2)": (
            "the mean of fan_in and fan_out is used (Xavier's): the exercise asks for fan_in"
        ),
        "/ 1": "fan_in is not used: a unit sums over fan_in inputs, and the variances add up",
        "/ (fan_in * fan_out)": "the product fan_in * fan_out is used: a unit sums over fan_in inputs",
    },
    "fan_in**0.5": {
        "fan_in * gain": "this is the variance: take its square root",
        "fan_in": "the square root of fan_in is forgotten",
        "fan_in**0.5 * 3**0.5": (
            "this is the limit of a uniform distribution, which is the root of 3 larger: the standard "
            "deviation is asked for"
        ),
    },
    "gain=2**0.5):": {
        "gain=2**0.5):\n    gain = 2**0.5": (
            "the argument gain is not used: He's gain for ReLU, the square root of 2, is only its default"
        ),
        "gain=2**0.5):\n    gain = 1.0": "the gain is missing",
        "gain=2**0.5):\n    gain = gain**0.5": "the gain stands inside the square root without being squared",
        "gain=2**0.5):\n    gain = gain * 2**0.5": (
            "the square root of 2 is in the gain already: it is the default"
        ),
        "gain=2**0.5):\n    gain = gain**2": "the gain is squared: that belongs to the variance",
    },
    "gain / fan": {"gain * fan": "multiplied by the square root of fan_in: divide by it"},
}

DEAD: Mistakes = {
    "(h == 0).all(dim=0)": {
        "(h == 0).any(dim=0)": "a unit that is 0 for one input is not dead: it must be 0 for all of them",
        "(h == 0).all(dim=1)": "rows and columns are swapped: this counts inputs for which all units are 0",
        "(h == 0).flatten()": "this counts zeros: a unit is dead if its whole column is zero",
        "(h.mean(dim=0).abs() < 1e-12)": (
            "a mean of 0 is not enough: positive and negative activations cancel"
        ),
        "(h.amax(dim=0) == 0)": (
            "a maximum of 0 is not enough: activations may be negative (GELU, leaky ReLU)"
        ),
        "(h <= 0).all(dim=0)": "negative activations are not 0: compare with == 0",
        "(h.abs() < 1e-3).all(dim=0)": "a small activation is not 0: compare with 0 exactly",
        "(h.abs() < 1e-6).all(dim=0)": "a small activation is not 0: compare with 0 exactly",
        "(h == 0)[0]": "only the first input is looked at: a unit is dead if it is 0 for all inputs",
        "(h == 0).all()": "one answer for the whole tensor: ask each unit, dim=0",
    },
    ".sum()": {
        ".double().mean()": "this is the share of dead units: how many is asked for",
        ".double().mean() * 100": "this is the share of dead units in percent: how many is asked for",
    },
    ").sum()": {").logical_not().sum()": "this counts the units that are alive"},
}


def _whitened(answer: Callable, x: Tensor) -> Seen:
    """The covariance that whitening by the answer leaves; divided by N or by N - 1, both are right."""
    w = answer(x)
    if words := form("the result", w, x[: x.shape[1]], typed=x.dtype == torch.float64):
        raise Mistaken(words)
    centred = (x - x.mean(dim=0)).double()
    covariance = w.detach().double().T @ (centred.T @ centred / len(x)) @ w.detach().double()
    share = covariance.diagonal().mean() * len(x) / (len(x) - 1)
    if abs(share - 1) < 1e-3:
        covariance = covariance * len(x) / (len(x) - 1)
    return {_COVARIANCE_OF: covariance, "W": w.detach().double()}


_COVARIANCE_OF = "the covariance of (x - mean) @ W"


def _same_matrix(seen: Seen, right: Seen, typed: bool, error: float | None = None) -> bool:
    """Blind to the signs of the eigenvectors."""
    if not seen["W"].isfinite().any():
        return False
    return torch.allclose(seen["W"].abs(), right["W"].abs(), rtol=1e-6, equal_nan=True)


def _same_spectrum(seen: Seen, right: Seen, typed: bool, error: float | None = None) -> bool:
    """Blind to signs, order and any rotation after whitening; leaves room for an eps of 1e-5 in the root."""
    if not seen[_COVARIANCE_OF].isfinite().all():
        return False
    spectra = [torch.linalg.eigvalsh(one[_COVARIANCE_OF]) for one in (seen, right)]
    return torch.allclose(*spectra, rtol=1e-3 if error is None else 0.05, atol=1e-6)


def _hessian(d: int, seed: int) -> Tensor:
    """Positive, not diagonal, with eigenvalues that are all different."""
    make = torch.Generator().manual_seed(seed)
    x = torch.randn(20, d, generator=make, dtype=torch.float64) * torch.tensor([1.0, 3.0, 0.5, 2.0])[:d]
    x = x @ torch.randn(d, d, generator=make, dtype=torch.float64)
    return x.T @ x / 20


_COVARIANCE = torch.tensor([[4.0, 1.5, -0.6], [1.5, 1.0, 0.1], [-0.6, 0.1, 0.49]])
_INPUTS = inputs_with(_COVARIANCE, mean=torch.tensor([1.0, -2.0, 0.5]), count=50).double()
_FEW = torch.tensor([[1, 2], [3, -1], [-2, 0], [4, 5]]).double()

# Activations of a unit, for four inputs: dead, positive, with mean 0, late, at most 0, tiny, negative.
_UNITS = {
    "dead": [0, 0, 0, 0],
    "early": [1, 0, 0, 3],
    "mean 0": [-1, 1, 0, 0],
    "late": [0, 2, 0, 1],
    "at most 0": [-2, 0, 0, -1],
    "tiny": [1e-7, 0, 0, 0],
    "small": [1e-4, 0, 0, 0],
    "tiny, late": [0, 1e-7, 0, 0],
    "negative": [-1, -2, -3, -1],
}


def _activations(*units: str) -> Tensor:
    return torch.tensor([_UNITS[unit] for unit in units]).double().T.contiguous()


EXERCISES = [
    Exercise(
        best_learning_rate,
        cases=[(_hessian(3, 2),), (_hessian(4, 5),), (torch.tensor([[3, 1], [1, 2]]).double(),)],
        typed=False,
        mistakes=RATE,
        hints=(
            "Along an eigenvector with eigenvalue h, a step multiplies the error by 1 - lr * h. Which two "
            "eigenvalues make that largest in size?",
            "The best rate makes both ends shrink alike: 1 - lr * smallest = -(1 - lr * largest). Solve for "
            "lr; torch.linalg.eigvalsh gives the eigenvalues, sorted upwards.",
        ),
        praise="Largest and smallest eigenvalue shrink at the same rate.",
    ),
    Exercise(
        whitening_matrix,
        cases=[(_INPUTS,), (_FEW,)],
        far=((10_000 + _INPUTS).float(),),
        look=_whitened,
        same=(_same_matrix, _same_spectrum),
        mistakes=WHITENING,
        hints=(
            "The covariance of x - mean is C = (x - mean).T @ (x - mean) / N. In the directions of its "
            "eigenvectors the inputs are uncorrelated.",
            "x @ V has the eigenvalues as its variances, one for each column. By what is a column divided to "
            "make its variance 1?",
            "W = V / sqrt(eigenvalues): broadcasting divides each column, that is each eigenvector, by its "
            "own square root.",
        ),
        praise="The covariance of (x - mean) @ W is the identity.",
    ),
    Exercise(
        he_std,
        cases=[(256, 64, 2**0.5), (50, 400, 3.0), (2, 8, 3.0), (64, 32, 1.7), (9, 16, 0.5)],
        typed=False,
        mistakes=HE,
        hints=(
            "A unit adds up fan_in products, so its variance is fan_in * Var[w] times the mean square of its "
            "inputs.",
            "The gain is sqrt(fan_in * Var[w]): solve for the standard deviation of w.",
        ),
        praise="For any layer and any gain.",
    ),
    Exercise(
        dead_units,
        cases=[
            (_activations("dead", *_UNITS),),
            (_activations(*_UNITS, "at most 0", "at most 0", "tiny, late"),),
            (_activations("dead", "early", "dead", "mean 0", "late", "late"),),
        ],
        typed=False,
        mistakes=DEAD,
        hints=(
            "Each column of h is a unit, each row an input. A unit is dead if its column holds nothing but "
            "zeros.",
            "(h == 0) is a tensor of True and False; .all(dim=...) asks whether all along an axis are True.",
        ),
        praise="Zero for every input of the batch.",
    ),
]
