"""Exercises of lesson 03: the loop backward is autograd's, the gain is that of the known integrals."""

import math

import pytest
import torch
from torch.nn import functional as F

from helpers.lessons.signals_in_deep_networks.exercises import gain_that_keeps, gradients_by_layer

Z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
P = torch.exp(-(Z**2) / 2) / torch.exp(-(Z**2) / 2).sum()


def test_the_gain_of_relu_is_hes_and_that_of_a_linear_layer_is_xaviers():
    for variance in (0.1, 1.0, 7.0):
        assert gain_that_keeps(torch.relu, variance, Z, P) == pytest.approx(math.sqrt(2), rel=1e-5)
        assert gain_that_keeps(lambda y: y, variance, Z, P) == pytest.approx(1, rel=1e-5)
    assert gain_that_keeps(torch.tanh, 1e-6, Z, P) == pytest.approx(1, rel=1e-5)
    assert gain_that_keeps(F.gelu, 1e-8, Z, P) == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize("phi", [torch.tanh, torch.sigmoid, torch.relu])
def test_the_loop_backward_is_autograds(phi):
    make = torch.Generator().manual_seed(0)
    h = torch.randn(5, 4, generator=make, dtype=torch.float64).requires_grad_()
    weights = torch.randn(3, 4, 4, generator=make, dtype=torch.float64)
    ys, layers = [], []
    for weight in weights:
        ys.append(h @ weight * (1.3 / 2))
        h = phi(ys[-1])
        layers.append(h)
    arriving = torch.randn(5, 4, generator=make, dtype=torch.float64)
    wanted = torch.stack(torch.autograd.grad(h, layers, arriving))

    def slope(y):
        y = y.detach().requires_grad_()
        return torch.autograd.grad(phi(y).sum(), y)[0]

    found = gradients_by_layer(arriving, torch.stack(ys).detach(), weights, slope, 1.3)
    torch.testing.assert_close(found, wanted)
