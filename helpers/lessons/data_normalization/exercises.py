"""Exercises of lesson 01: standardization, Chan's merge, the gaps of a search over learning rates."""

import torch
from torch import Tensor

from helpers.lessons.diagnosis import Exercise, Mistakes, returned_as


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


def two_gaps(accuracy, a, b):
    rate = accuracy[:, b].argmax()  # one rate for both: b's best
    at_one_rate = accuracy[rate, a] - accuracy[rate, b]
    each_at_its_own = accuracy[:, a].max() - accuracy[:, b].max()
    return at_one_rate, each_at_its_own


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

GAPS: Mistakes = {
    "return at_one_rate, each_at_its_own": {
        "return accuracy[:, b].argmax(), accuracy[:, a].argmax()": (
            "these are places of rates: two gaps, differences of accuracies, are asked for"
        ),
        "return accuracy[:, a].argmax(), accuracy[:, b].argmax()": (
            "these are places of rates: two gaps, differences of accuracies, are asked for"
        ),
        **{
            f"return {by} * at_one_rate / accuracy[rate, b], {by} * each_at_its_own / accuracy[:, b].max()": (
                "divided by b's accuracy, so a relative difference: points, the plain difference, are asked "
                "for"
            )
            for by in (1, 100)
        },
        "return each_at_its_own, at_one_rate": "the two gaps are exchanged: first the one at one rate",
    },
    "rate = accuracy[:, b].argmax()": {
        "rate = accuracy[:, a].argmax()": "the one rate is the best for a: it should be the best for b",
        "rate = accuracy.max(dim=1).values.argmax()": (
            "the one rate is that of the highest accuracy of all scalings: it should be the best for b"
        ),
        "rate = accuracy.mean(dim=1).argmax()": (
            "the one rate is the best on average over all scalings: it should be the best for b"
        ),
        "rate = (accuracy[:, a] + accuracy[:, b]).argmax()": (
            "the one rate is the best for the sum of a and b: it should be the best for b alone"
        ),
        "rate = accuracy[:, b].argmin()": "the one rate is the worst for b: it should be the best (argmax)",
        "rate = (accuracy[:, a] - accuracy[:, b]).argmax()": (
            "the one rate is that of the largest gap: it should be the best for b"
        ),
        "rate = (accuracy[:, a] - accuracy[:, b]).abs().argmax()": (
            "the one rate is that of the largest gap: it should be the best for b"
        ),
        "rate = len(accuracy) // 2": "the one rate is the middle one: it should be the best for b",
        "rate = -1": "the one rate is the last one: it should be the best for b",
        "rate = 0": "the one rate is the first one: it should be the best for b",
        "rate, accuracy = accuracy[b].argmax(), accuracy.T": (
            "rows and columns are swapped: a row is a rate, a column is a scaling"
        ),
    },
    "at_one_rate = accuracy[rate, a] - accuracy[rate, b]": {
        "at_one_rate = accuracy[rate, b] - accuracy[rate, a]": "the gap at one rate is b - a: a minus b",
        "at_one_rate = (accuracy[rate, a] - accuracy[rate, b]).abs()": (
            "the gap at one rate lost its sign: a minus b, negative where a is behind"
        ),
        "at_one_rate = accuracy[:, a].max() - accuracy[:, b].max()": (
            "the first gap is the second again: it should be at one rate, one row, for both (are the "
            "columns sorted, each by itself?)"
        ),
        "at_one_rate = accuracy[rate, a]": "that is a's accuracy at one rate: subtract b's",
        "at_one_rate = (accuracy[:, a] - accuracy[:, b]).mean()": (
            "that is the mean gap over all rates: take the gap at one rate, the best for b"
        ),
    },
    "each_at_its_own = accuracy[:, a].max() - accuracy[:, b].max()": {
        "each_at_its_own = accuracy[:, b].max() - accuracy[:, a].max()": (
            "the gap at their own rates is b - a: a minus b"
        ),
        "each_at_its_own = (accuracy[:, a].max() - accuracy[:, b].max()).abs()": (
            "the gap at their own rates lost its sign: a minus b, negative where a is behind"
        ),
        "each_at_its_own = (accuracy[:, a] - accuracy[:, b]).max()": (
            "that is the largest gap at one rate: each takes its own best rate, then subtract"
        ),
        "each_at_its_own = accuracy[:, a].mean() - accuracy[:, b].mean()": (
            "that is the gap of the means over the rates: take each one's best rate"
        ),
        "each_at_its_own = accuracy[:, a].median() - accuracy[:, b].median()": (
            "that is the gap of the medians over the rates: take each one's best rate"
        ),
        "each_at_its_own = accuracy[:, a].argmax() - accuracy[:, b].argmax()": (
            "argmax gives the places of the best rates: take the accuracies there, max"
        ),
        "each_at_its_own = accuracy[accuracy[:, a].argmax(), a] - accuracy[accuracy[:, a].argmax(), b]": (
            "the second gap is at a's best rate for both: each should be at its own best rate"
        ),
        "each_at_its_own = accuracy[:, a].max()": "that is a's best accuracy: subtract b's best",
        "each_at_its_own = accuracy[rate, a] - accuracy[rate, b]": (
            "the second gap is the first again: each should be at its own best rate"
        ),
        "each_at_its_own = accuracy[:, a].max() - accuracy[rate, a]": (
            "that is what a gains by its own rate: subtract b's best accuracy, not a's at b's rate"
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


def _map(seed: int, rates: int, scalings: int) -> Tensor:
    """Accuracies (rates, scalings) in percent, each scaling with a best rate of its own."""
    make = torch.Generator().manual_seed(seed)
    return 10 + 85 * torch.rand(rates, scalings, generator=make, dtype=torch.float64)


EXERCISES = [
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
        two_gaps,
        cases=[(_map(1, 6, 5), 0, 2), (_map(2, 5, 7), 4, 1), (_map(3, 4, 4), 1, 3), (_map(4, 4, 4), 0, 3)],
        look=returned_as("the gap at one rate", "the gap at their own rates"),
        typed=False,
        mistakes=GAPS,
        hints=(
            "A column is a scaling, a row is a rate. Which row is the best one for b?",
            "accuracy[:, b].argmax() is that row; the first gap compares a and b there. The second gap "
            "needs no row.",
            "The second gap is accuracy[:, a].max() - accuracy[:, b].max(): each at its own best rate.",
        ),
        praise="Only the second is about the scalings; the first holds the rate's part too.",
    ),
]
