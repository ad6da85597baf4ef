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
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights, biases = [], []
    for n_in, n_out in pairwise(sizes):
        drawn = [
            torch.randn(n_in, n_out, generator=g, dtype=torch.float64) * (gain / n_in**0.5) for g in draws
        ]
        weights.append(torch.stack(drawn).repeat(len(rates), 1, 1).requires_grad_())
        biases.append(torch.zeros(count, 1, n_out, dtype=torch.float64, requires_grad=True))
    lr = torch.tensor(rates, dtype=torch.float64).repeat_interleave(len(seeds)).view(-1, 1, 1)

    def losses(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:  # (K, B, d), (K, B) -> loss (K,), logits
        for number, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
            x = torch.baddbmm(b, x, w)
            x = x if number == len(weights) else activation(_NORMS[norm](x))
        return F.cross_entropy(x.transpose(1, 2), y, reduction="none").mean(dim=1), x

    def state() -> Tensor:
        found = []
        for x, y in evaluate:
            loss, logits = losses(x.expand(count, -1, -1), y.expand(count, -1))
            found.append(torch.stack([loss, 100 * (logits.argmax(dim=2) == y).double().mean(dim=1)]))
        return torch.stack(found).view(len(evaluate), 2, len(rates), len(seeds))

    history = []
    for step in range(steps + 1):
        if step % every == 0:
            with torch.no_grad():
                history.append(state())
        if step < steps:
            ids = torch.stack([torch.randint(len(inputs), (batch_size,), generator=g) for g in draws])
            ids = ids.repeat(len(rates), 1)  # (K, B)
            loss, _ = losses(inputs[ids], labels[ids])
            gradients = torch.autograd.grad(loss.sum(), [*weights, *biases])
            with torch.no_grad():
                for parameter, gradient in zip([*weights, *biases], gradients, strict=True):
                    parameter -= lr * gradient
    return torch.stack(history)
