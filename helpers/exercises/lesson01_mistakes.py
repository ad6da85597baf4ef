"""The known mistakes of lesson 01's exercises, each computed on purpose and put into words.

Each function is the exercise's solution with every step made a choice; its table says, per choice, what each
wrong value means.
"""

import torch
from torch import Tensor

from helpers.exercises.diagnosis import Mistakes


def undo(y, low, high, width="high - low", shift="low", order="scale first", way="back"):
    factor = {"high - low": high - low, "high": high, "high + low": high + low, "none": 1.0}[width]
    offset = {"low": low, "high": high, "none": 0.0, "-low": -low}[shift]
    if way == "there":
        return (y - offset) / factor
    return y * factor + offset if order == "scale first" else (y + offset) * factor


UNDO: Mistakes = {
    "width": {
        "high": "the factor is high; it should be the width of the range, high - low",
        "high + low": "the factor is high + low; the width of the range is high - low",
        "none": "nothing is multiplied: the values still lie 1 apart, not high - low",
    },
    "shift": {
        "none": "low is not added: 0 should become low",
        "high": "high is added: 0 should become low",
        "-low": "low is subtracted: that was on the way there, the way back adds it",
    },
    "order": {
        "shift first": "the steps are in the wrong order: multiply first, then add low (the last step is "
        "undone first)",
    },
    "way": {
        "there": "this scales once more: undo it, from 0 to low and from 1 to high",
    },
}


def standardized(
    images, train, axes="channel", source="train", precedence="right", correction=0, divide="std", sign="-"
):
    x = {"train": train, "test": images, "both": torch.cat([train, images])}[source]
    over = {"channel": (0, 2, 3), "all": (0, 1, 2, 3), "pixel": (0,), "image channel": (2, 3)}.get(axes)
    if axes == "image":
        x, over = images, (1, 2, 3)
    elif axes == "image channel":
        x = images
    mean, std = x.mean(over, keepdim=True), x.std(over, correction=correction, keepdim=True)
    divisor = {"std": std, "variance": std**2, "none": torch.ones_like(std)}[divide]
    if precedence == "x - mean/std":
        return images - mean / divisor
    return (images - mean if sign == "-" else images + mean) / divisor


STANDARDIZED: Mistakes = {
    "precedence": {
        "x - mean/std": "operator precedence: x - mean / std divides the mean only; write (x - mean) / std",
    },
    "axes": {
        "all": "one mean for all channels: keep axis 1, pool the others",
        "pixel": "a mean for each pixel: over the images only; pool height and width too",
        "image": "each image by its own mean and deviation: that is per-image standardization",
        "image channel": "each channel of each image by its own mean: pool the training images too",
    },
    "source": {
        "test": "the statistics are those of `images`: take them from `train_images`",
        "both": "the statistics include `images`: take them from `train_images` alone",
    },
    "correction": {
        1: "the deviation is the unbiased one: torch divides by n - 1 unless told correction=0",
    },
    "divide": {
        "variance": "divided by the variance: take its square root",
        "none": "the mean is subtracted, but nothing is divided by the deviation",
    },
    "sign": {
        "+": "the mean is added: subtract it",
    },
}


def merged(a, b, weight="b", term="full", delta="b - a", start="a") -> list[Tensor]:
    (count_a, mean_a, m2_a), (count_b, mean_b, m2_b) = a, b
    count = count_a + count_b
    distance = mean_b - mean_a if delta == "b - a" else mean_a - mean_b
    share = {"b": count_b / count, "a": count_a / count, "half": 0.5, "all": 1.0}[weight]
    square = {
        "full": distance**2 * count_a * count_b / count,
        "none": 0.0,
        "not squared": distance * count_a * count_b / count,
        "no count": distance**2 * count_a * count_b,
        "no weight": distance**2,
        "half": distance**2 * count / 4,
        "b only": distance**2 * count_b / count,
    }[term]
    m2 = m2_a + m2_b + square
    if start == "means of variances":
        m2 = (m2_a / count_a + m2_b / count_b) / 2 * count
    return [torch.tensor(float(count), dtype=torch.float64), mean_a + distance * share, m2 + 0 * mean_a]


MERGED: Mistakes = {
    "weight": {
        "half": "the mean weights both parts alike: weight them by their counts, not by batches",
        "a": "the mean moves by the share of a; b pulls with its own share, count_b / count",
        "all": "the mean is that of b: move from mean_a towards it by the share count_b / count",
    },
    "delta": {
        "a - b": "delta has the wrong sign for the mean: it points from mean_a to mean_b",
    },
    "term": {
        "none": "the delta term is missing: the distance between the two means is spread too",
        "not squared": "delta is not squared in m2",
        "no count": "the delta term is not divided by the common count",
        "no weight": "the delta term lacks its weight, count_a * count_b / count",
        "half": "the delta term's weight is right for parts of equal size only: count_a * count_b / count",
        "b only": "the delta term lacks the factor count_a",
    },
    "start": {
        "means of variances": "this averages the variances: add m2_a and m2_b, and the delta term",
    },
}


def equalized(image, subtract=True, count="at or below", rounding="round", top=255, map_of="cumulative"):
    counts = torch.bincount(image.flatten().long(), minlength=256)
    pixels, cumulated = image.numel(), counts.cumsum(0)
    if count == "below":
        cumulated = cumulated - counts
    darkest = counts[image.min().long()] if subtract and count == "at or below" else 0
    below_brightest = pixels - counts[image.max().long()] if count == "below" and subtract else None
    levels = torch.arange(256)
    if map_of == "counts":
        cumulated, darkest = counts, 0
    table = top * (cumulated - darkest).double() / (below_brightest or pixels - darkest)
    if map_of == "min-max":
        low, high = image.min().long(), image.max().long()
        table = top * (levels - low).double() / (high - low)
    table = table.round() if rounding == "round" else table.floor()
    if map_of == "reversed":
        table = 255 - table
    return table.long().clamp(min=0).to(torch.uint8)[image.long()]  # 256 becomes 0


EQUALIZED: Mistakes = {
    "subtract": {
        False: "the darkest level does not become 0: subtract its pixels, above and below (without that it "
        "is scikit-image's)",
    },
    "count": {
        "below": "the pixels below a level are counted, as torchvision does; count those at the level too",
    },
    "rounding": {
        "floor": "the new levels are cut off, not rounded: .to(torch.uint8) drops what follows the point",
    },
    "top": {
        256: "the brightest level is multiplied by 256, which wraps round to 0 in a uint8: 255",
        1: "the levels go from 0 to 1: multiply by 255",
    },
    "map_of": {
        "counts": "the histogram is not cumulated: take cumsum of the counts",
        "min-max": "this stretches the range, a straight line: equalization follows the cumulated histogram",
        "reversed": "bright and dark are exchanged: count the pixels at or below a level, not those above",
    },
}
