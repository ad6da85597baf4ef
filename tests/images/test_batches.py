"""Batches: the augmentation equals torchvision's, the order depends on the seed alone."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as T

from helpers.images.batches import Augment, Batches, reflect_pad

MEAN, STD = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.3])


def images(count=64, size=32, channels=3):
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)


def batches(pixels, batch_size=16, **settings):
    return Batches(pixels, torch.arange(len(pixels)), MEAN, STD, batch_size, **settings)


def standardized(pixels):
    return (pixels.float() / 255 - MEAN[:, None, None]) / STD[:, None, None]


def drawn(augment, count, seed):
    """The random numbers that source_pixels draws from a generator with this seed."""
    generator = torch.Generator().manual_seed(seed)
    shift = torch.randint(0, 2 * augment.pad + 1, (2, count, 1), generator=generator)[:, :, 0]
    mirrored = torch.rand(count, 1, generator=generator)[:, 0] < 0.5
    angle = (2 * torch.rand(count, 1, generator=generator) - 1)[:, 0] * augment.rotation
    return shift, mirrored, angle


def by_torchvision(image, augment, shift, mirrored, angle, pil=False):
    """One uint8 image through the published recipe's transforms, with random numbers given."""
    pad, (height, width) = augment.pad, image.shape[1:]
    padded = F.pad(image[None].float(), (pad,) * 4, mode="reflect")[0].to(torch.uint8)
    crop = T.crop(padded, int(shift[0]), int(shift[1]), height, width)
    if augment.flip and mirrored:
        crop = T.hflip(crop)
    if not augment.rotation:
        return crop
    if pil:
        turned = T.rotate(T.to_pil_image(crop), float(angle), InterpolationMode.NEAREST)
        return T.pil_to_tensor(turned)
    return T.rotate(crop, float(angle), InterpolationMode.NEAREST)


@pytest.mark.parametrize(
    "augment",
    [Augment(4, True, 15.0), Augment(4), Augment(flip=True), Augment(rotation=40.0), Augment(2, False, 90.0)],
)
@pytest.mark.parametrize("size", [32, 28, 9])
def test_crop_flip_and_rotation_equal_torchvision_pixel_by_pixel(augment, size):
    pixels = images(48, size)
    source = augment.source_pixels(48, size, size, torch.Generator().manual_seed(5))
    shift, mirrored, angle = drawn(augment, 48, 5)
    differ_tensor = differ_pil = corners = 0
    for i, image in enumerate(pixels):
        padded = reflect_pad(image[None], augment.pad)[0].flatten(1)
        ours = torch.where(source[i] < 0, 0, padded[:, source[i].clamp(min=0)]).view(3, size, size)
        wanted = by_torchvision(image, augment, shift[:, i], mirrored[i], angle[i])
        differ_tensor += (ours != wanted).any(0).sum().item()
        wanted = by_torchvision(image, augment, shift[:, i], mirrored[i], angle[i], pil=True)
        differ_pil += (ours != wanted).any(0).sum().item()
        corners += (source[i] < 0).sum().item()
    total = source.numel()
    # A pixel whose source lies on the edge between two pixels may be rounded to either.
    assert differ_tensor <= 0.002 * total
    assert differ_pil <= 0.004 * total
    assert bool(corners) == bool(augment.rotation)


