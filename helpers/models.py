"""The lessons' networks, each taking its normalization by name."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from helpers import norms
from helpers.datasets import ImageData

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


class _GroupNorm(nn.GroupNorm):
    """torch's group norm, computed in contiguous memory format.

    On a CPU its channels_last kernels are slower than the contiguous ones and two copies together: backward
    with 20 groups takes 510 against 34 microseconds for an image of 20 channels x 32 x 32 pixels.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous()).contiguous(memory_format=torch.channels_last)


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
        threshold = int(256 * self.p + torch.rand(()).item())
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


class CifarNet(nn.Module):
    """The network of the published CIFAR-10 comparison: 44,148 convolution weights, 492 of normalization.

    Images (N, in_channels, H, W) to logits (N, num_classes); H and W at least 4. Each block is a convolution
    without bias, ReLU, normalization, dropout; "+" marks a block that is added to its input.

        3 -> 20, +20, 1x1 16, pool -> 26, +26, +26, 1x1 16, pool -> 32, +32, +32, mean -> 1x1 10
    """

    def __init__(
        self,
        norm: str = "batch",
        in_channels: int = 3,
        num_classes: int = 10,
        dropout: float = 0.1,
        own_layers: bool = False,
    ) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
                nn.ReLU(),
                norm_layer(norm, outputs, own_layers),
                Dropout(dropout),
            )

        self.stage1 = nn.Sequential(block(in_channels, 20), Residual(block(20, 20)), block(20, 16, 1))
        self.stage2 = nn.Sequential(
            block(16, 26), Residual(block(26, 26)), Residual(block(26, 26)), block(26, 16, 1)
        )
        self.stage3 = nn.Sequential(block(16, 32), Residual(block(32, 32)), Residual(block(32, 32)))
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Conv2d(32, num_classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stage1(x))  # (N, 16, H/2, W/2)
        x = self.pool(self.stage2(x))  # (N, 16, H/4, W/4)
        x = self.stage3(x).mean(dim=(2, 3), keepdim=True)  # (N, 32, 1, 1)
        return self.classifier(x).flatten(1)


class Residual(nn.Module):
    """x + inner(x)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class SmallCnn(nn.Module):
    """Two blocks of convolution, normalization, ReLU and 2x2 max-pooling, then one linear layer.

    Images (N, in_channels, *size) to logits (N, num_classes).
    """

    def __init__(
        self, norm: str, in_channels: int, num_classes: int, size: tuple[int, int], own_layers: bool = False
    ) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
            return nn.Sequential(
                convolution, norm_layer(norm, outputs, own_layers), nn.ReLU(), nn.MaxPool2d(2)
            )

        self.blocks = nn.Sequential(block(in_channels, 16), block(16, 32))
        self.classifier = nn.Linear(32 * (size[0] // 4) * (size[1] // 4), num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(x).flatten(1))


NETWORKS = ("cifar_net", "small_cnn")


def build(
    norm: str, data: ImageData, seed: int, *, network: str = "cifar_net", own_layers: bool = False
) -> nn.Module:
    """One of NETWORKS for the images of `data`; one seed gives the same other weights whatever the norm.

    Normalization starts from ones and zeros and draws no random numbers. `own_layers` takes the course's own
    normalization layers. Raises ValueError for an unknown name.
    """
    channels, *size = data.train_images.shape[1:]
    classes = len(data.class_names)
    if network not in NETWORKS:
        raise ValueError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if network == "small_cnn":
            return SmallCnn(norm, channels, classes, tuple(size), own_layers)
        return CifarNet(norm, channels, classes, own_layers=own_layers)


def summary(model: nn.Module, input_size: tuple[int, ...]) -> pd.DataFrame:
    """One row for each layer without children, in the order of use: layer, output shape, parameters.

    Args:
        input_size: of one batch, (N, C, H, W).
    """
    rows: list[dict[str, Any]] = []

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(layer: nn.Module, _: Any, output: Tensor) -> None:
            count = sum(p.numel() for p in layer.parameters())
            rows.append(
                {"layer": name, "kind": str(layer), "output shape": tuple(output.shape), "parameters": count}
            )

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(note(name)) for name, layer in leaves]
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(input_size, device=next(model.parameters()).device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows)
