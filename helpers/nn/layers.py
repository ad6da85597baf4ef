"""The layers of the lessons' networks: a normalization by its name, the quick dropout, the residual sum."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from helpers.nn import norms

NORMS = ("none", "batch", "layer", "group", "instance")
GROUPS = 2  # of the published comparison's group norm


def norm_layer(name: str, channels: int, own_layers: bool = False) -> nn.Module:
    """The normalization `name` for images (N, channels, H, W), from torch.nn or from the course's own layers.

    Layer norm is GroupNorm(1, C), as in the published comparison: see lesson 04 for its other meanings.
    torch's instance norm is taken as GroupNorm(C, C), the same function with the same parameters.

    Raises ValueError for an unknown name.
    """
    own: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "batch": lambda: norms.BatchNorm2d(channels),
        "layer": lambda: norms.GroupNorm(1, channels),
        "group": lambda: norms.GroupNorm(GROUPS, channels),
        "instance": lambda: norms.InstanceNorm2d(channels, affine=True),
    }
    torchs: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "batch": lambda: nn.BatchNorm2d(channels),
        "layer": lambda: _GroupNorm(1, channels),
        "group": lambda: _GroupNorm(GROUPS, channels),
        "instance": lambda: _GroupNorm(channels, channels),
    }
    if name not in NORMS:
        raise ValueError(f"unknown normalization {name!r}; choose one of {', '.join(NORMS)}")
    return (own if own_layers else torchs)[name]()


def vector_norm(name: str, features: int, own_layers: bool = False) -> nn.Module:
    """The normalization `name` for rows of features (N, features): "none", "batch" or "layer".

    Raises ValueError for another name: groups and instances are of images.
    """
    own: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "batch": lambda: norms.BatchNorm1d(features),
        "layer": lambda: norms.LayerNorm(features),
    }
    torchs: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "batch": lambda: nn.BatchNorm1d(features),
        "layer": lambda: nn.LayerNorm(features),
    }
    if name not in own:
        raise ValueError(f"unknown normalization {name!r} of vectors; choose one of {', '.join(own)}")
    return (own if own_layers else torchs)[name]()


class _GroupNorm(nn.GroupNorm):
    """torch's group norm, computed in contiguous memory format.

    On a CPU its channels_last kernels are slower than the contiguous ones and two copies together: backward
    with 20 groups takes 510 against 34 microseconds for an image of 20 channels x 32 x 32 pixels.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_Contiguous.apply(x)).contiguous(memory_format=torch.channels_last)


class _Contiguous(torch.autograd.Function):
    """x in contiguous memory format; its gradient in channels_last, which the layers before work in.

    torch hands the gradient on as it comes, contiguous, and a layer that meets both formats is slow:
    a step of MnistNet with group norm takes 19 milliseconds with Tensor.contiguous and 13 with this.
    """

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x.contiguous()

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous(memory_format=torch.channels_last)


class Dropout(nn.Module):
    """Zeroes each element with probability p in training and scales the others by 1 / (1 - p).

    It does what torch.nn.Dropout does, with fewer random numbers: torch draws its mask with bernoulli_, one
    call of the generator for each element. Here one random byte decides: an element is dropped if its byte
    lies below a threshold, which is drawn per call as the whole number below or above 256 p, so that the
    probability is p exactly.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p is {p}; a dropout probability is at least 0 and below 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        threshold = int(256 * self.p + torch.rand((), dtype=torch.float32).item())
        # Whole 64-bit words are drawn: eight elements for one call of the generator.
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        strides = torch.empty_like(x).stride()  # those of x, unless x has gaps
        number = words.view(torch.uint8)[: x.numel()].as_strided(x.shape, strides)
        return _DropBelow.apply(x, number.to(x.dtype), threshold - 1, 1 / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"


class _DropBelow(torch.autograd.Function):
    """scale * x where number > limit, 0 elsewhere; the gradient likewise.

    threshold_backward(x, number, limit), the derivative of ReLU-like functions, keeps x where number > limit:
    one pass over the memory, where a comparison and a product with its result take three.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, number: Tensor, limit: int, scale: float) -> Tensor:
        ctx.save_for_backward(number)
        ctx.limit, ctx.scale = limit, scale
        return torch.ops.aten.threshold_backward(x, number, limit).mul_(scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (number,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(grad, number, ctx.limit).mul_(ctx.scale), None, None, None


class Residual(nn.Module):
    """x + inner(x)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)
