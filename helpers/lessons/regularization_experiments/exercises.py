"""Exercises of lesson 13: the runs that a difference needs, what a penalty does, silent channels."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes


def runs_needed(difference, deviation, reach=2.8):
    exact = (reach * deviation / difference) ** 2  # from difference = reach * deviation / sqrt(runs)
    return -int(-exact // 1)  # rounded up


def penalty_effect(plain, penalized):
    tests = []
    for arm in (plain, penalized):
        best = max(arm, key=lambda rate: sum(arm[rate][0]))  # each arm's own, by its held-out accuracies
        tests.append(arm[best][1])
    return [b - a for a, b in zip(*tests, strict=True)]


def silent_channels(weight):
    rows = weight.flatten(1)  # a channel each
    return (rows == 0).all(dim=1).sum()


SILENT: Mistakes = {
    "weight.flatten(1)": {
        "weight.transpose(0, 1).flatten(1)": (
            "input channels are counted: the output channel is axis 0 of a convolution's weight"
        ),
        "weight.flatten(0, -2)": (
            "rows along the last axis are counted: a channel is all that belongs to one index of axis 0"
        ),
        "(weight.flatten(2).flatten(0, 1) if weight.ndim > 2 else weight.view(-1, 1))": (
            "single kernels are counted: a channel has one for each input channel, and all must be 0"
        ),
    },
    "(rows == 0).all(dim=1)": {
        "(rows.sum(dim=1) == 0)": (
            "the weights of a channel may add up to 0 without being 0: compare each of them"
        ),
        "(rows == rows[:, :1]).all(dim=1)": (
            "channels that are constant are counted (their variance is 0): all weights must be 0 themselves"
        ),
        "(rows == 0)[:, 0]": "only the first weight of each channel is looked at: all of them must be 0",
        "(rows == 0).all()": "one answer for the whole tensor: ask each channel, dim=1",
        "(weight == 0).all(dim=1)": (
            "only axis 1 is asked: flatten(1) first, so that all that belongs to a channel is one row"
        ),
        "(weight.flatten(2) == 0).all(dim=2)": (
            "single kernels are counted: a channel has one for each input channel, and all must be 0"
        ),
        "(weight == 0).all(dim=0)": (
            "axis 0 is pooled: it is the output channels, which are to be kept; pool all the others"
        ),
        "(rows.abs() < 1e-6).all(dim=1)": "a small weight is not 0: compare with 0 exactly",
        "(rows.abs() <= 1e-8).all(dim=1)": "a small weight is not 0: compare with 0 exactly",
        "(rows.abs() < 1e-3).all(dim=1)": "a small weight is not 0: compare with 0 exactly",
        "(rows == 0).any(dim=1)": "channels with some weight at 0 are counted: all of them must be 0",
        "(rows.amax(dim=1) == 0)": "a largest weight of 0 is not enough: the others may be negative",
        "(rows <= 0).all(dim=1)": "negative weights are not 0: compare with == 0",
    },
    "return (rows == 0).all(dim=1).sum()": {
        "return (weight.flatten(2) == 0).all(2).sum() if weight.ndim > 2 else (rows == 0).all(1).sum()": (
            "single kernels are counted: a channel has one for each input channel, and all must be 0"
        ),
    },
    "(rows == 0).all(dim=1).sum()": {"(rows == 0).sum()": "single weights are counted, not whole channels"},
    ".sum()": {".double().mean()": "this is a share: the number of channels is asked for"},
    ".all(dim=1).sum()": {
        ".all(dim=1).any()": "this says only whether one channel is silent: how many is asked for, sum()",
    },
    ").sum()": {
        ").logical_not().sum()": "the channels that still speak are counted: the silent ones are asked for",
    },
}

EFFECT: Mistakes = {
    "sum(arm[rate][0])": {
        "sum(arm[rate][1])": (
            "the rates are chosen by the test accuracies: choose on the held-out images, or the choice is a "
            "part of the result"
        ),
        "-sum(arm[rate][0])": "the worst rate is chosen: which one has the highest held-out accuracy?",
        "max(arm[rate][0])": "the rate of the best single run is chosen: take the mean over the seeds",
        "min(arm[rate][0])": "the rate of the best worst run is chosen: take the mean over the seeds",
        "arm[rate][0][0]": "only the first seed chooses: take the mean over all seeds",
        "sum(plain[rate][0]) + sum(penalized[rate][0])": (
            "one rate is chosen for both arms together: choose each arm's own"
        ),
        "sum(penalized[rate][0]) - sum(plain[rate][0])": (
            "the rate of the largest difference is chosen for both: choose each arm's own best rate"
        ),
        "sorted(arm[rate][0])[len(arm[rate][0]) // 2]": (
            "the rate of the best median is chosen: take the mean over the seeds"
        ),
        "-rate": "the smallest rate is chosen, whatever its accuracy",
        "sum(arm[rate][0 if arm is plain else 1])": (
            "the rate of the penalized arm is chosen by its test accuracies: choose on the held-out images"
        ),
        "sum(arm[rate][1 if arm is plain else 0])": (
            "the rate of the plain arm is chosen by its test accuracies: choose on the held-out images"
        ),
        "rate": "the largest rate is chosen, whatever its accuracy",
        "sum(plain[rate][0])": "the rate of the plain arm serves both arms: choose one for each",
        "sum(penalized[rate][0])": "the rate of the penalized arm serves both: choose one for each",
        "sum(arm[rate][0]) + sum(arm[rate][1])": (
            "the test accuracies take part in the choice of the rates: choose on the held-out images alone"
        ),
    },
    "tests.append(arm[best][1])": {
        "tests.append(arm[best][0])": "these are held-out accuracies, which chose the rates: test both",
    },
    "b - a": {
        "a - b": "the sign is turned round: with the penalty minus without it",
        "abs(b - a)": "the sign is lost: with the penalty minus without it",
        "100 * (b - a) / a": "these are percent of an accuracy: points, the plain difference, are asked for",
    },
    "    return [b - a": {
        "    return [\n"
        "        penalized[max(penalized, key=lambda rate: penalized[rate][0][i])][1][i]\n"
        "        - plain[max(plain, key=lambda rate: plain[rate][0][i])][1][i]\n"
        "        for i in range(len(tests[0]))\n"
        "    ]\n"
        "    return [b - a": (
            "each seed has a rate of its own here: choose one rate for an arm, by the mean over the seeds"
        ),
        "    mean = [\n"
        "        [sum(v) / len(v) for v in zip(*(test for _, test in arm.values()), strict=True)]\n"
        "        for arm in (plain, penalized)\n"
        "    ]\n"
        "    return [b - a for a, b in zip(*mean, strict=True)]\n"
        "    return [b - a": "averaged over all rates: choose each arm's best one by its held-out accuracies",
        "    held = [arm[max(arm, key=lambda r: sum(arm[r][0]))][0] for arm in (plain, penalized)]\n"
        "    return [\n"
        "        (b - y) - (a - x) for a, b, x, y in zip(*tests, *held, strict=True)\n"
        "    ]\n"
        "    return [b - a": (
            "the held-out accuracies are subtracted as well: they only choose the rates, return the "
            "differences in test accuracy"
        ),
        **{
            f"    tests = [plain[{a}][1], penalized[{b}][1]]\n    return [b - a": (
                f"the rates are fixed to {a} and {b}: choose them by the held-out accuracies"
            )
            for a in (0.01, 0.03, 0.1, 0.3)
            for b in (0.01, 0.03, 0.1, 0.3)
        },
    },
    "[b - a for a, b in zip(*tests, strict=True)]": {
        "sorted(b - a for a, b in zip(*tests, strict=True))": (
            "the differences are sorted: leave them in the order of the seeds"
        ),
        "[b - sum(tests[0]) / len(tests[0]) for b in tests[1]]": (
            "the mean of the plain arm is subtracted: pair the runs, seed by seed"
        ),
        "[sum(tests[1]) / len(tests[1]) - a for a in tests[0]]": (
            "the mean of the penalized arm is taken: pair the runs, seed by seed"
        ),
        "[b - a for a in tests[0] for b in tests[1]]": (
            "every seed is paired with every other: pair each with the same seed of the other arm"
        ),
        "[b - a for b in tests[1] for a in tests[0]]": (
            "every seed is paired with every other: pair each with the same seed of the other arm"
        ),
        "[[y - x for x, y in zip(plain[r][1], penalized[r][1], strict=True)] for r in plain]": (
            "the differences at all rates are returned: choose one rate for each arm, by its held-out "
            "accuracies"
        ),
        "sum(b - a for a, b in zip(*tests, strict=True)) / len(tests[0])": (
            "this is the mean: a list of the differences, one for each seed, is asked for"
        ),
        "[b - a for a, b in zip(*map(sorted, tests), strict=True)]": (
            "the accuracies were sorted: the pairs are the seeds, in their order"
        ),
    },
}

RUNS: Mistakes = {
    "deviation / difference": {
        "difference / deviation": (
            "difference and deviation have changed places: a larger difference needs fewer runs"
        ),
        "deviation**2 / difference": "deviation is squared twice: the bracket is squared once, at its end",
        "deviation / difference**0.5": "difference stands inside a square root: it is squared with the rest",
    },
    "exact = (": {
        "exact = 2 * (": "the variance is doubled: the deviation given is of paired differences already",
    },
    " ** 2": {
        "": "the square is missing: the interval shrinks with the square root of the number of runs",
        " ** 0.5": "the square root is taken where the square should be",
    },
    "(reach * deviation / difference) ** 2": {
        "reach * (deviation / difference) ** 2": "reach is not squared: the square is of the whole bracket",
        "reach**2 * deviation / difference": "only reach is squared: the square is of the whole bracket",
        "reach * deviation / difference**2": "only difference is squared: the square is of the whole bracket",
        "reach**2 * deviation / difference**2": (
            "deviation is not squared: the square is of the whole bracket"
        ),
        "(-(-reach * deviation // difference)) ** 2": "rounded up before the square is taken: round last",
    },
    "-int(-exact // 1)": {
        "exact": "a number of runs is whole: round up",
        "max(2, -int(-exact // 1))": "it is at least 2: where one run is enough, the smallest number is 1",
        "int(exact)": "rounded down: these runs do not quite suffice",
        "round(exact)": "rounded to the nearest number: round up, or the runs may not suffice",
        "int(exact) + 1": (
            "one run too many where the number is whole already (d >= reach s / sqrt(n) suffices): math.ceil "
            "rounds up"
        ),
        "-int(-exact // 1) + 1": "one run too many: math.ceil rounds up",
    },
    "reach=2.8):": {
        "reach=2.8):\n    reach = 1.96": (
            "reach is ignored: with 1.96 the difference is seen only every second time"
        ),
        "reach=2.8):\n    reach = 2.8": "reach is ignored: its default stands where the argument should",
    },
}


_PLAIN = {  # rate -> held-out and test accuracies: each wrong way to choose the rates gives another result
    0.01: ([97.81, 98.34, 98.27], [98.43, 98.76, 97.85]),
    0.03: ([99.52, 97.66, 98.03], [97.91, 97.88, 99.04]),
    0.1: ([98.28, 98.91, 99.35], [98.17, 98.43, 98.94]),
    0.3: ([99.21, 98.47, 98.54], [99.15, 98.62, 97.93]),
}
_PENALIZED = {
    0.01: ([98.52, 98.57, 98.93], [98.44, 99.13, 98.51]),
    0.03: ([98.38, 98.14, 98.81], [98.92, 98.46, 99.53]),
    0.1: ([98.94, 98.01, 97.32], [99.18, 98.87, 98.74]),
    0.3: ([98.03, 98.73, 97.46], [98.09, 99.22, 98.16]),
}


def _arm(seed: int) -> dict[float, tuple[list[float], list[float]]]:
    """Held-out and test accuracies of five seeds, in points with two decimals, at eight rates."""
    draw = torch.Generator().manual_seed(seed)
    drawn = 95 + 4 * torch.rand(8, 2, 5, generator=draw, dtype=torch.float64)
    rates = (0.3, 0.001, 0.01, 0.003, 1.0, 0.1, 3.0, 0.03)
    return {
        rate: tuple(part.round(decimals=2).tolist() for part in parts)
        for rate, parts in zip(rates, drawn, strict=True)
    }


def _sparse() -> Tensor:
    weight = torch.ones(7, 3, 2, 2, dtype=torch.float64)
    weight[1] = 0.0
    weight[2] = torch.tensor([1.0, -1.0]).double()  # adds up to 0, and is not silent
    weight[3:5] = 1e-9
    weight[5, 0, 0, 0] = 0.0
    weight[6] = -1e-4
    weight[:, 2] = 0.0  # an input channel that nobody listens to
    return weight


_OTHER = torch.randn(9, 4, 3, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
_OTHER[[0, 3, 4]] = 0.0
_OTHER[1, 2] = 0.0  # a kernel of 0 in a channel that is not silent
_OTHER[[6, 7]] = -_OTHER[[6, 7]].abs()
_OTHER[6, 0, 0, 0] = 0.0
_OTHER[:, 1] = 0.0
_LINEAR = torch.tensor([[0, 0, 0], [1, 0, -1], [0, -2, 0], [-1, -2, -3], [2, 2, 2]]).double()

EXERCISES = [
    Exercise(
        runs_needed,
        cases=[
            (0.0397, 0.05, 2.8),
            (0.03, 0.05, 2.8),
            (0.1, 0.06, 2.8),
            (0.075, 0.2, 3.24),
            (0.5, 0.25, 2.0),
            (0.5, 1.0, 2.0),
        ],
        typed=False,
        mistakes=RUNS,
        hints=(
            "Solve difference = reach * deviation / sqrt(n) for n.",
            "n = (reach * deviation / difference) ** 2, rounded up: math.ceil.",
        ),
        praise="Half the difference takes four times the runs.",
    ),
    Exercise(
        penalty_effect,
        cases=[(_PLAIN, _PENALIZED), (_PENALIZED, _PLAIN), (_arm(1), _arm(2))],
        typed=False,
        mistakes=EFFECT,
        hints=(
            "Two questions, one after the other: which rate does each arm get, and what do the two arms then "
            "have on the test images?",
            "The rate of an arm is the key of its dictionary with the highest mean of the first list. The "
            "second list must not take part in that.",
            "max(arm, key=lambda rate: sum(arm[rate][0])) for each arm; then the differences of the second "
            "lists, seed by seed, penalized minus plain.",
        ),
        praise="Each arm at its own rate, chosen where it is not tested, and paired by seed.",
    ),
    Exercise(
        silent_channels,
        cases=[
            (_sparse(),),
            (torch.cat([_sparse(), torch.zeros(3, 3, 2, 2).double()]),),
            (_OTHER,),
            (_LINEAR,),
            (_OTHER[[0, 1, 3, 6, 2], :, 0, 0],),
        ],
        typed=False,
        mistakes=SILENT,
        hints=(
            "The output channel is axis 0, in a convolution's weight and in a linear layer's. What else a "
            "weight has belongs to that channel.",
            "weight.flatten(1) has one row for each channel, whatever the number of axes: is all of a row == "
            "0?",
        ),
        praise="Every weight of the channel is exactly 0.",
    ),
]
