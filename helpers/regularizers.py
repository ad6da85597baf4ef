"""L1 and L2: the penalties, the proximal step of L1, and the parameters that a penalty is meant for."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

WITH_WEIGHTS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Sum of |w| over all elements of the parameters, a scalar. Its gradient is sign(w), taken as 0 at 0."""
    return torch.stack([w.abs().sum() for w in parameters]).sum()


def l2_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Sum of w^2 over all elements of the parameters, a scalar. Its gradient is 2 w, twice what an
    optimizer's `weight_decay` of 1 adds.
    """
    return torch.stack([w.square().sum() for w in parameters]).sum()


def soft_threshold(w: Tensor, threshold: float) -> Tensor:
    """sign(w) * max(|w| - threshold, 0), of w's shape: the proximal operator of threshold * |w|.

    It is the v that makes (v - w)^2 / 2 + threshold |v| smallest: all of [-threshold, threshold] becomes
    exactly 0 (Parikh and Boyd 2014, Proximal algorithms, section 6.5.2).

    Raises:
        ValueError: a negative threshold.
    """
    if threshold < 0:
        raise ValueError(f"threshold is {threshold}; a proximal step needs one of at least 0")
    return torch.nn.functional.softshrink(w, threshold)


def weights(model: nn.Module) -> list[nn.Parameter]:
    """The weight of every linear and convolution layer: no bias, no parameter of a normalization.

    A weight that layers share is there once.
    """
    found = (layer.weight for layer in model.modules() if isinstance(layer, WITH_WEIGHTS))
    return list({id(weight): weight for weight in found}.values())


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """An optimizer's parameter groups: `weights` of the model with this decay, all others with 0."""
    decayed = weights(model)
    chosen = {id(w) for w in decayed}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
