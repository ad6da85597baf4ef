"""Exercises of lesson 13: what L1 adds to gradients, silent channels, the runs that a difference needs."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes


def l1_pull(parameters, factor):
    pulled = [name for name, w in parameters.items() if w.ndim > 1]  # biases, gamma and beta have one axis
    return {
        name: factor * torch.sign(w) if name in pulled else torch.zeros_like(w)
        for name, w in parameters.items()
    }


def silent_channels(weight):
    rows = weight.flatten(1)  # a channel each
    return (rows == 0).all(dim=1).sum()


def runs_needed(difference, deviation, reach=2.8):
    exact = (reach * deviation / difference) ** 2  # from difference = reach * deviation / sqrt(runs)
    return -int(-exact // 1)  # rounded up


PULL: Mistakes = {
    "w.ndim > 1": {
        "True": "biases and norms are pulled too: only weights, with two axes or more, should be",
        'name.endswith("weight")': "the norm's gamma is pulled too: it is called weight, but it has one axis",
        "w.ndim > 2": "the linear layer's weight is left out: its two axes make it a weight as well",
        "w.ndim == 2": "the convolution's weight is left out: whatever has more than one axis is a weight",
        "w.ndim == 1": "the other way round: biases and norms are pulled, the weights are not",
    },
    "torch.sign(w)": {
        "torch.sign(w.sum()).expand_as(w)": (
            "all weights of a tensor get the sign of their sum: each element has its own"
        ),
        "torch.ones_like(w)": "every weight is pushed the same way: the derivative of |w| has the sign of w",
        "w": "this is the pull of L2, proportional to w: that of L1 has the same size for every weight",
        "(2 * w)": (
            "this is 2w, the pull of L2 (the derivative of w²): that of L1 has the same size for every weight"
        ),
        "w.abs()": "this is |w|, the penalty itself: its derivative is asked for",
        "torch.where(w >= 0, 1.0, -1.0).to(w)": (
            "at w = 0 it should be 0: `torch.sign` gives that, w >= 0 does not"
        ),
        "(w / w.abs())": "at w = 0 this divides 0 by 0, which is NaN: torch.sign gives 0",
        "-torch.sign(w)": "the sign is turned round: the optimizer subtracts what you return",
    },
    "factor * torch": {
        "torch": "the factor is missing",
        "factor / sum(parameters[n].numel() for n in pulled) * torch": (
            "divided by the number of weights: the penalty here is a sum, not a mean"
        ),
        "factor / w.numel() * torch": (
            "divided by the number of weights of each tensor: the penalty here is a sum, not a mean"
        ),
        "2 * factor * torch": "twice the factor: the derivative of |w| is its sign",
        "w + factor * torch": "the weight itself is added: only the pull is asked for",
    },
    "factor * torch.sign(w) if name in pulled else torch.zeros_like(w)": {
        "w + factor * torch.sign(w) if name in pulled else w": (
            "the weights themselves are added: only the pull is asked for"
        ),
        "w - factor * torch.sign(w) if name in pulled else w": (
            "these are the weights after a step: only the pull is asked for"
        ),
        "factor * torch.sign(w) if name in pulled else w": (
            "what is not penalized gets itself: it should get zeros"
        ),
    },
}

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


def _parameters(seed: int) -> dict[str, Tensor]:
    """Parameters as model.named_parameters() names them: convolution, batch norm, linear layer."""
    draw = torch.Generator().manual_seed(seed)
    shapes = {"0.weight": (2, 1, 3, 3), "2.weight": (2,), "2.bias": (2,), "5.weight": (3, 2), "5.bias": (3,)}
    found = {name: torch.randn(shape, generator=draw, dtype=torch.float64) for name, shape in shapes.items()}
    found["0.weight"][0, 0, 0, 0] = 0.0  # the derivative of |w| at 0 is taken as 0
    return {name: w.requires_grad_() for name, w in found.items()}


def _pull(answer: Callable, parameters: Mapping[str, Tensor], factor: float) -> Seen:
    """The tensors of the dictionary that the answer returns."""
    names = list(parameters)
    result = answer(parameters, factor)
    if result is None:
        raise Mistaken("it returns None: is a `return` missing?")
    if not isinstance(result, Mapping):
        raise Mistaken(
            f"the result is a {type(result).__name__}: a dictionary from name to tensor is asked for"
        )
    if set(result) != set(names):
        lost, more = sorted(set(names) - set(result)), sorted(set(result) - set(names))
        raise Mistaken(
            f"names lacking: {', '.join(lost) or 'none'}; names too many: {', '.join(more) or 'none'} "
            "(what is not penalized gets zeros)"
        )
    return {f"the pull of {name}": result[name] for name in names}


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
        l1_pull,
        cases=[(_parameters(9), 0.25), (_parameters(10), 3.0)],
        look=_pull,
        mistakes=PULL,
        hints=(
            "The derivative of |w| is 1 where w is positive, -1 where it is negative: which function of "
            "torch gives that, and 0 at 0?",
            "What is a weight? Not its name says so, but its axes: convolutions have four, linear layers "
            "two; biases, gamma and beta one.",
            "A dictionary over all names: factor * sign(w) where w.ndim > 1, zeros of the same shape "
            "elsewhere.",
        ),
        praise="Weights are pulled, biases and norms are left alone.",
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
]
