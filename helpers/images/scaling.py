"""What a study does to images (N, C, H, W) before training: each by its own statistics, or equalized."""

import dataclasses

import torch
from torch import Tensor, nn

from helpers.images.datasets import ImageData, pixel_statistics

SCALINGS = ("raw", "min_max", "standardized", "per_image", "equalized")
LEVELS = 256  # of a uint8
_CHUNK = 1000  # images whose histograms are counted at once: a matter of memory only


def per_image(x: Tensor) -> Tensor:
    """Each image by its own mean and standard deviation over channels and pixels.

    The standard deviation is the population one, or 1 / sqrt(C H W) where that is larger: an image of one
    colour is not divided by 0. That is the guard of TensorFlow's tf.image.per_image_standardization; it is a
    fixed number, so what it does depends on the unit of x. An image and a paler copy of it have the same
    result.

    Args:
        x: (N, C, H, W) floating; float16 and bfloat16 are computed in float32.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    std, mean = torch.std_mean(wide, dim=(1, 2, 3), correction=0, keepdim=True)
    return ((wide - mean) / std.clamp(min=x.shape[1:].numel() ** -0.5)).to(x.dtype)


class PerImage(nn.Module):
    """per_image as a first layer without parameters: (N, C, H, W) -> the same shape and type."""

    def forward(self, x: Tensor) -> Tensor:
        return per_image(x)


def equalize(images: Tensor) -> Tensor:
    r"""Global histogram equalization of each channel of each image, uint8 (N, C, H, W) -> the same.

    With $c(v)$ pixels of the channel at level v or below, $c_0$ at its darkest level and n in all,

    $$v \mapsto \mathrm{round}\Bigl(255\,\frac{c(v) - c_0}{n - c_0}\Bigr)$$

    (half rounds up): the darkest level becomes 0, the brightest 255; a channel of one level stays as it is.
    This is OpenCV's equalizeHist. scikit-image's equalize_hist does not subtract $c_0$, torchvision's
    equalize counts the pixels below v instead, in whole steps.

    Raises:
        ValueError: not uint8, or not four axes.
    """
    if images.dtype != torch.uint8 or images.dim() != 4:
        raise ValueError(
            f"images are {images.dtype} {tuple(images.shape)}; histograms are counted for uint8 (N, C, H, W)"
        )
    return torch.cat([_equalized(part) for part in images.split(_CHUNK)])


def _equalized(images: Tensor) -> Tensor:
    planes = images.flatten(2).flatten(0, 1).long()  # (N C, H W)
    first = LEVELS * torch.arange(len(planes), device=planes.device)[:, None]  # a histogram for each plane
    counts = torch.bincount((planes + first).flatten(), minlength=LEVELS * len(planes)).view(-1, LEVELS)
    at_or_below, pixels = counts.cumsum(dim=1), planes.shape[1]
    darkest = counts.gather(1, planes.amin(dim=1, keepdim=True))  # (N C, 1) pixels at the darkest level
    above, rest = (at_or_below - darkest).clamp(min=0), pixels - darkest
    table = (2 * (LEVELS - 1) * above + rest) // (2 * rest).clamp(min=1)  # rounded in whole numbers: exact
    table = torch.where(rest == 0, torch.arange(LEVELS, device=planes.device), table)
    return table.gather(1, planes).to(torch.uint8).view(images.shape)


def scaled(data: ImageData, name: str) -> ImageData:
    """The data set as helpers.images.batches will give it to a network in the arm `name` of SCALINGS.

    raw: values 0 to 255. min_max: 0 to 1. standardized: as loaded. per_image: 0 to 1, for a network that
    begins with PerImage(). equalized: every image equalized, then standardized by the statistics of the
    equalized training images.

    Statistics are those of data.train_images: split validation images off first (a split computes mean and
    std anew).

    Raises:
        ValueError: an unknown name.
    """
    if name not in SCALINGS:
        raise ValueError(f"there is no scaling {name!r}; choose one of {', '.join(SCALINGS)}")
    if name == "standardized":
        return data
    if name == "equalized":
        train, test = equalize(data.train_images), equalize(data.test_images)
        mean, std = pixel_statistics(train)
        return dataclasses.replace(data, train_images=train, test_images=test, mean=mean, std=std)
    std = 1 / (LEVELS - 1) if name == "raw" else 1.0
    return dataclasses.replace(data, mean=torch.zeros_like(data.mean), std=torch.full_like(data.std, std))
