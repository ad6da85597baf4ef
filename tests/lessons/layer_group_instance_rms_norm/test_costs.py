"""Costs: what is kept is counted exactly; timing alternates, drops the first call, takes the median."""

import json

import pytest
import torch
from torch import nn

from helpers import ROOT
from helpers.lessons.layer_group_instance_rms_norm import costs
from helpers.lessons.layer_group_instance_rms_norm.costs import forward_and_backward, kept, milliseconds
from helpers.nn import norms
from tests.benchmarks import norm_costs

X = torch.randn(4, 6, 5, 5)


@pytest.mark.parametrize(
    ("layer", "times"),
    [
        (lambda x: x + 1, 0),  # needs nothing for backward
        (torch.exp, 1),  # keeps its output
        (lambda x: x * x, 1),  # keeps x, twice, which is one tensor
        (lambda x: x.exp() * x.sin(), 3),  # exp and sin for the product (exp also for itself), x for sin
        (lambda x: torch.exp(x[:2]), 0.5),
    ],
)
def test_what_is_kept_is_counted_once(layer, times):
    assert kept(layer, X) == times


def test_parameters_are_not_counted():
    layer = nn.LayerNorm((6, 5, 5))
    statistics = 2 * 4 / X.numel()  # mean and 1 / sigma of each image
    assert kept(layer, X) == pytest.approx(1 + statistics + 2 * 150 / X.numel())
    assert kept(layer, X, layer.parameters()) == pytest.approx(1 + statistics)


def test_x_of_any_layout_counts_the_same():
    layer = nn.BatchNorm2d(6)
    assert kept(layer, X) == kept(layer, X.contiguous(memory_format=torch.channels_last))


def test_forward_and_backward_reaches_x_and_every_parameter():
    seen = []
    layer = nn.LayerNorm(5)
    for parameter in layer.parameters():
        parameter.register_hook(lambda gradient: seen.append(gradient.shape))
    work = forward_and_backward(layer, X, layer.parameters())
    assert seen == []  # the set-up runs forward only
    work()
    assert seen == [(5,), (5,)]


def test_rounds_alternate_and_the_median_is_taken_without_the_first_call(monkeypatch):
    clock, calls = [0.0], []
    taken = {"a": [50.0, 3.0, 1.0, 9.0], "b": [70.0, 2.0, 2.5, 4.0]}  # seconds of each call in turn

    def work(name):
        def call():
            calls.append(name)
            clock[0] += taken[name][calls.count(name) - 1]

        return call

    monkeypatch.setattr(costs.time, "process_time", lambda: clock[0])
    assert milliseconds({name: work(name) for name in taken}, rounds=3) == {"a": 3000, "b": 2500}
    assert calls == ["a", "b"] * 4


def test_the_recorded_costs_are_complete_and_their_memory_is_what_is_kept_now():
    recorded = json.loads((ROOT / "data" / "results" / "norm_costs.json").read_text("utf-8"))
    assert recorded["command"].startswith("python tests/benchmarks/norm_costs.py")
    assert (tuple(recorded["shape"]), recorded["groups"]) == (norm_costs.SHAPE, norm_costs.GROUPS)
    x = torch.randn(norm_costs.SHAPE)
    for norm in norm_costs.NORMS:
        for kind, library in (("torch", nn), ("course", norms)):
            layer = norm_costs.layer(norm, library)
            assert recorded["kept"][norm][kind] == round(kept(layer, x, layer.parameters()), 2)
        layer = norm_costs.layer(norm, nn)
        parameters = list(layer.parameters())
        hand = norm_costs.by_hand(norm, *parameters, *[None] * (2 - len(parameters)))
        torch.testing.assert_close(hand(x), layer(x), rtol=1e-4, atol=1e-4)
        assert recorded["kept"][norm]["by hand"] == round(kept(hand, x, parameters), 2)
        assert all(time > 0 for time in recorded["milliseconds"][norm].values())
