"""The studies of lesson fifty_thousand_parameters: rates, one change at a time, and the final design.

What is changed is judged on images held out of the training images; the test images are for the final design.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from helpers.images.batches import Augment
from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

LESSON = "15_fifty_thousand_parameters"
HELD_OUT = 5_000
SHORT = 3  # epochs of a trial
PARAMETERS = 49_394  # of the final design

# Search -> the best rate of each family on held-out images; until it is recorded, those of single trials.
CHOSEN: dict[str, dict[str, float]] = {}
RATES = {"muon": 0.05, "rest": 0.05, "sgd": 0.1, "adamw": 0.004} | CHOSEN.get("budget_search", {})

PUBLISHED = Recipe(augment=Augment(pad=4, flip=True, rotation=15.0))  # of lesson batch_layer_group_compared
DESIGN = Recipe(
    batch_size=64,
    optimizer="muon",
    lr=RATES["rest"],
    matrix_lr=RATES["muon"],
    bias_factor=4.0,
    augment=Augment(pad=2, flip=True, alternating=True),
)
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "matrix_lr": None, "lr": RATES["sgd"]},
    "adamw": {"optimizer": "adamw", "matrix_lr": None, "lr": RATES["adamw"]},
}


def design(
    name: str, epochs: int, recipe: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None
) -> Arm:
    """The final design, trained for so many epochs, with changes to its recipe or its network."""
    changed = dataclasses.replace(DESIGN, epochs=epochs, **(recipe or {}))
    return Arm(name, "batch", changed, "separable_net", options=options or None)


TRIED = {
    "muon": (0.0125, 0.025, 0.05, 0.1, 0.2),  # of the matrices; all else at 0.05
    "rest": (0.01, 0.02, 0.04, 0.08, 0.16),  # of all else; the matrices at 0.05
    "sgd": (0.025, 0.05, 0.1, 0.2, 0.4),
    "adamw": (0.001, 0.002, 0.004, 0.008, 0.016),
}


def _tried(family: str, rate: float) -> Arm:
    changes = {
        "muon": {"matrix_lr": rate, "lr": 0.05},
        "rest": {"matrix_lr": 0.05, "lr": rate},
        "sgd": OPTIMIZERS["sgd"] | {"lr": rate},
        "adamw": OPTIMIZERS["adamw"] | {"lr": rate},
    }[family]
    arm = design("", SHORT, changes)
    return arm_at((family, rate), arm.norm, arm.recipe, arm.network)


def budget_search() -> Study:
    return Study(
        name="budget_search",
        dataset="cifar10",
        arms=tuple(_tried(family, rate) for family, rates in TRIED.items() for rate in rates),
        title=(
            f"The learning rates of Muon, SGD and AdamW for {PARAMETERS:,} parameters: "
            "CIFAR-10, 5,000 held out"
        ),
        lesson=LESSON,
        looks=(1,),
        validation=HELD_OUT,
        sweep=True,
    )


# What the design has, taken out: a change of its recipe, or of its network.
WITHOUT: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "first layer learned": ({}, {"whiten": False}),
    "scales learned": ({}, {"frozen_scales": False}),
    "no gates": ({}, {"gate": False}),
    "full convolutions": ({}, {"separable": False, "widths": (14, 24, 32)}),
    "SGD": (OPTIMIZERS["sgd"], {}),
    "AdamW": (OPTIMIZERS["adamw"], {}),
    "one rate for biases": ({"bias_factor": None}, {}),
    "batches of 128": ({"batch_size": 128}, {}),
    "crops of 4": ({"augment": dataclasses.replace(DESIGN.augment, pad=4)}, {}),
    "flips by chance": ({"augment": dataclasses.replace(DESIGN.augment, alternating=None)}, {}),
}
# What it might have: more parts, or the same number of parameters spread otherwise.
WITH: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "label smoothing": ({"label_smoothing": 0.1}, {}),
    "averaged weights": ({"average": 0.99}, {}),
    "a rate that only falls": ({"schedule": "linear"}, {}),
    "decay 0.1 of the matrices": ({"matrix_decay": 0.1}, {}),
    "downsampled at once": ({}, {"widths": (32, 64, 76), "blocks": (0, 4, 3)}),
    "three blocks at 32 x 32": ({}, {"widths": (32, 64, 78), "blocks": (3, 3, 3)}),
    "fewer and wider": ({}, {"widths": (32, 76, 96), "blocks": (2, 2, 2)}),
}


def budget_steps() -> Study:
    """The design, and each of the changes by itself; the published network and recipe, and each with ours."""
    with_ours = dataclasses.replace(DESIGN, epochs=SHORT, **OPTIMIZERS["sgd"])  # it has no matrices for Muon
    published = dataclasses.replace(PUBLISHED, epochs=SHORT)
    starts = (
        Arm("published", "batch", published),
        Arm("published recipe", "batch", published, "separable_net"),
        Arm("published network", "batch", with_ours),
    )
    return Study(
        name="budget_steps",
        dataset="cifar10",
        arms=(
            design("design", SHORT),
            *(design(name, SHORT, *changes) for name, changes in (WITHOUT | WITH).items()),
            *(dataclasses.replace(arm, seeds=3) for arm in starts),  # far below
        ),
        title="Fewer than 50,000 parameters, 3 epochs: one change at a time, CIFAR-10, 5,000 images held out",
        lesson=LESSON,
        looks=(3, 6),
        matters=0.3,
        validation=HELD_OUT,
    )


SPRINTS = {"1 epoch": 1, "3 epochs": SHORT}


def budget_final() -> Study:
    """Five seeds of the design; of the published network two, for its time on the same machine."""
    return Study(
        name="budget_final",
        dataset="cifar10",
        arms=(design("design", 20), Arm("published", "batch", PUBLISHED, seeds=2)),
        title=(
            f"The final design with {PARAMETERS:,} parameters, and the published network: CIFAR-10, 20 epochs"
        ),
        lesson=LESSON,
        looks=(5,),
        matters=0.5,
        measures=("train", "flipped"),
    )


def budget_sprint() -> Study:
    """The design with a schedule of one epoch, and of three: what it reaches in hardly any time."""
    return Study(
        name="budget_sprint",
        dataset="cifar10",
        arms=tuple(design(name, epochs) for name, epochs in SPRINTS.items()),
        title=f"The final design with {PARAMETERS:,} parameters, 1 and 3 epochs of CIFAR-10",
        lesson=LESSON,
        looks=(3, 5),
        matters=0.5,
        measures=("train", "flipped"),
    )
