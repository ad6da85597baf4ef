"""Drift of layer inputs and predictability along the gradient, against plain PyTorch and closed forms."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.lessons.batch_size_learning_rate_depth import smoothness

SIZES, SEEDS = (5, 4, 6, 3), (0, 1)


def some_batch(count=12):
    make = torch.Generator().manual_seed(9)
    x = torch.randn(count, 5, generator=make, dtype=torch.float64)
    return x, torch.randint(3, (count,), generator=make)


def as_modules(layers, k):
    """Network k of the bundle, built of torch's own layers."""
    parts = []
    for number, (weight, bias, *gamma) in enumerate(layers):
        linear = nn.Linear(weight.shape[1], weight.shape[2], bias=not gamma).double()
        linear.weight.data = weight[k].T.clone()
        parts.append(linear)
        if gamma:
            norm = nn.BatchNorm1d(weight.shape[2]).double()
            norm.weight.data, norm.bias.data = gamma[0][k, 0].clone(), bias[k, 0].clone()
            parts.append(norm)
        else:
            linear.bias.data = bias[k, 0].clone()
        if number < len(layers) - 1:
            parts.append(nn.ReLU())
    return nn.Sequential(*parts)


def shaken(batch_norm):
    """Layers whose biases and gammas are not the first ones."""
    make = torch.Generator().manual_seed(4)
    return [
        tuple(p + 0.3 * torch.randn(p.shape, generator=make, dtype=p.dtype) for p in layer)
        for layer in smoothness.start(SIZES, SEEDS, batch_norm)
    ]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_networks_side_by_side_are_torchs(batch_norm):
    layers, (x, labels) = shaken(batch_norm), some_batch()
    loss, gradient = smoothness.gradients(layers, x[None], labels[None])
    for k in range(2):
        net = as_modules(layers, k)
        theirs = F.cross_entropy(net(x), labels)
        theirs.backward()
        torch.testing.assert_close(loss[k], theirs.detach())
        linear = [layer for layer in net if isinstance(layer, nn.Linear)]
        for ours, layer in zip(gradient, linear, strict=True):
            torch.testing.assert_close(ours[0][k], layer.weight.grad.T)


def test_both_kinds_start_from_the_same_he_normal_weights():
    plain, normed = (smoothness.start((200, 300, 3), SEEDS, kind) for kind in (False, True))
    for a, b in zip(plain, normed, strict=True):
        assert torch.equal(a[0], b[0])
    assert plain[0][0].std().item() == pytest.approx((2 / 200) ** 0.5, rel=0.02)
    assert [len(layer) for layer in plain] == [2, 2]
    assert [len(layer) for layer in normed] == [3, 2]
    assert not torch.equal(plain[0][0][0], plain[0][0][1])  # another seed, other weights


def test_training_is_torchs_sgd_on_batches_that_depend_on_the_seed_alone():
    x, labels = some_batch(40)
    seen = []
    ends = smoothness.train(
        shaken(True), x, labels, 0.1, 4, SEEDS, batch_size=8, watch=lambda step: seen.append(step)
    )
    assert [step.number for step in seen] == [0, 1, 2, 3]
    net = as_modules(shaken(True), 1)
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in seen:
        sgd.zero_grad()
        F.cross_entropy(net(step.x[1]), step.labels[1]).backward()
        sgd.step()
    torch.testing.assert_close(ends[0][0][1], net[0].weight.data.T)
    torch.testing.assert_close(ends[1][2][1, 0], net[4].weight.data)
    other = []
    smoothness.train(shaken(False), x, labels, 0.3, 4, SEEDS, batch_size=8, watch=other.append)
    assert all(torch.equal(a.x, b.x) for a, b in zip(seen, other, strict=True))
    assert not torch.equal(seen[0].x[0], seen[0].x[1])


def test_the_noise_has_the_means_and_deviations_that_were_ordered():
    layers = smoothness.start((5, 300, 300, 3), SEEDS, True)
    noise = smoothness.draw_noise(layers, 400, [torch.Generator().manual_seed(s) for s in SEEDS])
    assert [added.shape for added, _ in noise] == [(2, 400, 300)] * 2
    added, multiplied = noise[0]
    of_unit = added.mean(dim=1)  # (K, n)
    assert of_unit.abs().max() < 0.5 + 0.02
    assert of_unit.std().item() == pytest.approx(1 / 12**0.5, rel=0.1)  # uniform on [-0.5, 0.5]
    assert (added - of_unit[:, None]).abs().max() < 0.1 + 0.02
    scale = multiplied.mean(dim=1)
    assert scale.min() > 1 - 0.03
    assert scale.max() < 1.25 + 0.03
    assert (multiplied - scale[:, None]).std().item() == pytest.approx(0.1, rel=0.05)


