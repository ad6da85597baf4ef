"""What is taken of a network once, when its training has ended: a run's `measures`, each by its name."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from helpers.images.datasets import ImageData
from helpers.nn import modes, penalties
from helpers.training import loop
from helpers.training.execution import Execution

BRIGHTNESS = (-96, -64, -32, 32, 64, 96)  # gray levels of 255 that are added
CONTRAST = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0)  # factors of the distance from the middle gray
MIDDLE = 127.5
SMALL = tuple(10.0**-power for power in range(1, 9))  # absolute values that weights are compared with


def shifted(images: Tensor, brightness: float = 0.0, contrast: float = 1.0) -> Tensor:
    """Images (N, C, H, W) uint8 with the contrast multiplied and the brightness (gray levels) added.

    Values beyond 0 to 255 are clipped.
    """
    return ((images.float() - MIDDLE) * contrast + MIDDLE + brightness).round_().clamp_(0, 255).byte()


def shifts(model: nn.Module, data: ImageData, execution: Execution) -> dict[str, dict[str, float]]:
    """Accuracy (percent) on the test images as they are, and with brightness or contrast shifted.

    {"none": {"0": ...}, "brightness": {"-96": ...}, "contrast": {"0.25": ...}}
    """

    def accuracy(**change: float) -> float:
        changed = dataclasses.replace(data, test_images=shifted(data.test_images, **change))
        return loop.evaluate(model, changed, execution)["accuracy"]

    return {
        "none": {"0": accuracy()},
        "brightness": {f"{step:g}": accuracy(brightness=step) for step in BRIGHTNESS},
        "contrast": {f"{factor:g}": accuracy(contrast=factor) for factor in CONTRAST},
    }


def train(model: nn.Module, data: ImageData, execution: Execution) -> dict[str, float]:
    """Loss and accuracy (percent) on the training images, without augmentation, in evaluation mode.

    Unlike the running figures of an epoch, they are of the final weights and without dropout: minus those of
    the test images they are the generalization gap.
    """
    same = dataclasses.replace(data, test_images=data.train_images, test_labels=data.train_labels)
    return loop.evaluate(model, same, execution)


def sparsity(model: nn.Module, data: ImageData, execution: Execution) -> dict[str, Any]:
    """How small the weights of the linear and convolution layers are (no bias, no normalization).

    They are those that the layers multiply by (penalties.weights), also where a layer computes its weight
    from parameters, which are what a penalty acts on. Without such a layer all counts and sums are 0.

    weights, zeros: how many there are, and how many are exactly 0; channels, zero_channels: output channels
    of these layers, and those whose weights are all exactly 0; below: for each limit of SMALL the number of
    weights whose absolute value is lower (zeros among them); l1, squared: sums of |w| and w^2; histogram: how
    many lie in each of 50 equal bins of [-0.5, 0.5], those beyond counted in the last bin of their side.
    """
    tensors = [w.detach().double().cpu() for w in penalties.weights(model)]
    w = torch.cat([torch.empty(0, dtype=torch.float64), *(tensor.flatten() for tensor in tensors)])
    silent = [(tensor.flatten(1) == 0).all(dim=1) for tensor in tensors]
    return {
        "weights": w.numel(),
        "zeros": int((w == 0).sum()),
        "channels": sum(len(rows) for rows in silent),
        "zero_channels": int(sum(rows.sum() for rows in silent)),
        "below": {f"{limit:g}": int((w.abs() < limit).sum()) for limit in SMALL},
        "l1": w.abs().sum().item(),
        "squared": w.square().sum().item(),
        "histogram": w.clamp(-0.5, 0.5).histc(50, -0.5, 0.5).int().tolist(),
    }


def batch_statistics(model: nn.Module, data: ImageData, execution: Execution) -> dict[str, float]:
    """Loss and accuracy (percent) on the test images by the statistics of batches of 1,000 of them, in the
    place of the running ones: what is missing to it is what evaluation mode costs batch norm.
    """
    with modes.batch_statistics(model):
        return loop.evaluate(model, data, execution)


class _Mirrored(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return (self.model(x) + self.model(x.flip(-1))) / 2


def flipped(model: nn.Module, data: ImageData, execution: Execution) -> dict[str, float]:
    """Loss and accuracy (percent) on the test images, by the mean logits of each and its mirror image."""
    return loop.evaluate(_Mirrored(model), data, execution)


MEASURES: dict[str, Callable[[nn.Module, ImageData, Execution], dict[str, Any]]] = {
    "shifts": shifts,
    "sparsity": sparsity,
    "test": loop.evaluate,
    "train": train,
    "batch_statistics": batch_statistics,
    "flipped": flipped,
}
