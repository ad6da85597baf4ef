"""The studies of lesson batch_norm_before_and_after: batch norm in an MLP, and their factorial."""

import dataclasses
from itertools import product
from typing import Any

from helpers.lessons.batch_norm_before_and_after.factorial import Design
from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "fashion_mlp_search": {
        "leaky none": 0.1,
        "leaky none input": 0.01,
        "relu none": 0.1,
        "relu none input": 0.03,
        "leaky after": 0.1,
        "leaky after input": 0.03,
        "relu after": 0.03,
        "relu after input": 0.3,
    },
}

# Lesson 08. As published: pixels from 0 to 1, plain SGD with a fixed rate, 55,000 images to train on.
_MLP_RECIPE = Recipe(epochs=10, batch_size=32, lr=1e-3, momentum=0.0, weight_decay=0.0, schedule="constant")
ACTIVATIONS = {"leaky": "leaky_relu", "relu": "relu"}  # with the first weights that go with each


def mlp_name(activation: str, norm: str, input_norm: bool) -> str:
    """The arm of fashion_mlp with these factors: "leaky none", "relu after input".

    activation: "leaky" or "relu"; norm: "none", or where batch norm stands: "before" or "after" it.
    """
    return " ".join([activation, norm, *["input"] * input_norm])


def _mlp_arm(activation: str, norm: str, input_norm: bool, recipe: Recipe, *tried: float) -> Arm:
    options: dict[str, Any] = {"activation": ACTIVATIONS[activation], "input_norm": input_norm}
    if norm == "before":
        options["before"] = True
    kind = "none" if norm == "none" else "batch"
    at = (mlp_name(activation, norm, input_norm), *tried)
    return arm_at(at, kind, recipe, "mlp", "min_max", options)


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
        lesson="08_batch_norm_before_and_after",
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
        lesson="08_batch_norm_before_and_after",
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
            _mlp_arm(activation, norm, input_norm, dataclasses.replace(_MLP_RECIPE, lr=rate), rate)
            for norm in ("none", "after")
            for activation in ACTIVATIONS
            for input_norm in (False, True)
            for rate in MLP_RATES
        ),
        title="The learning rate for each network of the Fashion-MNIST factorial: 5,000 images held out",
        lesson="08_batch_norm_before_and_after",
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
        lesson="08_batch_norm_before_and_after",
        looks=(5,),
        matters=0.3,
        validation=5_000,
        measures=("test", "shifts", "train"),
    )


DECAYED_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
_DECAYED = dataclasses.replace(_MLP_RECIPE, schedule="linear")


def _decayed_arms(activation: str, norm: str, rate: float, *tried: float) -> tuple[Arm, ...]:
    """Pixels from 0 to 1, those with an input batch norm, and pixels standardized by two fixed numbers."""
    recipe = dataclasses.replace(_DECAYED, lr=rate)
    plain = _mlp_arm(activation, norm, False, recipe, *tried)
    options = {"scaling": "standardized", "options": plain.options}
    return (
        plain,
        _mlp_arm(activation, norm, True, recipe, *tried),
        arm_at((f"{activation} {norm} standardized", *tried), plain.norm, recipe, plain.network, **options),
    )


def fashion_mlp_decayed_search() -> Study:
    return Study(
        name="fashion_mlp_decayed_search",
        dataset="fashion-mnist",
        arms=tuple(
            arm
            for norm in ("none", "after", "before")
            for activation in ACTIVATIONS
            for rate in DECAYED_RATES
            for arm in _decayed_arms(activation, norm, rate, rate)
        ),
        title="The learning rate, falling to 0, for each Fashion-MNIST MLP: 5,000 images held out",
        lesson="08_batch_norm_before_and_after",
        looks=(2,),
        validation=5_000,
        sweep=True,
    )


def fashion_mlp_framework() -> Study:
    """The published network with the eps and the running averages of the framework that it was made with."""
    arms = fashion_mlp_published().arms
    keras = {"eps": 1e-3, "momentum": 0.01}  # its momentum of 0.99 is 0.01 in PyTorch's terms
    theirs = dataclasses.replace(
        arms[1], name="relu after input, eps 0.001", options={**(arms[1].options or {}), **keras}
    )
    return dataclasses.replace(
        fashion_mlp_published(),
        name="fashion_mlp_framework",
        arms=(*arms, theirs),
        title="The published Fashion-MNIST networks, with PyTorch's eps and momentum, and the framework's",
        looks=(10,),
    )


def mlp_design(off: str, on: str, factor: str) -> Design:
    """The study fashion_mlp as a factorial of three: first layers, `factor`, input batch norm.

    off, on: the two places of batch norm that `factor` stands for: "none", "after" or "before".
    """
    cells = product((False, True), repeat=3)
    names = {
        (relu, norm, pixels): mlp_name("relu" if relu else "leaky", on if norm else off, pixels)
        for relu, norm, pixels in cells
    }
    return Design(("ReLU + Glorot", factor, "input batch norm"), names)


BATCH_NORM = mlp_design("none", "after", "batch norm")
PLACE = mlp_design("after", "before", "before")
