"""Exercises of lesson 08: folding a batch norm, a main effect, by how much tuning shrinks an effect."""

from itertools import product

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def fold(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / torch.sqrt(var + eps)  # (out,): one for each unit, that is, each row of the weight
    return factor.view(-1, 1) * weight, factor * bias - factor * mean + beta


def main_effect(accuracy, factor):
    on = [value for levels, value in accuracy.items() if levels[factor]]
    off = [value for levels, value in accuracy.items() if not levels[factor]]
    with_it, without = sum(on) / len(on), sum(off) / len(off)
    return with_it - without  # each pair of cells that differ in it alone is in here


def shrinkage(fixed_with, fixed_without, tuned_with, tuned_without):
    seeds = sorted(set(fixed_with) & set(fixed_without) & set(tuned_with) & set(tuned_without))
    fixed = [fixed_with[seed] - fixed_without[seed] for seed in seeds]  # the effect, by seed
    tuned = [tuned_with[seed] - tuned_without[seed] for seed in seeds]
    shrunk = [a - b for a, b in zip(fixed, tuned, strict=True)]
    n, mean = len(seeds), sum(shrunk) / len(seeds)
    variance = sum((value - mean) ** 2 for value in shrunk) / (n - 1)
    return mean, (variance / n) ** 0.5


FOLDED: Mistakes = {
    "factor.view(-1, 1)": {
        "factor.view(1, -1)": (
            "the factor multiplies the columns of the weight: a unit is a row, so use view(-1, 1)"
        ),
        "1": "the weight is not multiplied by the factor",
    },
    "torch.sqrt(var + eps)": {
        "(var + eps)": "the square root is forgotten: divide by sqrt(var + eps)",
        "torch.sqrt(var)": "eps is missing: sqrt(var + eps)",
        "(torch.sqrt(var) + eps)": "eps is outside the square root: sqrt(var + eps)",
        "torch.ones_like(var)": (
            "not divided by the standard deviation: the factor is gamma / sqrt(var + eps)"
        ),
        "(1 / torch.sqrt(var + eps))": "multiplied by the standard deviation: divide by sqrt(var + eps)",
    },
    "factor.view(-1, 1) * weight": {
        "factor.view(-1, 1) * (weight - mean.view(-1, 1))": (
            "the mean is subtracted from the weight as well: it belongs to the bias only"
        ),
        "factor.view(-1, 1) * weight + beta.view(-1, 1)": (
            "beta is added to the weight as well: it belongs to the bias only"
        ),
    },
    "gamma /": {"1 /": "gamma is missing: the factor is gamma / sqrt(var + eps)"},
    " - factor * mean": {
        "": "the running mean is not subtracted from the bias",
        " - mean": "the running mean is subtracted after the factor: factor * (bias - mean) + beta",
        " + factor * mean": "the running mean is added: it should be subtracted",
        " - factor / gamma * mean": (
            "the running mean is not multiplied by gamma: factor * (bias - mean) + beta"
        ),
    },
    "factor * bias": {
        "0 * bias": "the old bias is lost: it is multiplied by the factor too",
        "bias": "the old bias is not multiplied by the factor",
        "gamma * bias": "the old bias is multiplied by gamma, not by the whole factor",
    },
    " + beta": {
        "": "beta is missing: it is added at the end",
        " + factor * beta": "beta is multiplied by the factor: it is added after it",
    },
    "factor * bias - factor * mean + beta": {
        "bias": "the bias stays as it was: factor * (bias - mean) + beta is the new one",
        "bias + weight @ (beta - factor * mean)": (
            "that folds a norm that comes before the linear layer: here the norm follows it"
        ),
    },
    "factor.view(-1, 1) * weight, factor * bias - factor * mean + beta": {
        "factor.view(1, -1) * weight, bias + weight @ (beta - factor * mean)": (
            "that folds a norm that comes before the linear layer: here the norm follows it"
        ),
    },
}

_SET = "    with_it, without = "
_CELLS_OF = f"    k = len(next(iter(accuracy)))\n{_SET}accuracy"
EFFECT: Mistakes = {
    f"{_SET}sum(on) / len(on), sum(off) / len(off)": {
        f"{_CELLS_OF}[tuple(i == factor for i in range(k))], accuracy[(False,) * k]": (
            "this is one pair only, all other factors off: take the mean over all pairs"
        ),
        f"{_CELLS_OF}[(True,) * k], accuracy[tuple(i != factor for i in range(k))]": (
            "this is one pair only, all other factors on: take the mean over all pairs"
        ),
        f"{_CELLS_OF}[(True,) * k], accuracy[(False,) * k]": (
            "this is everything on minus everything off: the other factors are in it, too"
        ),
        f"{_SET}sum(on) / len(on), 0": (
            "this is the mean of the cells with the factor: subtract the mean of those without it"
        ),
        f"    cells = list(accuracy.values())\n{_SET}sum(cells[1::2]) / len(on), sum(cells[::2]) / len(on)": (
            "neighbours in the dictionary are taken for pairs: its order says nothing, levels[factor] does"
        ),
        f"{_SET}sum(on), sum(off)": "the differences are added up: divide by how many pairs there are",
        f"{_SET}sum(on) / len(accuracy), sum(off) / len(accuracy)": (
            "half of what it should be: divided by the number of cells (there are half as many pairs), or "
            "compared with the mean of all cells"
        ),
        f"{_SET}sum(on) / 4, sum(off) / 4": (
            "divided by 4: the number of pairs depends on the number of factors"
        ),
        f"{_SET}max(on), max(off)": "the best cells are compared: take the mean over all pairs",
        f"    from statistics import median\n\n{_SET}median(on), median(off)": (
            "this is a difference of medians: take the mean"
        ),
        f"{_SET}100 * sum(on) / sum(off), 100": (
            "this is a relative change in percent: the difference in points is asked for"
        ),
    },
    "with_it - without": {
        "without - with_it": "the sign is wrong: with the factor minus without it",
        "abs(with_it - without)": "the sign is lost: an effect may be negative",
        "(with_it - without) / 100": "this is a share: points are percent",
    },
    "    on = [": {
        "    factor = len(next(iter(accuracy))) - 1 - factor\n    on = [": (
            "this is another factor: levels[factor] counts from the left, from 0"
        ),
        "    factor = factor - 1\n    on = [": (
            "this is the factor before: levels[factor] counts from 0 already"
        ),
        "    factor = 0\n    on = [": "this is always factor 0: the argument factor is not used",
    },
}

_FIXED = "fixed = [fixed_with[seed] - fixed_without[seed] for seed in seeds]"
_TUNED = "tuned = [tuned_with[seed] - tuned_without[seed] for seed in seeds]"
_SPREAD = "sum((value - mean) ** 2 for value in shrunk) / (n - 1)"
SHRUNK: Mistakes = {
    _FIXED: {
        "fixed = [fixed_with[seed] for seed in seeds]": (
            "the network without batch norm at the fixed rate is not subtracted"
        ),
        "fixed = [0.0 for seed in seeds]": "the effect at the fixed rate is missing",
    },
    (_FIXED, _TUNED): {
        (
            "fixed = [a - b for a, b in zip(fixed_with.values(), fixed_without.values())][: len(seeds)]",
            "tuned = [a - b for a, b in zip(tuned_with.values(), tuned_without.values())][: len(seeds)]",
        ): "the runs are paired by their place in the dictionaries: pair them by their seed",
        (
            "fixed = [fixed_with[seed] - tuned_with[seed] for seed in seeds]",
            "tuned = [0.0 for seed in seeds]",
        ): "this is what tuning does to the network with batch norm only: the one without is missing",
    },
    _TUNED: {
        "tuned = [0.0 for seed in seeds]": (
            "this is the effect at the fixed rate: subtract that of the tuned networks"
        ),
        "tuned = [tuned_with[seed] for seed in seeds]": (
            "the tuned network without batch norm is not subtracted"
        ),
    },
    "a - b for a, b": {
        "b - a for a, b": "the sign is wrong: the effect at the fixed rate minus that of the tuned networks",
        "a + b for a, b": "the two effects are added: subtract the second",
        "abs(a - b) for a, b": "the sign of each difference is lost: a seed may have the other sign",
        "100 * (a - b) / a for a, b": "this is a share, in percent: a difference in points is asked for",
        "abs(a) - abs(b) for a, b": "the sign of each effect is lost: batch norm may make a network worse",
        "b / a for a, b": "this is a ratio, the share that is left: a difference in points is asked for",
        "a / b for a, b": "this is a ratio of the effects: a difference in points is asked for",
        "(a - b) / a for a, b": "this is a share: a difference in points is asked for",
    },
    "    seeds = sorted(": {
        "    arms = (fixed_with, fixed_without, tuned_with, tuned_without)\n"
        "    every = {seed for arm in arms for seed in arm}\n"
        "    arms = [{seed: arm.get(seed, 0.0) for seed in every} for arm in arms]\n"
        "    fixed_with, fixed_without, tuned_with, tuned_without = arms\n"
        "    seeds = sorted(": (
            "where a run is missing its accuracy is taken as 0: use only the seeds that all four have"
        ),
    },
    "/ (n - 1)": {
        "/ n": "the variance is divided by n: that of a sample is divided by n - 1",
    },
    "(variance / n) ** 0.5": {
        "variance ** 0.5": ("this is the standard deviation of single seeds: divide by the square root of n"),
        "variance / n": "the square root is missing: this is the variance of the mean",
        "variance": "this is the variance of single seeds: divide by n and take the square root",
        "variance ** 0.5 / n": "divided by n: the standard error is smaller by the square root of n",
        "(variance / (n - 1)) ** 0.5": "n - 1 is divided by twice: once in the variance, n in its mean",
        "(variance / len(fixed_with)) ** 0.5": (
            "divided by the square root of the number of all seeds: n counts the seeds that all four have"
        ),
        "(variance / (4 * n)) ** 0.5": (
            "n is the number of differences, one for each seed, not four of them"
        ),
        "(variance / (2 * n)) ** 0.5": ("n is the number of differences, one for each seed, not two of them"),
        "1.96 * (variance / n) ** 0.5": "this is half an interval: the standard error alone is asked for",
        "(variance / n) ** 0.5 * 2": "this is about half an interval: the standard error alone is asked for",
    },
    f"variance = {_SPREAD}": {
        "parts = [[arm[seed] for seed in seeds] "
        "for arm in (fixed_with, fixed_without, tuned_with, tuned_without)]\n"
        "    variance = sum(sum((v - sum(p) / n) ** 2 for v in p) / (n - 1) for p in parts)": (
            "the errors of the four means are added as if their seeds were not shared: take the differences "
            "by seed first"
        ),
        "variance = sum(sum((v - sum(p) / n) ** 2 for v in p) / (n - 1) for p in (fixed, tuned))": (
            "the errors of the two effects are added as if their seeds were not shared: take the difference "
            "of the effects by seed first"
        ),
    },
    "    return mean, (": {
        "    mean = sorted(shrunk)[n // 2] / 2 + sorted(shrunk)[(n - 1) // 2] / 2\n    return mean, (": (
            "the median is taken: take the mean of the differences"
        ),
        "    arms = (fixed_with, fixed_without, tuned_with, tuned_without)\n"
        "    means = [sum(arm.values()) / len(arm) for arm in arms]\n"
        "    mean = means[0] - means[1] - means[2] + means[3]\n"
        "    return mean, (": (
            "each mean is that of all seeds which one dictionary has: take those that all four have, by seed"
        ),
    },
    "    n, mean = len(seeds)": {
        "    a = [fixed_with[s] - fixed_without[s] for s in fixed_with if s in fixed_without]\n"
        "    b = [tuned_with[s] - tuned_without[s] for s in tuned_with if s in tuned_without]\n"
        "    spread = [sum((v - sum(p) / len(p)) ** 2 for v in p) / (len(p) - 1) / len(p) for p in (a, "
        "b)]\n"
        "    return sum(a) / len(a) - sum(b) / len(b), sum(spread) ** 0.5\n"
        "    n, mean = len(seeds)": (
            "the seeds are paired within each study only: use those that all four have, and subtract the "
            "two effects by seed"
        ),
        "    def std(p):\n"
        "        return (sum((v - sum(p) / len(p)) ** 2 for v in p) / (len(p) - 1)) ** 0.5\n\n"
        "    a, b = std(fixed), std(tuned)\n"
        "    mean = sum(shrunk) / len(shrunk)\n"
        "    return mean, abs(a - b) / len(shrunk) ** 0.5\n"
        "    n, mean = len(seeds)": (
            "two standard errors are subtracted: take the standard error of the differences of the effects, "
            "by seed"
        ),
    },
    "return mean, (variance / n) ** 0.5": {
        "return mean - (variance / n) ** 0.5, mean + (variance / n) ** 0.5": (
            "these are the ends of an interval: the mean and the standard error are asked for"
        ),
        "return (variance / n) ** 0.5, mean": "the two numbers are swapped: the mean first",
    },
}


def _random(*shape: int, seed: int = 5) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.5


def _layer(n: int) -> tuple[Tensor, ...]:
    """Weight (n, n), bias, gamma, beta, running mean and running variance."""
    vectors = _random(4, n, seed=6)
    return _random(n, n), *vectors, _random(n, seed=7).abs() + 0.2


_VALUES = [83.1, 84.9, 86.4, 86.2, 83.7, 85.8, 80.3, 79.2]
_CELLS = dict(zip(product((False, True), repeat=3), _VALUES, strict=True))
_FOUR = dict(zip(product((True, False), repeat=2), (70.0, 64.0, 61.5, 60.0), strict=True))
_ACCURACIES = (  # seed -> accuracy; seeds in any order, and not the same in each
    {0: 84.6, 1: 85.1, 2: 84.9, 3: 85.3},
    {3: 81.9, 0: 82.2, 1: 81.4, 2: 82.0},
    {1: 87.6, 2: 87.9, 0: 87.2, 3: 88.4},
    {0: 86.9, 2: 83.9, 3: 87.7, 1: 87.5},
)
_MISSING = (  # seed 2 diverged in one of the four
    {2: 70.0, 5: 73.5, 7: 71.0, 9: 74.0},
    {9: 66.0, 7: 68.5, 2: 66.0, 5: 66.0},
    {7: 75.0, 9: 77.5, 5: 75.5},
    {5: 73.0, 2: 71.0, 7: 74.0, 9: 74.0},
)
_WORSE = (  # batch norm makes some networks worse; each lacks another seed
    {1: 71.3, 4: 69.2, 6: 74.1, 8: 70.7, 9: 72.2},
    {4: 72.9, 6: 70.4, 1: 73.6, 9: 70.1},
    {9: 76.3, 8: 77.1, 6: 75.2, 1: 77.7, 4: 74.6},
    {8: 75.9, 1: 75.1, 4: 76.2, 6: 77.3, 9: 75.8},
)

EXERCISES = [
    Exercise(
        fold,
        cases=[  # as many inputs as units, so that a factor on the wrong axis fits; a large eps shows
            (*_layer(3), 0.1),
            (*_layer(2), 0.5),
        ],
        look=returned_as("the new weight", "the new bias"),
        mistakes=FOLDED,
        hints=(
            "In evaluation batch norm is gamma * (z - mean) / sqrt(var + eps) + beta: a factor and a "
            "constant for each unit. Put z = W x + b in.",
            "factor = gamma / sqrt(var + eps). The weight's rows belong to the units: row i is multiplied by "
            "factor[i].",
            "The new bias is factor * (bias - mean) + beta; the new weight is factor.view(-1, 1) * weight.",
        ),
        praise="In evaluation, this batch norm costs nothing.",
    ),
    Exercise(
        main_effect,
        cases=[*((_CELLS, factor) for factor in range(3)), (_FOUR, 1), (_FOUR, 0)],
        typed=False,
        mistakes=EFFECT,
        hints=(
            "levels[factor] says whether a cell has the factor. Half of all cells have it.",
            "The mean over all pairs is the mean of all cells with the factor minus the mean of all cells "
            "without it.",
        ),
        praise="The mean over all pairs that differ in it alone.",
    ),
    Exercise(
        shrinkage,
        cases=[_ACCURACIES, _MISSING, _WORSE],
        look=returned_as("the mean", "the standard error"),
        typed=False,
        mistakes=SHRUNK,
        hints=(
            "At one rate the effect is, for each seed, the accuracy with batch norm minus that without.",
            "By seed: the effect at the fixed rate minus that of the tuned networks. Use only the seeds that "
            "all four have.",
            "These differences are n numbers. Their mean has the standard error s / sqrt(n), where s divides "
            "by n - 1.",
        ),
        praise="A difference of differences, by seed: what the seed does to all four networks cancels.",
    ),
]
