"""Networks trained side by side are those trained one by one with torch's layers and optimizer."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.training import stacked

make = torch.Generator().manual_seed(5)
INPUTS = torch.randn(90, 6, generator=make, dtype=torch.float64)
LABELS = torch.randint(3, (90,), generator=make)
TEST = INPUTS[:20], LABELS[:20]
SIZES, GAIN, STEPS, BATCH = [6, 5, 4, 3], 1.4, 7, 16


def one_by_one(seed, lr, norm):
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for n_in, n_out in pairwise(SIZES):
        linear = nn.Linear(n_in, n_out).double()
        drawn = torch.randn(n_in, n_out, generator=generator, dtype=torch.float64)
        linear.weight.data, linear.bias.data = (
            (drawn * GAIN / n_in**0.5).T.contiguous(),
            torch.zeros(n_out).double(),
        )
        kinds = {
            "none": nn.Identity(),
            "batch": nn.BatchNorm1d(n_out, affine=False),
            "layer": nn.LayerNorm(n_out),
        }
        layers += [linear, kinds[norm].double(), nn.Tanh()]
    net = nn.Sequential(*layers[:-2])  # no norm, no activation at the end
    trained = [p for m in net if isinstance(m, nn.Linear) for p in m.parameters()]
    optimizer = torch.optim.SGD(trained, lr=lr)
    for _ in range(STEPS):
        ids = torch.randint(len(INPUTS), (BATCH,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(net(INPUTS[ids]), LABELS[ids]).backward()
        optimizer.step()
    with torch.no_grad():
        logits = net(TEST[0])  # in training mode: batch norm pools the set, as documented
    return F.cross_entropy(logits, TEST[1]).item(), 100 * (logits.argmax(1) == TEST[1]).double().mean().item()


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_side_by_side_is_one_by_one(norm):
    rates, seeds = [0.01, 0.5], [0, 3, 4]
    arguments = (INPUTS, LABELS), SIZES, torch.tanh, GAIN, rates, seeds, STEPS, [TEST]
    looks = stacked.train(*arguments, every=7, batch_size=BATCH, norm=norm)
    assert looks.shape == (2, 1, 2, 2, 3)
    for i, lr in enumerate(rates):
        for j, seed in enumerate(seeds):
            assert looks[-1, 0, :, i, j].tolist() == pytest.approx(one_by_one(seed, lr, norm), rel=1e-9)
    assert torch.equal(looks[0, :, :, 0], looks[0, :, :, 1])  # one start, whatever the rate


def test_it_looks_at_step_0_and_every_so_often():
    arguments = (INPUTS, LABELS), SIZES, torch.tanh, GAIN, [0.1], [0], 10, [TEST, (INPUTS, LABELS)]
    assert stacked.train(*arguments, every=4).shape == (3, 2, 2, 1, 1)  # at 0, 4, 8


def test_a_network_that_diverges_leaves_the_others_alone():
    arguments = (INPUTS, LABELS), SIZES, torch.relu, GAIN
    alone = stacked.train(*arguments, [0.1], [0], 20, [TEST], every=20)
    both = stacked.train(*arguments, [0.1, 1e9], [0], 20, [TEST], every=20)
    assert both[-1, 0, 0, 0].tolist() == pytest.approx(alone[-1, 0, 0, 0].tolist())
    assert not both[-1, 0, 0, 1].item() < 1e3


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="none, batch, layer"):
        stacked.train((INPUTS, LABELS), SIZES, torch.relu, GAIN, [0.1], [0], 1, [TEST], norm="group")


SETTINGS = {
    "data": (INPUTS, LABELS), "sizes": SIZES, "activation": torch.relu, "gain": GAIN, "rates": [0.1],
    "seeds": [0], "steps": 2, "evaluate": [TEST],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate": []}, "1 rates, 1 seeds and 0 sets"),
        ({"rates": []}, "0 rates"),
        ({"seeds": range(0)}, "0 seeds"),
        ({"steps": -1}, "steps=-1"),
        ({"every": 0}, "every=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"data": (INPUTS[:0], LABELS[:0])}, "0 inputs and 0 labels"),
        ({"evaluate": [TEST, (INPUTS[:0], LABELS[:0])]}, "0 inputs and 0 labels"),
        ({"data": (INPUTS, LABELS[:80])}, "90 inputs and 80 labels"),
        ({"data": (INPUTS, LABELS + 1)}, "labels from 0 to 2"),  # a step would fail once it draws a 3
        ({"evaluate": [(INPUTS, LABELS - 1)]}, "labels from 0 to 2"),
        ({"norm": "batch", "batch_size": 1}, "at least two rows"),
        ({"norm": "batch", "evaluate": [TEST, (INPUTS[:1], LABELS[:1])]}, "at least two rows"),
    ],
)
def test_what_would_fail_at_some_step_is_told_before_the_first(changes, message):
    with pytest.raises(ValueError, match=message):
        stacked.train(**SETTINGS | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"batch_size": 1},
        {"batch_size": 500},
        {"norm": "batch", "batch_size": 2},
        {"data": (INPUTS[:1], LABELS[:1])},
        {"evaluate": [(INPUTS[:1], LABELS[:1])]},
    ],
)
def test_the_smallest_sizes_are_trained(changes):
    looks = stacked.train(**SETTINGS | changes)
    assert looks.isfinite().all()
    assert looks.shape == (1, 1, 2, 1, 1)
