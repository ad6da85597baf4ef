"""Minibatches from images that live on the device as one tensor; augmentation of a whole batch at once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

CORNERS = ("black", "mean")


@dataclass(frozen=True)
class Augment:
    """Random changes of a training image, in this order: crop, horizontal flip, rotation.

    pad: the image is reflect-padded by this many pixels on each side and cropped to its size at a random place.
    flip: mirrored left to right with probability 1/2.
    rotation: turned about its centre by an angle from U(-rotation, rotation), in degrees, to the nearest pixel.
    corners: what a rotation leaves uncovered becomes "black" (0 before standardization, as in the published
        recipe) or "mean" (the mean colour of the training images, 0 after standardization).
    """

    pad: int = 0
    flip: bool = False
    rotation: float = 0.0
    corners: str = "black"

    def __post_init__(self) -> None:
        if self.pad < 0 or not 0 <= self.rotation < 180:
            raise ValueError(f"pad={self.pad}, rotation={self.rotation}: pad is at least 0, rotation 0 to 180")
        if self.corners not in CORNERS:
            raise ValueError(f"corners={self.corners!r}; choose one of {', '.join(CORNERS)}")

    def source_pixels(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """For `count` images, which pixel of the image each output pixel shows: (count, height * width) int64,
        row-major; height * width where it shows a corner.

        Crop, flip and rotation only move pixels, so all three together are one look-up per output pixel.
        """
        if self.pad >= min(height, width):
            raise ValueError(f"pad={self.pad} reflects more than an image of {height} x {width} pixels has")
        shift = torch.randint(0, 2 * self.pad + 1, (2, count, 1), generator=generator)
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        angle = (2 * torch.rand(count, 1, generator=generator) - 1) * math.radians(self.rotation)

        pixel = torch.arange(height * width)
        y, x = (pixel // width)[None], (pixel % width)[None]  # (1, HW)
        outside = None
        if self.rotation:
            up, right = y - (height - 1) / 2, x - (width - 1) / 2  # from the centre
            cos, sin = angle.cos(), angle.sin()  # (count, 1)
            y = torch.addcmul(cos * up, sin, right).add_((height - 1) / 2).round_().to(torch.int32)  # (count, HW)
            x = torch.addcmul(cos * right, -sin, up).add_((width - 1) / 2).round_().to(torch.int32)
            outside = (y != y.clamp(0, height - 1)) | (x != x.clamp(0, width - 1))
            y, x = y.clamp_(0, height - 1), x.clamp_(0, width - 1)
        if self.flip:
            x = torch.where(mirrored, width - 1 - x, x)
        # The padded image is never made: this table holds, for each of its pixels, the pixel that it mirrors.
        table = (reflect(height, self.pad)[:, None] * width + reflect(width, self.pad)).flatten()
        source = table[(y + shift[0]) * (width + 2 * self.pad) + (x + shift[1])]
        return source if outside is None else source.masked_fill_(outside, height * width)


def reflect(size: int, pad: int) -> Tensor:
    """The index in 0..size-1 that each of the size + 2 pad places of a reflect-padded line shows."""
    index = torch.arange(-pad, size + pad).abs()
    return (size - 1) - ((size - 1) - index).abs()


class Batches:
    """One epoch of minibatches at each iteration: images (B, C, H, W) float32, standardized per channel, in
    channels_last memory format, and labels (B,) int64. The last batch may be smaller.

    With a seed, every epoch is shuffled and augmented anew by a generator of its own, so that the same seed
    gives the same batches whatever else draws random numbers; without one, the images come in order, unchanged.

    Args:
        images: (N, C, H, W) uint8.
        labels: (N,) int64.
        mean, std: (C,), of pixels scaled to [0, 1].
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        mean: Tensor,
        std: Tensor,
        batch_size: int,
        *,
        seed: int | None = None,
        augment: Augment | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if images.dtype != torch.uint8 or images.dim() != 4 or len(images) != len(labels):
            raise ValueError(
                f"images are {images.dtype} {tuple(images.shape)} with {len(labels)} labels; "
                "wanted uint8 (N, C, H, W) with one label each"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        self.count, self.channels, self.height, self.width = images.shape
        self.batch_size = batch_size
        self.augment = augment
        self.generator = None if seed is None else torch.Generator().manual_seed(seed)
        # (N, HW, C): a pixel's channels lie side by side, so that one look-up moves the pixel.
        self.images = images.flatten(2).transpose(1, 2).contiguous().to(device)
        self.labels = labels.to(device)
        # One row of W * C numbers, because arithmetic on rows of three channels is slow.
        self.scale = (1 / (255 * std)).repeat(self.width).to(device)
        self.shift = (-mean / std).repeat(self.width).to(device)
        corner = torch.zeros(self.channels) if augment and augment.corners == "mean" else -mean / std
        self.corner = corner.to(device)

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.arange(self.count)
        if self.generator is not None:
            order = torch.randperm(self.count, generator=self.generator)
        for ids in order.split(self.batch_size):
            source = None
            if self.generator is not None and self.augment is not None:
                source = self.augment.source_pixels(len(ids), self.height, self.width, self.generator)
            yield self._batch(ids.to(self.images.device), source)

    def _batch(self, ids: Tensor, source: Tensor | None) -> tuple[Tensor, Tensor]:
        pixels = self.images[ids]  # (B, HW, C)
        if source is not None:
            source = source.to(pixels.device)
            corners = source == self.height * self.width
            place = torch.arange(len(ids), device=pixels.device)[:, None] * (self.height * self.width)
            source = source.masked_fill(corners, 0).add_(place).flatten()
            pixels = pixels.flatten(0, 1).index_select(0, source)  # (B HW, C)
        rows = pixels.view(len(ids), self.height, self.width * self.channels).float()
        rows = torch.addcmul(self.shift, rows, self.scale)
        x = rows.view(len(ids), self.height, self.width, self.channels)
        if source is not None and corners.any():
            x.view(-1, self.channels)[corners.flatten()] = self.corner
        return x.permute(0, 3, 1, 2), self.labels[ids]
