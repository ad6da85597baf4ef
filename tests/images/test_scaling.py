"""Scaling: against SciPy, torchvision and scikit-image."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats
from skimage import exposure
from torchvision.transforms.v2 import functional as tv

from helpers.images import scaling
from helpers.images.batches import Batches
from helpers.images.datasets import load
from helpers.lessons.data_normalization import figures


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def pixels(*shape: int, seed: int = 0, below: int = 256) -> torch.Tensor:
    make = torch.Generator().manual_seed(seed)
    return torch.randint(0, below, shape, generator=make, dtype=torch.uint8)


# Per image


def test_each_image_has_mean_0_and_deviation_1_over_all_its_values():
    x = noise(5, 3, 8, 8) * torch.linspace(1, 5, 5).double().view(-1, 1, 1, 1) + 3
    x[:, 1] += 10  # channels of one image differ, and go on differing
    y = scaling.per_image(x)
    np.testing.assert_allclose(y.flatten(1).numpy(), stats.zscore(x.flatten(1).numpy(), axis=1), atol=1e-12)


def test_an_image_of_one_colour_and_one_nearly_so_meet_the_guard():
    flat = torch.full((1, 1, 4, 4), 0.3)
    assert (scaling.per_image(flat).abs() < 1e-6).all()
    nearly = flat + torch.tensor([0.0, 0.01]).repeat(8).view(1, 1, 4, 4)  # deviation 0.005, guard 1 / 4
    torch.testing.assert_close(scaling.per_image(nearly).std(correction=0), torch.tensor(0.02))


def test_an_image_and_a_paler_copy_have_one_result():
    x = noise(1, 3, 16, 16)
    torch.testing.assert_close(scaling.per_image(0.5 * x + 2), scaling.per_image(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_layer_computes_in_float32_and_keeps_the_type(dtype):
    x = (noise(4, 3, 28, 28) * 30 + 200).to(dtype)
    y = scaling.PerImage()(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y, scaling.per_image(x.double()).to(dtype), rtol=0.01, atol=0.01)


def test_the_layer_under_autocast_is_the_layer_without():
    x = noise(4, 3, 28, 28, dtype=torch.float32) * 0.01 + 0.7
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    layer = scaling.PerImage()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    assert torch.equal(y, layer(x))
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert list(layer.parameters()) == []


# Equalization: torchvision counts the pixels below a level, scikit-image those at or below it

EQUALIZED = {
    "noise": lambda: pixels(3, 2, 40, 40),
    "few levels": lambda: 60 + 30 * pixels(3, 2, 40, 40, below=5),
    "dark": lambda: (255 * torch.rand(3, 2, 40, 40, generator=torch.Generator().manual_seed(0)) ** 3).byte(),
    "small images": lambda: pixels(5, 1, 3, 3, below=20),
    "one level in one channel": lambda: pixels(2, 2, 16, 16) * torch.tensor([0, 1]).byte().view(2, 1, 1) + 9,
}


@pytest.mark.parametrize("name", EQUALIZED)
def test_equalization_is_scikit_images_stretched_to_black_and_white(name):
    images = EQUALIZED[name]()
    found = scaling.equalize(images)
    for plane, ours in zip(images.flatten(0, 1).numpy(), found.flatten(0, 1).numpy(), strict=True):
        share = exposure.equalize_hist(plane)  # of the pixels at or below each pixel's level
        darkest = share.min()
        wanted = np.floor(255 * (share - darkest) / (1 - darkest) + 0.5 + 1e-9) if darkest < 1 else plane
        np.testing.assert_array_equal(ours, wanted)


def test_equalization_is_torchvisions_of_the_negative_where_its_steps_are_whole():
    # Counting pixels below a level is counting those above it in the negative. 255 pixels of the negative
    # that are not its brightest: a step is one pixel, and torchvision's whole numbers are exact.
    images = torch.cat([torch.zeros(1), noise(255, seed=1).abs().mul(70).clamp(1, 255).float()]).byte()
    images = images.view(1, 1, 16, 16)
    assert torch.equal(scaling.equalize(images), 255 - tv.equalize(255 - images))


def test_equalization_is_near_torchvisions_where_no_level_holds_many_pixels():
    images = pixels(2, 3, 255, 257)  # 1 / 256 of the pixels at a level: below or at it makes one step
    assert (scaling.equalize(images).int() - tv.equalize(images).int()).abs().max() <= 2


def test_equalized_levels_reach_from_black_to_white_in_the_old_order():
    images = EQUALIZED["dark"]()
    found = scaling.equalize(images)
    assert (found.amin((2, 3)) == 0).all()
    assert (found.amax((2, 3)) == 255).all()
    old, new = images[0, 0].flatten().int(), found[0, 0].flatten().int()
    assert (new[old.argsort()].diff() >= 0).all()


def test_many_images_are_equalized_as_each_alone(monkeypatch):
    images = pixels(7, 2, 9, 9, below=90)
    alone = torch.cat([scaling.equalize(image) for image in images.split(1)])
    monkeypatch.setattr(scaling, "_CHUNK", 3)
    assert torch.equal(scaling.equalize(images), alone)


@pytest.mark.parametrize("images", [torch.zeros(1, 1, 2, 2), torch.zeros(2, 2, dtype=torch.uint8)])
def test_what_has_no_histogram_is_refused(images):
    with pytest.raises(ValueError, match=r"images are torch\..*uint8 \(N, C, H, W\)"):
        scaling.equalize(images)


# The arms of the study


def seen(data):
    """All training images as a network gets them."""
    batches = Batches(data.train_images, data.train_labels, data.mean, data.std, 500)
    return torch.cat([x for x, _ in batches])


@pytest.mark.parametrize("name", scaling.SCALINGS)
def test_a_network_gets_the_images_as_the_arm_says(name):
    data = load("digits")
    images = data.train_images.float()
    mean, std = data.mean, data.std
    wanted = {
        "raw": images,
        "min_max": images / 255,
        "per_image": images / 255,
        "standardized": (images / 255 - mean) / std,
    }
    if name == "equalized":
        equalized = scaling.equalize(data.train_images).double() / 255
        wanted[name] = ((equalized - equalized.mean()) / equalized.std(correction=0)).float()
    found = scaling.scaled(data, name)
    torch.testing.assert_close(seen(found), wanted[name], rtol=1e-5, atol=1e-5)
    assert found.mean.dtype == found.std.dtype == torch.float32
    assert torch.equal(found.train_labels, data.train_labels)
    changed = not torch.equal(found.test_images, data.test_images)
    assert changed == (name == "equalized")


def test_statistics_of_an_arm_are_those_of_the_training_images_alone():
    data = load("digits")
    black = dataclasses.replace(data, test_images=torch.zeros_like(data.test_images))
    for name in scaling.SCALINGS:
        ours, theirs = scaling.scaled(data, name), scaling.scaled(black, name)
        assert torch.equal(ours.mean, theirs.mean)
        assert torch.equal(ours.std, theirs.std)


def test_colour_images_keep_a_mean_and_deviation_for_each_channel():
    data = dataclasses.replace(
        load("digits"), train_images=pixels(20, 3, 8, 8), mean=torch.zeros(3), std=torch.ones(3)
    )
    for name in scaling.SCALINGS:
        found = scaling.scaled(data, name)
        assert found.mean.shape == found.std.shape == (3,)


def test_an_unknown_arm_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match="no scaling 'whitened'; choose one of raw, min_max, standardized"):
        scaling.scaled(load("digits"), "whitened")


# What the figures say


def test_the_rulers_agree_with_the_transforms():
    fig = figures.rulers(pixels(1, 1, 9, 9), 0.4, 0.25)
    fig.canvas.draw()
    for axis, wanted in zip(
        fig.axes[0].child_axes, (lambda v: v / 255, lambda v: (v / 255 - 0.4) / 0.25), strict=True
    ):
        np.testing.assert_allclose(axis.get_xlim(), [wanted(v) for v in fig.axes[0].get_xlim()])
