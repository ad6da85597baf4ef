"""L1 and L2: the penalties, the proximal step of L1, and the parameters that a penalty is meant for."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _WeightNorm

from helpers.nn import modes

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
WITH_WEIGHTS = (nn.Linear, *CONVOLUTIONS)
PENALIZED = ("all", "weights", "convolutions", "others")  # what a penalty is for


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Sum of |w| over all elements of the parameters, a scalar; 0 without a parameter.

    Its gradient is sign(w), taken as 0 at 0.
    """
    return _total([w.abs().sum() for w in parameters])


def l2_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Sum of w^2 over all elements of the parameters, a scalar; 0 without a parameter.

    Its gradient is 2 w, twice what an optimizer's `weight_decay` of 1 adds.
    """
    return _total([w.square().sum() for w in parameters])


def _total(sums: list[Tensor]) -> Tensor:
    return torch.stack(sums).sum() if sums else torch.zeros(())


def soft_threshold(w: Tensor, threshold: float) -> Tensor:
    """sign(w) * max(|w| - threshold, 0), of w's shape: the proximal operator of threshold * |w|.

    It is the v that makes (v - w)^2 / 2 + threshold |v| smallest: all of [-threshold, threshold] becomes
    exactly 0 (Parikh and Boyd 2014, Proximal algorithms, section 6.5.2).

    Raises:
        ValueError: a negative threshold, or NaN.
    """
    if not threshold >= 0:
        raise ValueError(f"threshold is {threshold}; a proximal step needs one of at least 0")
    return torch.nn.functional.softshrink(w, threshold)


def weights(model: nn.Module) -> list[Tensor]:
    """What every linear and convolution layer multiplies its input by: for reading, such as counting zeros.

    The layers are those of WITH_WEIGHTS. No bias, no parameter of a normalization. A weight that layers share
    is there once, frozen ones are there too, a layer without a weight is left out. In most layers the weight
    is a parameter. Where a layer computes it from other parameters (weight norm, spectral norm, pruning, any
    parametrization), it is the result, computed in evaluation mode so that reading changes nothing; the
    layers of torch.nn.utils.weight_norm, spectral_norm and prune have that of their last forward pass.

    What a penalty acts on is `weight_parameters`.
    """
    found = (_weight(layer) for layer in model.modules() if isinstance(layer, WITH_WEIGHTS))
    return list({id(weight): weight for weight in found if weight is not None}.values())


def weight_parameters(
    model: nn.Module, layers: tuple[type[nn.Module], ...] = WITH_WEIGHTS
) -> list[nn.Parameter]:
    """The parameters that a penalty on the weights of linear and convolution layers acts on, each once.

    In most layers they are `weights`. Where a layer computes its weight w from other parameters, they are
    those: `weight_orig` of a pruned or spectrally normalized weight, the parameters of a parametrization and
    its originals. The penalty is then one on these numbers, not on w: L1 makes them sparse.

    Weight norm, w = g v / |v| (Salimans and Kingma 2016, equation 2), is the exception: its g alone. The norm
    of v has no effect on w, and the sum of w^2 is that of g^2, so L2 on g is L2 on w; L1 on g is a penalty on
    the norm of each output channel.

    Frozen parameters are among them: an optimizer leaves a parameter without gradient alone.
    """
    found = (p for layer in model.modules() if isinstance(layer, layers) for p in _behind(layer))
    return list({id(parameter): parameter for parameter in found}.values())


def penalized(model: nn.Module, which: str) -> list[nn.Parameter]:
    """The parameters that a penalty is for: one of PENALIZED.

    "weights" are `weight_parameters`, "convolutions" those of convolution layers alone: behind a norm their
    length has no effect on the output. "others" are all but these.

    Raises:
        ValueError: another name.
    """
    if which not in PENALIZED:
        raise ValueError(f"penalized={which!r}; choose one of {', '.join(PENALIZED)}")
    if which == "all":
        return list(model.parameters())
    chosen = weight_parameters(model, WITH_WEIGHTS if which == "weights" else CONVOLUTIONS)
    return _without(model, chosen) if which == "others" else chosen


def _without(model: nn.Module, parameters: list[nn.Parameter]) -> list[nn.Parameter]:
    left_out = {id(p) for p in parameters}
    return [p for p in model.parameters() if id(p) not in left_out]


def decay_groups(model: nn.Module, weight_decay: float, which: str = "weights") -> list[dict[str, Any]]:
    """An optimizer's parameter groups: what is `penalized` with this decay, all others with 0.

    Every parameter of the model is in exactly one group, shared and frozen ones too. A group may be empty.
    """
    decayed = penalized(model, which)
    others = _without(model, decayed)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _weight(layer: nn.Module) -> Tensor | None:
    if not parametrize.is_parametrized(layer, "weight"):
        return getattr(layer, "weight", None)
    with modes.evaluation(layer.parametrizations["weight"]):
        return layer.weight


def _behind(layer: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of which a layer's weight is made, without the v of weight norm."""
    if parametrize.is_parametrized(layer, "weight"):
        made = layer.parametrizations["weight"]
        direction = "original1" if isinstance(made[0], _WeightNorm) else None  # its v
        yield from (p for name, p in made.named_parameters() if name != direction)
    else:  # "weight", or what torch's hooks replace it by: "weight_g" and "weight_v", "weight_orig"
        for name, p in layer.named_parameters(recurse=False):
            if name.partition("_")[0] == "weight" and name != "weight_v":
                yield p
