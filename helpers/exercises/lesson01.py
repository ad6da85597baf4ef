"""Exercises of lesson 01: min-max undone, standardization, Chan's merge, histogram equalization."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from helpers.exercises import lesson01_mistakes as wrong
from helpers.exercises.diagnosis import Exercise, call, named, wrong_form


def undo_min_max(y, low, high):
    return y * (high - low) + low


def standardize(images, train_images):
    mean = train_images.mean(dim=(0, 2, 3), keepdim=True)  # (1, C, 1, 1): one for each channel
    std = train_images.std(dim=(0, 2, 3), correction=0, keepdim=True)
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


def _values(*shape: int, seed: int) -> Tensor:
    """float64: no channel, image or pixel has the mean 0 or the spread 1, and no two are alike."""
    make = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=make, dtype=torch.float64)
    return (x + seed) * torch.linspace(0.5, 2, x.numel()).double().view(shape)


def _diagnose_undo(answer: Callable) -> list[str]:
    y = _values(2, 3, 4, 5, seed=1)
    for limits in ((0.0, 255.0), (-3.0, 5.0)):
        what = f"values and the limits {limits[0]:g} and {limits[1]:g}"
        result, mistakes = call(answer, y.clone(), *limits, what=what)
        mistakes = mistakes or wrong_form([result], {"the result": y})
        if mistakes:
            return mistakes
        mistakes = named(
            [result], lambda limits=limits, **choices: [wrong.undo(y, *limits, **choices)], wrong.UNDO
        )
        if mistakes:
            return mistakes
    return []


def _diagnose_standardize(answer: Callable) -> list[str]:
    images, train = _values(5, 3, 4, 6, seed=2), _values(7, 3, 4, 6, seed=3) + 1
    x, known = images.clone(), train.clone()
    result, mistakes = call(answer, x, known, what="5 images and 7 training images, each (3, 4, 6)")
    mistakes = mistakes or wrong_form([result], {"the result": images})
    if mistakes:
        return mistakes
    if not (torch.equal(x, images) and torch.equal(known, train)):
        return ["it changes the images themselves: leave the input as it is"]
    return named(
        [result], lambda **choices: [wrong.standardized(images, train, **choices)], wrong.STANDARDIZED
    )


_PARTS = {  # how many values, and where they lie
    "30 values and 4 values, far apart": ((30, 0.0), (4, 50.0)),
    "one value and 12 values": ((1, 3.0), (12, -2.0)),
}


def _diagnose_merge(answer: Callable) -> list[str]:
    for what, ((n, at), (m, to)) in _PARTS.items():
        parts = [_values(count, 3, seed=4) + place for count, place in ((n, at), (m, to))]
        a, b = ((len(x), x.mean(0), x.var(0, correction=0) * len(x)) for x in parts)
        result, mistakes = call(answer, a, b, what=what)
        if mistakes:
            return mistakes
        if not isinstance(result, tuple | list) or len(result) != 3:
            return ["it should return three things: count, mean, m2"]
        if any(part is None for part in result):
            return ["one of the three things is None"]
        found = [torch.as_tensor(part, dtype=torch.float64) for part in result]
        right = wrong.merged(a, b)
        mistakes = wrong_form(found, dict(zip(("count", "mean", "m2"), right, strict=True)))
        mistakes = mistakes or named(found, partial(wrong.merged, a, b), wrong.MERGED)
        if mistakes:
            return mistakes
    return []


def _levels(seed: int) -> Tensor:
    """A dark image (12, 16) uint8 of few levels; level 20, its darkest, holds many pixels."""
    make = torch.Generator().manual_seed(seed)
    return 20 + (140 * torch.rand(12, 16, generator=make) ** 2).byte() // 7 * 7


def _diagnose_equalize(answer: Callable) -> list[str]:
    for seed in (1, 2):
        image = _levels(seed)
        result, mistakes = call(answer, image.clone(), what="an image (12, 16) of levels 20 to 153")
        mistakes = mistakes or wrong_form([result], {"the result": image})
        if mistakes:
            return mistakes

        def mistaken(image: Tensor = image, **choices: object) -> list[Tensor]:
            return [wrong.equalized(image, **choices).double()]

        mistakes = named([result.double()], mistaken, wrong.EQUALIZED)
        if mistakes:
            return mistakes
    return []


EXERCISES = {
    "undo_min_max": Exercise(undo_min_max, _diagnose_undo, "Also where the darkest value is not 0."),
    "standardize": Exercise(
        standardize, _diagnose_standardize, "One mean and deviation a channel, from the training images."
    ),
    "merge": Exercise(merge, _diagnose_merge, "Also for parts of unequal size, and for a single value."),
    "equalize": Exercise(
        equalize, _diagnose_equalize, "The darkest level becomes 0, the brightest 255, as in OpenCV."
    ),
}
