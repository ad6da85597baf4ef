"""Networks side by side are what one network by itself is; zeros and pruning count as promised."""

import pytest
import torch
from torch.nn import functional as F

from helpers.lessons.l1_l2_from_scratch import sparse_nets
from helpers.lessons.l1_l2_from_scratch.sparse_nets import MOMENTUM


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def data(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    make = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=make)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def alone(l1: float, l2: float, seed: int, steps: int) -> list[torch.Tensor]:
    """One network, trained with torch.optim.SGD and a plain loop."""
    x, y = data()
    net = sparse_nets.drawn([6, 5, 2], [seed], 1)
    w = [torch.nn.Parameter(p[0].clone()) for p in net.weights]
    b = [torch.nn.Parameter(p[0].clone()) for p in net.biases]
    groups = [{"params": w, "weight_decay": l2}, {"params": b, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.05, momentum=MOMENTUM)
    make = torch.Generator().manual_seed(1000 + seed)
    for step in range(steps):
        rate = 0.05 * min(1.0, 2 * (1 - step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids = torch.randint(len(x), (8,), generator=make)
        logits = (x[ids] @ w[0] + b[0]).relu() @ w[1] + b[1]
        optimizer.zero_grad()
        F.cross_entropy(logits, y[ids]).backward()
        optimizer.step()
        with torch.no_grad():
            for p in w:
                p.copy_(F.softshrink(p, rate * l1 / (1 - MOMENTUM)))
    return [p.detach() for p in (*w, *b)]


def test_each_network_is_trained_as_if_it_were_alone():
    l1, l2, seeds = [0.0, 0.01, 0.0], [0.02, 0.0, 0.0], [3, 4]
    nets = sparse_nets.train(sparse_nets.drawn([6, 5, 2], seeds, 3), data(), l1, l2, seeds, 30, batch_size=8)
    for setting in range(3):
        for i, seed in enumerate(seeds):
            expected = alone(l1[setting], l2[setting], seed, 30)
            found = [p[2 * setting + i] for p in (*nets.weights, *nets.biases)]
            for a, b in zip(found, expected, strict=True):
                torch.testing.assert_close(a, b)


def test_only_l1_makes_exact_zeros_and_masked_zeros_stay():
    nets = sparse_nets.train(
        sparse_nets.drawn([6, 5, 2], [0], 2), data(), [0.02, 0.0], [0.0, 0.02], [0], 100, batch_size=8
    )
    share = sparse_nets.zeros(nets)
    assert share[0] > 0.1
    assert share[1] == 0
    again = sparse_nets.train(nets, data(), [0.0] * 2, [0.0] * 2, [0], 50, batch_size=8, masked=True)
    assert torch.equal(again.flat() == 0, nets.flat() == 0)
    assert not torch.equal(again.flat(), nets.flat())
    free = sparse_nets.train(nets, data(), [0.0] * 2, [0.0] * 2, [0], 50, batch_size=8)
    assert sparse_nets.zeros(free)[0] < share[0]


def test_pruning_cuts_the_smallest_weights_of_all_layers_and_nothing_else():
    nets = sparse_nets.drawn([6, 5, 2], [0, 1], 1)
    cut = sparse_nets.pruned(nets, torch.tensor([0.5, 0.1]))
    assert sparse_nets.zeros(cut).tolist() == [0.5, 0.1]
    for before, after in zip(nets.flat(), cut.flat(), strict=True):
        kept = after != 0
        assert torch.equal(after[kept], before[kept])
        assert before[kept].abs().min() > before[~kept].abs().max()


def test_evaluation_is_the_mean_loss_and_correct_over_total():
    nets, (x, y) = sparse_nets.drawn([6, 5, 2], [0, 1], 1), data()
    loss, accuracy = sparse_nets.evaluate(nets, (x, y))
    for i in range(2):
        logits = nets[torch.tensor([i])].logits(x[None])[0]
        assert loss[i].item() == pytest.approx(F.cross_entropy(logits, y).item())
        assert accuracy[i].item() == pytest.approx(100 * (logits.argmax(1) == y).double().mean().item())


def test_settings_that_do_not_fit_the_networks_are_refused():
    nets = sparse_nets.drawn([6, 5, 2], [0, 1], 2)
    with pytest.raises(ValueError, match="1 l1, 2 l2 and 2 seeds for 4 networks"):
        sparse_nets.train(nets, data(), [0.0], [0.0, 0.0], [0, 1], 1)
