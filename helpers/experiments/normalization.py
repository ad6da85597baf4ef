"""The studies of lessons 01, 05 and 06: scalings of the input, batch norm in an MLP, five norms."""

import dataclasses
from typing import Any

from helpers.batches import Augment
from helpers.experiments.chosen import CHOSEN
from helpers.experiments.study import Arm, Study
from helpers.training import Recipe


def cifar_norms() -> Study:
    augment = Augment(pad=4, flip=True, rotation=15.0, corners="black")
    recipe = Recipe(
        epochs=20,
        batch_size=512,
        optimizer="sgd",
        lr=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        schedule="one_cycle",
        augment=augment,
    )
    mean_corners = dataclasses.replace(recipe, augment=dataclasses.replace(augment, corners="mean"))
    arms = (
        Arm("none", "none", recipe, seeds=5),
        Arm("batch", "batch", recipe),
        Arm("layer", "layer", recipe),
        Arm("group", "group", recipe),
        Arm("instance", "instance", recipe, seeds=5),
        Arm("batch_mean_corners", "batch", mean_corners),
    )
    return Study(
        name="cifar_norms",
        dataset="cifar10",
        arms=arms,
        title="Five normalizations on CIFAR-10 with 44,640 parameters: the published recipe, 20 epochs",
        lesson="06_batch_layer_group_compared",
        looks=(5, 10, 20, 30),  # the first edition looked at 5
        matters=0.5,
    )


SCALING_RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)


SCALED = ("raw", "min_max", "standardized", "per_image", "equalized")


def _scaling_arm(scale: str, rate: float, suffix: str = "") -> Arm:
    recipe = Recipe(epochs=5, batch_size=128, lr=rate, weight_decay=0.0)
    return Arm(scale + suffix, "none", recipe, "small_cnn", scale)


def input_scaling_search() -> Study:
    return Study(
        name="input_scaling_search",
        dataset="fashion-mnist",
        arms=tuple(_scaling_arm(name, rate, f" {rate:g}") for name in SCALED for rate in SCALING_RATES),
        title="The learning rate for each scaling of the input: Fashion-MNIST, 10,000 images held out",
        lesson="01_data_normalization",
        looks=(1,),
        validation=10_000,
        sweep=True,
    )


def input_scaling() -> Study:
    return Study(
        name="input_scaling",
        dataset="fashion-mnist",
        arms=tuple(_scaling_arm(name, CHOSEN["input_scaling_search"][name]) for name in SCALED),
        title="Five scalings of the input on Fashion-MNIST, each with its own best learning rate, 5 epochs",
        lesson="01_data_normalization",
        looks=(5,),
        matters=0.3,
    )


# Lesson 05. As published: pixels from 0 to 1, plain SGD with a fixed rate, 55,000 images to train on.
_MLP_RECIPE = Recipe(epochs=10, batch_size=32, lr=1e-3, momentum=0.0, weight_decay=0.0, schedule="constant")
ACTIVATIONS = {"leaky": "leaky_relu", "relu": "relu"}  # with the first weights that go with each


def mlp_name(activation: str, norm: str, input_norm: bool) -> str:
    """The arm of fashion_mlp with these factors: "leaky none", "relu after input".

    activation: "leaky" or "relu"; norm: "none", or where batch norm stands: "before" or "after" it.
    """
    return " ".join([activation, norm, *["input"] * input_norm])


def _mlp_arm(activation: str, norm: str, input_norm: bool, recipe: Recipe, suffix: str = "") -> Arm:
    options: dict[str, Any] = {"activation": ACTIVATIONS[activation], "input_norm": input_norm}
    if norm == "before":
        options["before"] = True
    kind = "none" if norm == "none" else "batch"
    return Arm(mlp_name(activation, norm, input_norm) + suffix, kind, recipe, "mlp", "min_max", options)


def fashion_mlp() -> Study:
    return Study(
        name="fashion_mlp",
        dataset="fashion-mnist",
        arms=tuple(
            _mlp_arm(activation, norm, input_norm, _MLP_RECIPE)
            for norm in ("none", "after", "before")
            for activation in ACTIVATIONS
            for input_norm in (False, True)
        ),
        title="A Fashion-MNIST MLP: activation, batch norm and input batch norm, each with and without",
        lesson="05_batch_norm_before_and_after",
        looks=(5,),
        matters=0.3,
        validation=5_000,
        measures=("test", "shifts", "train"),
    )


def fashion_mlp_published() -> Study:
    """The two published networks, with the first 5,000 images held out, as is usual with this split."""
    return Study(
        name="fashion_mlp_published",
        dataset="fashion-mnist",
        arms=(
            _mlp_arm("leaky", "none", False, _MLP_RECIPE),
            _mlp_arm("relu", "after", True, _MLP_RECIPE),
        ),
        title="The two published Fashion-MNIST networks, tested on the first 5,000 training images",
        lesson="05_batch_norm_before_and_after",
        looks=(5,),
        matters=0.3,
        validation=5_000,
        first=True,
        measures=("test", "train"),
    )


MLP_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)


def fashion_mlp_search() -> Study:
    return Study(
        name="fashion_mlp_search",
        dataset="fashion-mnist",
        arms=tuple(
            _mlp_arm(activation, norm, input_norm, dataclasses.replace(_MLP_RECIPE, lr=rate), f" {rate:g}")
            for norm in ("none", "after")
            for activation in ACTIVATIONS
            for input_norm in (False, True)
            for rate in MLP_RATES
        ),
        title="The learning rate for each network of the Fashion-MNIST factorial: 5,000 images held out",
        lesson="05_batch_norm_before_and_after",
        looks=(1,),
        validation=5_000,
        sweep=True,
    )


def fashion_mlp_tuned() -> Study:
    best = CHOSEN["fashion_mlp_search"]
    return Study(
        name="fashion_mlp_tuned",
        dataset="fashion-mnist",
        arms=tuple(
            _mlp_arm(activation, norm, input_norm, dataclasses.replace(_MLP_RECIPE, lr=best[name]))
            for norm in ("none", "after")
            for activation in ACTIVATIONS
            for input_norm in (False, True)
            if (name := mlp_name(activation, norm, input_norm))
        ),
        title="The Fashion-MNIST factorial, each network with its own best learning rate",
        lesson="05_batch_norm_before_and_after",
        looks=(5,),
        matters=0.3,
        validation=5_000,
        measures=("test", "shifts", "train"),
    )
