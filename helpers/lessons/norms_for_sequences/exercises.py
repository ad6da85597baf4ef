"""Exercises of lesson 14: a value's effect on another, batch norm past padding, sensitivity to the rate."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes


def handed_on(x, i, j):
    M, s = len(x), x.std(correction=0)
    x_hat = (x - x.mean()) / s
    return -(1 + x_hat[i] * x_hat[j]) / (M * s)


def masked_batch_norm(x, mask, eps):
    kept = x[mask]  # (positions that are no padding, C)
    mean = kept.mean(dim=0)
    var = kept.var(dim=0, correction=0)
    y = (x - mean) / (var + eps).sqrt()
    return torch.where(mask[..., None], y, 0.0)


def rate_sensitivity(losses, limit):
    means = []
    for runs in losses.values():
        capped = [limit if loss is None else min(loss, limit) for loss in runs]
        means.append(sum(capped) / len(capped))
    return sum(means) / len(means) - min(means)


HANDED_ON: Mistakes = {
    "-(1 + x_hat[i] * x_hat[j])": {
        "(1 + x_hat[i] * x_hat[j])": "the sign is wrong: a larger x_j raises the mean, which lowers x_hat_i",
        "-(1 - x_hat[i] * x_hat[j])": (
            "the sign of the second term is wrong: where both lie on one side, a larger x_j raises s as well"
        ),
        "-1": "only the mean is differentiated: x_j moves the standard deviation as well",
        "-x_hat[i] * x_hat[j]": "only the standard deviation is differentiated: x_j moves the mean as well",
        "-(1 + x_hat[i])": "x_hat_j is missing: by how much s grows depends on where x_j lies",
        "-(1 + x_hat[j])": "x_hat_i is missing: what s takes away is a share of x_hat_i",
        "-(1 + x_hat[i] ** 2)": "x_hat_i stands there twice: one of the two is x_hat_j",
        "-(1 + x_hat[j] ** 2)": "x_hat_j stands there twice: one of the two is x_hat_i",
        "-(1 + x[i] * x[j])": "x stands where x_hat belongs",
        "M - (1 + x_hat[i] * x_hat[j])": (
            "that is the derivative by x_i itself: for another value the term M, or 1 / s, is not there"
        ),
    },
    "(M * s)": {
        "M": "the division by s is missing",
        "s": "1 / M is missing: x_j is one of M values in the mean",
        "(M * s**2)": "divided by the variance: it is the standard deviation",
        "((M - 1) * s)": "divided by M - 1: batch norm's standard deviation is the biased one",
    },
    "correction=0": {"correction=1": "the unbiased standard deviation: batch norm divides by M"},
}

MASKED: Mistakes = {
    "kept = x[mask]": {
        "kept = x.flatten(0, 1)": "the statistics include the padding: take those of x[mask]",
        "kept = x[~mask]": "the statistics are those of the padding: mask is True where there is text",
    },
    "kept.mean(dim=0)": {
        "kept.mean()": "one mean for all channels: there is one for each",
        "(x * mask[..., None]).flatten(0, 1).mean(dim=0)": (
            "the sum is divided by all N T positions: divide by those that are no padding"
        ),
        "x.flatten(0, 1).mean(dim=0)": "the mean includes the padding: take that of x[mask]",
        "0.0": "no mean is subtracted",
    },
    "kept.var(dim=0, correction=0)": {
        "kept.var(dim=0)": "the unbiased variance: batch norm normalizes by the biased one, correction=0",
        "kept.var(correction=0)": "one variance for all channels: there is one for each",
        "kept.std(dim=0, correction=0)": "the square root is taken twice: std has it already",
        "x.flatten(0, 1).var(dim=0, correction=0)": "the variance includes the padding: take that of x[mask]",
        "((x - mean) * mask[..., None]).square().flatten(0, 1).mean(dim=0)": (
            "the squares are divided by all N T positions: divide by those that are no padding"
        ),
        "(kept**2).mean(dim=0)": "that is the mean square: subtract the mean before squaring",
    },
    "(var + eps).sqrt()": {
        "(var.sqrt() + eps)": "eps is added to the standard deviation: it goes inside the square root",
        "var.sqrt()": "eps is missing",
        "(var + eps)": "divided by the variance: take its square root",
    },
    "torch.where(mask[..., None], y, 0.0)": {
        "y": "the padding comes out as something other than 0",
        "torch.where(mask[..., None], y, x)": "the padding keeps its values: it should come out as 0",
        "torch.where(mask[..., None], 0.0, y)": "text and padding are swapped in the output",
        "y[mask]": "only the kept positions are returned: keep the shape (N, T, C), with 0 for padding",
    },
}

SENSITIVITY: Mistakes = {
    "limit if loss is None else min(loss, limit) for loss in runs": {
        "min(loss, limit) for loss in runs if loss is not None": (
            "runs that diverged are left out, which makes a rate that fails look good: count them as limit"
        ),
        "limit if loss is None else loss for loss in runs": (
            "losses above limit are not capped: one run that lost itself would decide everything"
        ),
        "0.0 if loss is None else min(loss, limit) for loss in runs": (
            "a run that diverged counts as 0, the best possible loss: count it as limit"
        ),
        "limit if loss is None else max(loss, limit) for loss in runs": (
            "limit is the largest loss that counts: take the smaller of the two"
        ),
    },
    "sum(capped) / len(capped)": {
        "min(capped)": "the best seed of each rate is taken: take the mean over the seeds",
        "max(capped)": "the worst seed of each rate is taken: take the mean over the seeds",
        "sum(capped)": "the sum over the seeds: take the mean",
    },
    "- min(means)": {
        "": "the loss at the best rate is not subtracted",
        "- max(means)": "the worst rate is subtracted: subtract the best",
        "- means[0]": "the first rate is subtracted: subtract the best",
        "- min(loss for runs in losses.values() for loss in runs if loss is not None)": (
            "the best single run is subtracted: subtract the mean at the best rate"
        ),
    },
    "sum(means) / len(means)": {
        "max(means)": "only the worst rate counts: take the mean over the rates",
        "sum(means)": "the sum over the rates: take the mean",
    },
}


def _drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _padded(n: int, t: int, channels: int, lengths: tuple[int, ...], seed: int) -> tuple[Tensor, Tensor]:
    """Sequences with padding that is not 0 everywhere, and their mask."""
    mask = torch.arange(t) < torch.tensor(lengths)[:, None]
    x = _drawn(n, t, channels, seed=seed) * (1 + torch.arange(channels)) + 2
    return torch.where(mask[..., None], x, 0.5), mask


EXERCISES = [
    Exercise(
        handed_on,
        cases=[
            (2 * _drawn(6, seed=1) + 1, 1, 4),
            (3 * _drawn(4, seed=2), 3, 0),
            (_drawn(9, seed=3) - 5, 2, 7),
        ],
        mistakes=HANDED_ON,
        hints=(
            "x_hat_i = (x_i - m) / s. x_j is in m and in s, and nowhere else: differentiate both.",
            "dm / dx_j = 1 / M. And s ** 2 = mean of (x - m) ** 2 gives ds / dx_j = (x_j - m) / (M s).",
            "d x_hat_i / dx_j = - (dm / dx_j) / s - x_hat_i (ds / dx_j) / s; take 1 / (M s) out.",
        ),
        praise="One of M values moves every other by about 1 / M.",
        typed=False,
    ),
    Exercise(
        masked_batch_norm,
        cases=[
            (*_padded(3, 5, 2, (5, 2, 1), seed=4), 1e-5),
            (*_padded(2, 4, 3, (4, 1), seed=5), 0.1),
            (*_padded(4, 6, 2, (6, 4, 2, 3), seed=6), 0.01),
        ],
        mistakes=MASKED,
        hints=(
            "x[mask] with a mask (N, T) gives the feature vectors where it is True, (count, C).",
            "Mean and biased variance over their first dimension have the shape (C,), and fit x from "
            "the right.",
            "Normalize all of x, then torch.where(mask[..., None], y, 0.0).",
        ),
        praise="However much padding a batch has, no output moves.",
    ),
    Exercise(
        rate_sensitivity,
        cases=[
            ({0.1: [2.0, 2.2], 0.3: [1.8, 1.9], 1.0: [None, 2.6]}, 3.0),
            ({0.01: [1.5, 1.25, 1.75], 0.1: [9.0, 1.0, 2.0], 1.0: [None, None, 40.0]}, 4.0),
            ({1.0: [2.5], 2.0: [2.25]}, 3.5),
        ],
        mistakes=SENSITIVITY,
        hints=(
            "What does a run count that diverged, or that ended above limit?",
            "For each rate: each run capped at limit, then their mean over the seeds.",
            "The mean of these over the rates, less the smallest of them.",
        ),
        praise="A network that is sensitive to the rate has a large one, however good its best.",
        typed=False,
    ),
]
