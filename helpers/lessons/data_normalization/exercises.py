"""Exercises of lesson 01: min-max undone, standardization, Chan's merge, histogram equalization."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


def undo_min_max(y, low, high):
    return y * (high - low) + low


def standardize(images, train_images):
    axes = (0, 2, 3)  # all but the channels
    mean = train_images.mean(axes, keepdim=True)  # (1, C, 1, 1): one for each channel
    std = train_images.std(axes, correction=0, keepdim=True)
    return (images - mean) / std


def merge(a, b):
    count_a, mean_a, m2_a = a
    count_b, mean_b, m2_b = b
    count = count_a + count_b
    delta = mean_b - mean_a
    mean = mean_a + delta * count_b / count
    m2 = m2_a + m2_b + delta**2 * count_a * count_b / count
    return count, mean, m2


def equalize(image):
    counts = torch.bincount(image.flatten().long(), minlength=256)  # pixels at each level
    at_or_below = counts.cumsum(dim=0)
    darkest = counts[image.min().long()]  # pixels at the darkest level
    table = 255 * (at_or_below - darkest) / (image.numel() - darkest)
    return table.round().clamp(min=0).to(torch.uint8)[image.long()]


UNDO: Mistakes = {
    "* (high - low)": {"/ (high - low)": "divided by the width of the range: multiply by it"},
    "(high - low)": {
        "high": "the factor is high; it should be the width of the range, high - low",
        "(high + low)": "the factor is high + low; the width of the range is high - low",
        "1": "nothing is multiplied: the values still lie 1 apart, not high - low",
        "(low - high)": "the factor is low - high: the width of the range is high - low",
        "high - low": (
            "brackets are missing: y * high - low + low multiplies by high only; the factor is the width, "
            "(high - low)"
        ),
        "255": "the factor is 255: use the arguments low and high",
        "(y.max() - y.min())": "the width is that of y: it should be high - low, from the arguments",
    },
    " + low": {
        "": "low is not added: 0 should become low",
        " + high": "high is added: 0 should become low",
        " - low": "low is subtracted: that was on the way there, the way back adds it",
    },
    "y * (high - low) + low": {
        "(y + low) * (high - low)": (
            "the steps are in the wrong order: multiply first, then add low (the last step is undone first)"
        ),
        # 0 + low, so that the other mistakes with low find their place
        "(y - (0 + low)) / (high - low)": "this scales once more: undo it, from 0 to low and from 1 to high",
        "y / (high - low)": "this scales once more: undo it, from 0 to low and from 1 to high",
        "(y * (high - low) + low).clamp(low, high)": (
            "the result is limited to low ... high: what lies outside 0 ... 1 lies outside of them too"
        ),
        "(y - y.min()) / (y.max() - y.min()) * (high - low) + low": (
            "y is scaled by its own minimum and maximum first: only undo, y need not begin at 0 and end at 1"
        ),
        "y * 255": "the arguments low and high are not used: 255 is fixed",
        "y * (y.max() - y.min()) + y.min()": "low and high are taken from y: use the arguments",
    },
}

STANDARDIZED: Mistakes = {
    "axes = (0, 2, 3)": {
        "axes = (0, 1, 2, 3)": "one mean for all channels: keep axis 1, pool the others",
        "axes = (0,)": "a mean for each pixel: over the images only; pool height and width too",
        "train_images, axes = images, (1, 2, 3)": (
            "each image by its own mean and standard deviation: that is per-image standardization"
        ),
        "axes = (1, 2, 3)": "a mean for each image of the training images: pool them, and keep the channels",
        "train_images, axes = images, (2, 3)": (
            "each channel of each image by its own mean: pool the training images too"
        ),
    },
    "standardize(images, train_images):": {
        "standardize(images, train_images):\n    train_images = images": (
            "the statistics are those of `images`: take them from `train_images`"
        ),
        "standardize(images, train_images):\n    train_images = torch.cat([train_images, images])": (
            "the statistics include `images`: take them from `train_images` alone"
        ),
    },
    "correction=0": {
        "correction=1": (
            "the standard deviation is the unbiased one: torch divides by n - 1 unless told correction=0"
        ),
    },
    "(images - mean) / std": {
        "images - mean / std": (
            "operator precedence: x - mean / std divides the mean only; write (x - mean) / std"
        ),
        "(images - mean.flatten()) / std.flatten()": (
            "mean and std run along the last axis: keepdim=True is missing"
        ),
    },
    "images - mean": {
        "images + mean": "the mean is added: subtract it",
        "images": ("the mean is not subtracted"),
        "train_images - mean": "train_images are standardized: they only give the statistics, for `images`",
    },
    " / std": {
        " / std**2": "divided by the variance: take its square root",
        "": "the mean is subtracted, but nothing is divided by the standard deviation",
        " / (std + 0.1)": "a constant is added to the standard deviation: no eps is asked for",
        " * std": "multiplied by the standard deviation: divide by it",
    },
    "train_images.std(axes, correction=0, keepdim=True)": {
        "train_images.std((2, 3), correction=0, keepdim=True).mean(0, keepdim=True)": (
            "this is the mean of the single images' standard deviations: pool the images too, as for the mean"
        ),
        "train_images.std(correction=0)": "one standard deviation for all channels: keep axis 1",
    },
    "return (images - mean) / std": {
        "low, high = train_images.amin(axes, keepdim=True), train_images.amax(axes, keepdim=True)\n"
        "    return (images - low) / (high - low)": (
            "that is min-max scaling: subtract the mean, divide by the standard deviation"
        ),
        "return (images - 0.1307) / 0.3081": (
            "the constants are fixed (MNIST's): compute them from `train_images`"
        ),
        "return (images - 0.5) / 0.5": "the constants are fixed: compute them from `train_images`",
    },
}

MERGED: Mistakes = {
    "mean_a + delta * count_b / count": {
        "mean_a + delta / 2": (
            "the mean weights both parts alike: weight them by their counts, not by batches"
        ),
        "mean_a + delta * count_a / count": (
            "the mean moves by the share of a; b pulls with its own share, count_b / count"
        ),
        "mean_a + delta": "the mean is that of b: move from mean_a towards it by the share count_b / count",
    },
    (
        "mean_a + delta * count_b / count",
        "m2_a + m2_b + delta**2 * count_a * count_b / count",
    ): {
        (
            "mean_a + delta * (count_b // count)",
            "m2_a + m2_b + delta**2 * (count_a * count_b // count)",
        ): "// rounds the shares down to whole numbers: use /",
    },
    "mean_b - mean_a": {
        "mean_a - mean_b": "delta has the wrong sign for the mean: it points from mean_a to mean_b",
    },
    "m2_a + m2_b + delta**2 * count_a * count_b / count": {
        "m2_a + m2_b": "the delta term is missing: the distance between the two means contributes, too",
        "m2_a + m2_b + delta * count_a * count_b / count": "delta is not squared in m2",
        "m2_a + m2_b + abs(delta) * count_a * count_b / count": (
            "delta is not squared in m2: this is its absolute value"
        ),
        "m2_a + m2_b + delta**2 * count_a * count_b": "the delta term is not divided by the common count",
        "m2_a + m2_b + (mean_b - mean) ** 2 * count_a * count_b / count": (
            "the delta term takes the distance to the new mean: it is the one between the two old means"
        ),
        "m2_a + m2_b + delta**2": "the delta term lacks its weight, count_a * count_b / count",
        "m2_a + m2_b + delta**2 * count / 4": (
            "the delta term's weight is right for parts of equal size only: count_a * count_b / count"
        ),
        "m2_a + m2_b + delta**2 * count_b / count": "the delta term lacks the factor count_a",
        "m2_a + m2_b + delta**2 * count_a * count_b / count**2": (
            "the delta term is divided by the square of the count: its weight is count_a * count_b / count"
        ),
        "m2_a + m2_b + delta**2 * (count_a * count_b // count)": (
            "// rounds the weight of the delta term down to a whole number: use /"
        ),
        "(m2_a / count_a + m2_b / count_b) / 2 * count": (
            "this averages the variances: add m2_a and m2_b, and the delta term"
        ),
        "(m2_a + m2_b + delta**2 * count_a * count_b / count) / count": (
            "that is the variance: m2 is the sum of squares, not divided by the count"
        ),
        "m2_a + m2_b + (mean_a - mean) ** 2 + (mean_b - mean) ** 2": (
            "the squared distances of the two means lack their counts: count_a * (mean_a - mean)² + count_b "
            "* (mean_b - mean)²"
        ),
    },
    "return count, mean": {
        "return count - 1, mean": "the count is too small by 1: count_a + count_b",
        "return count_b, mean": "the count is that of b: count_a + count_b",
        "return count_a, mean": "the count is that of a: count_a + count_b",
        "return 2, mean": "the count is that of the parts: count_a + count_b values",
    },
}

EQUALIZED: Mistakes = {
    "darkest = counts[image.min().long()]": {
        "darkest = image.min().long()": (
            "the darkest level itself is subtracted: subtract how many pixels it has, counts[darkest level]"
        ),
        "darkest = 0": (
            "the darkest level does not become 0: subtract its pixels, above and below (without that it is "
            "scikit-image's)"
        ),
    },
    "(at_or_below - darkest) / (image.numel() - darkest)": {
        "(at_or_below - counts) / (image.numel() - counts[image.max().long()])": (
            "the pixels below a level are counted, as torchvision does; count those at the level too"
        ),
        "counts / (image.numel() - counts[image.max().long()])": (
            "the histogram is not cumulated: take cumsum of the counts; and the pixels of the brightest "
            "level are left out below"
        ),
        "(at_or_below - counts - darkest) / (image.numel() - darkest)": (
            "the pixels below a level are counted: count those at the level too"
        ),
        "counts / counts.max()": (
            "the histogram is not cumulated, and its largest count becomes 255: take cumsum of the counts"
        ),
        "(at_or_below - counts) / image.numel()": (
            "the pixels below a level are counted: count those at the level too"
        ),
        "(torch.arange(256) - image.min()) / (image.max() - image.min())": (
            "this stretches the range, a straight line: equalization follows the cumulated histogram"
        ),
        "((counts > 0).cumsum(dim=0) - 1) / ((counts > 0).sum() - 1)": (
            "distinct levels are counted (ranks): count the pixels at or below each"
        ),
        "at_or_below / (image.numel() - darkest)": (
            "the darkest level's pixels are subtracted below, not above"
        ),
        "(at_or_below - darkest) / image.numel()": (
            "the darkest level's pixels are subtracted above, not below"
        ),
    },
    "table.round()": {
        "table.floor()": (
            "the new levels are truncated, not rounded: .to(torch.uint8) drops what follows the point"
        ),
    },
    ("255 *", ".clamp(min=0)"): {
        ("256 *", ".clamp(0, 255)"): "the share is multiplied by 256: by 255, the brightest level",
    },
    "255 *": {
        "256 *": "the brightest level is multiplied by 256, which wraps round to 0 in a uint8: 255",
        "1 *": "the levels go from 0 to 1: multiply by 255",
    },
    "at_or_below = counts.cumsum(dim=0)": {
        "at_or_below, counts = counts, torch.zeros_like(counts)": (
            "the histogram is not cumulated: take cumsum of the counts"
        ),
    },
    ".clamp(min=0)": {
        ".neg().add(255).clamp(min=0)": (
            "bright and dark are exchanged: count the pixels at or below a level, not those above"
        ),
    },
}


def _values(*shape: int, seed: int) -> Tensor:
    """float64: no channel, image or pixel has the mean 0 or the variance 1, and no two are alike."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x + seed) * torch.linspace(0.5, 2, x.numel(), dtype=torch.float64).view(shape)


