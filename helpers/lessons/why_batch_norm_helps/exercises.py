"""Exercises of lesson 10: what noise leaves, a step of fixed norm, where decay balances."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes


def share_left(none, batch, noisy):
    advantage = (none / batch).log().mean()
    with_noise = (none / noisy).log().mean()
    return with_noise / advantage


def _share_by_logs(none, batch, noisy):
    return (none.log().mean() - noisy.log().mean()) / (none.log().mean() - batch.log().mean())


def fixed_norm_step(weight, gradient, lr):
    stepped = weight - lr * gradient
    return stepped * weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)


def equilibrium(lr, decay, g):
    shrink = (1 - lr * decay) ** 2  # what decay leaves of the squared norm
    return lr * g / (1 - shrink) ** 0.5


def _equilibrium_of_fourth_power(lr, decay, g):
    return (lr**2 * g**2 / (1 - (1 - lr * decay) ** 2)) ** 0.5


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
        (
            "none.log().median() - batch.log().median()",
            "none.log().median() - noisy.log().median()",
        ): "this takes medians over the seeds: means are asked for",
    },
    "(none / noisy).log().mean()": {
        "(noisy / batch).log().mean()": (
            "this is the share that the noise takes away: what is left is asked for"
        ),
        "(noisy / none).log().mean()": "the sign is wrong: log none - log noisy is what is left",
    },
    "return with_noise / advantage": {
        "return (none - noisy).mean().log() / (none - batch).mean().log()": (
            "the logarithm of a difference is taken: take the difference of the logarithms, seed by seed"
        ),
        "return (none - noisy).log().mean() / (none - batch).log().mean()": (
            "the logarithm of a difference is taken: take the difference of the logarithms, seed by seed"
        ),
        "return (noisy / batch).log().mean() / with_noise": (
            "what the noise takes is divided by what is left: divide what is left, none to noisy, by the "
            "whole advantage, none to batch"
        ),
        "return advantage / (noisy / batch).log().mean()": (
            "the whole advantage is divided by what the noise takes: divide what is left, none to noisy, by "
            "the whole"
        ),
        "return with_noise / (with_noise + advantage)": (
            "divided by the sum of both: what is left is part of the whole advantage, divide by that"
        ),
        "return (with_noise / advantage).clamp(0, 1)": (
            "limited to 0 and 1: with the noise a network may be better still, or worse than without a norm"
        ),
        "return (with_noise / advantage).clamp(max=1)": (
            "limited to 1: with the noise a network may be better still"
        ),
        "return (with_noise / advantage).clamp(min=0)": (
            "limited to 0: with the noise a network may be worse than without a norm"
        ),
        "return (with_noise / advantage).abs()": (
            "the sign is lost: with the noise a network may be worse than without a norm"
        ),
        "return ((none.log1p() - noisy.log1p()).mean()) / (none.log1p() - batch.log1p()).mean()": (
            "the logarithm of 1 + the loss is taken (log1p): take that of the loss, log"
        ),
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
        "weight - lr / weight.square().sum(1, keepdim=True) * gradient": (
            "lr is divided by the squared norm (the effective rate): the step is lr times the gradient"
        ),
        "weight - lr * weight.norm(dim=1, keepdim=True) * gradient": (
            "lr is multiplied by the norm of the weights: the step is lr times the gradient"
        ),
        "weight - lr * (gradient - (gradient * weight).sum(1, keepdim=True) / weight.square().sum(1, "
        "keepdim=True) * weight)": ("the gradient is projected first: take the plain step, then rescale"),
        "weight + lr * gradient": "the step goes up the gradient: subtract it",
        "weight - gradient": "lr is not used: the step is lr times the gradient",
        "weight - lr * gradient / gradient.norm(dim=1, keepdim=True)": (
            "the gradient is divided by its norm: only the weights are to be rescaled"
        ),
    },
    "stepped * weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)": {
        "stepped / stepped.norm(dim=1, keepdim=True) * gradient.norm(dim=1, keepdim=True)": (
            "rescaled to the norm of the gradient: it should be the norm that the weights had before"
        ),
        "stepped * (weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)).clamp(max=1)": (
            "only rows that have grown are rescaled (a clip): one that has become smaller is made larger, too"
        ),
        "stepped * (weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)).clamp(min=1)": (
            "only rows that have shrunk are rescaled: one that has grown is made smaller, too"
        ),
        "stepped / stepped.norm(dim=1, keepdim=True) * weight.norm(dim=1).mean()": (
            "the mean of all norms is given to each row: each unit keeps its own norm"
        ),
        "stepped / stepped.norm(dim=1, keepdim=True) * weight.norm()": (
            "the norm of the whole layer is given to each row: each unit keeps its own norm"
        ),
        "stepped * weight.std(1, keepdim=True) / stepped.std(1, keepdim=True)": (
            "the standard deviation of each row is kept: its norm is to be"
        ),
        "stepped * (weight.square().sum(1, keepdim=True) / (weight.square().sum(1, keepdim=True) + lr**2 * "
        "gradient.square().sum(1, keepdim=True))).sqrt()": (
            "the new norm is computed by Pythagoras: that holds for gradients perpendicular to the weights "
            "only; take the norm of the new weights"
        ),
        "(weight / weight.norm(dim=1, keepdim=True) - lr * gradient) * weight.norm(dim=1, keepdim=True)": (
            "the order: first the step from the weights as they are, then the row is rescaled"
        ),
        "weight - gradient / gradient.norm(dim=1, keepdim=True) * weight.norm(dim=1, keepdim=True)": (
            "the step is rescaled to the norm of the weights, which takes lr out of it: rescale the new "
            "weights"
        ),
        "weight - lr * gradient / gradient.norm(dim=1, keepdim=True) * weight.norm(dim=1, keepdim=True)": (
            "the step is rescaled to the norm of the weights: rescale the new weights"
        ),
        "weight - lr * (gradient - (gradient * weight).sum(1, keepdim=True) / weight.square().sum(1, "
        "keepdim=True) * weight)": (
            "the gradient is projected, but a step perpendicular to the weights still makes them longer: "
            "rescale each row after the step"
        ),
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


def _after(steps: int, lr: float, decay: float, g: float) -> float:
    """The squared norm after some steps from 1."""
    squared = 1.0
    for _ in range(steps):
        squared = (1 - lr * decay) ** 2 * squared + lr**2 * g**2 / squared
    return squared


BALANCE: Mistakes = {
    "(1 - lr * decay) ** 2": {
        "(1 - lr * decay)": (
            "decay multiplies the weights by 1 - lr * decay, and so the squared norm by the square of that; "
            "without the square a factor of 2 is lost"
        ),
        "(1 - decay) ** 2": "lr is missing in the decay: the weights are multiplied by 1 - lr * decay",
        "(lr * decay) ** 2": "the weights are multiplied by 1 - lr * decay, not by lr * decay",
        "1 - (lr * decay) ** 2": (
            "only lr * decay is squared: what is left of the squared norm is the square of the whole "
            "bracket, (1 - lr * decay) ** 2"
        ),
        "2 - (1 + lr * decay) ** 2": (
            "the sign is wrong: decay takes, so the weights are multiplied by 1 - lr * decay, not 1 + lr * "
            "decay"
        ),
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
        "(lr * g / decay) ** 0.5": (
            "step and decay are balanced as if they pulled in opposite directions: the step is "
            "perpendicular to the weights, so the squares of both add up (Pythagoras)"
        ),
        "(1 - shrink) ** 0.5": (
            "this is the angle by which a step turns the weights: the squared norm is asked for"
        ),
        "(2 * lr * decay) ** 0.5": (
            "this is about the angle by which a step turns the weights: the squared norm is asked for"
        ),
        "lr * g**0.5 / (1 - shrink) ** 0.5": "g is not squared under the square root: it is (lr g)² there",
        **{
            f"_after({steps}, lr, decay, g)": (
                "these are some steps of the iteration: it has not come to rest; solve the equation instead"
            )
            for steps in (10, 20, 50, 100)
        },
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
        cases=[
            tuple(_LOSSES),
            (_LOSSES[0, :3] * 2, _LOSSES[1, 1:], _LOSSES[2, 1:] * 1.1),
            (_LOSSES[0], _LOSSES[1], _LOSSES[1].flip(0) * 0.83),  # better still with the noise
            (_LOSSES[0] * 3, _LOSSES[1] * 7, _LOSSES[0].flip(0) * 3.7),  # worse than without a norm
            (
                torch.cat([_LOSSES[0], _LOSSES[0] * 0.31]),
                _LOSSES[1:].flatten(),
                _LOSSES[[2, 1]].flatten() * 1.9,
            ),
        ],
        forms=(_share_by_logs,),
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
        cases=[(0.1, 0.5, 2.0), (1.0, 0.1, 0.7), (0.5, 1.2, 3.0), (0.03, 0.07, 1.3)],
        forms=(_equilibrium_of_fourth_power,),
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
