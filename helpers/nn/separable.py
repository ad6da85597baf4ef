"""The network of lesson fifty_thousand_parameters, and its parts: whitening, pointwise layers, gates."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.nn.layers import Residual, norm_layer

PATCH = 2  # side of the patches that the first layer sees
MOST = 5_000  # images whose patches are enough to know their covariance


def whitening(images: Tensor, mean: Tensor, std: Tensor, eps: float = 5e-4) -> Tensor:
    """Weights (D, C, 2, 2) of a convolution that whitens the 2 x 2 patches of images, D = 4 C.

    A filter is an eigenvector of the covariance of the patches divided by the square root of its eigenvalue
    plus eps, which keeps noise in patches that hardly vary from being blown up (Jordan 2024, "94 % on
    CIFAR-10 in 3.29 seconds", after Page 2018). The covariance of the outputs is the identity, up to eps.
    Eigenvalues ascend: the first filter sees the finest detail.

    Args:
        images: (N, C, H, W) uint8; the first 5,000 are looked at.
        mean, std: (C,), as the network's inputs are standardized.
    """
    mean, std = (value.detach().cpu().double()[:, None, None] for value in (mean, std))
    x = (images[:MOST].cpu().double() / 255 - mean) / std.masked_fill(std == 0, 1.0)
    patches = F.unfold(x, PATCH).transpose(1, 2).flatten(0, 1)  # (patches, D)
    eigenvalues, eigenvectors = torch.linalg.eigh(torch.cov(patches.T, correction=0))
    filters = eigenvectors.T / (eigenvalues.clamp(min=0) + eps).sqrt()[:, None]
    return filters.view(-1, x.shape[1], PATCH, PATCH).float()


class MatrixConv2d(nn.Linear):
    """A convolution without bias whose weight is stored as the matrix (outputs, inputs * kernel * kernel).

    torch.optim.Muon takes nothing else. It keeps the size of the images; `kernel` is odd. With 1 it is
    pointwise: one matrix for the channels of every pixel.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1) -> None:
        super().__init__(inputs * kernel**2, outputs, bias=False)
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.unflatten(1, (-1, self.kernel, self.kernel))
        return F.conv2d(x, weight, padding=self.kernel // 2)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, kernel={self.kernel}"


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """The weights that are for Muon: those of each MatrixConv2d. The last layer's is not among them."""
    return [layer.weight for layer in model.modules() if isinstance(layer, MatrixConv2d)]


class ChannelGate(nn.Module):
    """Each channel times 2 sigmoid(w m + b), where m is its mean over the pixels of an image.

    It is squeeze-and-excitation (Hu et al. 2018) with a diagonal matrix: two parameters a channel. It starts
    as the identity: w and b at 0.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        factor = 2 * torch.sigmoid(torch.addcmul(self.bias, self.weight, pixel_mean(x)))
        return x * factor[:, :, None, None].to(x.dtype)  # float32 parameters would make all of x float32


def pixel_mean(x: Tensor) -> Tensor:
    """The mean of each channel over its pixels, (N, C, H, W) to (N, C)."""
    return _PixelMean.apply(x)


class _PixelMean(torch.autograd.Function):
    """Tensor.mean over the pixels, whose gradient lies in memory as the layers before need it.

    torch's is one number for each channel, expanded to all pixels: a step of SeparableNet takes 1.65
    milliseconds an image with it and 1.29 with this.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return x.mean((2, 3))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        height, width = ctx.shape[2:]
        each = (gradient / (height * width))[:, :, None, None].expand(ctx.shape)
        return each.contiguous(memory_format=torch.channels_last)


class SeparableNet(nn.Module):
    """A network for CIFAR-10 with fewer than 50,000 parameters, frozen ones counted.

    Images (N, in_channels, H, W) to logits (N, num_classes); H and W at least 4. Patches of 2 x 2 pixels to 8
    numbers for each channel, ReLU, and three stages, each of a 1 x 1 convolution to its width, norm, ReLU,
    and residual blocks:

        relu(x + gate(norm(pointwise(depthwise 3 x 3(x)))))

    2 x 2 max-pooling stands between stages; the mean over pixels goes into a linear layer.

    Args:
        patches: weights of the first layer, see `whitening`; each is taken with both signs, and frozen. If
            None they start at random and are trained.
        widths, blocks: of each stage, its channels and how many residual blocks it has.
        frozen_scales: the scales of the norms stay at 1.
        gate: whether blocks have a ChannelGate.
        separable: whether a block's convolution is depthwise and pointwise, or a full 3 x 3 one.
    """

    def __init__(
        self,
        norm: str,
        in_channels: int,
        num_classes: int,
        own_layers: bool = False,
        patches: Tensor | None = None,
        widths: Sequence[int] = (32, 64, 80),
        blocks: Sequence[int] = (2, 3, 3),
        frozen_scales: bool = True,
        gate: bool = True,
        separable: bool = True,
    ) -> None:
        super().__init__()

        def normed(width: int) -> nn.Module:
            layer = norm_layer(norm, width, own_layers)
            for name, parameter in layer.named_parameters():
                if name == "weight":
                    parameter.requires_grad_(not frozen_scales)
            return layer

        def block(width: int) -> list[nn.Module]:
            layers: list[nn.Module] = [MatrixConv2d(width, width, 3)]
            if separable:
                depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
                layers = [depthwise, MatrixConv2d(width, width)]
            layers += [normed(width), *([ChannelGate(width)] if gate else [])]
            return [Residual(nn.Sequential(*layers)), nn.ReLU()]

        channels = 2 * in_channels * PATCH**2
        self.patches = nn.Conv2d(in_channels, channels, PATCH)
        nn.init.zeros_(self.patches.bias)
        if patches is not None:
            both = torch.cat([patches, -patches])
            self.patches.weight = nn.Parameter(both, requires_grad=False)
        stages: list[nn.Module] = []
        for width, count in zip(widths, blocks, strict=True):
            if stages:
                stages.append(nn.MaxPool2d(2))
            stages += [MatrixConv2d(channels, width), normed(width), nn.ReLU()]
            stages += [layer for _ in range(count) for layer in block(width)]
            channels = width
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.patches(F.pad(x, (0, 1, 0, 1))))  # (N, 8 in_channels, H, W)
        return self.classifier(pixel_mean(self.stages(x)))
