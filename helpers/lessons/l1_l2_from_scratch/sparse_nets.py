"""Many small networks side by side, each with an L1 or an L2 penalty on its weights, and pruned copies.

Like helpers.training.stacked, but what differs between the networks is the penalty, and the networks are
kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.training import stacked
from helpers.training.stacked import Rows

MOMENTUM = 0.9


@dataclass(frozen=True)
class Nets:
    """K networks of one shape: for each layer weights (K, n_in, n_out) and biases (K, 1, n_out), float64."""

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.weights[0])

    def __getitem__(self, chosen: Tensor) -> "Nets":
        return Nets(tuple(w[chosen] for w in self.weights), tuple(b[chosen] for b in self.biases))

    def logits(self, x: Tensor) -> Tensor:
        """For inputs (K, B, n_in) of each network: (K, B, classes). ReLU between the layers."""
        return stacked.logits(x, self.weights, self.biases, torch.relu)

    def flat(self) -> Tensor:
        """All weights of each network in one row, (K, number of weights); no biases."""
        return torch.cat([w.flatten(1) for w in self.weights], dim=1)


def drawn(sizes: Sequence[int], seeds: Sequence[int], settings: int) -> Nets:
    """He-normal networks: `settings` copies of those of the seeds, setting by setting. Biases are 0."""
    weights, biases = [], []
    for w in stacked.normal(sizes, stacked.generators(seeds)):
        n_in, n_out = w.shape[1:]
        weights.append((w * (2 / n_in) ** 0.5).repeat(settings, 1, 1))
        biases.append(torch.zeros(settings * len(seeds), 1, n_out, dtype=torch.float64))
    return Nets(tuple(weights), tuple(biases))


@torch.enable_grad()
def train(
    nets: Nets, data: Rows, l1: Sequence[float], l2: Sequence[float], seeds: Sequence[int], steps: int,
    lr: float = 0.05, batch_size: int = 64, masked: bool = False,
) -> Nets:  # fmt: skip
    """The networks after so many steps of SGD with momentum 0.9 on the cross-entropy plus the penalties.

    Networks of one seed see the same batches. The rate is constant for half of the steps, then falls in a
    straight line. The biases are not penalized.

    Args:
        nets: one for each setting and seed, setting by setting, as `drawn` gives them.
        l1: for each setting the factor of sum |w|, by the proximal step; l2: that of sum w^2 / 2.
        masked: weights that are 0 stay 0.
    """
    if len(l1) != len(l2) or len(l1) * len(seeds) != len(nets):
        raise ValueError(
            f"{len(l1)} l1, {len(l2)} l2 and {len(seeds)} seeds for {len(nets)} networks: give one "
            "l1 and one l2 for each setting, and a network for each setting and seed"
        )
    inputs, labels = data
    draws = stacked.generators([1000 + seed for seed in seeds])
    weights = [w.clone().requires_grad_() for w in nets.weights]
    biases = [b.clone().requires_grad_() for b in nets.biases]
    kept = [w != 0 if masked else torch.ones_like(w, dtype=torch.bool) for w in nets.weights]
    of_l1, of_l2 = (
        torch.tensor(f, dtype=torch.float64).repeat_interleave(len(seeds)).view(-1, 1, 1) for f in (l1, l2)
    )
    velocity = [torch.zeros_like(p) for p in (*weights, *biases)]
    for step in range(steps):
        rate = lr * min(1.0, 2 * (1 - step / steps))
        ids = torch.stack([torch.randint(len(inputs), (batch_size,), generator=g) for g in draws])
        ids = ids.repeat(len(l1), 1)  # (K, B)
        loss = stacked.losses(Nets(tuple(weights), tuple(biases)).logits(inputs[ids]), labels[ids]).sum()
        gradients = torch.autograd.grad(loss, [*weights, *biases])
        with torch.no_grad():
            for number, (p, g, v) in enumerate(zip([*weights, *biases], gradients, velocity, strict=True)):
                is_weight = number < len(weights)
                v.mul_(MOMENTUM).add_(g + of_l2 * p if is_weight else g)
                p -= rate * v
                if is_weight:
                    threshold = rate * of_l1 / (1 - MOMENTUM)
                    p.copy_(p.sign() * (p.abs() - threshold).clamp(min=0) * kept[number])
    return Nets(tuple(w.detach() for w in weights), tuple(b.detach() for b in biases))


@torch.no_grad()
def evaluate(nets: Nets, data: Rows) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and accuracy (percent) of each network on the data, (K,) each."""
    inputs, labels = data
    logits = nets.logits(inputs.expand(len(nets), -1, -1))
    return stacked.losses(logits, labels.expand(len(nets), -1)), stacked.accuracies(logits, labels)


def zeros(nets: Nets) -> Tensor:
    """The share of each network's weights that is exactly 0, (K,)."""
    return (nets.flat() == 0).double().mean(dim=1)


def pruned(nets: Nets, share: Tensor) -> Nets:
    """The networks with their smallest weights set to 0, in all layers alike, until this share (K,) is 0."""
    size = nets.flat().abs()
    count = (share * size.shape[1]).round().long()
    rank = size.argsort(dim=1).argsort(dim=1)  # of each weight among its network's, 0 for the smallest
    parts = (rank >= count.view(-1, 1)).split([w[0].numel() for w in nets.weights], dim=1)
    return Nets(tuple(w * p.view_as(w) for w, p in zip(nets.weights, parts, strict=True)), nets.biases)
