"""Mistakes that the forward passes of several norms have in common: for the exercises of two lessons."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Mistakes

EPS = 0.1  # large, so that its place shows


def random_values(*shape: int, seed: int = 3) -> Tensor:
    """Values in float64: no mean is 0, no variance is 1, no two channels are alike."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x + 1.5) * torch.linspace(0.5, 2, x.numel(), dtype=torch.float64).view(shape)


OUTSIDE, NO_EPS = "eps is outside the square root", "eps is missing"
FIXED = "eps is always 1e-5: the argument eps is not used"
NO_ROOT = "divided by the variance, not by its square root"
EVERYTHING = "averaged over the wrong axes: over everything, so that the channels share one mean"
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
