"""Minibatches from images that live on the device as one tensor; augmentation of a whole batch at once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

CORNERS = ("black", "mean")
OUTSIDE = -(2**30)  # marks a corner, whatever is added to it


@dataclass(frozen=True)
class Augment:
    """Random changes of a training image, in this order: crop, horizontal flip, rotation.

    pad: the image is reflect-padded by this many pixels on each side and cropped to its size at a random
        place.
    flip: mirrored left to right with probability 1/2.
    rotation: turned about its centre by an angle from U(-rotation, rotation), in degrees, nearest pixel.
    corners: what a rotation leaves uncovered becomes "black" (0 before standardization, as in the published
        recipe) or "mean" (the mean colour of the training images, 0 after standardization).
    alternating: half of the images, drawn once, are mirrored in the first epoch, the other half in the next,
        and so on (Jordan 2024, "94 % on CIFAR-10 in 3.29 seconds"); in the place of flip's draws.
    """

    pad: int = 0
    flip: bool = False
    rotation: float = 0.0
    corners: str = "black"
    alternating: bool | None = None

    def __post_init__(self) -> None:
        turned = isinstance(self.rotation, int | float) and 0 <= self.rotation < 180
        if type(self.pad) is not int or self.pad < 0 or type(self.flip) is not bool or not turned:
            raise ValueError(
                f"pad={self.pad!r}, flip={self.flip!r}, rotation={self.rotation!r}; pad is a whole number "
                "of at least 0, flip True or False, rotation at least 0 and below 180"
            )
        if self.corners not in CORNERS:
            raise ValueError(f"corners={self.corners!r}; choose one of {', '.join(CORNERS)}")
        if self.alternating and not self.flip:
            raise ValueError("alternating=True with flip=False: nothing is mirrored; give flip=True")

    @property
    def changes(self) -> bool:
        """Whether it changes images at all."""
        return bool(self.pad or self.flip or self.rotation)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random numbers for `count` images, as many for every setting, so that all arms of a study have the
        same order of batches: shift (2, count, 1) in pixels, mirrored and angle (count, 1), in radians.
        """

        def uniform() -> Tensor:  # torch's default type would decide how much is drawn
            return torch.rand(count, 1, generator=generator, dtype=torch.float32)

        shift = torch.randint(0, 2 * self.pad + 1, (2, count, 1), generator=generator)
        mirrored = (uniform() < 0.5) & self.flip
        angle = (2 * uniform() - 1) * math.radians(self.rotation)
        return shift, mirrored, angle

    def source_pixels(
        self,
        count: int,
        height: int,
        width: int,
        generator: torch.Generator,
        mirrored: Tensor | None = None,
    ) -> Tensor:
        """For `count` images, which pixel of the padded image each output pixel shows, counted row by row:
        (count, height * width) int32, negative where it shows a corner.

        mirrored: which images are, (count, 1), in the place of what is drawn.
        Crop, flip and rotation only move pixels, so all three together are one look-up for an output pixel.
        """
        shift, drawn, angle = self.draw(count, generator)
        mirrored = drawn if mirrored is None else mirrored

        # Where in the crop the pixel comes from: turned about the centre to the nearest pixel, mirrored.
        pixel = torch.arange(height * width)
        up = (pixel // width).float() - (height - 1) / 2  # from the centre
        right = (pixel % width).float() - (width - 1) / 2
        y = torch.addcmul(angle.cos() * up, angle.sin(), right).add_((height - 1) / 2).round_()  # (count, HW)
        x = torch.addcmul(angle.cos() * right, -angle.sin(), up).add_((width - 1) / 2).round_()
        mirrored = mirrored.float()  # not torch's default type: bfloat16 has no 299.5
        x.mul_(1.0 - 2.0 * mirrored).add_((width - 1.0) * mirrored)

        # Where in the padded image: from a table of the crop, with a margin for what a rotation uncovers.
        margin = math.ceil((math.hypot(height, width) - min(height, width)) / 2) if self.rotation else 0
        rows, columns = torch.arange(-margin, height + margin)[:, None], torch.arange(-margin, width + margin)
        table = (rows * (width + 2 * self.pad) + columns).to(torch.int32)
        table[(rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)] = OUTSIDE
        place = y.add_(margin).mul_(width + 2 * margin).add_(x).add_(margin).to(torch.int32)
        source = table.flatten().index_select(0, place.flatten()).view(count, -1)
        return source.add_((shift[0] * (width + 2 * self.pad) + shift[1]).to(torch.int32))


def reflect_pad(images: Tensor, pad: int) -> Tensor:
    """Images (N, C, H, W) with `pad` mirrored pixels on each side: (N, C, H + 2 pad, W + 2 pad)."""
    if pad >= min(images.shape[-2:]):
        raise ValueError(f"pad={pad} mirrors more than an image of shape {tuple(images.shape[1:])} has")
    for axis in (2, 3):
        size = images.shape[axis]
        index = torch.arange(-pad, size + pad).abs()  # ... 2 1 0 1 2 ...
        images = images.index_select(axis, (size - 1) - ((size - 1) - index).abs())
    return images


class Batches:
    """One epoch of minibatches at each iteration: images (B, C, H, W) float32, standardized per channel, in
    channels_last memory format, and labels (B,) int64. The last batch may be smaller.

    With a seed, every epoch is shuffled and augmented anew by a generator of its own, so that the same seed
    gives the same batches whatever else draws random numbers; without one, the images come in order,
    unchanged.

    Args:
        images: (N, C, H, W) uint8.
        labels: (N,) int64.
        mean, std: (C,), of pixels scaled to [0, 1], taken as float32. A std of 0 counts as 1, as in
            scaling.standardize: a constant channel becomes 0.
        batch_size: from 1; one above N gives one batch of all images.

    Raises:
        ValueError: another type or shape than these, no image, a negative std, a number that is not finite.
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
        if images.numel() == 0:
            raise ValueError(f"images have shape {tuple(images.shape)}: no pixel; give at least one image")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        mean, std = (torch.as_tensor(value, dtype=torch.float32).detach() for value in (mean, std))
        if (
            not mean.shape == std.shape == images.shape[1:2]
            or not ((std >= 0) & (std + mean).isfinite()).all()
        ):
            raise ValueError(
                f"mean is {mean.tolist()} and std {std.tolist()}; give a number for each of the "
                f"{images.shape[1]} channels, std at least 0"
            )
        std = std.masked_fill(std == 0, 1.0)
        self.count, self.channels, self.height, self.width = images.shape
        self.batch_size = batch_size
        self.generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.augment = Augment() if augment is None or seed is None else augment
        self.mirrored = None  # which images are, where that alternates; changed at the start of an epoch
        if self.augment.alternating:  # a generator of its own: arms with one seed have one order of batches
            self.mirrored = torch.rand(self.count, 1, generator=torch.Generator().manual_seed(seed)) < 0.5
        # A black pixel, then the pixels of all images. The channels of a pixel lie side by side: one look-up
        # moves it, and what comes out is in channels_last memory format.
        padded = reflect_pad(images, self.augment.pad)
        pixels = padded.flatten(2).transpose(1, 2).reshape(-1, self.channels)
        if len(pixels) >= -OUTSIDE:
            raise ValueError(f"{len(pixels):,} pixels with their padding; Batches counts up to {-OUTSIDE:,}")
        self.pixels = torch.cat([pixels.new_zeros(1, self.channels), pixels]).to(device)
        self.labels = labels.to(device)
        # One row of W * C numbers, because arithmetic on rows of three channels is slow.
        self.scale = (1 / (255 * std)).repeat(self.width).to(device)
        self.shift = (-mean / std).repeat(self.width).to(device)

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.arange(self.count)
        if self.mirrored is not None:
            self.mirrored = ~self.mirrored
        if self.generator is not None:
            order = torch.randperm(self.count, generator=self.generator)
        for ids in order.split(self.batch_size):
            yield self._batch(ids)

    def _batch(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        device, shape = self.pixels.device, (len(ids), self.height, self.width, self.channels)
        if not self.augment.changes:
            if self.generator is not None:
                self.augment.draw(len(ids), self.generator)
            whole = self.pixels[1:].view(self.count, self.height, -1)  # (N, H, W C)
            x = torch.addcmul(self.shift, whole.index_select(0, ids.to(device)).float(), self.scale)
            return x.view(shape).permute(0, 3, 1, 2), self.labels[ids.to(device)]
        mirrored = None if self.mirrored is None else self.mirrored[ids]
        source = self.augment.source_pixels(len(ids), self.height, self.width, self.generator, mirrored)
        per_image = (len(self.pixels) - 1) // self.count
        first = 1 + ids[:, None] * per_image  # of each image's pixels
        source = (source.to(device) + first.to(device, torch.int32)).flatten().clamp_(min=0)  # corners: 0
        rows = self.pixels.index_select(0, source).view(len(ids), self.height, -1)  # (B, H, W C)
        x = torch.addcmul(self.shift, rows.float(), self.scale).view(shape)
        if self.augment.corners == "mean":
            x.masked_fill_((source == 0).view(*shape[:3], 1), 0.0)
        return x.permute(0, 3, 1, 2), self.labels[ids.to(device)]
