"""Exercises of lesson 01: answers written otherwise pass, mistakes in a learner's own words are named."""

import pytest
import torch

from helpers.lessons.data_normalization import exercises


def by_loop(images, train_images):
    out = images.clone()
    for c in range(images.shape[1]):
        channel = train_images[:, c]
        out[:, c] = (images[:, c] - channel.mean()) / channel.var(correction=0).sqrt()
    return out


def from_torchvision(images, train_images):
    from torchvision.transforms.v2 import functional as tv

    mean = train_images.mean((0, 2, 3)).tolist()
    std = train_images.transpose(0, 1).flatten(1).std(1, correction=0).tolist()
    return tv.normalize(images, mean, std)


def by_totals(a, b):  # the common mean first, then each part's distance from it
    n = a[0] + b[0]
    mean = (a[0] * a[1] + b[0] * b[1]) / n
    return [n, mean, a[2] + a[0] * (a[1] - mean) ** 2 + b[2] + b[0] * (b[1] - mean) ** 2]


def by_sorting(image):  # c(v): where v would be inserted in the sorted pixels
    pixels = image.flatten().sort().values
    c = torch.searchsorted(pixels, image.flatten(), right=True)
    c0 = c.min()
    level = torch.floor(255 * (c - c0).double() / (image.numel() - c0) + 0.5)  # half rounds up
    return level.to(torch.uint8).view(image.shape)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("undo_min_max", lambda y, low, high: low + y * high - y * low),
        (
            "undo_min_max",
            lambda y, low, high: torch.lerp(torch.full_like(y, low), torch.full_like(y, high), y),
        ),
        ("standardize", by_loop),
        ("standardize", from_torchvision),
        ("merge", by_totals),
        ("equalize", by_sorting),
    ],
)
def test_right_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def in_place(images, train_images):
    mean, std = train_images.mean((0, 2, 3), True), train_images.std((0, 2, 3), correction=0, keepdim=True)
    return images.sub_(mean).div_(std)


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("undo_min_max", lambda y, low, high: None, "is a `return` missing?"),
        ("undo_min_max", lambda y, low, high: y.round().byte(), "it should be torch.float64, as the input"),
        ("undo_min_max", lambda y, low, high: y**2, "no name for"),
        ("standardize", lambda images, train_images: images / 0 - nothing, "it stops with NameError"),  # noqa: F821
        ("standardize", in_place, "leave the input as it is"),
        ("standardize", lambda images, train_images: images.mean(), "it should have the shape (5, 3, 4, 3)"),
        ("merge", lambda a, b: a[0] + b[0], "should return 3 things"),
        ("merge", lambda a, b: (a[0] + b[0], a[1], None), "is None"),
        ("merge", lambda a, b: (a[0] + b[0], a[1].mean(), a[2]), "mean is one number"),
        ("equalize", lambda image: image / 255, "it should be torch.uint8, as the input"),
        ("equalize", lambda image: image, "no name for"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(images, train_images):
        return (images - images.mean()) / images.std(correction=0)

    output = said("standardize", answer)
    assert "one mean for all channels" in output
    assert "those of `images`" in output


def test_the_images_of_the_equalization_check_leave_no_tie_to_rounding():
    for seed in (1, 2):
        image = exercises._levels(seed)
        counts = torch.bincount(image.flatten().long(), minlength=256)
        above, rest = (
            counts.cumsum(0) - counts[image.min().long()],
            image.numel() - counts[image.min().long()],
        )
        assert ((510 * above.clamp(min=0) / rest) % 2 - 1).abs().min() > 1e-3
