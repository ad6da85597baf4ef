"""Lesson 01's transforms of images, and their inverses where there is one.

Images are (N, C, H, W). Transforms that are told their constants (min_max, standardize) have an inverse;
per_image has one only for who keeps each image's statistics; equalize has none.
"""

import dataclasses
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from helpers.images.datasets import ImageData, pixel_statistics

SCALINGS = ("raw", "min_max", "standardized", "per_image", "equalized")
LEVELS = 256  # of a uint8
_CHUNK = 1000  # images whose histograms are counted at once: a matter of memory only


def min_max(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """(x - low) / (high - low), in x's floating type (float32 for integers): low becomes 0, high 1.

    Args:
        x: (N, C, H, W).
        low, high: numbers, or tensors (C,) with one value per channel.

    Raises:
        ValueError: high is not above low.
    """
    x = _floating(x)
    low, high = _limits(low, high, x)
    return (x - low) / (high - low)


def undo_min_max(y: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """The inverse of min_max with the same low and high, in y's type."""
    low, high = _limits(low, high, y)
    return y * (high - low) + low


def standardize(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(x - mean) / std, in x's floating type (float32 for integers).

    Args:
        x: (N, C, H, W).
        mean, std: (C,), or of any shape that broadcasts with x, such as (N, 1, 1, 1). A std of 0 counts as 1,
            as in scikit-learn's StandardScaler: a constant channel becomes 0.
    """
    x = _floating(x)
    return (x - _wide(mean, x)) / _divisor(std, x)


def undo_standardize(y: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The inverse of standardize with the same mean and std, in y's type."""
    return y * _divisor(std, y) + _wide(mean, y)


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """How many values each channel has, their mean, and m2, the sum of their squared distances from it.

    count is a number, mean and m2 are (C,) float64. `a + b` are the moments of all values of a and b.
    """

    count: int
    mean: Tensor
    m2: Tensor

    @classmethod
    def of(cls, images: Tensor) -> "Moments":
        """Of images (N, C, ...), any type, N may be 0: mean first, then distances, in float64."""
        values = images.transpose(0, 1).flatten(1).double()  # (C, N H W)
        count = values.shape[1]
        if count == 0:
            return cls(0, values.sum(dim=1), values.sum(dim=1))
        first = values[:, :1]  # all distances from it are exactly 0 in a constant channel
        distances = values - first
        mean = distances.mean(dim=1, keepdim=True)
        return cls(count, (first + mean).squeeze(1), (distances - mean).square().sum(dim=1))

    def __add__(self, other: "Moments") -> "Moments":
        r"""Chan's formula, which never squares a value, only a distance between means.

        $$\delta = \bar x_b - \bar x_a, \qquad \bar x = \bar x_a + \delta\,\frac{n_b}{n}, \qquad
        M_2 = M_{2,a} + M_{2,b} + \delta^2\,\frac{n_a n_b}{n}$$

        Source: Chan, Golub & LeVeque, Algorithms for Computing the Sample Variance, The American Statistician
        37 (3), 1983, equations 2.1.
        """
        count = self.count + other.count
        if count == 0:
            return self
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        m2 = self.m2 + other.m2 + delta.square() * (self.count * other.count / count)
        return Moments(count, mean, m2)

    @property
    def std(self) -> Tensor:
        """Population standard deviation (C,), divided by count; NaN without a value."""
        return (self.m2 / self.count).sqrt() if self.count else torch.full_like(self.m2, torch.nan)


def streaming(batches: Iterable[Tensor]) -> Moments:
    """Moments of all batches (N, C, ...), each looked at once and held one at a time.

    Raises:
        ValueError: no value in any batch.
    """
    total = None
    for batch in batches:
        part = Moments.of(batch)
        total = part if total is None else total + part
    if total is None or total.count == 0:
        raise ValueError("there is no value in any batch; give at least one image")
    return total


def per_image_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each image over channels and pixels, both (N, 1, 1, 1).

    The deviation is the population one, or 1 / sqrt(C H W) where that is larger: an image of one colour is
    not divided by 0. That is the guard of TensorFlow's tf.image.per_image_standardization; it is a fixed
    number, so what it does depends on the unit of x.

    Args:
        x: (N, C, H, W) floating; float16 and bfloat16 are computed in float32.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    std, mean = torch.std_mean(x, dim=(1, 2, 3), correction=0, keepdim=True)
    return mean, std.clamp(min=x.shape[1:].numel() ** -0.5)


def per_image(x: Tensor) -> Tensor:
    """Each image by its own mean and deviation, see per_image_statistics; undone by undo_standardize with
    these, and not without them: an image and a paler copy of it have the same result.
    """
    mean, std = per_image_statistics(x)
    return ((x.to(mean.dtype) - mean) / std).to(x.dtype)


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


def entropy(values: Tensor) -> float:
    r"""$-\sum_v p_v \log_2 p_v$ in bits, with $p_v$ the share of the distinct value v among all values."""
    _, counts = values.unique(return_counts=True)
    share = counts.double() / values.numel()
    return max(0.0, -(share * share.log2()).sum().item())


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


def _floating(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.float()


def _wide(value: float | Tensor, x: Tensor) -> Tensor:
    """As x's type; (C,) as (C, 1, 1), which broadcasts with images."""
    value = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    return value.view(-1, 1, 1) if value.dim() == 1 else value


def _divisor(std: Tensor, x: Tensor) -> Tensor:
    std = _wide(std, x)
    return torch.where(std == 0, 1.0, std)


def _limits(low: float | Tensor, high: float | Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    low, high = _wide(low, x), _wide(high, x)
    if not (high > low).all():
        raise ValueError(
            f"low is {low.flatten().tolist()} and high {high.flatten().tolist()}; high must be above low in "
            "every channel (a constant channel has no limits of its own: give others, such as 0 and 255)"
        )
    return low, high
