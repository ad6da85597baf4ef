"""Exercises of lesson 11: soft threshold, ridge with an intercept, a lasso update, a step of AdamW."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def soft_threshold(w, threshold):
    return w.sign() * (w.abs() - threshold).clamp(min=0)


def ridge_with_intercept(x, y, penalty):
    rows, target = x - x.mean(dim=0), y - y.mean()
    gram = rows.T @ rows / len(x) + penalty * torch.eye(rows.shape[1], dtype=x.dtype)
    w = torch.linalg.solve(gram, rows.T @ target / len(x))
    return w, y.mean() - x.mean(dim=0) @ w


def lasso_coordinate(x, y, w, j, penalty):
    column, n = x[:, j], len(x)
    residual = y - x @ w + column * w[j]  # without the share of weight j
    c = column @ residual / n
    curvature = column @ column / n
    return c.sign() * (c.abs() - penalty).clamp(min=0) / curvature


def adamw_step(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    w = w * (1 - lr * decay)  # the decay: past m, v and the division
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    root = v_hat.sqrt() + eps
    return w - lr * m_hat / root, m, v


SOFT: Mistakes = {
    "w.sign() * (w.abs() - threshold).clamp(min=0)": {
        "w * (w.abs() > threshold)": (
            "weights beyond the threshold are kept as they are (hard threshold): they shrink by it, too"
        ),
        "w - threshold * w.sign()": (
            "small weights cross zero: where |w| is below the threshold the result is exactly 0"
        ),
        "w - threshold": (
            "the threshold is subtracted from every weight: L1 pulls towards 0, from either side"
        ),
        "(w.abs() - threshold).clamp(min=0)": "the sign of negative weights is lost",
        "(w - threshold).clamp(min=0)": (
            "negative weights all become 0: take |w| minus the threshold, give the sign back"
        ),
        "w.clamp(-threshold, threshold)": (
            "this limits weights to the threshold: it should take the threshold away from them"
        ),
        "w / (1 + threshold)": (
            "weights are multiplied by a factor, as L2 does: L1 takes the same amount off each"
        ),
        "(w + threshold * w.sign()) * (w.abs() > threshold)": (
            "the threshold is added on the wrong side: weights move towards 0, not away from it"
        ),
        "w.sign() * (w.abs() + threshold)": (
            "the threshold is added to the size: weights move towards 0, it is subtracted"
        ),
        "w.sign() * (w.abs() - threshold * w.abs().max()).clamp(min=0)": (
            "the threshold is taken relative to the largest weight: it is an amount, the same for all weights"
        ),
        "w * (1 - threshold / w.norm()).clamp(min=0)": (
            "all weights shrink by one factor, from the norm of them all: each element loses the threshold"
        ),
        "(w - threshold) * (w.abs() > threshold)": (
            "negative weights move away from 0: to them the threshold is added"
        ),
        "(w + threshold) * (w.abs() > threshold)": (
            "positive weights move away from 0: from them the threshold is subtracted"
        ),
        "torch.where(w > 0, (w - threshold).clamp(min=0), w)": (
            "negative weights are left as they are: L1 pulls from either side"
        ),
        "torch.where(w >= 0, w - threshold, w + threshold)": (
            "small weights cross zero, and 0 itself moves: where |w| is below the threshold the result is "
            "exactly 0"
        ),
        "w * (1 - threshold / w.abs()).clamp(min=0)": "at w = 0 this divides 0 by 0, which is NaN",
        "w * (w.abs() - threshold).clamp(min=0)": "multiplied by w, not by its sign",
        "(w.abs() - threshold) * (w.abs() > threshold)": "the sign of negative weights is lost",
        "w.sign() * (w.abs() - threshold)": (
            "small weights cross zero: where |w| is below the threshold the result is exactly 0"
        ),
    },
    "threshold):": {
        "threshold):\n    threshold = 2 * threshold": "twice the threshold is taken off",
        "threshold):\n    threshold = threshold / 2": "half the threshold is taken off",
        "threshold):\n    threshold = 1.0": "the argument threshold is not used: 1 is taken off",
    },
}

RIDGE: Mistakes = {
    ("rows, target = x - x.mean(dim=0), y - y.mean()", "return w, y.mean() - x.mean(dim=0) @ w"): {
        (
            "rows, target = torch.cat([x, torch.ones_like(x[:, :1])], dim=1), y",
            "return w[:-1], w[-1]",
        ): "the intercept is penalized: it shrinks to 0, and adding 100 to y changes the weights",
        (
            "rows, target = x, y",
            "return w, y.mean() - x.mean(dim=0) @ w",
        ): "the inputs and y are not centred: the weights have to make up for the missing intercept",
        (
            "rows, target = x, y",
            "return w, torch.zeros(())",
        ): "the inputs and y are not centred, and the intercept is 0",
        (
            "rows, target = x, y - y.mean()",
            "return w, y.mean() - x.mean(dim=0) @ w",
        ): "only y is centred: the inputs have a mean, too",
        (
            "std = x.std(dim=0, correction=0)\n    rows, target = (x - x.mean(dim=0)) / std, y - y.mean()",
            "w = w / std\n    return w, y.mean() - x.mean(dim=0) @ w",
        ): "the inputs are standardized: the penalty then acts on other weights; only subtract the mean",
        (
            "rows, target = x - x.mean(), y - y.mean()",
            "return w, y.mean() - x.mean(dim=0) @ w",
        ): "one mean for all inputs is subtracted: each column has its own, x.mean(dim=0)",
        (
            "rows, target = (x - x.mean(dim=0)) / x.std(dim=0, correction=0), y - y.mean()",
            "return w, y.mean() - x.mean(dim=0) @ w",
        ): "the inputs are divided by their standard deviation: only subtract the mean",
    },
    " - x.mean(dim=0) @ w": {
        "": "the intercept is the mean of y alone: the inputs have a mean, so subtract mean(x) . w",
        " + x.mean(dim=0) @ w": "mean(x) . w is added to the mean of y: it should be subtracted",
    },
    ("rows.T @ rows / len(x)", "rows.T @ target / len(x)"): {
        (
            "rows.T @ rows",
            "rows.T @ target",
        ): "nothing is divided by N: the loss is a mean, so here the penalty is N times too weak",
        ("rows.T @ rows / len(x)", "rows.T @ target"): "x . y is not divided by N, while x . x is",
        ("rows.T @ rows", "rows.T @ target / len(x)"): "x . x is not divided by N, while x . y is",
        (
            "rows.T @ rows / (len(x) - 1)",
            "rows.T @ target / (len(x) - 1)",
        ): "divided by N - 1: the loss is a mean over N",
        (
            "rows.T @ rows / (len(x) - 1)",
            "rows.T @ target / len(x)",
        ): "x . x is divided by N - 1 (torch.cov does that): the loss is a mean over N",
        (
            "rows.T @ rows / x.shape[1]",
            "rows.T @ target / x.shape[1]",
        ): "divided by the number of inputs, d: N is the number of rows",
    },
    "+ penalty": {
        "+ 2 * penalty": (
            "twice the penalty is added: half the sum of w^2 is penalized, the gradient is penalty * w"
        ),
        "- penalty": "the penalty is subtracted: its sign should be +",
        "+ penalty / 2": "half the penalty is added: its gradient is penalty * w",
        "+ penalty**2": "the penalty is squared",
    },
    (
        " + penalty * torch.eye(rows.shape[1], dtype=x.dtype)",
        "w = torch.linalg.solve(gram, rows.T @ target / len(x))",
    ): {
        (
            "",
            "w = torch.linalg.solve(gram, rows.T @ target / len(x))\n"
            "    w = w.sign() * (w.abs() - penalty).clamp(min=0)",
        ): "that is a soft threshold, L1's, after least squares: ridge penalizes the squares, inside solve",
    },
    " + penalty * torch.eye(rows.shape[1], dtype=x.dtype)": {
        "": "the penalty is not added: this is least squares"
    },
    "torch.eye(rows.shape[1], dtype=x.dtype)": {
        "1": "the penalty is added to every entry of X^T X / N: it belongs on the diagonal only",
    },
}

COORDINATE: Mistakes = {
    "y - x @ w + column * w[j]": {
        "y - x @ w": "the residual still holds weight j's own share: take out the other weights only",
        "y - x[:, :j] @ w[:j]": "only the weights before j are taken out of y: all others are, after it too",
        "y - x[:, j + 1 :] @ w[j + 1 :]": (
            "only the weights after j are taken out of y: all others are, before it too"
        ),
        "y": "the other weights are not taken out of y: input j must explain what they leave",
        "x @ w - column * w[j] - y": "the residual has the wrong sign: it is y minus what the others explain",
        "y - x @ w - column * w[j]": "weight j's own share is subtracted twice: add it back",
    },
    "len(x)": {
        "1": "nothing is divided by N: the loss is a mean, so here the penalty is N times too weak",
        "x.shape[1]": "divided by the number of inputs, d: N is the number of rows",
    },
    "residual / n": {"residual": "x_j . r is not divided by N"},
    "curvature = column @ column / n": {
        "curvature = 1.0": "not divided by x_j . x_j / N: that is 1 for standardized inputs only",
        "curvature = column @ column": "divided by x_j . x_j without the 1 / N",
        "curvature = column @ column / n + penalty": (
            "the penalty stands in the denominator as well: that is what ridge does"
        ),
        "curvature = column.var(correction=0)": (
            "the denominator is the variance: x_j . x_j / N is the mean square, also where the mean is not 0"
        ),
        "curvature = column.norm() / n": "the norm of x_j is not squared in the denominator: x_j . x_j / N",
        "curvature = column.norm()": "the norm of x_j is the denominator: x_j . x_j / N, its square",
        "curvature = column.var()": "the denominator is divided by N - 1: x_j . x_j / N",
        "curvature = (column @ column / n) ** 0.5": (
            "divided by the square root of x_j . x_j / N: no square root is taken"
        ),
        "curvature = (x * x).sum() / n": "all inputs stand in the denominator: x_j . x_j / N alone",
    },
    "c.sign() * (c.abs() - penalty).clamp(min=0)": {
        "c": "no soft threshold: this is the best weight without penalty",
        "c.sign() * (c.abs() - penalty * curvature).clamp(min=0)": (
            "the threshold comes after the division: first soft-threshold x_j . r / N, then divide"
        ),
        "c * (c.abs() > penalty)": "that is a hard threshold: beyond it the penalty is to be taken off, too",
        "c.sign() * (c.abs() - penalty / 2).clamp(min=0)": (
            "half the penalty is taken off: the squared error has the half already, the penalty none"
        ),
        "c.sign() * (c.abs() - 2 * penalty).clamp(min=0)": "twice the penalty is taken off",
        "(c - penalty).clamp(min=0)": (
            "negative values all become 0: take the threshold off the absolute value"
        ),
        "(c.abs() - penalty).clamp(min=0)": "the sign of negative values is lost",
        "(c - penalty * c.sign())": (
            "small values cross zero: where |c| is below the penalty the weight is exactly 0"
        ),
        "(c - penalty)": "the penalty is subtracted whatever the sign: take it off the absolute value",
    },
    "c.sign() * (c.abs() - penalty).clamp(min=0) / curvature": {
        "c / (curvature + penalty)": (
            "that is ridge: the penalty in the denominator. L1's is a soft threshold"
        ),
    },
}

ADAMW: Mistakes = {
    "w = w * (1 - lr * decay)": {
        "g = g + decay * w": "the decay is added to the gradient: that is Adam with an L2 penalty, not AdamW",
        "w = w * (1 - decay)": (
            "the decay is not multiplied by lr: torch's AdamW multiplies w by 1 - lr * decay"
        ),
        "pass": "the weight does not decay",
        "w = w * (1 + lr * decay)": "the weight grows: multiply by 1 - lr * decay",
        "w = w - decay": "the decay is subtracted: it multiplies the weight, by 1 - lr * decay",
    },
    ("w = w * (1 - lr * decay)", "return w "): {
        (
            "pass",
            "return w * (1 - lr * decay / root) ",
        ): "the decay is divided by the square root of v: AdamW lets it bypass that division",
    },
    ("w = w * (1 - lr * decay)", "return w - lr * m_hat / root"): {
        ("pass", "return (w - lr * m_hat / root) * (1 - lr * decay)"): (
            "the weight decays after the step, so that the step decays with it: torch's AdamW decays before "
            "the step"
        ),
    },
    "m / (1 - beta1**t), v / (1 - beta2**t)": {
        "m, v": "m and v are not corrected for starting at 0: divide by 1 - beta ** t",
        "m / (1 - beta1**t), v": "v is not corrected for starting at 0: divide it by 1 - beta2 ** t",
        "m, v / (1 - beta2**t)": "m is not corrected for starting at 0: divide it by 1 - beta1 ** t",
        "m / (1 - beta1), v / (1 - beta2)": "m and v are divided by 1 - beta: t is missing, 1 - beta ** t",
        "m / (1 - beta1 * t), v / (1 - beta2 * t)": (
            "beta is multiplied by t: it should be its power, beta ** t"
        ),
        "m / (1 - beta1 ** (t - 1)), v / (1 - beta2 ** (t - 1))": (
            "t is counted from 1 already: beta ** t, not t - 1"
        ),
        "m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))": (
            "t is counted from 1 already: beta ** t, not t + 1"
        ),
        "m / (1 - beta1**t), v / (1 - beta1**t)": "v is corrected by beta1: it is beta2's, 1 - beta2 ** t",
        "m / (1 - beta2**t), v / (1 - beta2**t)": "m is corrected by beta2: it is beta1's, 1 - beta1 ** t",
        "m / (1 - beta2**t), v / (1 - beta1**t)": (
            "the two corrections are exchanged: m has beta1, v has beta2"
        ),
    },
    "root, m, v": {
        "root, m_hat, v_hat": (
            "the corrected m and v are returned: return the running ones, or they are corrected twice"
        ),
        "root, v, m": "m and v are returned in the wrong order",
    },
    "v_hat.sqrt() + eps": {
        "(v_hat + eps).sqrt()": "eps is inside the square root",
        "v_hat.sqrt()": "eps is missing",
        "v_hat + eps": "divided by v: take its square root",
        "v_hat.sqrt() + eps / (1 - beta2**t) ** 0.5": (
            "eps is added before v is corrected: correct v first, then take the square root, then add eps"
        ),
    },
    ("beta1 * m + (1 - beta1) * g", "beta2 * v + (1 - beta2) * g**2"): {
        (
            "(1 - beta1) * m + beta1 * g",
            "(1 - beta2) * v + beta2 * g**2",
        ): "the shares are swapped: beta is the share of the old value",
        (
            "beta1 * m + (1 - beta1) * g",
            "beta2 * v + (1 - beta2) * g.abs()",
        ): "v averages |g|: it should average g ** 2",
        (
            "beta1 * m + (1 - beta1) * g",
            "beta2 * v + (1 - beta2) * m**2",
        ): "v averages the square of m: it should average g ** 2",
        ("beta1 * m + g", "beta2 * v + g**2"): "the new value is not multiplied by 1 - beta",
    },
    "decay):": {
        "decay):\n    beta1, beta2 = beta2, beta1": (
            "beta1 and beta2 are exchanged: beta1 is m's, beta2 is v's"
        ),
    },
    ("    m = beta1", "m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)"): {
        (
            "    old_m, old_v = m, v\n    m = beta1",
            "m_hat, v_hat = old_m / (1 - beta1**t), old_v / (1 - beta2**t)",
        ): "the step uses the old m and v: update them first",
        (
            "    old_m = m\n    m = beta1",
            "m_hat, v_hat = old_m / (1 - beta1**t), v / (1 - beta2**t)",
        ): "the step uses the old m: update it first",
    },
    "    root = v_hat": {
        "    old_v = (v - (1 - beta2) * g**2) / beta2 / (1 - beta2**t)\n"
        "    v_hat = old_v\n"
        "    root = v_hat": "the step uses the old v: update v first",
        "    m_hat = g\n    root = v_hat": "the step uses g: it should use m, the running mean of it",
    },
    " - lr * m_hat": {" + lr * m_hat": "the step goes uphill: subtract it"},
    " / root, m, v": {", m, v": "the step is not divided by the square root of v"},
}


def _drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _regression() -> tuple[Tensor, Tensor]:
    x = _drawn(12, 3, seed=1) * _numbers(1.0, 2.0, 0.5) + _numbers(1.0, -2.0, 0.5)
    return x, x @ _numbers(1.0, -0.6, 0.3) + 4 + 0.3 * _drawn(12, seed=2)


_X, _Y = _regression()
_CENTRED, _TARGET = _X - _X.mean(dim=0), _Y - _Y.mean()
_COEFFICIENTS = _numbers(0.4, 0.9, -0.2)
_W = _numbers(-3.0, -0.7, -0.2, 0.0, 0.1, 0.6, 2.5)
_FEW_X, _FEW_Y = _numbers(1, 0, 3, 1, -1, 2, 1, -3).view(4, 2), _numbers(2, 5, -1, 0)
_STATE = (*(_drawn(4, seed=seed) for seed in (3, 4, 5)), _drawn(4, seed=6).square())

EXERCISES = [
    Exercise(
        soft_threshold,
        cases=[(_W, 0.5), (_W.view(1, 7), 0.15), (_drawn(2, 3), 0.0), (_W[:4], 2.0), (_W[2:5], 0.0)],
        mistakes=SOFT,
        hints=(
            "What happens to the size |w|, and what to the sign? Treat them apart.",
            "The size loses the threshold, but never falls below 0: clamp(min=0). Then give the sign back.",
        ),
        praise="All of [-threshold, threshold] becomes exactly 0.",
    ),
    Exercise(
        ridge_with_intercept,
        cases=[(_X, _Y, 0.7), (_X[:9, :2], _Y[:9], 2.0), (_FEW_X, _FEW_Y, 0.5)],
        look=returned_as("the weights", "the intercept"),
        mistakes=RIDGE,
        hints=(
            "Subtract its mean from each column of x, and from y: what is left is ridge without an "
            "intercept.",
            "The weights solve (X^T X / N + penalty * identity) w = X^T y / N: torch.linalg.solve.",
            "The intercept puts the means back: mean of y minus (mean of x) . w.",
        ),
        praise="Adding 100 to y adds 100 to the intercept and nothing else.",
    ),
    Exercise(
        lasso_coordinate,
        cases=[
            (_CENTRED, _TARGET, _COEFFICIENTS, 0, 0.3),
            (_CENTRED, _TARGET, _COEFFICIENTS, 1, 0.2),
            (_CENTRED, _TARGET, _COEFFICIENTS, 2, 50.0),
            (_CENTRED, -_TARGET, _COEFFICIENTS, 0, 0.1),
            (_X, _Y, _COEFFICIENTS, 1, 0.1),  # not centred
            (_FEW_X - _FEW_X.mean(dim=0), _FEW_Y - _FEW_Y.mean(), _numbers(0.5, -1), 1, 0.25),
        ],
        mistakes=COORDINATE,
        hints=(
            "r is what the other weights leave of y: y - x @ w, with the share of weight j, x[:, j] * w[j], "
            "added back.",
            "x_j . r / N is soft-thresholded by the penalty (exercise 1).",
            "Last, divide by x_j . x_j / N.",
        ),
        praise="The exact minimum over one weight: no learning rate is needed.",
    ),
    Exercise(
        adamw_step,
        cases=[
            (
                _STATE[0],
                _STATE[1],
                torch.zeros(4).double(),
                torch.zeros(4).double(),
                1,
                0.1,
                0.9,
                0.99,
                1e-2,
                0.3,
            ),
            (*_STATE, 3, 0.05, 0.8, 0.95, 1e-1, 0.5),
        ],
        look=returned_as("w", "m", "v"),
        mistakes=ADAMW,
        hints=(
            "Four lines: the decay of w; the running mean m of g; the running mean v of g ** 2; the step.",
            "m and v start at 0 and are too small at first: for the step, divide them by 1 - beta1 ** t and "
            "1 - beta2 ** t. Return them as they are.",
            "w * (1 - lr * decay) - lr * m_hat / (sqrt(v_hat) + eps): the decay is not divided by the square "
            "root.",
        ),
        praise="As torch.optim.AdamW, step for step.",
    ),
]
