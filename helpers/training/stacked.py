"""Many small fully connected networks of one shape trained side by side, each at a rate, from a seed.

The weights of a layer of all networks are one tensor, so that one matrix product serves them all. On a
processor that is many times faster than one network after the other, whose matrices are too small to be
worth a call.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

Rows = tuple[Tensor, Tensor]  # inputs (N, d) float64, labels (N,) int64


def _batch_norm(y: Tensor) -> Tensor:  # (K, B, n): each network's batch for itself
    count, batch, units = y.shape
    side_by_side = y.transpose(0, 1).reshape(batch, count * units)  # a unit of a network is a channel
    return F.batch_norm(side_by_side, None, None, training=True).view(batch, count, units).transpose(0, 1)


def _layer_norm(y: Tensor) -> Tensor:
    return F.layer_norm(y, y.shape[-1:])


_NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda y: y,
    "batch": _batch_norm,
    "layer": _layer_norm,
}


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One for each network."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def normal(sizes: Sequence[int], draws: Sequence[torch.Generator]) -> list[Tensor]:
    """For each layer of `sizes` standard normal weights of K networks, (K, n_in, n_out), K generators."""
    return [
        torch.stack([torch.randn(*shape, generator=g, dtype=torch.float64) for g in draws])
        for shape in pairwise(sizes)
    ]


def logits(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], hidden: Callable[[Tensor], Tensor]
) -> Tensor:
    """For inputs (K, B, n_in) of each network: (K, B, classes); `hidden` is what stands between layers."""
    for number, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        x = torch.baddbmm(b, x, w)
        x = x if number == len(weights) else hidden(x)
    return x


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (K,) of each network, from logits (K, B, classes) and labels (K, B)."""
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none").mean(dim=1)


def accuracies(logits: Tensor, labels: Tensor) -> Tensor:
    """Accuracy (K,) of each network in percent, from logits (K, B, classes) and labels (K, B)."""
    return 100 * (logits.argmax(dim=2) == labels).double().mean(dim=1)


@torch.enable_grad()
def train(
    data: Rows,
    sizes: Sequence[int],
    activation: Callable[[Tensor], Tensor],
    gain: float,
    rates: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    evaluate: Sequence[Rows],
    every: int = 5,
    batch_size: int = 64,
    norm: str = "none",
) -> Tensor:
    """Trains a network for each learning rate and seed, by plain SGD on the cross-entropy.

    Networks of one seed share their first weights and their batches, whatever the rate, so that arms called
    with the same seeds are paired. Biases start at 0.

    Args:
        data: what to train on; each batch is drawn with replacement.
        sizes: of the layers, from inputs to classes.
        gain: a weight is drawn with deviation gain / sqrt(its layer's inputs).
        evaluate: sets on which to take loss and accuracy (in percent), at step 0 and then `every` steps.
        norm: "none", "batch" or "layer", without parameters, before each activation. "batch" has no running
            statistics: evaluation pools the set that it is given.

    Returns:
        (evaluations, sets, 2, rates, seeds): loss and accuracy. A network that has diverged has NaN or a
        huge loss.

    Raises:
        ValueError: an unknown norm, no rate, seed or set, an empty set, labels without a class, a batch or a
            set of one row with "batch", steps, `every` or batch_size out of range.
    """
    if norm not in _NORMS:
        raise ValueError(f"unknown norm {norm!r}; choose one of {', '.join(_NORMS)}")
    if not (len(rates) and len(seeds) and len(evaluate)):
        raise ValueError(
            f"{len(rates)} rates, {len(seeds)} seeds and {len(evaluate)} sets to evaluate on; give at least "
            "one of each"
        )
    if steps < 0 or every < 1 or batch_size < 1:
        raise ValueError(
            f"steps={steps}, every={every}, batch_size={batch_size}; steps is at least 0, the others 1"
        )
    for x, y in (data, *evaluate):
        if len(x) != len(y) or len(x) == 0 or not 0 <= y.min() <= y.max() < sizes[-1]:
            raise ValueError(
                f"a set has {len(x)} inputs and {len(y)} labels; give as many of both, at least one, and "
                f"labels from 0 to {sizes[-1] - 1}"
            )
    if norm == "batch" and min(batch_size, *(len(x) for x, _ in evaluate)) < 2:
        raise ValueError("a batch or a set of one row has no spread for batch norm; give at least two rows")
    inputs, labels = data
    count = len(rates) * len(seeds)  # networks: rate by rate, in each the seeds
    draws = generators(seeds)
    weights, biases = [], []
    for w in normal(sizes, draws):
        n_in, n_out = w.shape[1:]
        weights.append((w * (gain / n_in**0.5)).repeat(len(rates), 1, 1).requires_grad_())
        biases.append(torch.zeros(count, 1, n_out, dtype=torch.float64, requires_grad=True))
    lr = torch.tensor(rates, dtype=torch.float64).repeat_interleave(len(seeds)).view(-1, 1, 1)

    def outputs(x: Tensor) -> Tensor:
        return logits(x, weights, biases, lambda y: activation(_NORMS[norm](y)))

    def state() -> Tensor:
        found = []
        for x, y in evaluate:
            ends = outputs(x.expand(count, -1, -1))
            found.append(torch.stack([losses(ends, y.expand(count, -1)), accuracies(ends, y)]))
        return torch.stack(found).view(len(evaluate), 2, len(rates), len(seeds))

    history = []
    for step in range(steps + 1):
        if step % every == 0:
            with torch.no_grad():
                history.append(state())
        if step < steps:
            ids = torch.stack([torch.randint(len(inputs), (batch_size,), generator=g) for g in draws])
            ids = ids.repeat(len(rates), 1)  # (K, B)
            loss = losses(outputs(inputs[ids]), labels[ids]).sum()
            gradients = torch.autograd.grad(loss, [*weights, *biases])
            with torch.no_grad():
                for parameter, gradient in zip([*weights, *biases], gradients, strict=True):
                    parameter -= lr * gradient
    return torch.stack(history)
