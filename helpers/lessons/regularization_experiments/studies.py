"""The studies of lesson regularization_experiments: L1 and L2 beside the norms, paths of L1."""

import dataclasses
from typing import Any

from helpers.images.batches import Augment
from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "mnist_search": {"batch": 0.1, "layer": 0.1, "group": 0.3},
    "mnist_penalty_search": {
        "batch L1": 0.01,
        "layer L1": 0.003,
        "group L1": 0.003,
        "batch L2": 0.03,
        "layer L2": 0.03,
        "group L2": 0.1,
        "batch L1 + L2": 0.03,
        "layer L1 + L2": 0.003,
        "group L1 + L2": 0.003,
    },
}

# Lesson 13. The published recipe leaves open: the network, the learning rate, augmentation.
_MNIST_RECIPE = Recipe(
    epochs=15, batch_size=64, lr=0.1, weight_decay=0.0, augment=Augment(pad=2, rotation=10.0)
)
MNIST_RATES = (0.03, 0.1, 0.3, 1.0)


def mnist_search() -> Study:
    return Study(
        name="mnist_search",
        dataset="mnist",
        arms=tuple(
            arm_at((norm, rate), norm, dataclasses.replace(_MNIST_RECIPE, lr=rate), "mnist_net")
            for norm in ("batch", "layer", "group")
            for rate in MNIST_RATES
        ),
        title="The learning rate for each of three norms on MNIST, without penalty, 10,000 images held out",
        lesson="13_regularization_experiments",
        looks=(1,),
        validation=10_000,
        sweep=True,
    )


FACTOR = 1e-3  # of L1 and of L2, as published
PENALTIES: dict[str, dict[str, float]] = {
    "none": {},
    "L1": {"l1": FACTOR},
    "L2": {"weight_decay": FACTOR},
    "L1 + L2": {"l1": FACTOR, "weight_decay": FACTOR},
}
PENALTY_RATES = {  # a penalty acts in every step: with L1 of 0.001 smaller rates are tried
    "L1": (0.001, 0.003, 0.01, 0.03),
    "L2": (0.01, 0.03, 0.1, 0.3),
    "L1 + L2": (0.001, 0.003, 0.01, 0.03, 0.1),
}


def mnist_penalty_search() -> Study:
    return Study(
        name="mnist_penalty_search",
        dataset="mnist",
        arms=tuple(
            arm_at(
                (f"{norm} {name}", rate),
                norm,
                dataclasses.replace(_MNIST_RECIPE, lr=rate, **PENALTIES[name]),
                "mnist_net",
            )
            for name, rates in PENALTY_RATES.items()
            for rate in rates
            for norm in ("batch", "layer", "group")
        ),
        title="The learning rate for each norm with L1, L2 and both on MNIST, 10,000 images held out",
        lesson="13_regularization_experiments",
        looks=(1,),
        validation=10_000,
        sweep=True,
    )


def _rate(norm: str, penalty: str) -> float:
    found = CHOSEN["mnist_search"] if penalty == "none" else CHOSEN["mnist_penalty_search"]
    return found[norm if penalty == "none" else f"{norm} {penalty}"]


def mnist_regularization() -> Study:
    return Study(
        name="mnist_regularization",
        dataset="mnist",
        arms=tuple(
            Arm(
                f"{norm} {name}",
                norm,
                dataclasses.replace(_MNIST_RECIPE, lr=_rate(norm, name), **penalty),
                "mnist_net",
            )
            for norm in ("batch", "layer", "group")
            for name, penalty in PENALTIES.items()
        ),
        title="Three norms with L1, L2, both and neither on MNIST: 17,890 parameters, 15 epochs",
        lesson="13_regularization_experiments",
        looks=(5,),
        matters=0.1,
        measures=("train", "sparsity"),
        mixed=True,
    )


def mnist_penalties() -> Study:
    """The arms of mnist_regularization, trained anew: all arms of a seed on one machine."""
    arms = tuple(
        dataclasses.replace(arm, seeds=5) if arm.recipe.l1 and arm.recipe.weight_decay else arm
        for arm in mnist_regularization().arms
    )  # no claim compares L1 + L2
    return dataclasses.replace(
        mnist_regularization(), name="mnist_penalties", arms=arms, looks=(5, 10, 20), mixed=False
    )


