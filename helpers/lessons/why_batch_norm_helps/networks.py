"""Small networks of one shape side by side: their data, initial weights, gradients, plain SGD.

A network is a list of layers, a layer a list of three tensors: weights (K, out, in), beta and gamma, both (K,
1, out), for K networks. What a layer does with them is the caller's; everything is in the default dtype.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from helpers.images.datasets import load
from helpers.training import stacked

Net = list[list[Tensor]]
Batch = tuple[Tensor, Tensor]  # images (B, n) or (K, B, n), labels (B,) or (K, B)
Noise = list[tuple[Tensor, Tensor]]


def digits(held_out: int = 289) -> tuple[Batch, Batch, Batch]:
    """Training images (N, 64) with labels, the last `held_out` of them apart, and the test images.

    Standardized pixel by pixel with the statistics of all training images; a constant pixel is 0.
    """
    data = load("digits")
    images = [
        found.flatten(1).to(torch.get_default_dtype()) for found in (data.train_images, data.test_images)
    ]
    mean, std = images[0].mean(dim=0), images[0].std(dim=0, correction=0)
    x, test_x = ((rows - mean) / std.where(std > 0, 1.0) for rows in images)
    labels = data.train_labels
    return (
        (x[:-held_out], labels[:-held_out]),
        (x[-held_out:], labels[-held_out:]),
        (test_x, data.test_labels),
    )


def start(sizes: Sequence[int], seeds: Sequence[int]) -> Net:
    """He-normal weights for layers of `sizes` (inputs, hidden ..., classes), beta = 0 and gamma = 1."""
    draws, net = stacked.generators(seeds), []
    for n_in, n_out in pairwise(sizes):
        w = torch.stack([torch.randn(n_out, n_in, generator=g) for g in draws]) * (2 / n_in) ** 0.5
        net.append([w, torch.zeros(len(w), 1, n_out), torch.ones(len(w), 1, n_out)])
    return net


@torch.enable_grad()
def gradients(logits: Callable[[Net], Tensor], net: Net, labels: Tensor) -> tuple[Tensor, Net]:
    """The cross-entropy (K,) of each network, and its gradient in the form of `net`.

    A parameter that `logits` does not use has the gradient 0.
    """
    leaves = [[p.detach().requires_grad_() for p in layer] for layer in net]
    found = logits(leaves)
    loss = stacked.losses(found, labels.expand(len(found), -1))
    parameters = [p for layer in leaves for p in layer]
    flat = iter(torch.autograd.grad(loss.sum(), parameters, materialize_grads=True))
    return loss.detach(), [[next(flat) for _ in layer] for layer in leaves]


def size(gradient: Net) -> Tensor:
    """Euclidean norm (K,) over all parameters of each network."""
    return sum(p.square().sum(dim=(1, 2)) for layer in gradient for p in layer).sqrt()


def moved(net: Net, gradient: Net, lr: float | Tensor) -> Net:
    """The networks after a step of that learning rate along minus the gradient."""
    return [[p - lr * g for p, g in zip(*layers, strict=True)] for layers in zip(net, gradient, strict=True)]


def train(
    gradient: Callable[[Net, Batch, Noise | None], tuple[Tensor, Net]],
    data: Batch,
    sizes: Sequence[int],
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int = 100,
    batch: Batch | None = None,
    noise: Callable[[int], Noise] | None = None,
    update: Callable[[Net, Net, Tensor], Net] = moved,
    watch: Callable[..., object] | None = None,
) -> Net:
    """Trains K = rates x seeds networks, rate by rate, by plain SGD with a constant learning rate.

    Networks of one seed share initial weights and batches of 64, whatever the rate and the `gradient`.

    Args:
        batch: this one at every step, in place of a new one drawn from `data`.
        noise: draws that of one step for K networks; called once more than there are steps.
        update: (net, gradient, lr) -> the networks after the step; lr is (K, 1, 1).
        watch: called at each step with its number, lr, the networks before and after it, its batch, its
            noise and the noise of the next step.
    """
    seeds_of = [*seeds] * len(rates)
    net, draws = start(sizes, seeds_of), stacked.generators([1000 + seed for seed in seeds_of])
    lr = torch.tensor(rates).repeat_interleave(len(seeds)).view(-1, 1, 1)
    torch.manual_seed(0)
    following = noise(len(seeds_of)) if noise else None
    for step in range(steps):
        ids = torch.stack([torch.randint(len(data[0]), (64,), generator=g) for g in draws])
        now = batch or (data[0][ids], data[1][ids])
        jolt, following = following, noise(len(seeds_of)) if noise else None
        after = update(net, gradient(net, now, jolt)[1], lr)
        if watch:
            watch(step, lr, net, after, now, jolt, following)
        net = after
    return net


def moment_drift(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """Change of mean and standard deviation of the inputs of each layer, (layers, K).

    before, after: the inputs of each layer before a step and after it, (K, B, n) each, on the same batch. The
    root mean square over the units of the two changes together, as a share of the root mean square of the
    standard deviations before.
    """
    drift = []
    for h, then in zip(before, after, strict=True):
        (var, mean), (var_then, mean_then) = (torch.var_mean(part, dim=1, correction=0) for part in (h, then))
        change = (mean_then - mean).square() + (var_then.sqrt() - var.sqrt()).square()
        drift.append((change.mean(dim=1) / var.mean(dim=1)).sqrt())
    return torch.stack(drift)
