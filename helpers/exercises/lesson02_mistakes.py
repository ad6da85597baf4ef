"""The known mistakes of lesson 02's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what
each wrong value means.
"""

import torch
from torch import Tensor

from helpers.exercises.diagnosis import Mistakes

RATE: Mistakes = {
    "rate": {
        "edge": "2 / largest eigenvalue is the edge: any larger rate diverges, and this one never arrives",
        "inverse": "1 / largest eigenvalue is safe, but not the best: nearly twice the rate still converges",
        "half": "a factor of 2 is missing: 2 / (largest + smallest)",
        "trace": "the sum of all eigenvalues (the trace) is taken: only the largest and the smallest count",
        "smallest": "2 / smallest eigenvalue is far too large: the largest eigenvalue decides what diverges",
        "difference": "largest minus smallest: it should be their sum",
        "diagonal": "the diagonal is taken for the eigenvalues: that is right for a diagonal Hessian only",
        "shrink": "this is what a step multiplies the error by: the learning rate is asked for",
    },
}


def rate(hessian: Tensor, rate: str = "right") -> Tensor:
    """The best learning rate for a Hessian (d, d), with the mistakes of RATE on request."""
    h = torch.linalg.eigvalsh(hessian)
    low, high, diagonal = h[0], h[-1], hessian.diagonal()
    return {
        "right": 2 / (high + low),
        "edge": 2 / high,
        "inverse": 1 / high,
        "half": 1 / (high + low),
        "trace": 2 / h.sum(),
        "smallest": 2 / low,
        "difference": 2 / (high - low),
        "diagonal": 2 / (diagonal.max() + diagonal.min()),
        "shrink": (high - low) / (high + low),
    }[rate]


WHITENING: Mistakes = {
    "power": {
        "-1": "the square root is forgotten: divide by the deviations, not by the variances",
        "1/2": "the eigenvalues are not inverted: divide by the deviations, do not multiply",
        "1": "multiplied by the variances: divide by their square roots",
        "0": "only turned: the outputs are uncorrelated, but each has still its own variance",
    },
    "centred": {
        False: "the mean is not subtracted: take the covariance of x - x.mean(dim=0)",
    },
    "transposed": {
        True: "rows and columns are swapped: this whitens W @ x, the exercise asks for x @ W",
    },
    "scaled": {
        "rows": "the rows of the eigenvectors are scaled: each eigenvector is a column",
    },
    "what": {
        "standardized": "only standardized: each variance is 1, but the inputs are still correlated",
        "sum": "the covariance is not divided by the number of rows",
    },
}


def whitening(
    x: Tensor, power: str = "-1/2", centred: bool = True, transposed: bool = False, scaled: str = "columns",
    what: str = "whitened",
) -> Tensor:  # fmt: skip
    """A matrix (d, d) that whitens x (N, d), with the mistakes of WHITENING on request."""
    rows = x - x.mean(dim=0) if centred else x
    covariance = rows.T @ rows / (1 if what == "sum" else len(x))
    if what == "standardized":
        return torch.diag(
            covariance.diagonal() ** {"-1/2": -0.5, "-1": -1, "1/2": 0.5, "1": 1, "0": 0}[power]
        )
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    factors = eigenvalues ** {"-1/2": -0.5, "-1": -1.0, "1/2": 0.5, "1": 1.0, "0": 0.0}[power]
    w = vectors * factors if scaled == "columns" else vectors * factors.view(-1, 1)
    return w.T if transposed else w


HE: Mistakes = {
    "fan": {
        "out": "fan_out is used: forward, a unit sums over its fan_in inputs",
        "mean": "the mean of fan_in and fan_out is used (Xavier's): the exercise asks for fan_in",
        "none": "fan_in is not used: a unit sums over fan_in inputs, and the variances add up",
    },
    "root": {
        False: "this is the variance: take its square root",
        "gain only": "the square root of fan_in is forgotten",
    },
    "scale": {
        "fixed": "the argument gain is not used: He's gain for ReLU, the root of 2, is only its default",
        "none": "the gain is missing",
        "squared": "the gain stands inside the root without being squared",
    },
}


def he(fan_in, fan_out, gain=2**0.5, fan="in", root=True, scale="right") -> float:
    """The deviation of a weight, with the mistakes of HE on request."""
    g = {"right": gain, "fixed": 2**0.5, "none": 1.0, "squared": gain**0.5}[scale]
    n = {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2, "none": 1}[fan]
    return g / n**0.5 if root is True else g**2 / n if root is False else g / n


DEAD: Mistakes = {
    "over": {
        "any": "a unit that is 0 for one input is not dead: it must be 0 for all of them",
        "inputs": "rows and columns are swapped: this counts inputs for which all units are 0",
        "entries": "this counts zeros: a unit is dead if its whole column is zero",
        "mean": "a mean of 0 is not enough: positive and negative activations cancel",
    },
    "share": {
        True: "this is the share of dead units: how many is asked for",
    },
    "alive": {
        True: "this counts the units that are alive",
    },
}


def dead(h: Tensor, over: str = "all", share: bool = False, alive: bool = False) -> Tensor:
    """How many units are dead in activations h (N, n), with the mistakes of DEAD on request."""
    zero = h == 0
    found = {
        "all": zero.all(dim=0),
        "any": zero.any(dim=0),
        "inputs": zero.all(dim=1),
        "entries": zero.flatten(),
        "mean": h.mean(dim=0).abs() < 1e-12,
    }[over]
    count = (~found if alive else found).sum()
    return count / len(found) if share else count
