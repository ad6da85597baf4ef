"""The network of the published comparison, its layers by name, and the quick dropout."""

import dataclasses

import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from helpers.images import datasets
from helpers.nn import norms
from helpers.nn.layers import NORMS, Dropout, norm_layer
from helpers.nn.networks import CifarNet, build
from tests.nn.layers_used import layers_used


def images(count=4, channels=3, size=32):
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0))


def count_parameters(model, kind):
    return sum(p.numel() for layer in model.modules() if isinstance(layer, kind) for p in layer.parameters())


@pytest.mark.parametrize("norm", NORMS)
def test_it_has_the_published_number_of_parameters(norm):
    model = CifarNet(norm)
    assert count_parameters(model, nn.Conv2d) == 44_148
    total = sum(p.numel() for p in model.parameters())
    assert total == (44_148 if norm == "none" else 44_640)


def test_its_blocks_are_those_of_the_published_network():
    layers = layers_used(CifarNet("batch"), 2, 3, 32, 32)
    convolutions = [(layer, shape) for layer, shape in layers if isinstance(layer, nn.Conv2d)]
    assert [shape for _, shape in convolutions] == [
        (2, 20, 32, 32),
        (2, 20, 32, 32),
        (2, 16, 32, 32),
        (2, 26, 16, 16),
        (2, 26, 16, 16),
        (2, 26, 16, 16),
        (2, 16, 16, 16),
        (2, 32, 8, 8),
        (2, 32, 8, 8),
        (2, 32, 8, 8),
        (2, 10, 1, 1),
    ]
    assert all(layer.bias is None for layer, _ in convolutions)
    # after each convolution but the last: ReLU, normalization, dropout 0.1
    block = ["Conv2d", "ReLU", "BatchNorm2d", "Dropout"]
    wanted = block * 3 + ["MaxPool2d"] + block * 4 + ["MaxPool2d"] + block * 3 + ["Conv2d"]
    assert [type(layer).__name__ for layer, _ in layers] == wanted
    assert {layer.p for layer, _ in layers if isinstance(layer, Dropout)} == {0.1}


def test_residual_blocks_add_their_input():
    model = CifarNet("none", dropout=0.0)
    x = images()
    for stage, first in ((model.stage1, 1), (model.stage2, 1), (model.stage3, 1)):
        inner = stage[first].inner
        nn.init.zeros_(inner[0].weight)
        y = stage[0](x if stage is model.stage1 else torch.rand(2, 16, 8, 8))
        assert torch.equal(stage[first](y), y)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("training", [True, False])
def test_own_layers_and_torchs_give_the_same_network(norm, training):
    ours, torchs = CifarNet(norm, dropout=0.0, own_layers=True), CifarNet(norm, dropout=0.0)
    assert list(ours.state_dict()) == list(torchs.state_dict())
    torchs.load_state_dict(ours.state_dict())
    x = images().to(memory_format=torch.channels_last)
    outputs = []
    for model in (ours.double(), torchs.double()):
        logits = model.train(training)(x.double())
        logits.square().mean().backward()
        outputs.append((logits, [p.grad for p in model.parameters()], list(model.buffers())))
    torch.testing.assert_close(outputs[0], outputs[1])


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "instance"])
def test_the_name_gives_the_layer_of_torch_it_stands_for(norm):
    channels = 6
    reference = {
        "batch": nn.BatchNorm2d(channels),
        "layer": nn.GroupNorm(1, channels),
        "group": nn.GroupNorm(2, channels),
        "instance": nn.InstanceNorm2d(channels, affine=True),
    }[norm]
    x = images(channels=channels).to(memory_format=torch.channels_last)
    for own in (True, False):
        layer = norm_layer(norm, channels, own)
        torch.testing.assert_close(layer(x), reference(x), rtol=1e-4, atol=1e-5)
        assert layer(x).is_contiguous(memory_format=torch.channels_last)
        assert isinstance(layer, norms._Norm) == own


def test_instance_norm_before_the_average_pool_makes_the_logits_blind_to_the_image():
    # The pixels of a normalized channel average to beta whatever the image, and the classifier sees averages.
    for norm, blind in (("instance", True), ("group", False)):
        model = CifarNet(norm).eval()
        for parameter in model.parameters():
            nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))
        logits = model(images(16))
        assert (logits.std(0).max() < 1e-3) == blind


def test_an_unknown_norm_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'bach'.*none, batch, layer, group, instance"):
        norm_layer("bach", 4)


