"""Weights that are no trainable leaf: frozen, unused, shared, computed from parameters, lazy, missing."""

import copy
import dataclasses
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune

from helpers.images import datasets
from helpers.images.batches import Batches
from helpers.nn import penalties
from helpers.training import measures
from helpers.training.execution import Execution
from helpers.training.loop import evaluate, fit
from helpers.training.recipe import Recipe

FLOAT32 = Execution("cpu", "float32", 1)
DIGITS = datasets.load("digits").subset(60)


class Adapter(nn.Module):
    """A low-rank change of a weight: a parametrization with parameters of its own."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(0.1 * torch.randn(10, 2)), nn.Parameter(0.1 * torch.randn(2, 64))

    def forward(self, w):
        return w + self.a @ self.b


class WithoutWeight(nn.Linear):
    """A layer that has a bias alone."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.weight = None

    def forward(self, x):
        return x[:, :10] + self.bias


class Whole(nn.Linear):
    """A linear layer that also keeps whole numbers among its parameters, as quantized layers do."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.codes = nn.Parameter(torch.arange(4), requires_grad=False)


def frozen(layer):
    layer.weight.requires_grad_(False)
    return layer


def with_old_gradient(layer):
    layer.weight.grad = torch.ones_like(layer.weight)  # of a backward pass before it was frozen
    return frozen(layer)


def older_weight_norm(layer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated, and in use
        return nn.utils.weight_norm(layer)


def linear(make=nn.Linear, change=lambda layer: layer):
    def made():
        torch.manual_seed(0)
        return change(make(64, 10))

    return made


def registered(name, module):
    def change(layer):
        parametrize.register_parametrization(layer, name, module())
        return layer

    return change


ORIGINAL = "parametrizations.weight.original"
KINDS = {  # a layer, and the parameters that a penalty on its weight acts on
    "plain": (linear(), ["weight"]),
    "frozen": (linear(change=frozen), ["weight"]),
    "frozen after a backward pass": (linear(change=with_old_gradient), ["weight"]),
    "weight norm": (linear(change=parametrizations.weight_norm), [f"{ORIGINAL}0"]),
    "older weight norm": (linear(change=older_weight_norm), ["weight_g"]),
    "spectral norm": (linear(change=parametrizations.spectral_norm), [ORIGINAL]),
    "older spectral norm": (linear(change=nn.utils.spectral_norm), ["weight_orig"]),
    "orthogonal": (linear(change=parametrizations.orthogonal), [ORIGINAL]),
    "pruned": (linear(change=lambda layer: prune.l1_unstructured(layer, "weight", 0.5)), ["weight_orig"]),
    "bias pruned": (linear(change=lambda layer: prune.l1_unstructured(layer, "bias", 0.5)), ["weight"]),
    "adapter on a frozen weight": (
        linear(change=lambda layer: registered("weight", Adapter)(frozen(layer))),
        [ORIGINAL, "parametrizations.weight.0.a", "parametrizations.weight.0.b"],
    ),
    "bias parametrized": (linear(change=registered("bias", nn.Tanh)), ["weight"]),
    "both parametrized": (
        linear(change=lambda layer: registered("bias", nn.Tanh)(parametrizations.weight_norm(layer))),
        [f"{ORIGINAL}0"],
    ),
    "no weight": (linear(WithoutWeight), []),
    "whole numbers too": (linear(Whole), ["weight"]),
    "convolution with weight norm": (
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 64)), parametrizations.weight_norm(nn.Conv1d(1, 10, 64)), nn.Flatten()
        ),
        [f"1.{ORIGINAL}0"],
    ),
    "frozen convolution": (
        lambda: nn.Sequential(nn.Unflatten(1, (1, 8, 8)), frozen(nn.Conv2d(1, 10, 8)), nn.Flatten()),
        ["1.weight"],
    ),
}


def net(kind):
    layer = KINDS[kind][0]()
    torch.manual_seed(1)
    norm = nn.LayerNorm(10)
    nn.init.constant_(norm.bias, 0.5)  # from 0 the threshold could lead back to 0
    return nn.Sequential(nn.Flatten(), layer, norm, nn.Linear(10, 10))


def expected_names(kind):
    return {f"1.{name}" for name in KINDS[kind][1]} | {"3.weight"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_in_one_group_and_the_weights_are_those_that_decay(kind):
    model = net(kind)
    names = {id(p): name for name, p in model.named_parameters()}
    decayed, others = penalties.decay_groups(model, 0.25)
    assert {names[id(p)] for p in decayed["params"]} == expected_names(kind)
    together = [id(p) for p in (*decayed["params"], *others["params"])]
    assert sorted(together) == sorted(names)
    found = penalties.weight_parameters(model)
    assert [id(p) for p in found] == [id(p) for p in decayed["params"]]
    assert all(p.is_leaf and isinstance(p, nn.Parameter) for p in found)


RECIPES = [
    Recipe(epochs=2, batch_size=20, optimizer=optimizer, lr=0.02, weight_decay=0.1, l1=l1, l1_step=step,
           penalized=penalized, schedule=schedule)
    for optimizer, step in (("sgd", "subgradient"), ("sgd", "proximal"), ("adam", None), ("adamw", None))
    for l1 in (0.0, 0.01)
    for penalized in ("all", "weights")
    for schedule in ("one_cycle", "constant")
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_recipe_trains_what_has_a_gradient_and_nothing_else(kind):
    for recipe in RECIPES:
        model = net(kind)
        model.unused = nn.Linear(3, 3)
        model.forward = lambda x, model=model: [x := layer(x) for layer in list(model)[:4]][-1]
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        run = fit(model, DIGITS, recipe, 0, FLOAT32)
        assert run.status == "done", recipe
        for name, p in model.named_parameters():
            still = not p.requires_grad or name.startswith("unused")
            assert torch.equal(p, before[name]) == still, (name, recipe)
        if kind == "frozen after a backward pass":  # the gradient is the caller's too
            assert (model[1].weight.grad == 1).all()


@pytest.mark.parametrize("step", ["subgradient", "proximal"])
@pytest.mark.parametrize("penalized", ["all", "weights"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_penalty_is_the_sum_over_exactly_these_parameters(kind, penalized, step):
    l1, decay, lr, momentum = 0.1, 0.1, 0.05, 0.5
    recipe = Recipe(
        epochs=1, batch_size=20, lr=lr, momentum=momentum, weight_decay=decay, l1=l1, schedule="constant",
        l1_step=step, penalized=penalized,
    )  # fmt: skip
    ours, plain = net(kind), net(kind)
    plain.load_state_dict(ours.state_dict())
    fit(ours, DIGITS, recipe, 0, FLOAT32)

    trained = {name: p for name, p in plain.named_parameters() if p.requires_grad}
    chosen = [p for name, p in trained.items() if penalized == "all" or name in expected_names(kind)]
    velocity = {name: torch.zeros_like(p) for name, p in trained.items()}
    for x, y in Batches(DIGITS.train_images, DIGITS.train_labels, DIGITS.mean, DIGITS.std, 20, seed=0):
        loss = F.cross_entropy(plain(x), y) + decay / 2 * sum(p.square().sum() for p in chosen)
        if step == "subgradient":
            loss = loss + l1 * sum(p.abs().sum() for p in chosen)
        gradients = torch.autograd.grad(loss, list(trained.values()))
        with torch.no_grad():
            for (name, p), gradient in zip(trained.items(), gradients, strict=True):
                velocity[name] = momentum * velocity[name] + gradient
                p -= lr * velocity[name]
            if step == "proximal":
                for p in chosen:
                    p.copy_(p.sign() * (p.abs() - lr * l1 / (1 - momentum)).clamp(min=0))
    for (name, a), b in zip(ours.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4, msg=name)
    if step == "proximal":
        zeros = {name: int((p == 0).sum()) for name, p in ours.named_parameters() if p.requires_grad}
        assert zeros["3.weight"] > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [True, False])
def test_weights_are_what_the_layers_multiply_by_and_reading_them_changes_nothing(kind, mode):
    model = net(kind).eval()
    x = torch.linspace(-1, 1, 128).view(2, 1, 8, 8)
    y = model[1](model[0](x))
    model.train(mode)
    before = copy.deepcopy(model.state_dict())
    found = penalties.weights(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == [mode] * len(list(model.modules()))
    assert found[-1] is model[3].weight
    assert len(found) == 1 + (kind != "no weight")
    if kind != "no weight":
        layer = model[1][1] if isinstance(model[1], nn.Sequential) else model[1]
        again = x.flatten(1) @ found[0].flatten(1).T + layer.bias
        torch.testing.assert_close(again, y)


def test_sparsity_counts_what_the_layers_multiply_by():
    model = net("pruned")
    fit(model, DIGITS, RECIPES[0], 0, FLOAT32)
    assert (model[1].weight_orig == 0).sum() == 0
    assert measures.sparsity(model, DIGITS, FLOAT32)["zeros"] == 320
    dead = nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 3)))
    with torch.no_grad():
        dead[0].parametrizations.weight.original0[1] = 0  # its g
    found = measures.sparsity(dead, DIGITS, FLOAT32)
    assert (found["weights"], found["zeros"], found["channels"], found["zero_channels"]) == (12, 4, 3, 1)


@pytest.mark.parametrize("model", [nn.ReLU(), nn.BatchNorm2d(3), WithoutWeight(64, 10)])
def test_without_a_weight_penalties_and_counts_are_0(model):
    assert penalties.l1_penalty(penalties.weights(model)).item() == 0
    assert penalties.l2_penalty(penalties.weights(model)).item() == 0
    found = measures.sparsity(model, DIGITS, FLOAT32)
    assert all(
        found[name] == 0 for name in ("weights", "zeros", "channels", "zero_channels", "l1", "squared")
    )
    assert set(found["below"].values()) == {0}
    assert found["histogram"] == [0] * 50
    decayed, others = penalties.decay_groups(model, 0.1)
    assert decayed["params"] == []
    assert len(others["params"]) == len(list(model.parameters()))


def test_an_l1_that_would_penalize_nothing_is_told():
    def only_norms():
        model = nn.Sequential(nn.Flatten(), frozen(nn.Linear(64, 10)), nn.BatchNorm1d(10))
        model[1].bias.requires_grad_(False)
        return model

    recipe = Recipe(epochs=1, batch_size=20, l1=0.1, penalized="weights")
    for model in (only_norms(), nn.Sequential(nn.Flatten(), WithoutWeight(64, 10))):
        with pytest.raises(ValueError, match=r"l1=0\.1 with penalized='weights' penalizes nothing"):
            fit(model, DIGITS, recipe, 0, FLOAT32)
        assert fit(model, DIGITS, dataclasses.replace(recipe, l1=0.0), 0, FLOAT32).status == "done"
        assert fit(model, DIGITS, dataclasses.replace(recipe, penalized="all"), 0, FLOAT32).status == "done"


def test_l2_on_the_g_of_weight_norm_is_l2_on_the_weight():
    for change in (parametrizations.weight_norm, older_weight_norm):
        torch.manual_seed(1)
        model = nn.Sequential(change(nn.Conv2d(3, 5, 3)), change(nn.Linear(6, 4)))
        of_g = penalties.l2_penalty(penalties.weight_parameters(model))
        torch.testing.assert_close(of_g, penalties.l2_penalty(penalties.weights(model)))


@pytest.mark.parametrize("penalized", ["all", "weights"])
@pytest.mark.parametrize("step", ["subgradient", "proximal"])
def test_a_layer_used_by_some_batches_is_penalized_in_these_alone(step, penalized):
    class Sometimes(nn.Module):
        """Uses a layer in its first forward pass only."""

        def __init__(self):
            super().__init__()
            self.always, self.once, self.seen = nn.Linear(64, 10), nn.Linear(64, 10), []

        def forward(self, x):
            x = x.flatten(1)
            self.seen.append(self.once.weight.detach().clone())
            return self.always(x) + (self.once(x) if len(self.seen) == 1 else 0)

    model = Sometimes()
    recipe = Recipe(
        epochs=1, batch_size=15, lr=0.1, weight_decay=0.1, l1=0.01, l1_step=step, penalized=penalized,
        schedule="constant",
    )  # fmt: skip
    fit(model, DIGITS, recipe, 0, FLOAT32)
    first, second, *later = model.seen
    assert not torch.equal(first, second)
    assert len(later) == 3  # two batches, one evaluation
    assert all(torch.equal(second, w) for w in (*later, model.once.weight))


def tied_to_embedding():
    model = nn.Sequential(nn.Embedding(10, 64), nn.Linear(64, 10))
    model[1].weight = model[0].weight
    return model


def tied_parametrized():
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(8, 8)), nn.Linear(8, 8))
    parametrizations.weight_norm(model[1])
    model[1].parametrizations.weight.original0 = model[0].parametrizations.weight.original0
    return model


def one_layer_in_two_places():
    layer = nn.Linear(8, 8)
    return nn.Sequential(layer, nn.Sequential(nn.ReLU(), layer))


def transposed():
    class Transposed(nn.Linear):
        """A decoder whose weight is an encoder's, transposed."""

        weight = property(lambda self: self.encoder[0].weight.T)

        def __init__(self, encoder):
            nn.Module.__init__(self)
            self.encoder, self.bias = [encoder], nn.Parameter(torch.zeros(encoder.in_features))

    encoder = nn.Linear(8, 4)
    return nn.Sequential(encoder, Transposed(encoder))


