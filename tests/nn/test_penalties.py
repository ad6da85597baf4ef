"""Penalties have the stated gradients, the soft threshold is the argmin, decay groups miss no parameter."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.images import datasets
from helpers.nn import networks as models
from helpers.nn import penalties
from helpers.nn.layers import NORMS
from helpers.nn.norms import BatchNorm1d, GroupNorm, LayerNorm
from helpers.training import loop
from helpers.training.execution import Execution
from helpers.training.recipe import Recipe

FLOAT32 = Execution("cpu", "float32", 1)
NUMBERS = st.floats(-100, 100, allow_nan=False)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_penalties_and_their_gradients(values):
    w = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    parts = [w[:1], w[1:]]  # summed over all tensors
    l1, l2 = penalties.l1_penalty(parts), penalties.l2_penalty(parts)
    assert l1.item() == pytest.approx(sum(abs(v) for v in values))
    assert l2.item() == pytest.approx(sum(v**2 for v in values))
    assert torch.equal(torch.autograd.grad(l1, w)[0], w.detach().sign())
    assert torch.equal(torch.autograd.grad(l2, w)[0], 2 * w.detach())


@settings(deadline=None)
@given(w=NUMBERS, threshold=st.floats(0, 50), other=NUMBERS)
def test_the_soft_threshold_is_the_argmin(w, threshold, other):
    found = penalties.soft_threshold(torch.tensor([w], dtype=torch.float64), threshold).item()

    def cost(v: float) -> float:
        return (v - w) ** 2 / 2 + threshold * abs(v)

    near = [found + step for step in (-1e-3, 1e-3)]
    assert all(cost(found) <= cost(v) + 1e-9 for v in (other, 0.0, w, *near))
    assert (found == 0) == (abs(w) <= threshold)
    assert found * w >= 0


@settings(deadline=None)
@given(a=NUMBERS, b=NUMBERS, threshold=st.floats(0, 50))
def test_the_soft_threshold_brings_no_two_weights_apart(a, b, threshold):
    x, y = penalties.soft_threshold(torch.tensor([a, b], dtype=torch.float64), threshold).tolist()
    assert abs(x - y) <= abs(a - b) + 1e-9


def test_a_negative_threshold_is_refused():
    for threshold in (-0.1, float("nan")):
        with pytest.raises(ValueError, match=rf"threshold is {threshold}; .*at least 0"):
            penalties.soft_threshold(torch.zeros(3), threshold)


DIGITS = datasets.load("digits")
TORCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


def networks() -> list:
    found = []
    for name in models.NETWORKS:
        norms = ("none", "batch", "layer") if name in ("mlp", "row_lstm") else NORMS
        own = (False, True)
        found += [
            pytest.param(name, norm, o, id=f"{name}-{norm}-{'own' if o else 'torch'}")
            for norm in norms
            for o in own
        ]
    return found


@pytest.mark.parametrize(("name", "norm", "own"), networks())
def test_decay_groups_cover_every_parameter_once_and_decay_weights_only(name, norm, own):
    model = models.build(norm, DIGITS, 0, network=name, own_layers=own)
    decayed, others = penalties.decay_groups(model, 0.25)
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.25, 0.0)
    ids = [id(p) for p in (*decayed["params"], *others["params"])]
    assert sorted(ids) == sorted(id(p) for p in model.parameters())  # each once, none left out
    assert len(set(ids)) == len(ids)
    assert all(p.ndim >= 2 for p in decayed["params"])  # matrices and kernels
    assert all(p.ndim == 1 for p in others["params"])  # biases, gammas and betas of these networks
    assert len(decayed["params"]) == sum(isinstance(m, nn.Linear | nn.Conv2d) for m in model.modules())


def test_what_a_penalty_is_for_is_chosen_by_name():
    model = models.build("batch", DIGITS, 0, network="small_cnn")
    names = {id(p): name for name, p in model.named_parameters()}
    chosen = {
        which: {names[id(p)] for p in penalties.penalized(model, which)} for which in penalties.PENALIZED
    }
    convolutions = {"blocks.0.0.weight", "blocks.1.0.weight"}
    assert chosen["all"] == set(names.values())
    assert chosen["convolutions"] == convolutions
    assert chosen["weights"] == convolutions | {"classifier.weight"}
    assert chosen["others"] == chosen["all"] - convolutions
    decayed, others = penalties.decay_groups(model, 0.25, "others")
    assert {names[id(p)] for p in decayed["params"]} == chosen["others"]
    assert {names[id(p)] for p in others["params"]} == convolutions
    with pytest.raises(ValueError, match="penalized='biases'; choose one of all, weights, convolutions, oth"):
        penalties.penalized(model, "biases")


@pytest.mark.parametrize("which", ["convolutions", "others"])
def test_a_step_decays_what_the_recipe_names(which):
    model = models.build("batch", DIGITS, 0, network="small_cnn")
    before = [p.detach().clone() for p in model.parameters()]
    recipe = Recipe(epochs=1, lr=0.5, momentum=0.0, weight_decay=0.1, schedule="constant", penalized=which)
    optimizer, _ = loop._optimizer(model, recipe, 1)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    chosen = {id(p) for p in penalties.penalized(model, which)}
    for old, p in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(p.detach(), old * (1 - 0.05) if id(p) in chosen else old)


def test_norm_parameters_with_more_axes_are_left_out_too():
    layers = [nn.Linear(4, 4), nn.LayerNorm((3, 4)), LayerNorm((3, 4)), GroupNorm(2, 4), BatchNorm1d(3)]
    model = nn.Sequential(*layers)
    decayed, others = penalties.decay_groups(model, 0.1)
    assert [id(p) for p in decayed["params"]] == [id(layers[0].weight)]
    assert len(others["params"]) == 1 + 2 * 4


def test_a_shared_weight_is_decayed_once():
    shared = nn.Linear(3, 3)
    tied = nn.Linear(3, 3)
    tied.weight = shared.weight
    model = nn.Sequential(shared, tied)
    decayed, others = penalties.decay_groups(model, 0.1)
    assert len(decayed["params"]) == 1
    assert len(others["params"]) == 2  # the two biases


def test_decay_moves_the_decayed_group_and_no_other():
    model = models.build("batch", DIGITS, 0, network="small_cnn")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(penalties.decay_groups(model, 0.5), lr=0.1)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    weights = {id(w) for w in penalties.weights(model)}
    for name, p in model.named_parameters():
        expected = before[name] * (1 - 0.1 * 0.5) if id(p) in weights else before[name]
        torch.testing.assert_close(p.detach(), expected)


def quadratic(l1_step: str, momentum: float, a: float, l1: float, steps: int = 3000) -> float:
    """One weight with the loss (w - a)^2 / 2, trained by the parts that loop.fit uses."""
    model = nn.Linear(1, 1, bias=False).double()
    recipe = Recipe(
        epochs=1, lr=0.01, momentum=momentum, weight_decay=0.0, l1=l1, schedule="constant", l1_step=l1_step
    )
    optimizer, _ = loop._optimizer(model, recipe, 1)
    with torch.no_grad():
        model.weight.fill_(2.0)
    for _ in range(steps):
        model.weight.grad = model.weight.detach() - a
        if l1_step == "subgradient":
            model.weight.grad += l1 * model.weight.detach().sign()
        optimizer.step()
        if l1_step == "proximal":
            loop._threshold([model.weight], l1, optimizer.param_groups[0])
    return model.weight.item()


@settings(max_examples=15, deadline=None)
@given(a=st.floats(-2, 2), l1=st.floats(0, 1.5), momentum=st.sampled_from([0.0, 0.5, 0.9]))
def test_the_proximal_step_with_momentum_ends_at_the_soft_threshold(a, l1, momentum):
    expected = penalties.soft_threshold(torch.tensor([a], dtype=torch.float64), l1).item()
    found = quadratic("proximal", momentum, a, l1)
    assert found == pytest.approx(expected, abs=1e-6)
    if abs(a) < l1 - 1e-3:
        assert found == 0.0


def test_the_subgradient_step_stays_near_zero_without_being_zero():
    found = quadratic("subgradient", 0.9, 0.3, 1.0)
    assert found != 0.0
    assert abs(found) < 0.2


def zeros(recipe: Recipe) -> int:
    model = models.build("batch", DIGITS, 0, network="small_cnn")
    loop.fit(model, DIGITS, recipe, 0, FLOAT32)
    return sum(int((w == 0).sum()) for w in penalties.weights(model))


def test_in_training_only_the_proximal_step_leaves_exact_zeros():
    recipe = Recipe(epochs=1, batch_size=128, lr=0.1, l1=0.01, weight_decay=0.0, penalized="weights")
    assert recipe.schedule == "one_cycle"
    assert zeros(dataclasses.replace(recipe, l1_step="subgradient")) == 0
    assert zeros(dataclasses.replace(recipe, l1_step="proximal")) > 100
