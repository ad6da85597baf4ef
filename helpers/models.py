"""The lessons' networks by name, each with a normalization by name, and the table of a network's layers."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(norm, own_layers=own_layers, **settings, **options)


def summary(model: nn.Module, input_size: tuple[int, ...]) -> pd.DataFrame:
    """One row for each layer without children, in the order of use: layer, output shape, parameters.

    Args:
        input_size: of one batch, (N, C, H, W).
    """
    rows: list[dict[str, Any]] = []

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(layer: nn.Module, _: Any, output: Tensor) -> None:
            count = sum(p.numel() for p in layer.parameters())
            rows.append(
                {"layer": name, "kind": str(layer), "output shape": tuple(output.shape), "parameters": count}
            )

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(note(name)) for name, layer in leaves]
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(input_size, device=next(model.parameters()).device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows)
