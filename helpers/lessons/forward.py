"""Mistakes that the forward passes of several norms have in common: for the exercises of two lessons."""

from helpers.lessons.diagnosis import Mistakes

UNBIASED = "the variance is the unbiased one: divide by m, not by m - 1 (correction=0)"

VARIANCE: Mistakes = {"correction=0": {"correction=1": UNBIASED}}

SCALE_AND_SHIFT: Mistakes = {
    "weight.view(shape) * x_hat + bias.view(shape)": {
        "x_hat + bias.view(shape)": "weight is not used",
        "weight.view(shape) * x_hat": "bias is not used",
        "x_hat": "weight and bias are not used",
        "bias.view(shape) * x_hat + weight.view(shape)": "weight and bias are swapped",
        "weight.view(shape) * (x_hat + bias.view(shape))": "the bias is added before the weight multiplies",
    },
}
