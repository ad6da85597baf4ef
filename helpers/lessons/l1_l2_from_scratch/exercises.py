"""Exercises of lesson 11: soft threshold, a lasso update, a penalty from cross-validation."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes


def soft_threshold(w, threshold):
    return w.sign() * (w.abs() - threshold).clamp(min=0)


def lasso_coordinate(x, y, w, j, penalty):
    column, n = x[:, j], len(x)
    residual = y - x @ w + column * w[j]  # without the share of weight j
    c = column @ residual / n
    curvature = column @ column / n
    return c.sign() * (c.abs() - penalty).clamp(min=0) / curvature


def one_standard_error(penalties, errors):
    mean = errors.mean(dim=1)
    best = mean.argmin()
    limit = mean[best] + errors[best].std() / errors.shape[1] ** 0.5
    return penalties[mean <= limit].max()


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

ONE_ERROR: Mistakes = {
    "errors[best].std() / errors.shape[1] ** 0.5": {
        "0": "that is the penalty of the smallest mean error: the rule allows one standard error more",
        "errors[best].std()": (
            "the standard deviation over the folds is not divided by the square root of their number"
        ),
        "errors[best].std() / errors.shape[1]": ("divided by the number of folds: divide by its square root"),
        "errors[best].std() / errors.shape[0] ** 0.5": (
            "divided by the square root of the number of penalties: take the number of folds"
        ),
        "errors[best].std(correction=0) / errors.shape[1] ** 0.5": (
            "the standard deviation is divided by the number of folds, not by that number minus 1"
        ),
        "errors.std() / errors.shape[1] ** 0.5": (
            "the standard deviation is that of all errors: take the folds of the best penalty"
        ),
        "errors.std(dim=1) / errors.shape[1] ** 0.5": (
            "each penalty has its own standard error here: take that of the best penalty for all"
        ),
        "mean.std() / errors.shape[1] ** 0.5": (
            "the standard deviation is that of the means: take the folds of the best penalty"
        ),
        "errors[best].var() / errors.shape[1]": "the variance is used: take the standard deviation",
        "2 * errors[best].std() / errors.shape[1] ** 0.5": "two standard errors are allowed: take one",
        "errors[best].std() / 10**0.5": (
            "it is always divided by the square root of 10: the number of folds is errors.shape[1]"
        ),
        "errors[best].std() / 5**0.5": (
            "it is always divided by the square root of 5: the number of folds is errors.shape[1]"
        ),
        "(errors.std(dim=1) / errors.shape[1] ** 0.5).mean()": (
            "the average of all standard errors is taken: take the one at the minimum, that of the best "
            "penalty"
        ),
        "errors[best].std() / errors.shape[1] ** 0.5 + errors.std(dim=1) / errors.shape[1] ** 0.5": (
            "both have an error bar here, two standard errors: one is allowed, that of the best penalty"
        ),
        "mean.std() / len(mean) ** 0.5": (
            "this is how the curve varies over the penalties: the standard error at the minimum, over the "
            "folds, is asked for"
        ),
        "mean.std()": (
            "this is how the curve varies over the penalties: the standard error at the minimum, over the "
            "folds, is asked for"
        ),
    },
    "penalties[mean <= limit].max()": {
        "penalties[mean <= limit].min()": (
            "the smallest such penalty is returned: the rule takes the largest, the simplest model"
        ),
        "penalties.max()": (
            "the largest of all penalties is returned, whatever its error: only those count whose error is "
            "at most the minimum plus one standard error"
        ),
        "(mean <= limit).nonzero().max()": "the place in the list is returned: return the penalty",
        "limit": "this is the limit for the errors: the largest penalty within it is asked for",
        "penalties[mean <= limit][-1]": (
            "the last one in the list is returned: the penalties need not be sorted, take the largest (max)"
        ),
        "penalties[mean <= limit][0]": (
            "the first one in the list is returned: the penalties need not be sorted, take the largest (max)"
        ),
        "penalties[mean <= limit].mean()": "the mean of such penalties is returned: take the largest",
        "penalties[mean.where(mean <= limit, -torch.inf).argmax()]": (
            "of those within the limit the one with the largest error is returned: take the largest penalty"
        ),
        "penalties[mean.where(mean > limit, torch.inf).argmin()]": (
            "this is the first penalty beyond the limit: take the largest within it"
        ),
        "penalties[best + int((mean[best:] <= limit).cumprod(0).sum()) - 1]": (
            "this stops at the first error above the limit: later ones may be within it again; take the "
            "largest of all penalties within it"
        ),
        "penalties[(mean - limit).abs().argmin()]": (
            "the penalty whose error is nearest to the limit is returned: it must not exceed the limit"
        ),
    },
    "mean[best] + ": {"mean[best] - ": "the standard error is subtracted: the limit lies above the minimum"},
    "mean <= limit": {
        "mean < limit": "an error that is exactly at the limit is within it: at most, <=",
    },
    ("best = mean.argmin()", "mean[best] +"): {
        (
            "best, fold = divmod(int(errors.argmin()), errors.shape[1])",
            "errors[best, fold] +",
        ): "the smallest error of a single fold is taken: average over the folds first",
    },
    "errors.mean(dim=1)": {
        "errors.median(dim=1).values": "the median over the folds is taken: take the mean"
    },
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

_PENALTIES = torch.logspace(-2, 1, 31, dtype=torch.float64)


_ORDER = torch.randperm(31, generator=torch.Generator().manual_seed(5))
_SHUFFLED = _PENALTIES[_ORDER]


def _curve(seed: int, bend: float, spread: float, folds: int) -> Tensor:
    """Errors (31, folds) that are smallest near a penalty of 0.3."""
    bowl = bend * (_PENALTIES / 0.3).log().square().view(-1, 1)
    each = spread * _drawn(1, folds, seed=seed) * (1 + 0.5 * _drawn(31, 1, seed=seed + 20).abs())
    return 10 + bowl + each + 0.02 * _drawn(31, folds, seed=seed + 10)


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
        one_standard_error,
        cases=[
            (_numbers(0.1, 0.3, 1.0, 3.0), _numbers(5.5, 6.1, 5.0, 8.6, 5.9, 6.2, 6.3, 8.5).view(4, 2)),
            (_PENALTIES, _curve(6, 0.2, 3.0, 2)),
            (_PENALTIES, _curve(1, 0.3, 1.0, 5)),
            (_PENALTIES, _curve(2, 0.2, 1.5, 10)),
            (_PENALTIES.flip(0), _curve(3, 0.5, 2.0, 8).flip(0)),
            (_PENALTIES, _curve(4, 0.05, 2.0, 3)),
            (_PENALTIES[4:], _curve(5, 0.1, 0.7, 6)[4:]),
            (_SHUFFLED, _curve(7, 0.15, 1.2, 7)[_ORDER]),
            (_numbers(0.3, 0.03, 3.0, 0.1), _numbers(5, 7, 9, 6).view(4, 1).expand(4, 3)),  # folds all alike
        ],
        mistakes=ONE_ERROR,
        hints=(
            "Three steps: the mean error of each penalty, the best of them, the limit above the best.",
            "The standard error of the best: the standard deviation of its errors over the folds (torch's, "
            "with n - 1), divided by the square root of the number of folds.",
            "Of all penalties whose mean error is at most mean[best] + standard error, return the largest.",
        ),
        praise="Breiman's rule: the simplest model that cannot be distinguished from the best.",
    ),
]
