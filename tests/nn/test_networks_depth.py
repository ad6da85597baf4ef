"""The VGG and the plain network of lesson 07: layers, shapes, first weights."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from helpers.images.datasets import load
from helpers.nn.layers import NORMS
from helpers.nn.networks import PlainNet, Vgg, build


def with_weights(net):
    return [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


@pytest.fixture(scope="module")
def cifar_like():
    return replace(load("digits"), train_images=torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize("depth", [2, 4, 32])
def test_depth_counts_the_layers_with_weights(depth):
    net = PlainNet("batch", 1, 10, depth=depth)
    assert len(with_weights(net)) == depth
    assert isinstance(with_weights(net)[-1], nn.Linear)
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_the_first_two_convolutions_of_the_plain_network_halve_the_image():
    net = PlainNet("none", 1, 10, depth=5)
    x, sides = torch.zeros(1, 1, 28, 28), []
    for block in net.blocks:
        x = block(x)
        sides.append(tuple(x.shape[1:]))
    assert sides == [(16, 14, 14), (16, 7, 7), (16, 7, 7), (16, 7, 7)]


def test_a_network_too_shallow_is_refused():
    with pytest.raises(ValueError, match="depth is 1; give at least 2"):
        PlainNet("none", 1, 10, depth=1)


def test_the_vgg_has_three_stages_of_two_convolutions_a_quarter_as_wide(cifar_like):
    net = build("batch", cifar_like, 0, network="vgg")
    shapes = [tuple(layer.weight.shape[:2]) for layer in with_weights(net)]
    assert shapes == [(16, 3), (16, 16), (32, 16), (32, 32), (64, 32), (64, 64), (10, 64 * 4 * 4)]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in net.modules()) == 6
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in net.modules()) == 3
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("make", [lambda n: Vgg(n, 3, 10, (32, 32)), lambda n: PlainNet(n, 3, 10, depth=20)])
def test_convolutions_start_he_normal_with_biases_of_zero(make):
    torch.manual_seed(0)
    for layer in with_weights(make("none")):
        if isinstance(layer, nn.Conv2d):
            w = layer.weight.detach()
            expected = math.sqrt(2 / (w.shape[1] * 9))  # fan-in: channels times 3 x 3
            # the error of a deviation of n normal numbers is 1 / sqrt(2 n) of it; five of those
            assert w.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * w.numel()))
            assert w.abs().max() > 2 * expected  # a uniform one of that deviation ends at 1.73
            assert not layer.bias.any()


@pytest.mark.parametrize(("network", "options"), [("vgg", {}), ("plain_net", {"depth": 6})])
def test_one_seed_gives_the_same_weights_whatever_the_norm(network, options, cifar_like):
    nets = [build(norm, cifar_like, 3, network=network, **options) for norm in NORMS]
    for net in nets[1:]:
        for a, b in zip(with_weights(nets[0]), with_weights(net), strict=True):
            assert torch.equal(a.weight, b.weight)
    other = build("none", cifar_like, 4, network=network, **options)
    assert not torch.equal(with_weights(other)[0].weight, with_weights(nets[0])[0].weight)


def test_each_norm_of_a_plain_network_stands_between_convolution_and_relu():
    for block in PlainNet("batch", 1, 10, depth=3).blocks:
        assert [type(layer) for layer in block] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
