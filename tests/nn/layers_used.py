"""What the tests of several networks look at: their layers, in the order of use."""

import torch
from torch import nn


def layers_used(model: nn.Module, *size: int) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """Each layer without children that a batch of that size passes, with the shape of its output."""
    found = []
    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda layer, _, y: found.append((layer, tuple(y.shape))))
    model(torch.zeros(size))
    return found