def _part(count: int, place: float) -> tuple[int, Tensor, Tensor]:
    """Count, mean and m2 of values (count, 3) around a place."""
    x = _values(count, 3, seed=4) + place
    return count, x.mean(0), x.var(0, correction=0) * count


def _far_part(count: int) -> tuple[int, Tensor, Tensor]:
    return tuple(part.float() if isinstance(part, Tensor) else part for part in _part(count, 10_000.0))


def _levels(seed: int) -> Tensor:
    """A dark image (12, 16) uint8 of few levels; level 20, its darkest, holds many pixels."""
    make = torch.Generator().manual_seed(seed)
    return 20 + (140 * torch.rand(12, 16, generator=make) ** 2).byte() // 7 * 7


_SMALL = torch.tensor([[10, 12, 12, 12], [12, 40, 40, 40], [200, 200, 200, 200]], dtype=torch.uint8)

EXERCISES = [
    Exercise(
        undo_min_max,
        cases=[
            (_values(2, 3, 4, 5, seed=1), 0.0, 255.0),
            (_values(2, 3, 4, 5, seed=1), -3.0, 5.0),
            (torch.tensor([0, 0.25, 1, 1.5]).double(), 2.0, 5.0),
        ],
        mistakes=UNDO,
        hints=(
            "Min-max scaling subtracted low first and divided by the width of the range last. Which step is "
            "undone first?",
            "Multiply by the width, high - low; then add low. Check: 0 becomes low, 1 becomes high.",
        ),
        praise="Also where the darkest value is not 0.",
    ),
    Exercise(
        standardize,
        cases=[
            (_values(5, 3, 4, 3, seed=2), _values(7, 3, 4, 3, seed=3) + 1),  # W = C: finds a missing keepdim
            (_values(5, 3, 2, 6, seed=2), _values(7, 3, 4, 5, seed=3) - 5),
            (
                torch.tensor([1, -2, 0, 5]).double().view(1, 2, 1, 2),
                torch.tensor([1, 3, 2, 8]).double().view(1, 2, 1, 2),
            ),
        ],
        far=((10_000 + _values(5, 3, 4, 6, seed=2)).float(), (10_000 + _values(7, 3, 4, 6, seed=3)).float()),
        mistakes=STANDARDIZED,
        hints=(
            "One mean and one standard deviation a channel: which axes of (N, C, H, W) are pooled?",
            "train_images.mean and .std take several axes; keepdim=True makes the results (1, C, 1, 1), "
            "which broadcast against any images. correction=0 divides by n.",
            "Pool the axes (0, 2, 3) of train_images; then (images - mean) / std, with brackets.",
        ),
        praise="One mean and standard deviation a channel, from the training images.",
    ),
    Exercise(
        merge,
        cases=[
            (_part(30, 0.0), _part(4, 50.0)),
            (_part(1, 3.0), _part(12, -2.0)),
            (
                (2, torch.tensor([1.0, 0.0]).double(), torch.tensor([2.0, 8.0]).double()),
                (3, torch.tensor([3.5, -5.0]).double(), torch.tensor([6.0, 1.5]).double()),
            ),
        ],
        far=(_far_part(30), _far_part(4)),
        look=returned_as("count", "mean", "m2"),
        typed=False,
        mistakes=MERGED,
        hints=(
            "The three lines are Chan's formula, above. delta is the distance from mean_a to mean_b.",
            "The mean moves from mean_a towards mean_b by b's share of the count. m2 is the sum of both, and "
            "of one term more.",
            "m2 = m2_a + m2_b + delta**2 * count_a * count_b / count: the distance between the means counts "
            "too.",
        ),
        praise="Also for parts of unequal size, and for a single value.",
    ),
    Exercise(
        equalize,
        cases=[(_levels(1),), (_levels(2),), (_SMALL,)],
        mistakes=EQUALIZED,
        hints=(
            "torch.bincount(..., minlength=256) counts the pixels of each level; cumsum of that counts those "
            "at or below it.",
            "The darkest level that occurs is to become 0: subtract its pixels from the cumulated counts, "
            "and from the number of all pixels.",
            "table = 255 * (at_or_below - darkest) / (pixels - darkest), rounded, at least 0, as uint8; "
            "table[image.long()] looks every pixel up.",
        ),
        praise="The darkest level becomes 0, the brightest 255, as in OpenCV.",
    ),
]