def test_a_batch_holds_the_augmented_images_black_or_mean_coloured_in_the_corners():
    augment, pixels = Augment(4, True, 15.0), images(8)
    (x, labels), (x_mean, _) = (
        next(iter(batches(pixels, 8, seed=3, augment=dataclasses.replace(augment, corners=corners))))
        for corners in ("black", "mean")
    )
    generator = torch.Generator().manual_seed(3)
    order = torch.randperm(8, generator=generator)
    source = augment.source_pixels(8, 32, 32, generator)
    assert torch.equal(labels, order)
    padded = reflect_pad(pixels, 4)[order].flatten(2)
    index = source.clamp(min=0).long()[:, None].expand(-1, 3, -1)
    corner = (source < 0)[:, None].expand(-1, 3, -1)
    wanted = standardized(padded.gather(2, index).masked_fill(corner, 0).view(8, 3, 32, 32))
    torch.testing.assert_close(x, wanted, rtol=1e-5, atol=1e-5)
    corner = corner.reshape(8, 3, 32, 32)
    assert 0.01 < corner.float().mean() < 0.1
    assert torch.all(x_mean[corner] == 0)
    assert torch.equal(x_mean[~corner], x[~corner])
    black = (-MEAN / STD)[None, :, None, None].expand_as(x)
    torch.testing.assert_close(x[corner], black[corner])


def test_without_a_seed_images_come_in_order_unchanged_and_the_last_batch_is_smaller():
    pixels = images(50)
    parts = list(batches(pixels, 16, augment=Augment(4, True, 15.0)))
    assert [len(y) for _, y in parts] == [16, 16, 16, 2]
    assert len(batches(pixels, 16)) == 4
    torch.testing.assert_close(torch.cat([x for x, _ in parts]), standardized(pixels), rtol=1e-5, atol=1e-5)
    assert torch.equal(torch.cat([y for _, y in parts]), torch.arange(50))
    assert parts[0][0].is_contiguous(memory_format=torch.channels_last)


def test_the_same_seed_gives_the_same_epochs_whatever_else_draws_random_numbers():
    first, second, other = (
        batches(images(), seed=seed, augment=Augment(4, True, 15.0)) for seed in (1, 1, 2)
    )
    epochs = []
    for part in (first, second):
        both = [list(part), list(part)]
        torch.rand(3)
        epochs.append(both)
    for a, b in zip(epochs[0], epochs[1], strict=True):
        assert all(torch.equal(x, u) and torch.equal(y, v) for (x, y), (u, v) in zip(a, b, strict=True))
    orders = [torch.cat([y for _, y in epoch]).tolist() for epoch in (*epochs[0], list(other))]
    assert len({tuple(order) for order in orders}) == 3  # each epoch and each seed shuffles anew
    assert all(sorted(order) == list(range(64)) for order in orders)
    state = torch.random.get_rng_state()
    list(first)
    assert torch.equal(torch.random.get_rng_state(), state)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(2, 20), st.integers(2, 20), st.integers(0, 12))
def test_reflect_padding_equals_torchs(count, height, width, pad):
    pixels = torch.randint(0, 256, (count, 2, height, width), dtype=torch.uint8)
    if pad >= min(height, width):
        with pytest.raises(ValueError, match="mirrors more than"):
            reflect_pad(pixels, pad)
        return
    wanted = F.pad(pixels.float(), (pad,) * 4, mode="reflect").to(torch.uint8)
    assert torch.equal(reflect_pad(pixels, pad), wanted)


def test_angles_shifts_and_flips_are_spread_as_promised():
    augment, count = Augment(4, True, 15.0), 4000
    shift, mirrored, angle = drawn(augment, count, 0)
    assert shift.min() == 0
    assert shift.max() == 8
    assert abs(mirrored.float().mean() - 0.5) < 0.03
    assert -15 <= angle.min() < -14.5 < 14.5 < angle.max() <= 15
    centre = augment.source_pixels(count, 33, 33, torch.Generator().manual_seed(0))[:, 33 * 16 + 16]
    assert torch.equal(centre, (shift[0] + 16) * 41 + shift[1] + 16)  # the centre pixel only shifts