FEW_PENALTIES: dict[str, dict[str, float]] = {
    "none": {},
    "L1 0.0001": {"l1": 1e-4},
    "L1 0.001": {"l1": 1e-3},
    "L1 0.01": {"l1": 0.01},
    "L2 0.001": {"weight_decay": 1e-3},
    "L2 0.01": {"weight_decay": 0.01},
    "L2 0.1": {"weight_decay": 0.1},
}
FEW_RATES = (0.01, 0.03, 0.1, 0.3)


def _few_arm(norm: str, name: str, rate: float, *tried: float) -> Arm:
    recipe = Recipe(epochs=30, batch_size=64, lr=rate, **({"weight_decay": 0.0} | FEW_PENALTIES[name]))
    return arm_at((f"{norm} {name}", *tried), norm, recipe, "mnist_net")


def few_images_search() -> Study:
    return Study(
        name="few_images_search",
        dataset="mnist",
        arms=tuple(
            _few_arm(norm, name, rate, rate)
            for norm in ("batch", "layer", "group")
            for name in FEW_PENALTIES
            for rate in FEW_RATES
        ),
        title="The learning rate for each norm and penalty on 1,000 MNIST images, 10,000 others held out",
        lesson="13_regularization_experiments",
        looks=(2,),
        validation=10_000,
        images=1_000,
        sweep=True,
    )


OTHER_RATES = {  # what five epochs of the search chose, where fifteen chose another rate
    "batch L1": 0.03,
    "layer L1": 0.01,
    "group L1": 0.01,
    "batch L2": 0.1,
    "layer L2": 0.1,
    "batch L1 + L2": 0.01,
    "layer L1 + L2": 0.01,
    "group L1 + L2": 0.01,
}


def mnist_other_rates() -> Study:
    """Arms of mnist_regularization at a second rate: how much of what a penalty costs is the rate's?"""
    arms = {arm.name: arm for arm in mnist_regularization().arms}
    return Study(
        name="mnist_other_rates",
        dataset="mnist",
        arms=tuple(
            dataclasses.replace(arms[name], recipe=dataclasses.replace(arms[name].recipe, lr=rate))
            for name, rate in OTHER_RATES.items()
        ),
        title="Penalties on MNIST at a second learning rate, that of a shorter search",
        lesson="13_regularization_experiments",
        looks=(5,),
        matters=0.1,
        measures=("train", "sparsity"),
        mixed=True,
    )


MNIST_PARAMETERS = 17_890  # of the network with a norm: what a mean over all parameters divides by


def mnist_readings() -> Study:
    """What a factor of 0.001 may have multiplied: the sums over all parameters: mnist_regularization."""
    l1, l2, none = (_rate("batch", penalty) for penalty in ("L1", "L2", "none"))
    readings: dict[str, dict[str, Any]] = {
        "L1 weights only": {"lr": l1, "l1": FACTOR, "penalized": "weights"},
        "L1 mean": {"lr": none, "l1": FACTOR / MNIST_PARAMETERS},  # next to none
        "L2 weights only": {"lr": l2, "weight_decay": FACTOR, "penalized": "weights"},
        "L2 sum of squares": {"lr": l2, "weight_decay": 2 * FACTOR},
    }
    return Study(
        name="mnist_readings",
        dataset="mnist",
        arms=tuple(
            Arm(f"batch {name}", "batch", dataclasses.replace(_MNIST_RECIPE, **settings), "mnist_net")
            for name, settings in readings.items()
        ),
        title="Other readings of the published factors 0.001 on MNIST: which parameters, sum or mean",
        lesson="13_regularization_experiments",
        looks=(5,),
        matters=0.1,
        measures=("train", "sparsity"),
        mixed=True,
    )


LAMBDAS = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01)


def l1_path() -> Study:
    """From weak to strong at one rate, that without penalty: L1's own moves no weight far in five epochs."""
    recipe = dataclasses.replace(_MNIST_RECIPE, lr=_rate("batch", "none"), epochs=5, penalized="weights")
    return Study(
        name="l1_path",
        dataset="mnist",
        arms=tuple(
            arm_at((step, l1), "batch", dataclasses.replace(recipe, l1=l1, l1_step=step), "mnist_net")
            for step in ("subgradient", "proximal")
            for l1 in LAMBDAS
        ),
        title="L1 from 0.000001 to 0.01 on MNIST, by subgradient and by proximal steps, 10,000 held out",
        lesson="13_regularization_experiments",
        looks=(5,),
        matters=0.1,
        validation=10_000,
        sweep=True,
        measures=("test", "train", "sparsity"),
    )
