"""The lessons' networks: each a module that takes images (N, C, H, W) and gives logits (N, classes)."""

from collections.abc import Sequence

from torch import Tensor, nn

from helpers.layers import Dropout, Residual, norm_layer, vector_norm


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


ACTIVATIONS = ("relu", "leaky_relu")
LEAK = 0.3  # slope of the leaky ReLU below 0, the default of the framework of the published comparison


class Mlp(nn.Module):
    """Images of `inputs` numbers each through hidden layers of 300 and 100 units to logits.

    After each hidden layer a normalization, after its activation or before it.

    Args:
        norm: "none", "batch" or "layer" (see layers.vector_norm).
        activation: "relu" with Glorot-uniform first weights, or "leaky_relu" with He-normal ones (Glorot, He:
            see lesson 02), as the published networks pair them. The last layer is Glorot-uniform in both;
            biases start at 0.
        input_norm: a batch normalization of the pixels before the first layer.
        before: the normalization comes before the activation (Ioffe and Szegedy 2015, section 3.2) instead of
            after it.

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
    """

    WIDTHS = (16, 32, 64)

    def __init__(
        self, norm: str, in_channels: int, num_classes: int, size: tuple[int, int], own_layers: bool = False
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
        self.classifier = nn.Linear(in_channels * (size[0] // 8) * (size[1] // 8), num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(x).flatten(1))


class PlainNet(nn.Module):
    """`depth` layers with weights and no shortcut: depth - 1 3x3 convolutions of 16 channels, each with
    normalization and ReLU, and one linear layer after the mean over positions. The first two convolutions
    have stride 2. First weights as those of Vgg.
    """

    WIDTH = 16

    def __init__(
        self, norm: str, in_channels: int, num_classes: int, own_layers: bool = False, depth: int = 8
    ) -> None:
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth is {depth}; give at least 2: a convolution and the linear layer")
        self.blocks = nn.Sequential(
            *(
                _he_block(norm, self.WIDTH if i else in_channels, self.WIDTH, own_layers, 2 if i < 2 else 1)
                for i in range(depth - 1)
            )
        )
        self.classifier = nn.Linear(self.WIDTH, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(x).mean(dim=(2, 3)))


def _he_block(norm: str, inputs: int, outputs: int, own_layers: bool, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
    nn.init.kaiming_normal_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, norm_layer(norm, outputs, own_layers), nn.ReLU())
