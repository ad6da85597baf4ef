"""What others published: figures that the runs are compared with, and a worked example."""

import json
from typing import Any

import torch
from torch import Tensor

from helpers import ROOT

_FASHION = (
    "fashion_mnist_mlp",
    {
        "leaky none": "no norm: LeakyReLU, He-normal init",
        "relu after input": "batch norm on the input and after each hidden layer: ReLU, Glorot init",
    },
)
_NAMES = {  # what a source calls a figure -> what the course does
    "final_validation": "final",
    "validation": "test_accuracy",
    "train": "train_accuracy",
}

_SOURCES = {  # study -> its part of published.json, and which of its arms was published under which name
    "cifar_norms": (
        "cifar10_norms",
        {
            "batch": "batch_norm",
            "layer": "layer_norm (GroupNorm(1, C))",
            "group": "group_norm (GroupNorm(2, C))",
        },
    ),
    "fashion_mlp": _FASHION,
    "fashion_mlp_published": _FASHION,
    "budget_final": ("cifar10_norms", {"published": "batch_norm"}),
    "sequences_published": ("character_transformer", {"published": "small"}),
    "mnist_regularization": (
        "mnist_norm_regularization",
        {
            "layer none": "layer_norm",
            "group none": "group_norm",
            "batch none": "batch_norm",
            "batch L1": "batch_norm + L1",
            "group L1": "group_norm + L1",
            "layer L2": "layer_norm + L2",
            "batch L1 + L2": "batch_norm + L1 + L2",
        },
    ),
}


def published_for(study: str) -> dict[str, dict[str, Any]]:
    """Arm -> what others published for it, empty if nothing: of best, final, test_accuracy and train_accuracy
    (lists by epoch) what the source has, in percent, on the images that the study's runs are tested on; of a
    text the loss, in nats per character.
    """
    if study not in _SOURCES:
        return {}
    part, names = _SOURCES[study]
    figures = published()[part]
    return {
        arm: {_NAMES.get(what, what): value for what, value in figures[name].items()}
        for arm, name in names.items()
    }


def worked_example() -> Tensor:
    """The published worked example: 3 images, 4 channels, 1 x 2 pixels, float32 (3, 4, 1, 2).

    Source: `data/published.json`, key `worked_example`.
    """
    return torch.tensor(published()["worked_example"]["images"], dtype=torch.float32)


def published() -> dict[str, Any]:
    """The figures that others published (accuracies in percent), from data/published.json."""
    return json.loads((ROOT / "data" / "published.json").read_text(encoding="utf-8"))
