"""The lessons' networks: each a module that takes images (N, C, H, W) and gives logits (N, classes)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.images.datasets import ImageData
from helpers.nn import modes, norms
from helpers.nn.layers import (
    Dropout,
    GhostBatchNorm2d,
    Residual,
    ResidualFromZero,
    norm_layer,
    vector_norm,
)
from helpers.nn.separable import SeparableNet, whitening
from helpers.nn.sequences import RowLstm

NETWORKS = ("cifar_net", "small_cnn", "mlp", "mnist_net", "vgg", "plain_net", "row_lstm", "separable_net")


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


class SmallCnn(nn.Module):
    """Two blocks of convolution, normalization, ReLU and 2x2 max-pooling, then one linear layer.

    Images (N, in_channels, *size) to logits (N, num_classes).

    Args:
        ghost: batch norm takes its statistics over so many images at a time (see layers.GhostBatchNorm2d).

    Raises:
        ValueError: ghost with another norm than "batch".
    """

    def __init__(
        self,
        norm: str,
        in_channels: int,
        num_classes: int,
        size: tuple[int, int],
        own_layers: bool = False,
        ghost: int | None = None,
    ) -> None:
        super().__init__()
        if ghost is not None and norm != "batch":
            raise ValueError(f'ghost={ghost} with norm={norm!r}: ghosts are of norm="batch"')

        def block(inputs: int, outputs: int) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
            norms = (
                norm_layer(norm, outputs, own_layers) if ghost is None else GhostBatchNorm2d(outputs, ghost)
            )
            return nn.Sequential(convolution, norms, nn.ReLU(), nn.MaxPool2d(2))

        self.blocks = nn.Sequential(block(in_channels, 16), block(16, 32))
        self.classifier = nn.Linear(32 * (size[0] // 4) * (size[1] // 4), num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(x).flatten(1))


ACTIVATIONS = ("relu", "leaky_relu")
LEAK = 0.3  # slope of the leaky ReLU below 0, the default of the framework of the published comparison


class Mlp(nn.Module):
    """Images of `inputs` numbers each through hidden layers of 300 and 100 units to logits.

    After each hidden layer a normalization, after its activation or before it.

    Args:
        norm: "none", "batch" or "layer" (see layers.vector_norm).
        activation: "relu" with Glorot-uniform first weights, or "leaky_relu" with He-normal ones (Glorot, He:
            see lesson 03), as the published networks pair them. The last layer is Glorot-uniform in both;
            biases start at 0.
        input_norm: a batch normalization of the pixels before the first layer.
        before: the normalization comes before the activation (Ioffe and Szegedy 2015, section 3.2) instead of
            after it.
        eps, momentum: of batch norm, all of them, where they are not PyTorch's 1e-5 and 0.1.

    Raises:
        ValueError: an unknown name.
    """

    def __init__(
        self,
        norm: str,
        inputs: int,
        num_classes: int,
        own_layers: bool = False,
        activation: str = "relu",
        input_norm: bool = False,
        before: bool = False,
        eps: float | None = None,
        momentum: float | None = None,
        hidden: Sequence[int] = (300, 100),
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}")
        layers: list[nn.Module] = [nn.Flatten()]
        if input_norm:
            layers.append(vector_norm("batch", inputs, own_layers))
        for units in hidden:
            linear = nn.Linear(inputs, units)
            if activation == "relu":
                nn.init.xavier_uniform_(linear.weight)
            else:
                nn.init.kaiming_normal_(linear.weight)
            nn.init.zeros_(linear.bias)
            pair = [
                nn.ReLU() if activation == "relu" else nn.LeakyReLU(LEAK),
                vector_norm(norm, units, own_layers),
            ]
            layers += [linear, *(reversed(pair) if before else pair)]
            inputs = units
        classifier = nn.Linear(inputs, num_classes)
        nn.init.xavier_uniform_(classifier.weight)
        nn.init.zeros_(classifier.bias)
        self.layers = nn.Sequential(*layers, classifier)
        for layer in self.layers:
            if isinstance(layer, nn.BatchNorm1d | norms.BatchNorm1d):
                layer.eps = layer.eps if eps is None else eps
                layer.momentum = layer.momentum if momentum is None else momentum

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class MnistNet(nn.Module):
    """Five 3x3 convolutions and a mean over positions: 17,672 weights for one channel and ten classes, and
    normalization 2 for each of 104 channels. H and W at least 4.

    Each block is a convolution without bias, ReLU, normalization, dropout:

        1 -> 8, pool -> 16, 16, pool -> 32, 32, mean -> linear 10
    """

    def __init__(
        self, norm: str, in_channels: int, num_classes: int, own_layers: bool = False, dropout: float = 0.03
    ) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.ReLU(),
                norm_layer(norm, outputs, own_layers),
                Dropout(dropout),
            )

        self.blocks = nn.Sequential(
            block(in_channels, 8),
            nn.MaxPool2d(2),
            block(8, 16),
            block(16, 16),
            nn.MaxPool2d(2),
            block(16, 32),
            block(32, 32),
        )
        self.classifier = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(x).mean(dim=(2, 3)))


class Vgg(nn.Module):
    """A VGG (Simonyan and Zisserman 2015) narrowed to a quarter: three stages of two 3x3 convolutions, each
    with normalization and ReLU, then 2x2 max-pooling; one linear layer. H and W at least 8.

    First weights are He-normal (He et al. 2015), biases 0, so that the plain network has a fair start.

    Args:
        affine: False freezes gamma at 1 and beta at 0.
        norm_logits: the logits go through a batch norm of their own without gamma and beta, so that the
            length of the last layer's weights has no effect either.
    """

    WIDTHS = (16, 32, 64)

    def __init__(
        self,
        norm: str,
        in_channels: int,
        num_classes: int,
        size: tuple[int, int],
        own_layers: bool = False,
        affine: bool = True,
        norm_logits: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in self.WIDTHS:
            layers += [
                _he_block(norm, in_channels, width, own_layers),
                _he_block(norm, width, width, own_layers),
                nn.MaxPool2d(2),
            ]
            in_channels = width
        self.blocks = nn.Sequential(*layers)
        if not affine:
            for layer in self.blocks.modules():
                if isinstance(layer, nn.modules.batchnorm._NormBase | nn.GroupNorm | norms.GroupNorm):
                    layer.requires_grad_(False)
        self.classifier = nn.Linear(in_channels * (size[0] // 8) * (size[1] // 8), num_classes)
        self.last_norm = nn.BatchNorm1d(num_classes, affine=False) if norm_logits else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.last_norm(self.classifier(self.blocks(x).flatten(1)))


SHORTCUTS = {"plain": Residual, "from_zero": ResidualFromZero}


class PlainNet(nn.Module):
    """`depth` layers with weights: depth - 1 3x3 convolutions of 16 channels, each with normalization and
    ReLU, and one linear layer after the mean over positions. The first two convolutions have stride 2. First
    weights as those of Vgg.

    Args:
        shortcut: None, or one of SHORTCUTS. The layers and their order stay the same; from the second
            convolution on each three of them, normalization, ReLU and the next convolution, are added to
            their input ("plain"; He et al. 2016, Identity mappings, pre-activation), or a learned multiple
            of them that starts at 0 ("from_zero").

    Raises:
        ValueError: a depth below 2, an unknown shortcut.
    """

    WIDTH = 16

    def __init__(
        self,
        norm: str,
        in_channels: int,
        num_classes: int,
        own_layers: bool = False,
        depth: int = 8,
        shortcut: str | None = None,
    ) -> None:
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth is {depth}; give at least 2: a convolution and the linear layer")
        if shortcut not in (None, *SHORTCUTS):
            raise ValueError(f"unknown shortcut {shortcut!r}; choose None or one of {', '.join(SHORTCUTS)}")
        blocks = [
            _he_block(norm, self.WIDTH if i else in_channels, self.WIDTH, own_layers, 2 if i < 2 else 1)
            for i in range(depth - 1)
        ]
        if shortcut is not None and depth > 3:
            layers = [layer for block in blocks for layer in block]
            first, *inner = (
                layers[i : i + 3] for i in range(1, len(layers) - 2, 3)
            )  # norm, ReLU, convolution
            added = [SHORTCUTS[shortcut](nn.Sequential(*block)) for block in inner]
            blocks = [layers[0], *first, *added, *layers[-2:]]
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(self.WIDTH, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(x).mean(dim=(2, 3)))


def _he_block(norm: str, inputs: int, outputs: int, own_layers: bool, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
    nn.init.kaiming_normal_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, norm_layer(norm, outputs, own_layers), nn.ReLU())


def build(
    norm: str,
    data: ImageData,
    seed: int,
    *,
    network: str = "cifar_net",
    own_layers: bool = False,
    **options: Any,
) -> nn.Module:
    """One of NETWORKS for the images of `data`; one seed gives the same other weights whatever the norm.

    Normalization starts from ones and zeros and draws no random numbers. `own_layers` takes the course's own
    normalization layers. `options` are those of the network's class in helpers.nn, such as `depth`; those of
    "separable_net" have, in the place of `patches`, `whiten` (True), which takes them from `data`.
    Raises ValueError for an unknown name.
    """
    channels, *size = data.train_images.shape[1:]
    images = {"in_channels": channels, "num_classes": len(data.class_names)}
    makers: dict[str, tuple[Callable[..., nn.Module], dict[str, Any]]] = {
        "cifar_net": (CifarNet, images),
        "small_cnn": (SmallCnn, images | {"size": tuple(size)}),
        "mlp": (Mlp, {"inputs": channels * size[0] * size[1], "num_classes": images["num_classes"]}),
        "mnist_net": (MnistNet, images),
        "vgg": (Vgg, images | {"size": tuple(size)}),
        "plain_net": (PlainNet, images),
        "row_lstm": (RowLstm, images | {"size": tuple(size)}),
        "separable_net": (SeparableNet, images),
    }
    if network not in makers:
        raise ValueError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
    make, settings = makers[network]
    if network == "separable_net" and options.pop("whiten", True):
        settings |= {"patches": whitening(data.train_images, data.mean, data.std)}
    with modes.seeded(seed, torch.get_default_device().type):
        return make(norm, own_layers=own_layers, **settings, **options)


def multiply_adds(model: nn.Module, input_size: tuple[int, ...]) -> int:
    """Multiply-adds of one forward pass of the convolutions and linear layers, by torch's own counter.

    The images are zeros, in evaluation mode; afterwards each module has the mode it had before.

    Args:
        input_size: of one batch, (N, C, H, W).
    """
    like = next(model.parameters())
    images = torch.zeros(input_size, dtype=like.dtype, device=like.device)
    with modes.evaluation(model), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(images)
    return counter.get_total_flops() // 2