def test_one_seed_gives_the_same_convolution_weights_whatever_the_norm():
    data = datasets.load("digits")
    before = torch.random.get_rng_state()
    nets = {norm: build(norm, data, 3) for norm in NORMS}
    assert torch.equal(torch.random.get_rng_state(), before)
    for net in nets.values():
        for a, b in zip(convolutions(net), convolutions(nets["none"]), strict=True):
            assert torch.equal(a, b)
    others = zip(convolutions(build("none", data, 4)), convolutions(nets["none"]), strict=True)
    assert all(not torch.equal(a, b) for a, b in others)
    assert nets["batch"](torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(("norm", "parameters"), [("none", 20_490), ("batch", 20_586)])
def test_the_small_cnn_is_conv_norm_relu_pool_twice_and_one_linear_layer(norm, parameters):
    data = dataclasses.replace(datasets.load("digits"), train_images=torch.zeros(1, 1, 28, 28))
    net = build(norm, data, 0, network="small_cnn")
    assert sum(p.numel() for p in net.parameters()) == parameters
    plain = build("none", data, 0, network="small_cnn")
    for a, b in zip(convolutions(net), convolutions(plain), strict=True):
        assert torch.equal(a, b)
    x = images(4, 1, 28)
    first, second = net.blocks
    y = F.max_pool2d(F.relu(first[1](F.conv2d(x, first[0].weight, first[0].bias, padding=1))), 2)
    y = F.max_pool2d(F.relu(second[1](F.conv2d(y, second[0].weight, second[0].bias, padding=1))), 2)
    expected = y.flatten(1) @ net.classifier.weight.T + net.classifier.bias
    torch.testing.assert_close(net(x), expected)


def test_an_unknown_network_names_the_known_ones():
    with pytest.raises(ValueError, match="'vgg16'; choose one of cifar_net, small_cnn"):
        build("none", datasets.load("digits"), 0, network="vgg16")


def convolutions(net):
    return [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.03, 0.999])
def test_dropout_zeroes_with_probability_p_exactly_and_scales_the_rest(dtype, p):
    torch.manual_seed(0)
    dropout, dropped, calls, size = Dropout(p), 0, 400, 4099
    for _ in range(calls):
        x = torch.ones(size, dtype=dtype)
        y = dropout(x)
        dropped += (y == 0).sum().item()
        assert set(y.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p), dtype=dtype).item()}
    # A call drops with one of two probabilities 1/256 apart, so calls vary more than single elements do.
    fraction = 256 * p % 1
    spread = (p * (1 - p) / (calls * size) + fraction * (1 - fraction) / 256**2 / calls) ** 0.5
    assert abs(dropped / (calls * size) - p) < 4 * spread


def test_dropout_drops_independently_of_place():
    torch.manual_seed(1)
    kept = (Dropout(0.25)(torch.ones(40_000, 8)) > 0).float()
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert correlation.abs().max() < 5 / 40_000**0.5
    neighbours = torch.corrcoef(torch.stack((kept.flatten()[:-1], kept.flatten()[1:])))[0, 1]
    assert abs(neighbours) < 5 / 320_000**0.5
    lengths = torch.unique_consecutive(kept.flatten(), return_counts=True)[1]
    expected = [sum(length == k for length in lengths.tolist()) for k in (1, 2, 3)]
    assert expected[0] > expected[1] > 0
    assert stats.binomtest(int(kept.sum()), 320_000, 0.75).pvalue > 1e-3 or abs(kept.mean() - 0.75) < 1 / 256


@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "gaps"])
def test_dropouts_gradient_is_its_mask(layout):
    x = images(8, 6, 5)
    if layout == "channels_last":
        x = x.to(memory_format=torch.channels_last)
    if layout == "gaps":
        x = torch.randn(8, 12, 5, 10)[:, ::2, :, ::2]
    x = x.requires_grad_()
    y = Dropout(0.4)(x)
    torch.testing.assert_close(y, torch.where(y == 0, 0.0, x / 0.6))
    y.backward(torch.ones_like(y))
    torch.testing.assert_close(x.grad, torch.where(y == 0, 0.0, torch.tensor(1 / 0.6)).expand_as(x))
    assert 0.2 < (y == 0).float().mean() < 0.6
    if layout == "channels_last":
        assert y.is_contiguous(memory_format=torch.channels_last)


def test_dropout_does_nothing_in_evaluation_or_with_p_0():
    x = images()
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    with pytest.raises(ValueError, match="p is 1"):
        Dropout(1.0)


def test_one_seed_gives_the_same_weights_whatever_came_before_and_the_random_numbers_go_on():
    data = datasets.load("digits")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = build("none", data, 1).state_dict()
    assert torch.equal(torch.rand(3), expected)
    again = build("none", data, 1).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in first.items())
