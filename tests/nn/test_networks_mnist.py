"""The network of lesson 13: its size, its blocks, and the same first weights whatever the norm."""

import pytest
import torch
from torch import nn

from helpers.images.datasets import load
from helpers.lessons.regularization_experiments.studies import MNIST_PARAMETERS
from helpers.nn.layers import NORMS, Dropout
from helpers.nn.networks import MnistNet, build
from tests.nn.layers_used import layers_used


def parameters(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("norm", NORMS)
def test_it_has_fewer_than_20000_parameters_and_two_more_for_each_normalized_channel(norm):
    normalized = 8 + 16 + 16 + 32 + 32
    weights = 9 * (8 + 8 * 16 + 16 * 16 + 16 * 32 + 32 * 32) + 10 * 32
    assert weights == 17_672
    expected = weights + 10 + (0 if norm == "none" else 2 * normalized)
    assert parameters(MnistNet(norm, 1, 10)) == expected < 20_000
    if norm != "none":
        assert expected == MNIST_PARAMETERS  # what mnist_readings divides by


def test_its_blocks_and_shapes():
    layers = layers_used(MnistNet("batch", 1, 10), 2, 1, 28, 28)
    block = ["Conv2d", "ReLU", "BatchNorm2d", "Dropout"]
    wanted = [*block, "MaxPool2d", *block * 2, "MaxPool2d", *block * 2, "Linear"]
    assert [type(layer).__name__ for layer, _ in layers] == wanted
    convolutions = [(layer, shape) for layer, shape in layers if isinstance(layer, nn.Conv2d)]
    assert [shape for _, shape in convolutions] == [
        (2, 8, 28, 28),
        (2, 16, 14, 14),
        (2, 16, 14, 14),
        (2, 32, 7, 7),
        (2, 32, 7, 7),
    ]
    assert all(layer.kernel_size == (3, 3) and layer.bias is None for layer, _ in convolutions)
    assert {layer.p for layer, _ in layers if isinstance(layer, Dropout)} == {0.03}
    assert layers[-1][1] == (2, 10)


def test_the_scores_are_of_the_mean_over_positions():
    model = MnistNet("none", 1, 10, dropout=0.0)
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = model.classifier(model.blocks(x).mean(dim=(2, 3)))
    assert torch.allclose(model(x), expected)
    assert model.blocks(x).shape == (3, 32, 2, 2)
    assert MnistNet("none", 1, 10)(torch.zeros(1, 1, 4, 4)).shape == (1, 10)


def test_the_same_weights_for_each_seed_whatever_the_norm():
    data = load("digits")
    states = {norm: build(norm, data, seed=3, network="mnist_net").state_dict() for norm in NORMS}
    for norm, state in states.items():
        for name, weight in states["none"].items():
            assert torch.equal(state[name], weight), (norm, name)
    other = build("none", data, seed=4, network="mnist_net").state_dict()
    assert not torch.equal(other["classifier.weight"], states["none"]["classifier.weight"])


def test_dropout_is_of_training_only():
    model = MnistNet("layer", 1, 10)
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
