"""Small networks side by side against plain PyTorch and closed forms."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.lessons.why_batch_norm_helps import networks

SIZES, SEEDS = (5, 4, 6, 3), (0, 1)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def logits(net, x):
    for w, beta, _ in net[:-1]:
        x = (x @ w.mT + beta).relu()
    return x @ net[-1][0].mT + net[-1][1]


def gradient(net, batch, noise=None):
    return networks.gradients(lambda moved: logits(moved, batch[0]), net, batch[1])


def some_data(count=40):
    make = torch.Generator().manual_seed(9)
    return torch.randn(count, 5, generator=make), torch.randint(3, (count,), generator=make)


def as_modules(net, k):
    parts = []
    for w, beta, _ in net:
        linear = nn.Linear(w.shape[2], w.shape[1])
        linear.weight.data, linear.bias.data = w[k].clone(), beta[k, 0].clone()
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def test_the_initial_weights_are_he_normal_and_those_of_the_seed():
    net = networks.start((200, 300, 3), SEEDS)
    assert [layer[0].shape for layer in net] == [(2, 300, 200), (2, 3, 300)]
    assert net[0][0].std().item() == pytest.approx((2 / 200) ** 0.5, rel=0.02)
    assert not net[0][1].any()
    assert (net[0][2] == 1).all()
    assert torch.equal(networks.start((200, 300, 3), [1])[0][0][0], net[0][0][1])
    assert not torch.equal(net[0][0][0], net[0][0][1])


def test_losses_and_gradients_are_torchs_and_0_for_what_is_not_used():
    net, (x, labels) = networks.start(SIZES, SEEDS), some_data()
    loss, found = gradient(net, (x, labels))
    for k in SEEDS:
        theirs = as_modules(net, k)
        expected = F.cross_entropy(theirs(x), labels)
        expected.backward()
        torch.testing.assert_close(loss[k], expected.detach())
        for layer, linear in zip(found, theirs[::2], strict=True):
            torch.testing.assert_close(layer[0][k], linear.weight.grad)
            torch.testing.assert_close(layer[1][k, 0], linear.bias.grad)
    assert not any(layer[2].any() for layer in found)
    squares = sum(part.square().sum() for layer in found for part in layer)
    torch.testing.assert_close(networks.size(found).square().sum(), squares)


def test_training_is_torchs_sgd_each_network_at_its_rate_on_the_batches_of_its_seed():
    data, seen = some_data(), []
    ends = networks.train(
        gradient, data, SIZES, [0.1, 0.5], SEEDS, steps=4, watch=lambda *state: seen.append(state)
    )
    assert [state[0] for state in seen] == [0, 1, 2, 3]
    for k, rate in ((1, 0.1), (3, 0.5)):  # seed 1 at either rate
        theirs = as_modules(networks.start(SIZES, [1]), 0)
        sgd = torch.optim.SGD(theirs.parameters(), lr=rate)
        for _, _, _, _, (x, labels), *_ in seen:
            sgd.zero_grad()
            F.cross_entropy(theirs(x[k]), labels[k]).backward()
            sgd.step()
        torch.testing.assert_close(ends[1][0][k], theirs[2].weight.data)
    images = seen[0][4][0]
    assert torch.equal(images[0], images[2])
    assert not torch.equal(images[0], images[1])


def test_one_batch_is_used_at_every_step_if_given_and_an_update_replaces_the_step():
    data, seen = some_data(), []
    ends = networks.train(
        gradient,
        data,
        SIZES,
        [0.1],
        SEEDS,
        steps=2,
        batch=data,
        update=lambda net, gradient, lr: networks.moved(net, gradient, 0.0),
        watch=lambda *state: seen.append(state[4]),
    )
    assert all(batch is data for batch in seen)
    assert torch.equal(ends[0][0], networks.start(SIZES, SEEDS)[0][0])


def test_the_noise_of_a_step_is_that_announced_by_the_step_before():
    draws, seen = iter(range(10)), []
    networks.train(
        gradient,
        some_data(),
        SIZES,
        [0.1],
        SEEDS,
        steps=3,
        noise=lambda count: (count, next(draws)),
        watch=lambda *state: seen.append(state[5:]),
    )
    assert seen == [((2, i), (2, i + 1)) for i in range(3)]


def test_the_moment_drift_of_scaled_inputs_is_known():
    h = torch.randn(2, 12, 4).relu()
    (drift,) = networks.moment_drift([h], [1.5 * h])
    mean, std = h.mean(dim=1), h.std(dim=1, correction=0)
    change = (0.25 * (mean**2 + std**2)).mean(dim=1).sqrt()
    torch.testing.assert_close(drift, change / (std**2).mean(dim=1).sqrt())
    assert not networks.moment_drift([h], [h]).any()


def test_the_digits_are_standardized_and_none_is_in_two_sets():
    (x, labels), (held_out, _), (test, _) = networks.digits(held_out=200)
    both = torch.cat([x, held_out])
    std = both.std(dim=0, correction=0)
    torch.testing.assert_close(both.mean(dim=0), torch.zeros(64))
    torch.testing.assert_close(std[std > 0], torch.ones(int((std > 0).sum())))
    assert len(x) == len(labels)
    assert (len(held_out), test.shape[1], len(both) + len(test)) == (200, 64, 1797)
