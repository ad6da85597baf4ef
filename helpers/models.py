"""The lessons' networks by name, each with a normalization by name, and the table of a network's layers."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from helpers import modes
from helpers.datasets import ImageData
from helpers.networks import CifarNet, Mlp, MnistNet, PlainNet, SmallCnn, Vgg

NETWORKS = ("cifar_net", "small_cnn", "mlp", "mnist_net", "vgg", "plain_net")


def build(
    norm: str,
    data: ImageData,
    seed: int,
    *,
    network: str = "cifar_net",
    own_layers: bool = False,
    **options: Any,
) -> nn.Module:
    """One of NETWORKS for the images of `data`; one seed gives the same other weights whatever the norm.

    Normalization starts from ones and zeros and draws no random numbers. `own_layers` takes the course's own
    normalization layers. `options` are those of the network's class in helpers.networks, such as `depth`.
    Raises ValueError for an unknown name.
    """
    channels, *size = data.train_images.shape[1:]
    images = {"in_channels": channels, "num_classes": len(data.class_names)}
    makers: dict[str, tuple[Callable[..., nn.Module], dict[str, Any]]] = {
        "cifar_net": (CifarNet, images),
        "small_cnn": (SmallCnn, images | {"size": tuple(size)}),
        "mlp": (Mlp, {"inputs": channels * size[0] * size[1], "num_classes": images["num_classes"]}),
        "mnist_net": (MnistNet, images),
        "vgg": (Vgg, images | {"size": tuple(size)}),
        "plain_net": (PlainNet, images),
    }
    if network not in makers:
        raise ValueError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
    make, settings = makers[network]
    with modes.seeded(seed, torch.get_default_device().type):
        return make(norm, own_layers=own_layers, **settings, **options)


def summary(model: nn.Module, input_size: tuple[int, ...]) -> pd.DataFrame:
    """One row for each layer without children, in the order of use: layer, kind, output shape, parameters.

    The images are zeros of the model's own device and floating type, in evaluation mode; afterwards each
    module has the mode it had before. A layer whose weight is parametrized is one row. A parameter counts in
    the first row that has it: where layers share it, or one is used again, it is not counted twice. The shape
    of a layer that gives several tensors, such as an LSTM, is that of the first.

    Args:
        input_size: of one batch, (N, C, H, W).
    """
    rows: list[dict[str, Any]] = []
    counted: set[nn.Parameter] = set()

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(layer: nn.Module, _: Any, output: Any) -> None:
            while not isinstance(output, Tensor):
                output = output[0]
            fresh = set(layer.parameters()) - counted
            counted.update(fresh)
            rows.append(
                {
                    "layer": name,
                    "kind": _kind(layer),
                    "output shape": tuple(output.shape),
                    "parameters": sum(p.numel() for p in fresh),
                }
            )

        return hook

    numbers = [t for t in (*model.parameters(), *model.buffers()) if t.is_floating_point()]
    like = numbers[0] if numbers else torch.empty(0, dtype=torch.float32)
    images = torch.zeros(input_size, dtype=like.dtype, device=like.device)
    hooks = [layer.register_forward_hook(note(name)) for name, layer in _leaves(model)]
    try:
        with modes.evaluation(model), torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows)


def _leaves(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers without children; what computes a layer's weight is no layer."""
    inner = {
        id(module)
        for layer in model.modules()
        if parametrize.is_parametrized(layer)
        for module in layer.parametrizations.modules()
    }
    layers = [(name, layer) for name, layer in model.named_modules() if id(layer) not in inner]
    return [(name, layer) for name, layer in layers if all(id(c) in inner for c in layer.children())]


def _kind(layer: nn.Module) -> str:
    """str(layer), in one line where the layer holds parametrizations."""
    return str(layer) if not list(layer.children()) else f"{type(layer).__name__}({layer.extra_repr()})"
