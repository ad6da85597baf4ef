"""The network of lesson fifty_thousand_parameters: its parts, what they compute and how it lies in memory."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.images import datasets
from helpers.nn import norms, separable
from helpers.nn.networks import CifarNet, build, multiply_adds
from helpers.nn.separable import ChannelGate, MatrixConv2d, SeparableNet, matrices, pixel_mean, whitening

DIGITS = datasets.load("digits")
SMALL = {"widths": (4, 6), "blocks": (1, 2)}


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def colours(count=40, size=9):
    """Images whose neighbouring pixels and channels go together, of unequal scales."""
    x = F.avg_pool2d(normal(count, 3, size + 2, size + 2), 3, stride=1)
    x[:, 1] = 0.7 * x[:, 0] + 0.5 * x[:, 1]
    x = x * torch.tensor([1.0, 2.0, 0.3])[:, None, None]
    return (120 + 60 * x).clamp(0, 255).byte()


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_it_has_fewer_than_50_000_parameters_frozen_ones_counted():
    net = SeparableNet("batch", 3, 10, patches=torch.zeros(12, 3, 2, 2))
    first = 24 * 12 + 24
    entries = 24 * 32 + 32 * 64 + 64 * 80
    blocks = 2 * (9 * 32 + 32**2) + 3 * (9 * 64 + 64**2) + 3 * (9 * 80 + 80**2)
    per_channel = 32 * 2 + 64 * 3 + 80 * 3  # of the blocks
    norm_parameters = 2 * (per_channel + 32 + 64 + 80)
    assert count(net) == first + entries + blocks + norm_parameters + 2 * per_channel + 810 == 49_394
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    scales = {f"{name}.weight" for name, layer in net.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    assert len(scales) == 11
    assert frozen == {"patches.weight", *scales}
    assert count(SeparableNet("batch", 3, 10, gate=False)) == 49_394 - 2 * per_channel
    trained = SeparableNet("batch", 3, 10, frozen_scales=False)
    assert count(trained) == 49_394
    assert all(p.requires_grad for p in trained.parameters())
    assert count(SeparableNet("none", 3, 10)) == 49_394 - norm_parameters


def test_its_multiply_adds_are_those_of_its_convolutions_and_its_last_layer():
    first = 12 * 24 * 32**2
    stages = (
        (24 * 32 + 2 * (9 * 32 + 32**2)) * 32**2
        + (32 * 64 + 3 * (9 * 64 + 64**2)) * 16**2
        + (64 * 80 + 3 * (9 * 80 + 80**2)) * 8**2
    )
    net = SeparableNet("batch", 3, 10)
    assert multiply_adds(net, (1, 3, 32, 32)) == first + stages + 800 == 9_576_224
    assert multiply_adds(net, (3, 3, 32, 32)) == 3 * 9_576_224
    assert net.training
    full = SeparableNet("batch", 3, 10, widths=(8,), blocks=(1,), separable=False)
    assert multiply_adds(full, (1, 3, 8, 8)) == (12 * 24 + 24 * 8 + 9 * 8 * 8) * 64 + 80
    assert multiply_adds(CifarNet("batch"), (1, 3, 32, 32)) > 9_576_224


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_the_first_layer_whitens_patches(eps):
    images = colours()
    mean, std = (
        value(images.float() / 255, dim=(0, 2, 3)) for value in (torch.mean, lambda x, dim: x.std(dim))
    )
    filters = whitening(images, mean, std, eps)
    assert filters.shape == (12, 3, 2, 2)
    assert filters.dtype == torch.float32
    x = ((images.double() / 255 - mean[:, None, None]) / std[:, None, None]).float()
    patches = F.unfold(x, 2).transpose(1, 2).flatten(0, 1).double()
    before = torch.linalg.eigvalsh(torch.cov(patches.T, correction=0))
    assert before[-1] > 100 * before[0]  # far from white
    outputs = F.conv2d(x, filters).transpose(0, 1).flatten(1).double()
    expected = torch.diag(before / (before + eps))
    torch.testing.assert_close(torch.cov(outputs, correction=0), expected, rtol=1e-3, atol=1e-3)


def test_whitening_is_of_the_training_images_and_of_a_constant_pixel_too():
    flat = torch.full((6, 1, 5, 5), 7, dtype=torch.uint8)
    assert whitening(flat, torch.tensor([7 / 255]), torch.zeros(1)).isfinite().all()
    net = build("batch", DIGITS, 0, network="separable_net", **SMALL)
    filters = whitening(DIGITS.train_images, DIGITS.mean, DIGITS.std)
    assert torch.equal(net.patches.weight, torch.cat([filters, -filters]))
    other = build("batch", DIGITS.subset(100), 0, network="separable_net", **SMALL)
    assert not torch.equal(other.patches.weight, net.patches.weight)
    learned = build("batch", DIGITS, 0, network="separable_net", whiten=False, **SMALL)
    assert learned.patches.weight.requires_grad
    assert count(learned) == count(net)
    assert not torch.equal(learned.patches.weight, net.patches.weight)


def test_one_seed_gives_the_same_other_weights_with_and_without_whitening():
    nets = [
        build("batch", DIGITS, 3, network="separable_net", whiten=whiten, **SMALL) for whiten in (True, False)
    ]
    for (name, a), b in zip(nets[0].named_parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b) == (name != "patches.weight")


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_matrix_convolves_as_a_convolution_of_the_same_weights(kernel):
    layer, plain = MatrixConv2d(3, 5, kernel), nn.Conv2d(3, 5, kernel, padding=kernel // 2, bias=False)
    assert layer.weight.shape == (5, 3 * kernel**2)
    plain.weight.data = layer.weight.detach().view_as(plain.weight)
    x = normal(2, 3, 7, 6)
    torch.testing.assert_close(layer(x), plain(x))


def test_the_matrices_are_all_but_the_last_layers_weight():
    for separate in (True, False):
        net = SeparableNet("batch", 3, 10, separable=separate, **SMALL)
        found = [name for name, p in net.named_parameters() if p.dim() == 2]
        assert found[-1] == "classifier.weight"
        assert [id(p) for p in matrices(net)] == [
            id(dict(net.named_parameters())[name]) for name in found[:-1]
        ]
        assert len(found) == 2 + 3 + 1
    assert matrices(CifarNet("batch")) == []


def test_it_computes_what_it_says():
    net = SeparableNet("batch", 3, 10, patches=normal(12, 3, 2, 2), widths=(4,), blocks=(1,)).double()
    for i, p in enumerate(net.parameters()):
        p.data = 0.5 * normal(*p.shape, seed=i, dtype=torch.float64)
    x = normal(5, 3, 6, 7, dtype=torch.float64)

    def normed(h, layer):
        h = (h - h.mean((0, 2, 3), keepdim=True)) / (
            h.var((0, 2, 3), correction=0, keepdim=True) + 1e-5
        ).sqrt()
        return h * layer.weight[:, None, None] + layer.bias[:, None, None]

    padded = torch.zeros(5, 3, 7, 8, dtype=torch.float64)
    padded[:, :, :6, :7] = x
    h = F.conv2d(padded, net.patches.weight, net.patches.bias).clamp(min=0)
    entry, first, _, residual, _ = net.stages
    depthwise, pointwise, second, gate = residual.inner
    h = normed(torch.einsum("oc,nchw->nohw", entry.weight, h), first).clamp(min=0)
    y = F.conv2d(h, depthwise.weight, padding=1, groups=4)
    y = normed(torch.einsum("oc,nchw->nohw", pointwise.weight, y), second)
    factor = 2 / (1 + torch.exp(-(gate.weight * y.mean((2, 3)) + gate.bias)))
    h = (h + y * factor[:, :, None, None]).clamp(min=0)
    expected = h.mean((2, 3)) @ net.classifier.weight.T + net.classifier.bias
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (9, 4), (33, 31)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_takes_images_of_any_size_from_4_pixels(size, channels):
    net = SeparableNet("batch", channels, 7, widths=(4, 6, 8), blocks=(1, 1, 1)).eval()
    assert net.patches.out_channels == 8 * channels
    assert net(normal(3, channels, *size)).shape == (3, 7)
    assert net(normal(1, channels, *size)).shape == (1, 7)


def test_first_a_gate_is_the_identity_and_its_gradients_are_right():
    gate, x = ChannelGate(3).double(), normal(2, 3, 4, 5, dtype=torch.float64)
    assert torch.equal(gate(x), x)
    gate.weight.data, gate.bias.data = torch.tensor([1.0, -2.0, 0.5]).double(), torch.tensor([0.1, 0, 3.0])
    gate.double()
    assert torch.autograd.gradcheck(gate, (x.requires_grad_(),))
    assert torch.autograd.gradcheck(pixel_mean, (x,))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_images_stay_in_channels_last_and_in_their_precision_forward_and_backward(precision):
    net = SeparableNet("batch", 3, 10, patches=normal(12, 3, 2, 2), **SMALL)
    net.to(memory_format=torch.channels_last)
    gates = [layer for layer in net.modules() if isinstance(layer, ChannelGate)]
    seen = []

    def note(_, inputs, output):
        seen.append(output)
        for x in (*inputs, output):
            x.register_hook(seen.append)

    for gate in gates:
        gate.register_forward_hook(note)
    x = normal(4, 3, 8, 8).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        logits = net(x)
    logits.float().square().mean().backward()
    assert len(seen) == 3 * len(gates) == 9
    assert {y.dtype for y in seen} == {getattr(torch, precision)}
    assert all(y.is_contiguous(memory_format=torch.channels_last) for y in seen)
    assert all((p.grad is not None) == p.requires_grad for p in net.parameters())
    assert all(p.grad.dtype == torch.float32 for p in net.parameters() if p.requires_grad)


def test_the_gradient_of_a_mean_over_pixels_is_not_one_number_expanded():
    x = normal(4, 3, 5, 6).to(memory_format=torch.channels_last).requires_grad_()
    weight = normal(4, 3, seed=1)
    (gradient,) = torch.autograd.grad((weight * pixel_mean(x)).sum(), x)
    torch.testing.assert_close(gradient, (weight / 30)[:, :, None, None].expand(4, 3, 5, 6))
    assert gradient.is_contiguous(memory_format=torch.channels_last)


def test_own_layers_and_torchs_give_the_same_network():
    nets = [
        build("batch", DIGITS, 0, network="separable_net", own_layers=own, **SMALL).double()
        for own in (True, False)
    ]
    assert any(isinstance(layer, norms.BatchNorm2d) for layer in nets[0].modules())
    frozen = [[name for name, p in net.named_parameters() if not p.requires_grad] for net in nets]
    assert frozen[0] == frozen[1]
    x, outputs = normal(6, 1, 8, 8, dtype=torch.float64), []
    for net in nets:
        logits = net(x)
        logits.square().mean().backward()
        outputs.append((logits, [p.grad for p in net.parameters() if p.requires_grad]))
    torch.testing.assert_close(outputs[0], outputs[1])


def test_stages_have_a_width_and_a_number_of_blocks_each():
    with pytest.raises(ValueError, match="zip"):
        SeparableNet("batch", 3, 10, widths=(4, 6), blocks=(1,))


def test_at_most_5_000_images_are_looked_at(monkeypatch):
    monkeypatch.setattr(separable, "MOST", 20)
    mean, std = torch.full((3,), 0.5), torch.full((3,), 0.2)
    images = colours()
    assert torch.equal(whitening(images, mean, std), whitening(images[:20], mean, std))
    assert not torch.equal(whitening(images, mean, std), whitening(images[:10], mean, std))
