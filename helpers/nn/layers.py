"""The layers of the lessons' networks: a normalization by its name, the quick dropout, the residual sum."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from helpers.nn import norms

GROUPS = 2  # of the published comparison's group norm

Maker = Callable[[int], nn.Module]  # of a layer for so many channels

# The one registry: name -> the course's own layer for images, and torch's. Layer norm is GroupNorm(1, C), as
# in the published comparison: see lesson 06 for its other meanings. torch's instance norm is taken as
# GroupNorm(C, C), the same function with the same parameters.
IMAGE_NORMS: dict[str, tuple[Maker, Maker]] = {
    "none": (lambda channels: nn.Identity(), lambda channels: nn.Identity()),
    "batch": (norms.BatchNorm2d, nn.BatchNorm2d),
    "layer": (lambda channels: norms.GroupNorm(1, channels), lambda channels: _GroupNorm(1, channels)),
    "group": (
        lambda channels: norms.GroupNorm(GROUPS, channels),
        lambda channels: _GroupNorm(GROUPS, channels),
    ),
    "instance": (
        lambda channels: norms.InstanceNorm2d(channels, affine=True),
        lambda channels: _GroupNorm(channels, channels),
    ),
}
NORMS = tuple(IMAGE_NORMS)

# The same for feature vectors (N, C): groups and instances are of images.
VECTOR_NORMS: dict[str, tuple[Maker, Maker]] = {
    "none": IMAGE_NORMS["none"],
    "batch": (norms.BatchNorm1d, nn.BatchNorm1d),
    "layer": (norms.LayerNorm, nn.LayerNorm),
}


def norm_layer(name: str, channels: int, own_layers: bool = False) -> nn.Module:
    """The normalization `name` of IMAGE_NORMS for images (N, channels, H, W), torch's or the course's own.

    Raises ValueError for an unknown name.
    """
    return _made(IMAGE_NORMS, name, channels, own_layers, "normalization")


def vector_norm(name: str, features: int, own_layers: bool = False) -> nn.Module:
    """The normalization `name` of VECTOR_NORMS for feature vectors (N, features), torch's or our own.

    Raises ValueError for an unknown name.
    """
    return _made(VECTOR_NORMS, name, features, own_layers, "normalization of vectors")


def _made(
    registry: dict[str, tuple[Maker, Maker]], name: str, channels: int, own_layers: bool, what: str
) -> nn.Module:
    if name not in registry:
        raise ValueError(f"unknown {what} {name!r}; choose one of {', '.join(registry)}")
    own, torchs = registry[name]
    return (own if own_layers else torchs)(channels)


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


class GhostBatchNorm2d(nn.BatchNorm2d):
    """Batch norm of `images` images at a time: in training each part of the batch has its own statistics.

    Ghost batch norm (Hoffer, Hubara & Soudry 2017): the noise of the statistics is changed, while the batch,
    the number of steps and the noise of the gradient stay. The running statistics move by the mean over the
    parts; evaluation is that of batch norm.
    """

    def __init__(self, num_features: int, images: int) -> None:
        super().__init__(num_features)
        if type(images) is not int or images < 1:
            raise ValueError(f"images is {images!r}; statistics are taken over a whole number of images")
        self.images = images

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), in and out; in training N is a multiple of `images`.

        Raises:
            ValueError: in training, another N.
        """
        self._check_input_dim(x)
        n, channels, *size = x.shape
        if not self.training or n == 0:
            return super().forward(x)
        if n % self.images:
            raise ValueError(
                f"a batch of {n} images has no parts of {self.images}: choose a batch size that is a "
                "multiple of it, for the last batch too"
            )
        parts = n // self.images
        momentum, kept = self.momentum, []
        if self.track_running_stats:
            kept = [value for value in (self.running_mean, self.running_var) if value is not None]
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
                momentum = 1 / float(self.num_batches_tracked) if momentum is None else momentum
        moved = [value.repeat(parts) for value in kept]
        side_by_side = x.reshape(parts, self.images, channels, *size).transpose(0, 1)
        y = nn.functional.batch_norm(
            side_by_side.reshape(self.images, parts * channels, *size),
            *(moved or (None, None)),
            *(None if value is None else value.repeat(parts) for value in (self.weight, self.bias)),
            training=True,
            momentum=momentum or 0.0,
            eps=self.eps,
        )
        with torch.no_grad():
            for value, new in zip(kept, moved, strict=True):
                value.copy_(new.view(parts, channels).mean(0))
        y = y.reshape(self.images, parts, channels, *size).transpose(0, 1).reshape(x.shape)
        channels_last = x.movedim(1, -1).is_contiguous()
        return y.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, images={self.images}"


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


class ResidualFromZero(Residual):
    """x + alpha inner(x), where alpha is learned and starts at 0: SkipInit (De & Smith 2020)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.alpha * self.inner(x)
