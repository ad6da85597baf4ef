"""Why batch norm helps, measured: how far layer inputs drift, how well a gradient tells what a step will do.

Small fully connected networks with ReLU, several of one shape side by side (one for each of K seeds), in
float64. The definitions are those of Santurkar, Tsipras, Ilyas & Madry 2018, "How does batch normalization
help optimization?".
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.training import stacked

Layers = list[tuple[Tensor, ...]]
"""For each layer weight (K, n_in, n_out), bias (K, 1, n_out) and, with batch norm, gamma (K, 1, n_out)."""
Noise = list[tuple[Tensor, Tensor]]
"""For each hidden layer what is added and what is multiplied, each (K, B, n)."""

MEANS, DEVIATIONS, JITTER = 0.5, 1.25, 0.1  # of the noise, as in the paper's appendix


def start(sizes: Sequence[int], seeds: Sequence[int], batch_norm: bool) -> Layers:
    """First weights for layers of `sizes` (inputs, hidden ..., classes): He-normal, the same for both kinds.

    Batch norm stands before the ReLU of each hidden layer, starts from gamma 1 and beta 0 (its `bias`), and
    always normalizes by the batch that it is given.
    """
    layers: Layers = []
    for number, w in enumerate(stacked.normal(sizes, stacked.generators(seeds)), start=1):
        n_in, n_out = w.shape[1:]
        bias = torch.zeros(len(seeds), 1, n_out, dtype=torch.float64)
        hidden = number < len(sizes) - 1
        gamma = [torch.ones_like(bias)] if batch_norm and hidden else []
        layers.append((w * (2 / n_in) ** 0.5, bias, *gamma))
    return layers


def draw_noise(layers: Layers, examples: int, generators: Sequence[torch.Generator]) -> Noise:
    """Noise of one step for each of K networks, after the batch norm of each hidden layer.

    Each unit draws a mean in [-0.5, 0.5] and a deviation in [1, 1.25] for this step; each example draws its
    own around them, 0.1 wide: a -> scale * a + shift (the paper's appendix). The generators are advanced.
    """
    noise = []
    for weight, *_ in layers[:-1]:
        units, drawn = weight.shape[-1], []
        for g in generators:
            of_unit = torch.rand(2, units, generator=g, dtype=torch.float64)
            shift = MEANS * (2 * of_unit[0] - 1)
            scale = 1 + (DEVIATIONS - 1) * of_unit[1]
            around = torch.rand(examples, units, generator=g, dtype=torch.float64)
            spread = torch.randn(examples, units, generator=g, dtype=torch.float64)
            drawn.append(torch.stack([shift + JITTER * (2 * around - 1), scale + JITTER * spread]))
        added, multiplied = torch.stack(drawn, dim=1)
        noise.append((added, multiplied))
    return noise


def inputs(layers: Layers, x: Tensor, noise: Noise | None = None) -> list[Tensor]:
    """What each layer gets, (K, B, n) each, and last the logits (K, B, classes), for x (K or 1, B, n)."""
    found = [x.expand(len(layers[0][0]), -1, -1)]
    for number, (weight, bias, *gamma) in enumerate(layers):
        y = found[-1] @ weight
        if gamma:
            centred = y - y.mean(dim=1, keepdim=True)
            y = gamma[0] * centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
        y = y + bias
        if number < len(layers) - 1:
            if noise is not None:
                y = noise[number][0] + noise[number][1] * y
            y = y.relu()
        found.append(y)
    return found


def losses(layers: Layers, x: Tensor, labels: Tensor, noise: Noise | None = None) -> Tensor:
    """Cross-entropy (K,) of each network on its batch x (K or 1, B, n) with labels (K or 1, B)."""
    logits = inputs(layers, x, noise)[-1]
    return stacked.losses(logits, labels.expand(len(logits), -1))


@torch.enable_grad()
def gradients(layers: Layers, x: Tensor, labels: Tensor, noise: Noise | None = None) -> tuple[Tensor, Layers]:
    """The losses (K,) and each network's gradient, in the form of `layers`."""
    leaves = [tuple(p.detach().requires_grad_() for p in layer) for layer in layers]
    loss = losses(leaves, x, labels, noise)
    flat = iter(torch.autograd.grad(loss.sum(), [p for layer in leaves for p in layer]))
    return loss.detach(), [tuple(next(flat) for _ in layer) for layer in layers]


def moved(layers: Layers, gradient: Layers, step: float) -> Layers:
    """The layers after a step of that length along minus the gradient."""
    return [
        tuple(p - step * g for p, g in zip(layer, slope, strict=True))
        for layer, slope in zip(layers, gradient, strict=True)
    ]


class Step(NamedTuple):
    """One step of training: the layers before and after it, its batch, its noise and that of the next one."""

    number: int
    before: Layers
    after: Layers
    x: Tensor
    labels: Tensor
    noise: Noise | None
    next_noise: Noise | None


def train(
    layers: Layers,
    x: Tensor,
    labels: Tensor,
    lr: float,
    steps: int,
    seeds: Sequence[int],
    batch_size: int = 64,
    noisy: bool = False,
    watch: Callable[[Step], object] | None = None,
) -> Layers:
    """Trains the networks by plain SGD with a constant learning rate; `watch` is called at each step.

    Args:
        x, labels: (N, n), (N,); each network draws its batches from its own seed, whatever its kind.
        noisy: draw noise anew at each step (see draw_noise), from generators of their own.
    """
    batches, shakes = (stacked.generators([first + seed for seed in seeds]) for first in (1000, 2000))

    def fresh() -> Noise | None:
        return draw_noise(layers, batch_size, shakes) if noisy else None

    noise = fresh()
    for number in range(steps):
        ids = torch.stack([torch.randint(len(x), (batch_size,), generator=g) for g in batches])
        _, gradient = gradients(layers, x[ids], labels[ids], noise)
        after, next_noise = moved(layers, gradient, lr), fresh()
        if watch is not None:
            watch(Step(number, layers, after, x[ids], labels[ids], noise, next_noise))
        layers, noise = after, next_noise
    return layers


def gradient_drift(step: Step) -> tuple[Tensor, Tensor]:
    """Internal covariate shift of the second to last layer (layers - 1, K), as the paper defines it.

    The gradient of a layer's weights before the step, and the same with all layers below it already moved
    (and their next noise), on the same batch: the length of the difference as a share of the first one's, and
    the cosine of the angle between the two. 0 and 1: no shift.
    """
    before = gradients(step.before, step.x, step.labels, step.noise)[1]
    shares, cosines = [], []
    for i in range(1, len(step.before)):
        mixed = [*step.after[:i], *step.before[i:]]
        noise = step.noise and [*step.next_noise[:i], *step.noise[i:]]
        a = before[i][0].flatten(1)
        b = gradients(mixed, step.x, step.labels, noise)[1][i][0].flatten(1)
        shares.append((b - a).norm(dim=1) / a.norm(dim=1))
        cosines.append(F.cosine_similarity(a, b, dim=1))
    return torch.stack(shares), torch.stack(cosines)


def moment_drift(step: Step) -> Tensor:
    """Change of mean and deviation of the inputs of the second to last layer in one step, (layers - 1, K).

    On the same batch: the root mean square over units of the two changes together, as a share of the root
    mean square deviation before.
    """
    before = inputs(step.before, step.x, step.noise)[1:-1]
    after = inputs(step.after, step.x, step.next_noise)[1:-1]
    shares = []
    for a, b in zip(before, after, strict=True):
        (var_a, mean_a), (var_b, mean_b) = (torch.var_mean(h, dim=1, correction=0) for h in (a, b))
        change = (mean_b - mean_a).square() + (var_b.sqrt() - var_a.sqrt()).square()
        shares.append((change.mean(dim=1) / var_a.mean(dim=1)).sqrt())
    return torch.stack(shares)


class Along(NamedTuple):
    """What comes of steps of several lengths along a gradient; (lengths, K) each.

    loss: after the step. change: the length of the difference between the gradients there and here, as a
    share of that here. beta: the same difference by the distance moved, the "effective beta-smoothness" of
    the paper.
    """

    loss: Tensor
    change: Tensor
    beta: Tensor


def along(step: Step, lengths: Sequence[float]) -> Along:
    """Loss and gradient at steps of these lengths (learning rates) from where `step` began, on its batch."""
    _, gradient = gradients(step.before, step.x, step.labels, step.noise)
    size = _size(gradient)
    rows = []
    for length in lengths:
        there = moved(step.before, gradient, length)
        new_loss, new_gradient = gradients(there, step.x, step.labels, step.noise)
        difference = _size(moved(new_gradient, gradient, 1.0))
        rows.append((new_loss, difference / size, difference / (length * size)))
    return Along(*(torch.stack(column) for column in zip(*rows, strict=True)))


def _size(gradient: Layers) -> Tensor:
    """Euclidean length (K,) of the gradients of K networks."""
    return sum(p.square().sum(dim=(1, 2)) for layer in gradient for p in layer).sqrt()
