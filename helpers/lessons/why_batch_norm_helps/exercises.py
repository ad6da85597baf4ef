"""Exercises of lesson 10: what noise leaves, a step of fixed norm, where decay balances."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes


def share_left(none, batch, noisy):
    advantage = (none / batch).log().mean()
    with_noise = (none / noisy).log().mean()
    return with_noise / advantage


def fixed_norm_step(weight, gradient, lr):
    stepped = weight - lr * gradient
    return stepped * weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)


def equilibrium(lr, decay, g):
    shrink = (1 - lr * decay) ** 2  # what decay leaves of the squared norm
    return lr * g / (1 - shrink) ** 0.5


SHARE: Mistakes = {
    ("(none / batch).log().mean()", "(none / noisy).log().mean()"): {
        ("(none - batch).mean()", "(none - noisy).mean()"): (
            "the losses themselves are subtracted: take their logarithms, so that halving a loss counts the "
            "same wherever it is"
        ),
        ("(none.mean() / batch.mean()).log()", "(none.mean() / noisy.mean()).log()"): (
            "this is the logarithm of the means: take the logarithm of each seed's loss first"
        ),
        (
            "(none / batch).mean()",
            "(none / noisy).mean()",
        ): "a logarithm is missing: these are ratios of losses",
        ("(none / batch).log().median()", "(none / noisy).log().median()"): (
            "this takes medians over the seeds: means are asked for"
        ),
    },
    "(none / noisy).log().mean()": {
        "(noisy / batch).log().mean()": (
            "this is the share that the noise takes away: what is left is asked for"
        ),
        "(noisy / none).log().mean()": "the sign is wrong: log none - log noisy is what is left",
    },
    "with_noise / advantage": {
        "advantage / with_noise": "upside down: what is left, divided by the whole advantage",
        "1 - with_noise / advantage": (
            "this is the share that the noise takes away: what is left is asked for"
        ),
        "with_noise - advantage": "this is a difference: a share is asked for, so divide",
        "100 * with_noise / advantage": "this is in percent: a share is asked for, 1 is all of it",
    },
    ("(none / batch).log().mean()", "(none / noisy).log().mean()", "with_noise / advantage"): {
        ("(none / batch).log()", "(none / noisy).log()", "(with_noise / advantage).mean()"): (
            "this is the mean of the shares by seed: one seed with a small advantage outweighs the others; "
            "divide the two means"
        ),
    },
}

STEP: Mistakes = {
    "weight - lr * gradient": {
        "weight + lr * gradient": "the step goes up the gradient: subtract it",
        "weight - gradient": "lr is not used: the step is lr times the gradient",
        "weight - lr * gradient / gradient.norm(dim=1, keepdim=True)": (
            "the gradient is divided by its norm: only the weights are to be rescaled"
        ),
    },
    "stepped * weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)": {
        "stepped": "the norm has grown: rescale each row to the norm that it had before",
        "stepped / stepped.norm(dim=1, keepdim=True)": (
            "each row has norm 1 now: it should have the norm that it had before the step"
        ),
        "stepped * stepped.norm(dim=1, keepdim=True) / weight.norm(dim=1, keepdim=True)": (
            "the two norms are swapped: multiply by the old one, divide by the new one"
        ),
        "stepped * weight.norm() / stepped.norm()": (
            "the whole layer is rescaled by one number: each unit has a norm of its own, that of its row"
        ),
        "stepped * weight.norm(dim=0, keepdim=True) / stepped.norm(dim=0, keepdim=True)": (
            "the columns keep their norms: a unit's weights are one row of (units, inputs)"
        ),
        "stepped * (weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)) ** 2": (
            "the ratio is squared: the norms are to be equal, so their plain ratio"
        ),
        "stepped * weight.abs().sum(dim=1, keepdim=True) / stepped.abs().sum(dim=1, keepdim=True)": (
            "this keeps the sum of absolute values: the norm is the square root of the sum of squares"
        ),
        "weight * stepped.norm(dim=1, keepdim=True) / weight.norm(dim=1, keepdim=True)": (
            "these are the old weights with the new norm: it should be the new direction with the old norm"
        ),
        "weight": "nothing has moved: the direction should change, the norm should not",
    },
}

BALANCE: Mistakes = {
    "(1 - lr * decay) ** 2": {
        "(1 - lr * decay)": (
            "decay multiplies the weights by 1 - lr * decay, and so the squared norm by the square of that; "
            "without the square a factor of 2 is lost"
        ),
        "(1 - decay) ** 2": "lr is missing in the decay: the weights are multiplied by 1 - lr * decay",
        "(lr * decay) ** 2": "the weights are multiplied by 1 - lr * decay, not by lr * decay",
    },
    "lr * g / (1 - shrink) ** 0.5": {
        "(lr * g / (1 - shrink) ** 0.5) ** 0.5": "this is the norm: its square is asked for",
        "lr * g / (1 - shrink)": "a square root is missing: the equation is for the fourth power of the norm",
        "(lr * g) ** 2 / (1 - shrink)": (
            "this is the fourth power of the norm, or the gradient is taken as the same at every norm: it is "
            "g divided by the norm"
        ),
        "g / (1 - shrink) ** 0.5": "lr is missing: the step is lr times the gradient",
        "lr**2 * g / (1 - shrink) ** 0.5": "lr is squared once too often: after the square root it is lr",
        "lr * g**2 / (1 - shrink) ** 0.5": "g is squared once too often: after the square root it is g",
        "lr * g / (2 * lr * decay) ** 0.5": (
            "nearly: 2 lr decay is only the first term of 1 - (1 - lr decay)², which is asked for"
        ),
        "(1 - shrink) ** 0.5 / g": (
            "this is the effective rate there, lr / |w|²: the squared norm is asked for"
        ),
        "lr * g / (1 + shrink) ** 0.5": "the sign is wrong: growth makes up for what decay takes, 1 - shrink",
        "lr * g / shrink**0.5": "growth makes up for what decay takes: that is 1 - shrink, not shrink",
    },
}


def _weights(rows: int = 4, columns: int = 3, seed: int = 7) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


_SMALL = torch.tensor([[3, -4], [1, 2]]).double()
_LOSSES = torch.tensor([[0.2, 0.3, 0.1, 0.25], [0.05, 0.1, 0.06, 0.04], [0.08, 0.12, 0.07, 0.09]]).double()

EXERCISES = [
    Exercise(
        share_left,
        cases=[tuple(_LOSSES), (_LOSSES[0, :3] * 2, _LOSSES[1, 1:], _LOSSES[2, 1:] * 1.1)],
        typed=False,
        mistakes=SHARE,
        hints=(
            "An advantage in the logarithm of the loss is log none - log batch, seed by seed; then its mean.",
            "What is left with the noise is the mean of log none - log noisy.",
            "Divide the second by the first.",
        ),
        praise="1 would be all of it, 0 nothing.",
    ),
    Exercise(
        fixed_norm_step,
        cases=[
            (_weights(), _weights(seed=8), 0.5),
            (_SMALL, _weights(2, 2, seed=9), 2.0),
            (_weights(3, 5), _weights(3, 5, seed=10), 0.1),
        ],
        mistakes=STEP,
        hints=(
            "Take the plain step first; then only its norm is wrong.",
            "The norm of each row: norm(dim=1, keepdim=True), before the step and after it.",
            "Multiply the row by its old norm and divide by its new one.",
        ),
        praise="The direction moves as before; the norm stays.",
    ),
    Exercise(
        equilibrium,
        cases=[(0.1, 0.5, 2.0), (1.0, 0.1, 0.7), (0.5, 1.2, 3.0)],
        typed=False,
        mistakes=BALANCE,
        hints=(
            "At weights of norm r the gradient has norm g / r, and is perpendicular to the weights.",
            "Decay and step together: (1 - lr * decay)² r² + lr² g² / r². Set this equal to r².",
            "Solve for r⁴, then take the square root: lr * g / sqrt(1 - (1 - lr * decay)²).",
        ),
        praise="So the effective rate there is sqrt(1 - (1 - lr decay)²) / g, about sqrt(2 lr decay) / g.",
    ),
]
