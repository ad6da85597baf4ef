"""Exercises of lesson 12: a step of AdamW, rates that stand in for a decay, a decay read off a log."""

import math  # noqa: F401  (mistakes are edits that use it)

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def adamw_step(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    w = w * (1 - lr * decay)  # the decay: past m, v and the division
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    root = v_hat.sqrt() + eps
    return w - lr * m_hat / root, m, v


def rates_without_decay(rates, decay):
    kept, found = 1.0, []  # kept: by what the decay has multiplied the weights so far
    for rate in rates:
        after = kept * (1 - rate * decay)
        found.append(rate / (kept * after))
        kept = after
    return found


def _rates_by_powers(rates, decay):
    kept, found = 1.0, []
    for rate in rates:
        found.append(rate / (kept**2 * (1 - rate * decay)))
        kept *= 1 - rate * decay
    return found


def decay_from_log(weights, gradients, rate):
    kept = (weights[1:] - rate**2 * gradients) / weights[:-1]  # (1 - rate * decay) ** 2
    return (1 - kept.sqrt().mean()) / rate


def _decay_of_first_step(weights, gradients, rate):
    kept = abs(weights[1] - rate**2 * gradients[0]) / weights[0]
    return (1 - kept**0.5) / rate


def _decay_of_last_step(weights, gradients, rate):
    kept = abs(weights[-1] - rate**2 * gradients[-1]) / weights[-2]
    return (1 - kept**0.5) / rate


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


RATES: Mistakes = {
    "rate / (kept * after)": {
        "rate / after": (
            "one factor is missing: at weights that are kept times as long the gradient is 1 / kept times as "
            "large"
        ),
        "rate / kept": (
            "one factor is missing: the step is made with weights that have decayed in this step as well"
        ),
        "rate / kept**2": "this step's decay is missing in one factor: divide by kept before and after it",
        "rate / after**2": (
            "the decay of this step counts twice: the gradient is taken before it, divide by kept before and "
            "after it"
        ),
        "rate * kept * after": "the rates shrink: undecayed weights are longer, so the rates must grow",
        "rate": "the rates are as they were: without decay they must grow",
        "1 / (kept * after)": "these are the factors alone: multiply them by the rate of the step",
        "rate - rate * decay": (
            "the decay is subtracted from the rate: divide the rate by the product of the factors 1 - rate "
            "* decay, before and after the step"
        ),
        "rate / (kept**2 * after)": "one factor too many: kept before the step, and kept after it",
        "rate / (kept * after) ** 2": "squared once too often: kept before the step, and after it",
        "rate / (kept * after) ** 0.5": "no square root is taken: kept before the step times kept after it",
        "rate / (after**2 * (1 - rate * decay))": (
            "one step too late: at the first step nothing has decayed before it, its factor is 1 - rate * "
            "decay alone"
        ),
        "rate / (1 - rate * decay) ** (2 * len(found) + 1)": (
            "a power of this step's own factor: each earlier step has a rate of its own, multiply all their "
            "factors"
        ),
        "rates[0] / (1 - rates[0] * decay) ** (2 * len(found) + 1)": (
            "the first rate is taken for all steps: each has its own, and a factor of its own"
        ),
        "rate / (1 - decay) ** (2 * len(found) + 1)": (
            "the decay is not multiplied by the rate: weights are kept by 1 - rate * decay"
        ),
        "rate / (1 - rate * decay) ** 2": (
            "only the factor of this step is in it: those of all earlier steps multiply"
        ),
        "rate * math.exp(decay * (2 * sum(rates[: len(found)]) + rate))": (
            "an exponential is only nearly the product of the factors 1 - rate * decay: multiply them"
        ),
        "rate * math.exp(2 * decay * sum(rates[: len(found)]))": (
            "an exponential is only nearly the product of the factors 1 - rate * decay: multiply them"
        ),
        "rate / (1 - decay * sum(rates[: len(found)])) / (1 - decay * sum(rates[: len(found) + 1]))": (
            "a sum is only nearly the product of the factors 1 - rate * decay: multiply them"
        ),
        "rate * (1 - rate * decay) ** (-2 * len(found))": (
            "the power is even: the gradient is taken before the decay of its own step, the step after it"
        ),
    },
    "1 - rate * decay": {
        "1 - decay": "the decay is not multiplied by the rate: weights are kept by 1 - rate * decay",
        "1 + rate * decay": "the weights grow here: a step multiplies them by 1 - rate * decay",
        "1 - 2 * rate * decay": "twice the decay is taken: a step multiplies the weights by 1 - rate * decay",
    },
    "kept = after": {
        "kept = 1 - rate * decay": (
            "only the last step's factor is kept: the factors of all earlier steps multiply"
        ),
        "pass": "the decay of earlier steps is forgotten: carry kept on from step to step",
    },
    "found.append(rate / (kept * after))\n        kept = after": {
        "kept = after\n        found.append(rate / (kept * after))": (
            "the decay of this step counts twice: the gradient is taken before it, divide by kept before and "
            "after it"
        ),
    },
    "kept = after\n": {
        "kept *= 1 - found[-1] * decay\n": (
            "the new rates are put into the factors: the decay belongs to the given ones, 1 - rate * decay"
        ),
    },
    "return found": {
        "return found[:1]": "only the first rate is returned: does the `return` stand inside the loop?",
        "return sum(found)": "the sum is returned: return the rate of each step",
        "return found[-1]": "only the last rate is returned: return the rate of each step",
        "return found[1:] + found[:1]": "the first rate stands last",
    },
}

LOG: Mistakes = {
    ("weights[1:] - rate", "/ weights[:-1]"): {
        ("weights[:-1] - rate", "/ weights[1:]"): (
            "old and new weights are exchanged: weights[1:] are the new ones, divide by the old ones before"
        ),
    },
    "weights[1:] - rate**2 * gradients": {
        "weights[1:]": "the step itself makes weights longer: subtract rate ** 2 times the squared gradient",
        "weights[1:] - rate * gradients": "the step is rate times the gradient: its square has rate ** 2",
        "weights[1:] + rate**2 * gradients": (
            "the square of the step is added: the decayed weights are what is left without it"
        ),
        "weights[1:] - rate**2 * gradients**2": "the log holds squares: gradients is not squared again",
        "weights[1:] - gradients": "the gradient is not multiplied by the rate: the step is rate * gradient",
    },
    "kept.sqrt().mean()": {
        "kept.mean()": "kept is (1 - rate * decay) ** 2: its square root is missing",
        "kept.sqrt().sum()": "the steps are summed up: take their mean",
    },
    "    kept = (weights[1:]": {
        **{
            f"    kept = abs({new}) / {old}\n    return {result}\n    kept = (weights[1:]": words
            for new, old in (
                ("weights[1] - rate**2 * gradients[0]", "weights[0]"),
                ("weights[-1] - rate**2 * gradients[-1]", "weights[-2]"),
            )
            for result, words in (
                (
                    "(1 - kept) / rate",
                    "kept is (1 - rate * decay) ** 2: its square root is missing",
                ),
                (
                    "kept**0.5 / rate",
                    "that is what is left, over the rate: the decay takes 1 minus that",
                ),
                ("1 - kept**0.5", "that is rate * decay: divide by the rate"),
                ("kept**0.5", "that is 1 - rate * decay: solve it for the decay"),
                (
                    "(1 - kept) / (2 * rate)",
                    "that holds for small rate * decay only: take the square root instead of half",
                ),
            )
        },
        **{
            f"    return {result}\n    kept = (weights[1:]": words
            for result, words in (
                (
                    "(1 - (abs(weights[1] ** 2 - rate**2 * gradients[0] ** 2) / weights[0] ** 2) ** 0.5) / "
                    "rate",
                    "the log holds squares already: nothing is squared again",
                ),
                (
                    "(1 - (abs(weights[1] - rate**2 * gradients[0] ** 2) / weights[0]) ** 0.5) / rate",
                    "the log holds squares: gradients is not squared again",
                ),
                (
                    "(1 - (abs(weights[-1] - rate**2 * gradients.sum()) / weights[0]) ** 0.5) / rate",
                    "first and last line are compared: each step shrinks what the steps before it added; "
                    "take one step, from a line to the next",
                ),
                (
                    "(1 - (weights[-1] / weights[0]) ** (0.5 / len(gradients))) / rate",
                    "the steps themselves make the weights longer: subtract rate ** 2 times the squared "
                    "gradient, in each step",
                ),
                (
                    "(1 - (abs(weights[0] - rate**2 * gradients[0]) / weights[1]) ** 0.5) / rate",
                    "old and new squared norm are exchanged: the new one, without the step, is divided by "
                    "the old one",
                ),
                (
                    "(1 - (weights[1].sqrt() - rate * gradients[0].sqrt()) / weights[0].sqrt()) / rate",
                    "norms are subtracted: the step is orthogonal to the weights, so it is the squares that "
                    "add up (Pythagoras)",
                ),
                (
                    "(1 - (weights[1:].sqrt() - rate * gradients.sqrt()) / weights[:-1].sqrt()).mean() / "
                    "rate",
                    "norms are subtracted: the step is orthogonal to the weights, so it is the squares that "
                    "add up (Pythagoras)",
                ),
                (
                    "(1 - (abs(weights[1].sqrt() - rate**2 * gradients[0].sqrt()) / weights[0].sqrt()) ** "
                    "0.5) / rate",
                    "the log holds squares: take no square root of its numbers",
                ),
                (
                    "rate * gradients[-1] / (2 * weights[-1])",
                    "that is the equilibrium of weights whose length no longer changes: this log is not "
                    "there yet",
                ),
                (
                    "rate * gradients[0] / (2 * weights[0])",
                    "that is the equilibrium of weights whose length no longer changes: this log is not "
                    "there yet",
                ),
                (
                    "rate * (gradients / weights[1:]).mean() / 2",
                    "that is the equilibrium of weights whose length no longer changes: this log is not "
                    "there yet",
                ),
            )
        },
    },
    "(1 - kept.sqrt().mean()) / rate": {
        "1 - kept.sqrt().mean()": "that is rate * decay: divide by the rate",
        "(1 - kept.mean()) / (2 * rate)": (
            "that holds for small rate * decay only: take the square root instead of half"
        ),
        "1 - kept.mean()": "kept is (1 - rate * decay) ** 2: take the square root, then divide by the rate",
        "(kept.sqrt().mean() - 1) / rate": "the sign is wrong: the weights shrink by the decay",
        "kept.sqrt().mean() / rate": "that is what is left, over the rate: the decay takes 1 minus that",
        "(1 - kept.sqrt().mean()) * rate": "multiplied by the rate: divide by it",
        "rate * gradients.mean() / (2 * weights.mean())": (
            "that is the equilibrium of weights whose length no longer changes: this log is not there yet"
        ),
        "rate * (gradients / weights[:-1]).mean() / 2": (
            "that is the equilibrium of weights whose length no longer changes: this log is not there yet"
        ),
    },
    "/ weights[:-1]": {"": "not divided by the squared weights before the step"},
    "rate):": {
        "rate):\n    weights = weights.sqrt()": "the log holds squares: take no square root of the weights",
        "rate):\n    weights, gradients = weights.square(), gradients.square()": (
            "the log holds squares already: nothing is squared again"
        ),
    },
}


def _drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _log(rate: float, decay: float, steps: int, seed: int) -> tuple[Tensor, Tensor, float]:
    """Squared weights (steps + 1,) and gradients (steps,) of SGD on weights before a norm."""
    gradients = _drawn(steps, seed=seed).abs() + 0.2
    weights = [torch.tensor(3.0 + seed, dtype=torch.float64)]
    for gradient in gradients:
        weights.append((1 - rate * decay) ** 2 * weights[-1] + rate**2 * gradient)
    return torch.stack(weights), gradients, rate


_STATE = (*(_drawn(4, seed=seed) for seed in (3, 4, 5)), _drawn(4, seed=6).square())

EXERCISES = [
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
    Exercise(
        rates_without_decay,
        cases=[
            ([0.5, 0.4, 0.3, 0.2], 0.1),
            ([0.1, 0.1, 0.1], 2.0),
            ([0.3, 0.1], 0.0),
            ([1.0, 0.2, 0.7, 0.05, 0.6], 0.3),
        ],
        forms=(_rates_by_powers,),
        mistakes=RATES,
        hints=(
            "Let the weights with decay be w, those without W = w / kept, where kept is the product of all "
            "factors 1 - rate * decay so far. The two differ in norm only, so the network is the same.",
            "At W the gradient is kept times that at w: kept * g. Write the step of w, and divide it by the "
            "new kept.",
            "W - rate / after * g, and g is the gradient at W divided by kept: the rate is "
            "rate / (kept * after).",
        ),
        praise="A decay is a rate that grows: the same network after every step.",
        typed=False,
    ),
    Exercise(
        decay_from_log,
        cases=[
            _log(0.5, 0.1037, 6, seed=1),
            _log(0.1, 0.3149, 4, seed=2),
            _log(1.0, 0.0213, 5, seed=3),
            _log(0.8, 0.5271, 3, seed=4),
        ],
        forms=(_decay_of_first_step, _decay_of_last_step),
        mistakes=LOG,
        hints=(
            "The gradient is at a right angle to the weights: what does Pythagoras say of the new squared "
            "weights?",
            "new = (1 - rate * decay) ** 2 * old + rate ** 2 * gradient, all of them squares as in the log.",
            "Solve for 1 - rate * decay (a square root), then for the decay; the mean over the steps.",
        ),
        praise="The log had the decay in it all the time.",
        typed=False,
    ),
]
