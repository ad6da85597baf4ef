"""The VGG and the plain network of lesson 09: layers, shapes, first weights."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from helpers.images.datasets import load
from helpers.nn.layers import NORMS, Residual, ResidualFromZero
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


@pytest.mark.parametrize("shortcut", ["plain", "from_zero"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_shortcuts_keep_the_layers_and_their_order(shortcut, norm):
    torch.manual_seed(0)
    plain = PlainNet(norm, 1, 10, depth=8)
    torch.manual_seed(0)
    net = PlainNet(norm, 1, 10, depth=8, shortcut=shortcut)
    leaves = [[type(m) for m in n.modules() if not list(m.children())] for n in (plain, net)]
    assert leaves[0] == leaves[1]
    weights = [[layer.weight for layer in with_weights(n)] for n in (plain, net)]
    torch.testing.assert_close(weights[0], weights[1])  # drawn alike
    assert sum(isinstance(m, Residual) for m in net.modules()) == 5  # convolutions 3 to 7
    assert net(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_a_shortcut_adds_normalization_relu_and_convolution_to_their_input():
    torch.manual_seed(0)
    net = PlainNet("batch", 1, 10, depth=5, shortcut="plain").eval()
    first, norm1, relu, second, block3, block4, norm4, _ = net.blocks
    x = relu(norm1(first(torch.rand(2, 1, 28, 28))))
    x = second(x)
    for block in (block3, block4):
        norm, _, convolution = block.inner
        x = x + convolution(norm(x).relu())
    seen = net.classifier(norm4(x).relu().mean(dim=(2, 3)))
    torch.manual_seed(0)
    again = PlainNet("batch", 1, 10, depth=5, shortcut="plain").eval()
    images = torch.rand(2, 1, 28, 28)  # the next numbers after the weights, as above
    torch.testing.assert_close(again(images), seen)


def test_a_shortcut_from_zero_starts_as_the_shallow_network():
    torch.manual_seed(0)
    net = PlainNet("none", 1, 10, depth=56, shortcut="from_zero")
    images = torch.rand(4, 1, 28, 28)
    shallow = net.blocks[3](net.blocks[2](net.blocks[1](net.blocks[0](images)))).relu().mean(dim=(2, 3))
    torch.testing.assert_close(net(images), net.classifier(shallow))
    net(images).square().sum().backward()
    assert all(m.alpha.grad.abs() > 0 for m in net.modules() if isinstance(m, ResidualFromZero))


def test_an_unknown_shortcut_is_refused():
    with pytest.raises(ValueError, match="unknown shortcut 'dense'; choose None or one of plain, from_zero"):
        PlainNet("none", 1, 10, shortcut="dense")


def test_gamma_and_beta_of_the_vgg_can_be_frozen_and_its_logits_normalized():
    torch.manual_seed(0)
    net = Vgg("batch", 3, 10, (32, 32), affine=False, norm_logits=True)
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    assert len(frozen) == 12  # gamma and beta of six norms
    images = torch.rand(8, 3, 32, 32)
    logits = net(images)
    torch.testing.assert_close(logits.mean(0), torch.zeros(10), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits.var(0, unbiased=False), torch.ones(10), atol=1e-3, rtol=0)
    with torch.no_grad():
        for layer in with_weights(net):
            layer.weight *= 100.0
    torch.testing.assert_close(net(images), logits, atol=1e-3, rtol=1e-3)  # no length of a weight matters
    assert list(Vgg("batch", 3, 10, (32, 32)).state_dict()) == [
        name for name in net.state_dict() if "last_norm" not in name
    ]


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