@pytest.mark.parametrize(
    ("make", "decayed", "read"),
    [
        (tied_to_embedding, 1, 1),
        (tied_parametrized, 1, 2),
        (one_layer_in_two_places, 1, 1),
        (transposed, 1, 2),
        (lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(3)), 2, 2),
    ],
)
def test_what_is_shared_or_lazy_is_in_one_group_too(make, decayed, read):
    model = make()
    groups = penalties.decay_groups(model, 0.1)
    assert [len(group["params"]) for group in groups] == [decayed, len(list(model.parameters())) - decayed]
    together = [id(p) for group in groups for p in group["params"]]
    assert sorted(together) == sorted(id(p) for p in model.parameters())
    assert len(penalties.weights(model)) == read


@pytest.mark.parametrize("step", ["subgradient", "proximal"])
def test_a_shared_weight_is_penalized_once(step):
    def trained(shared):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        if shared:
            twin = nn.Linear(64, 10)
            twin.weight = model[1].weight
            model[1].register_module("twin", twin)  # registered, not used: the gradient is the same
        recipe = Recipe(epochs=1, batch_size=20, lr=0.1, l1=0.01, l1_step=step, penalized="weights")
        fit(model, DIGITS, recipe, 0, FLOAT32)
        return model[1].weight

    assert torch.equal(trained(True), trained(False))


def test_lazy_parameters_are_told_and_one_evaluation_gives_them_a_shape():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10))
    recipe = Recipe(epochs=1, batch_size=20, penalized="weights")
    with pytest.raises(ValueError, match=r"lazy parameters.*0\.weight.*1\.running_mean.*predict"):
        fit(model, DIGITS, recipe, 0, FLOAT32)
    evaluate(model, DIGITS, FLOAT32)
    before = [p.detach().clone() for p in model.parameters()]
    assert fit(model, DIGITS, recipe, 0, FLOAT32).status == "done"
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