def test_noise_comes_after_batch_norm_and_before_relu():
    layers, (x, _) = shaken(True), some_batch()
    shift, scale = torch.tensor(0.4).double(), torch.tensor(1.2).double()
    size = (2, len(x))
    noise = [(shift.expand(*size, n), scale.expand(*size, n)) for n in SIZES[1:-1]]
    after = smoothness.inputs(layers, x[None], noise)[1][0]
    net = as_modules(layers, 0)
    torch.testing.assert_close(after, (0.4 + 1.2 * net[1](net[0](x))).relu().detach())


def one_step(batch_norm=False, lr=0.1, noisy=False):
    x, labels = some_batch(40)
    seen = []
    smoothness.train(
        shaken(batch_norm), x, labels, lr, 1, SEEDS, batch_size=16, noisy=noisy, watch=seen.append
    )
    return seen[0]


def test_the_gradient_drift_is_that_of_moving_the_layers_below():
    step = one_step(batch_norm=True, lr=0.5)
    shares, cosines = smoothness.gradient_drift(step)
    for k in range(2):
        before, after = as_modules(step.before, k), as_modules(step.after, k)
        mixed = nn.Sequential(*list(after)[:3], *list(before)[3:])  # layer 1 moved, 2 and 3 not
        found = []
        for net in (before, mixed):
            net.zero_grad()
            F.cross_entropy(net(step.x[k]), step.labels[k]).backward()
            found.append(before[3].weight.grad.clone().flatten())
        a, b = found
        torch.testing.assert_close(shares[0, k], (b - a).norm() / a.norm())
        torch.testing.assert_close(cosines[0, k], F.cosine_similarity(a, b, dim=0))


def test_a_step_that_moves_nothing_drifts_nothing():
    step = one_step()._replace(after=one_step().before)
    shares, cosines = smoothness.gradient_drift(step)
    assert not shares.any()
    torch.testing.assert_close(cosines, torch.ones_like(cosines))
    assert not smoothness.moment_drift(step).any()


def test_the_moment_drift_of_scaled_layer_inputs_is_known():
    step = one_step()
    weight, bias = step.before[0]
    after = [(1.5 * weight, 1.5 * bias), *step.before[1:]]  # ReLU passes on the factor
    drift = smoothness.moment_drift(step._replace(after=after))
    h = smoothness.inputs(step.before, step.x)[1]
    mean, dev = h.mean(dim=1), h.std(dim=1, correction=0)
    change = (0.25 * (mean**2 + dev**2)).mean(dim=1).sqrt()
    torch.testing.assert_close(drift[0], change / (dev**2).mean(dim=1).sqrt())


def test_noise_alone_drifts_the_moments():
    step = one_step(batch_norm=True, noisy=True)
    still = step._replace(after=step.before)
    assert smoothness.moment_drift(still).min() > 0.1
    assert smoothness.gradient_drift(still)[0].min() > 0.1


def test_along_a_straight_line_everything_comes_as_promised():
    """A short step in a smooth region: the loss falls by length * |g|^2, beta stays."""
    step = one_step()
    found = smoothness.along(step, [1e-5])
    loss, gradient = smoothness.gradients(step.before, step.x, step.labels)
    square = sum(p.square().sum(dim=(1, 2)) for layer in gradient for p in layer)
    torch.testing.assert_close(found.loss[0], loss - 1e-5 * square, rtol=0, atol=1e-7)
    torch.testing.assert_close(found.change, found.beta * 1e-5)
    torch.testing.assert_close(smoothness.along(step, [2e-5]).beta, found.beta, rtol=1e-2, atol=1e-3)


def test_along_reports_each_length_for_each_network():
    step = one_step(batch_norm=True)
    found = smoothness.along(step, [0.1, 0.4])
    assert all(part.shape == (2, 2) for part in found)
    _, gradient = smoothness.gradients(step.before, step.x, step.labels)
    there = smoothness.moved(step.before, gradient, 0.4)
    torch.testing.assert_close(found.loss[1], smoothness.losses(there, step.x, step.labels))
