"""Ghost batch norm: the statistics of a few images at a time."""

import pytest
import torch
from torch import nn

from helpers.nn.layers import GhostBatchNorm2d
from helpers.nn.networks import SmallCnn

IMAGES = torch.randn(12, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 + 1


def made(images: int) -> GhostBatchNorm2d:
    layer = GhostBatchNorm2d(3, images).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    return layer


def batch_norm_like(layer: GhostBatchNorm2d) -> nn.BatchNorm2d:
    plain = nn.BatchNorm2d(3).double()
    plain.load_state_dict(layer.state_dict())
    return plain


@pytest.mark.parametrize("images", [2, 3, 4, 6, 12])
def test_each_part_is_normalized_by_itself(images):
    ghost = made(images)
    parts = IMAGES.split(images)
    plain = [batch_norm_like(ghost) for _ in parts]
    x = IMAGES.clone().requires_grad_()
    y = ghost(x)
    z = IMAGES.clone().requires_grad_()
    expected = torch.cat([norm(part) for norm, part in zip(plain, z.split(images), strict=True)])
    torch.testing.assert_close(y, expected)
    (y.sin().sum() + expected.sin().sum()).backward()
    torch.testing.assert_close(x.grad, z.grad)
    for name in ("weight", "bias"):
        of_parts = torch.stack([getattr(norm, name).grad for norm in plain]).sum(0)
        torch.testing.assert_close(getattr(ghost, name).grad, of_parts)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(
            getattr(ghost, name), torch.stack([getattr(norm, name) for norm in plain]).mean(0)
        )
    assert ghost.num_batches_tracked == 1


def test_over_the_whole_batch_and_in_evaluation_it_is_batch_norm():
    ghost = made(len(IMAGES))
    plain = batch_norm_like(ghost)
    torch.testing.assert_close(ghost(IMAGES), plain(IMAGES))
    torch.testing.assert_close(ghost.state_dict(), plain.state_dict())
    torch.testing.assert_close(ghost.eval()(IMAGES[:5]), plain.eval()(IMAGES[:5]))


def without_scale(layer):
    layer.weight = layer.bias = None


def without_statistics(layer):
    layer.running_mean = layer.running_var = layer.num_batches_tracked = None


CHANGED = {
    "the plain average": lambda layer: setattr(layer, "momentum", None),
    "no scale": without_scale,
    "no statistics": without_statistics,
    "statistics not used": lambda layer: setattr(layer, "track_running_stats", False),
    "no count": lambda layer: setattr(layer, "num_batches_tracked", None),
}


@pytest.mark.parametrize("change", CHANGED)
def test_changed_from_outside_it_is_what_batch_norm_is(change):
    ghost = made(len(IMAGES))
    plain = batch_norm_like(ghost)
    for layer in (ghost, plain):
        CHANGED[change](layer)
    for training in (True, True, False):
        for x in (IMAGES, IMAGES[:0] if training else IMAGES, 2 * IMAGES):
            y, expected = ghost.train(training)(x), plain.train(training)(x)
            torch.testing.assert_close(y, expected)
            assert y.stride() == expected.stride()
        torch.testing.assert_close(ghost.state_dict(), plain.state_dict())


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_output_lies_in_memory_as_the_input(memory):
    x = IMAGES.contiguous(memory_format=memory)
    assert made(3)(x).stride() == batch_norm_like(made(3))(x).stride() == x.stride()


def test_what_has_no_parts_is_refused():
    with pytest.raises(ValueError, match="a batch of 12 images has no parts of 5: choose a batch size"):
        made(5)(IMAGES)
    for images in (0, 1.5, True, "2", None):
        with pytest.raises(ValueError, match=f"images is {images!r}; .* a whole number"):
            GhostBatchNorm2d(3, images)
    with pytest.raises(ValueError, match="expected 4D input"):
        made(2)(IMAGES[0])
    with pytest.raises(ValueError, match="ghost=4 with norm='layer': ghosts are of norm=\"batch\""):
        SmallCnn("layer", 1, 10, (8, 8), ghost=4)


def test_a_network_takes_them_in_every_block():
    net = SmallCnn("batch", 1, 10, (8, 8), ghost=4)
    assert [layer.images for layer in net.modules() if isinstance(layer, GhostBatchNorm2d)] == [4, 4]
    assert list(net.state_dict()) == list(SmallCnn("batch", 1, 10, (8, 8)).state_dict())
