"""Exercises of lesson 02: the best learning rate, a whitening matrix, a fair comparison of two arms."""

import math
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


def speedup(slow, fast, goal):
    steps = []
    for losses in (slow, fast):
        reached = losses <= goal  # (rates, steps + 1), True and False
        first = reached.double().argmax(dim=1)  # (rates,): the first True; 0 where there is none
        steps.append(first[reached.any(dim=1)].min())  # at the arm's own best rate
    return steps[0] / steps[1]


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

_FIRST = (
    "    def first_of(run):\n"
    "        return next((t for t, loss in enumerate(run.tolist()) if loss <= goal), math.inf)\n\n"
)
_STEPS_OF_EACH = "    a, b = ([first_of(run) for run in arm] for arm in (slow, fast))\n"
SPEEDUP: Mistakes = {
    "    for losses in (slow, fast):": {
        "    for losses in (slow[:, 1:], fast[:, 1:]):": (
            "one step too few: column 0 is the loss before the first step, column 3 that after three"
        ),
        "    for losses in (slow.T, fast.T):": (
            "rows and columns are exchanged: a row is a rate, a column is a step"
        ),
        "    for losses in (slow.mean(dim=0, keepdim=True), fast.mean(dim=0, keepdim=True)):": (
            "the mean curve over the rates is taken: an arm is to be judged at its own best rate"
        ),
    },
    "    steps = []": {
        f"{_FIRST}    a, b = (first_of(arm.nan_to_num(posinf=1e3).mean(0)) for arm in (slow, fast))\n"
        "    return a / b\n    steps = []": (
            "the mean curve over the rates is taken: an arm is to be judged at its own best rate"
        ),
        f"{_FIRST}{_STEPS_OF_EACH}    best = b.index(min(b))\n    return a[best] / b[best]\n    steps = []": (
            "both arms are taken at the rate that is best for `fast`: each arm has its own"
        ),
        f"{_FIRST}{_STEPS_OF_EACH}    best = a.index(min(a))\n    return a[best] / b[best]\n    steps = []": (
            "both arms are taken at the rate that is best for `slow`: each arm has its own"
        ),
        **{
            f"{_FIRST}{_STEPS_OF_EACH}    a, b = ([min(n, 999) for n in arm] for arm in (a, b))\n"
            f"    best = {one}.index(min({one}))\n    return a[best] / b[best]\n    steps = []": (
                f"both arms are taken at the rate that is best for `{arm}`: each arm has its own"
            )
            for one, arm in (("a", "slow"), ("b", "fast"))
        },
        f"{_FIRST}{_STEPS_OF_EACH}    pairs = zip(a, b, strict=True)\n"
        "    return max(x / y for x, y in pairs if y and max(x, y) < math.inf)\n    steps = []": (
            "the largest ratio at a common rate is taken: each arm has its own best rate, then divide"
        ),
    },
    "losses <= goal": {
        "losses < goal": "a loss that is equal to the goal has reached it: at or below",
        "losses >= goal": "this looks for losses above the goal: it is reached at or below",
    },
    "first[reached.any(dim=1)].min()": {
        "(losses > goal).sum(dim=1)[(losses > goal).any(dim=1) & reached.any(dim=1)].min()": (
            "all steps above the goal are counted: a loss may rise again; the first step at or below it "
            "counts"
        ),
        "(losses.shape[1] - 1 - reached.flip(1).double().argmax(dim=1))[reached.any(dim=1)].min()": (
            "the last step at or below the goal is taken: the first one counts (is a `break` missing?)"
        ),
        "first.where(reached.any(dim=1), losses.shape[1] - 1).double().mean()": (
            "the mean over the rates is taken, the last step where a rate never gets there: an arm is to be "
            "judged at its own best rate"
        ),
        "first.min()": "a rate that never reaches the goal is counted as 0 steps: leave it out",
        "first[reached.any(dim=1)].max()": "the slowest rate of an arm is taken: its best needs the fewest",
        "first[reached.any(dim=1)].double().mean()": (
            "the mean over the rates is taken: an arm is to be judged at its own best rate"
        ),
        "first[reached.any(dim=1)][0]": (
            "the first rate that gets there is taken: an arm is to be judged at its own best rate"
        ),
        "first[reached.any(dim=1)][-1]": (
            "the last rate that gets there is taken: an arm is to be judged at its own best rate"
        ),
        "first[losses[:, -1].argmin()]": (
            "the rate with the smallest last loss is taken: the best one reaches the goal in the fewest steps"
        ),
        "reached.any(dim=0).double().argmax().add(1)": (
            "one step too many: column 0 is the loss before the first step"
        ),
        "first[(fast <= goal).any(dim=1)].min()": (
            "the rates that reach the goal are taken from `fast` for both arms: each arm has its own"
        ),
        "first[(fast <= goal).double().argmax(dim=1).where((fast <= goal).any(dim=1), 999).argmin()]": (
            "both arms are taken at the rate that is best for `fast`: each arm has its own"
        ),
        "first[(slow <= goal).double().argmax(dim=1).where((slow <= goal).any(dim=1), 999).argmin()]": (
            "both arms are taken at the rate that is best for `slow`: each arm has its own"
        ),
    },
    "steps[0] / steps[1]": {
        "steps[1] / steps[0]": "upside down: how many times fewer steps `fast` needs",
        "steps[0] - steps[1]": "the steps saved: how many times fewer is asked for, a ratio",
        "steps[0]": "the steps of `slow` alone: divide by those of `fast`",
        "1 - steps[1] / steps[0]": "the share of steps saved: how many times fewer is asked for",
        "100 * (1 - steps[1] / steps[0])": "the percent of steps saved: how many times fewer is asked for",
        "100 * steps[0] / steps[1]": "in percent: how many times fewer is asked for, a ratio",
        "(steps[0] - steps[1]) / steps[1]": "that is how many times more, minus 1: the ratio is asked for",
        "slow.min() / fast.min()": "losses are compared: the steps to the goal are to be",
        "slow[:, -1].min() / fast[:, -1].min()": "losses are compared: the steps to the goal are to be",
    },
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
    if not all(one[_COVARIANCE_OF].isfinite().all() for one in (seen, right)):
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

# Losses of an arm at several rates: too small a rate, a good one, one that is quick and then noisy, diverged.
_SLOW = torch.tensor([
    [2.3, 2.2, 2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.9, 0.8],
    [2.3, 2.0, 1.6, 1.2, 0.9, 0.7, 0.4, 0.3, 0.2, 0.1],
    [2.3, 1.9, 1.5, 1.4, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5],
    [2.3, 9.0, 80.0, 1e3, 1e9, math.inf, math.inf, math.inf, math.inf, math.inf],
])  # fmt: skip
_FAST = torch.tensor([
    [2.3, 1.8, 1.2, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.2],
    [2.3, 1.2, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1],
    [2.3, 2.5, 2.4, 1.3, 1.0, 0.9, 0.8, 0.7, 0.6, 0.45],
    [2.3, 2.2, 2.1, 1.9, 1.6, 1.2, 0.9, 0.7, 0.6, 0.5],
])  # fmt: skip
# Losses that fall below the goal and rise again, each more than once.
_WAVY = torch.tensor([
    [2.3, 1.9, 1.4, 1.1, 0.52, 0.7, 0.9, 0.53, 0.6, 0.58],
    [2.3, 1.7, 1.2, 0.9, 0.8, 0.51, 0.57, 0.59, 0.5, 0.45],
    [2.3, 2.2, 2.1, 1.9, 1.5, 1.3, 0.66, 0.54, 0.47, 0.49],
])  # fmt: skip


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
        speedup,
        cases=[
            (_SLOW, _FAST[[3, 0, 1, 2]], 0.45),
            (_SLOW, _FAST, 0.5),
            (_SLOW, _FAST, 0.25),
            (_WAVY.roll(1, 0), _WAVY[[0, 2, 1]] * 0.83, 0.55),
            (_SLOW.flip(0), _FAST.roll(2, 0), 1.0),
        ],
        typed=False,
        mistakes=SPEEDUP,
        hints=(
            "For each rate of an arm: which is the first column with a loss at or below the goal? Some rates "
            "never get there.",
            "(losses <= goal) is True and False; .double().argmax(dim=1) gives the first True of a row, and "
            ".any(dim=1) says whether there is one. Of the rates that get there, take the fewest steps, for "
            "each arm by itself.",
        ),
        praise="Each arm at its own best rate.",
    ),
]
