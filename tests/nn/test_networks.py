"""The MLP of lesson 08: order of layers, first weights, one start for all norms, own layers and torch's."""

import dataclasses
from itertools import product

import pytest
import torch
from torch import nn

from helpers.images import datasets
from helpers.nn.layers import vector_norm
from helpers.nn.networks import LEAK, Mlp, build

IMAGES = dataclasses.replace(datasets.load("digits"), train_images=torch.zeros(1, 1, 28, 28))


def mlp(norm="none", seed=0, **options):
    return build(norm, IMAGES, seed, network="mlp", **options)


def kinds(net):
    return [type(layer).__name__ for layer in net.layers if not isinstance(layer, nn.Identity)]


def linears(net):
    return [layer for layer in net.layers if isinstance(layer, nn.Linear)]


HIDDEN = {
    ("none", False): ["Linear", "ReLU"],
    ("batch", False): ["Linear", "ReLU", "BatchNorm1d"],
    ("batch", True): ["Linear", "BatchNorm1d", "ReLU"],
    ("layer", False): ["Linear", "ReLU", "LayerNorm"],
}


@pytest.mark.parametrize(("norm", "before"), HIDDEN)
@pytest.mark.parametrize("input_norm", [True, False])
def test_the_layers_stand_in_their_order(norm, before, input_norm):
    wanted = ["Flatten", *["BatchNorm1d"] * input_norm, *HIDDEN[norm, before] * 2, "Linear"]
    assert kinds(mlp(norm, before=before, input_norm=input_norm)) == wanted
    leaky = mlp(norm, before=before, input_norm=input_norm, activation="leaky_relu")
    assert kinds(leaky) == [kind.replace("ReLU", "LeakyReLU") for kind in wanted]


def test_it_is_784_300_100_10_and_a_norm_has_the_width_of_what_it_normalizes():
    net = mlp("batch", input_norm=True)
    assert [(layer.in_features, layer.out_features) for layer in linears(net)] == [
        (784, 300),
        (300, 100),
        (100, 10),
    ]
    norms = [layer for layer in net.layers if isinstance(layer, nn.BatchNorm1d)]
    assert [(layer.num_features, layer.momentum, layer.eps) for layer in norms] == [
        (784, 0.1, 1e-5), (300, 0.1, 1e-5), (100, 0.1, 1e-5),
    ]  # fmt: skip
    assert sum(p.numel() for p in net.parameters()) == 266_610 + 2 * 1_184
    assert sum(p.numel() for p in mlp().parameters()) == 266_610
    assert net(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    assert [layer.out_features for layer in linears(Mlp("none", 4, 2, hidden=(7,)))] == [7, 2]


def test_it_computes_what_its_layers_say():
    net = mlp("batch", activation="leaky_relu", input_norm=True).double()
    x = torch.rand(16, 1, 28, 28, dtype=torch.float64)

    def normalized(h):
        return (h - h.mean(0)) / (h.var(0, correction=0) + 1e-5).sqrt()

    h = normalized(x.flatten(1))
    first, second, last = linears(net)
    for layer in (first, second):
        h = h @ layer.weight.T + layer.bias
        h = normalized(torch.where(h > 0, h, LEAK * h))
    torch.testing.assert_close(net(x), h @ last.weight.T + last.bias)
    assert LEAK == 0.3


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_first_weights_are_those_that_go_with_the_activation(activation):
    *hidden, last = linears(mlp(activation=activation))
    for layer in hidden:
        w, (n_out, n_in) = layer.weight, layer.weight.shape
        if activation == "relu":  # Glorot-uniform: bound sqrt(6 / (in + out))
            bound = (6 / (n_in + n_out)) ** 0.5
            assert 0.99 * bound < w.abs().max() <= bound
            assert w.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
        else:  # He-normal: deviation sqrt(2 / in), and a normal one goes beyond three deviations
            assert w.std().item() == pytest.approx((2 / n_in) ** 0.5, rel=0.02)
            assert w.abs().max() > 3 * w.std()
        assert w.mean().abs() < 4 * w.std() / w.numel() ** 0.5
    bound = (6 / 110) ** 0.5
    assert 0.98 * bound < last.weight.abs().max() <= bound
    assert all((layer.bias == 0).all() for layer in (*hidden, last))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_one_seed_gives_the_same_linear_layers_whatever_the_norm(activation):
    plain = linears(mlp(seed=3, activation=activation))
    for norm, before, input_norm in product(("none", "batch", "layer"), (False, True), (False, True)):
        net = mlp(norm, 3, activation=activation, before=before, input_norm=input_norm)
        for a, b in zip(linears(net), plain, strict=True):
            assert torch.equal(a.weight, b.weight)
    assert not torch.equal(linears(mlp(seed=4, activation=activation))[0].weight, plain[0].weight)


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("training", [True, False])
def test_own_layers_and_torchs_give_the_same_network(norm, training):
    nets = [mlp(norm, input_norm=True, own_layers=own).double() for own in (True, False)]
    assert list(nets[0].state_dict()) == list(nets[1].state_dict())
    own = [type(layer).__module__ for layer in nets[0].layers if "Norm" in type(layer).__name__]
    assert set(own) == {"helpers.nn.norms"}
    x, outputs = torch.rand(12, 1, 28, 28, dtype=torch.float64), []
    for net in nets:
        logits = net.train(training)(x)
        logits.square().mean().backward()
        outputs.append((logits, [p.grad for p in net.parameters()], list(net.buffers())))
    torch.testing.assert_close(outputs[0], outputs[1])


def test_unknown_names_are_refused_with_those_that_exist():
    with pytest.raises(ValueError, match="'leaky'; choose one of relu, leaky_relu"):
        mlp(activation="leaky")
    with pytest.raises(ValueError, match="of vectors 'group'; choose one of none, batch, layer"):
        mlp("group")
    with pytest.raises(ValueError, match="none, batch, layer"):
        vector_norm("bach", 4)


@pytest.mark.parametrize("own", [False, True])
def test_every_batch_norm_of_the_mlp_takes_another_eps_and_momentum(own):
    net = mlp("batch", input_norm=True, own_layers=own, eps=1e-3, momentum=0.01)
    found = [(layer.eps, layer.momentum) for layer in net.layers if "BatchNorm" in type(layer).__name__]
    assert found == [(1e-3, 0.01)] * 3