@pytest.mark.parametrize("seed", [0, 1])
def test_alternating_mirrors_each_image_in_every_second_epoch(seed):
    """Half of the images begin with it; order and crops are those without it."""
    pixels = images(200, 6)
    pixels[..., 3:] //= 2
    pixels[..., :3] = pixels[..., :3] // 2 + 128  # the left half is brighter
    plain = batches(pixels, 32, seed=seed, augment=Augment(1, True))
    alternating = batches(pixels, 32, seed=seed, augment=Augment(1, True, alternating=True))
    epochs = []
    for _ in range(4):
        found = torch.zeros(200, dtype=torch.bool)
        for (x, y), (_, order) in zip(alternating, plain, strict=True):
            assert torch.equal(y, order)
            found[y] = x[..., :2].mean((1, 2, 3)) < x[..., -2:].mean((1, 2, 3))
        epochs.append(found)
    assert torch.equal(epochs[0], ~epochs[1])
    assert torch.equal(epochs[0], epochs[2])
    assert torch.equal(epochs[1], epochs[3])
    assert 70 < epochs[0].sum() < 130
    other = batches(pixels, 32, seed=seed + 2, augment=Augment(1, True, alternating=True))
    list(other)
    assert not torch.equal(other.mirrored[:, 0], epochs[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alternating": True}, "alternating=True with flip=False"),
        ({"pad": -1}, "pad=-1"),
        ({"rotation": 180.0}, "rotation=180"),
        ({"corners": "white"}, "choose one of black, mean"),
    ],
)
def test_bad_augmentations_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Augment(**settings)


def test_bad_batches_are_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        batches(images(), 0)
    with pytest.raises(ValueError, match="wanted uint8"):
        batches(images().float())
    with pytest.raises(ValueError, match="3 labels"):
        Batches(images(), torch.arange(3), MEAN, STD, 16)


@pytest.mark.parametrize("constant", [0, 77, 255])
@pytest.mark.parametrize("augment", [None, Augment(1, True, 20.0, corners="mean")])
def test_a_constant_channel_becomes_0_and_the_others_are_as_without_it(constant, augment):
    pixels = images(12, 9)
    pixels[:, 1] = constant
    mean, std = MEAN.clone(), STD.clone()
    mean[1], std[1] = constant / 255, 0.0
    more = {"seed": 0, "augment": augment}
    [(x, _)] = Batches(pixels, torch.arange(12), mean, std, 12, **more)
    [(y, _)] = Batches(pixels, torch.arange(12), mean, STD, 12, **more)
    torch.testing.assert_close(x[:, 1], torch.zeros_like(x[:, 1]), rtol=0, atol=1e-6)
    assert torch.equal(x[:, [0, 2]], y[:, [0, 2]])
    assert std[1] == 0  # the caller's is left alone


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize(("height", "width"), [(600, 2), (2, 600)])
def test_the_pixels_moved_are_the_same_whatever_the_default_type(dtype, height, width):
    def moved():
        return Augment(1, True, 30.0).source_pixels(3, height, width, torch.Generator().manual_seed(1))

    expected = moved()
    torch.set_default_dtype(dtype)  # bfloat16 has no 299.5, a pixel's distance from the centre
    try:
        assert torch.equal(moved(), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_batch_size_beyond_the_images_gives_one_batch_of_all():
    [(x, y)] = batches(images(5), 6)
    assert len(x) == len(y) == 5
    assert len(batches(images(5), 6)) == 1


@pytest.mark.parametrize(
    ("pixels", "mean", "std", "message"),
    [
        (images(0), MEAN, STD, r"\(0, 3, 32, 32\): no pixel"),
        (images(3)[:, :, :0], MEAN, STD, "no pixel"),
        (images(3), MEAN[:1], STD, "each of the 3 channels"),
        (images(3), MEAN, STD[None], "each of the 3 channels"),
        (images(3), MEAN, -STD, "std at least 0"),
        (images(3), MEAN, STD * torch.nan, "std at least 0"),
        (images(3), MEAN * torch.inf, STD, "mean is .inf"),
    ],
)
def test_other_degenerate_sizes_and_statistics_are_refused(pixels, mean, std, message):
    with pytest.raises(ValueError, match=message):
        Batches(pixels, torch.arange(len(pixels)), mean, std, 16)
