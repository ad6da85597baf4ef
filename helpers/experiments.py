"""The course's studies as data: which arms, on which images, with which seeds."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from helpers import records, scaling
from helpers.batches import Augment
from helpers.layers import NORMS
from helpers.measures import MEASURES
from helpers.training import Recipe


@dataclasses.dataclass(frozen=True)
class Arm:
    """One setting of a study: a normalization by name (see layers.NORMS) and a training recipe.

    network: one of models.NETWORKS; "cifar_net" if None.
    scaling: one of scaling.SCALINGS, what is done to the images first; "standardized" if None.
    options: of the network, see models.build.
    """

    name: str
    norm: str
    recipe: Recipe
    network: str | None = None
    scaling: str | None = None
    options: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Study:
    """Arms that are compared on one data set with the same seeds; `lesson` is the notebook that shows it.

    seeds: how many runs of each arm are planned.
    validation: so many training images are held out, and the runs are tested on them instead of the test
        images.
    images: the first so many of the training images, in an order drawn once, are trained on; all if None.
    sweep: arms are named "family value" and tried to see which values serve a family (see helpers.search).
    measures: of helpers.measures, taken of each network at its end, on the real test images.
    """

    name: str
    dataset: str
    arms: tuple[Arm, ...]
    title: str
    lesson: str
    seeds: int = 5
    validation: int | None = None
    images: int | None = None
    sweep: bool = False
    measures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keys = [records.key(self.config(arm), 0) for arm in self.arms]
        if len(set(keys)) < len(keys) or len({arm.name for arm in self.arms}) < len(keys):
            raise ValueError(f"study {self.name}: arms share a name or all settings")
        unknown = set(self.measures) - set(MEASURES)
        if unknown:
            raise ValueError(
                f"study {self.name}: unknown measures {sorted(unknown)}; there are {', '.join(MEASURES)}"
            )

    @property
    def tested_on(self) -> str:
        """Which images the accuracies by epoch are of."""
        return "test images" if self.validation is None else "held-out images"

    def config(self, arm: Arm) -> dict[str, Any]:
        """Everything that determines a run of this arm but seed and machine; records.key hashes it."""
        config = {
            "dataset": self.dataset,
            "validation": self.validation,
            "images": self.images,
            "scaling": arm.scaling,
            "network": arm.network,
            "options": None if arm.options is None else dict(arm.options),
            "norm": arm.norm,
            "recipe": dataclasses.asdict(arm.recipe),
        }
        return {name: value for name, value in config.items() if value is not None}


def _cifar_norms() -> Study:
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
    norms = ("none", "batch", "layer", "group", "instance")
    return Study(
        name="cifar_norms",
        dataset="cifar10",
        arms=(*(Arm(norm, norm, recipe) for norm in norms), Arm("batch_mean_corners", "batch", mean_corners)),
        title="Five normalizations on CIFAR-10 with 44,640 parameters: the published recipe, 20 epochs",
        lesson="06_batch_layer_group_compared",
    )


RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "input_scaling_search": {
        "raw": 3e-3,
        "min_max": 0.1,
        "standardized": 0.1,
        "per_image": 0.1,
        "equalized": 0.1,
    },
}


def _input_scaling(search: bool) -> Study:
    recipe = Recipe(epochs=5, batch_size=128, weight_decay=0.0)

    def arm(name: str, scale: str, rate: float) -> Arm:
        return Arm(name, "none", dataclasses.replace(recipe, lr=rate), "small_cnn", scale)

    if search:
        return Study(
            name="input_scaling_search",
            dataset="fashion-mnist",
            arms=tuple(arm(f"{name} {rate:g}", name, rate) for name in scaling.SCALINGS for rate in RATES),
            title="The learning rate for each scaling of the input: Fashion-MNIST, 10,000 images held out",
            lesson="01_data_normalization",
            seeds=1,
            validation=10_000,
            sweep=True,
        )
    return Study(
        name="input_scaling",
        dataset="fashion-mnist",
        arms=tuple(arm(name, name, CHOSEN["input_scaling_search"][name]) for name in scaling.SCALINGS),
        title="Five scalings of the input on Fashion-MNIST, each with its own best learning rate, 5 epochs",
        lesson="01_data_normalization",
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


def _fashion_mlp() -> Study:
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
        validation=5_000,
        measures=("test", "shifts", "train"),
    )


MLP_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)


def _fashion_mlp_search() -> Study:
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
        seeds=1,
        validation=5_000,
        sweep=True,
    )


# Lesson 07. On 20,000 images, so that hundreds of runs fit into hours.
BATCH_SIZES = (2, 4, 8, 16, 32, 128, 512)
ROOT_RATES = (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1)  # the learning rate is this times the root of the batch size


def _norm_grid_search() -> Study:
    def arm(norm: str, batch: int, rate: float) -> Arm:
        recipe = Recipe(epochs=2, batch_size=batch, lr=rate * math.sqrt(batch), weight_decay=0.0)
        return Arm(f"{norm} {batch} {rate:g}", norm, recipe, "small_cnn")

    return Study(
        name="norm_grid_search",
        dataset="cifar10",
        arms=tuple(
            arm(norm, batch, rate) for batch in reversed(BATCH_SIZES) for norm in NORMS for rate in ROOT_RATES
        ),
        title="The learning rate for each norm and batch size: CIFAR-10, 10,000 images held out",
        lesson="07_batch_size_learning_rate_depth",
        seeds=1,
        validation=10_000,
        images=20_000,
        sweep=True,
    )


VGG_RATES = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 3.0, 10.0, 30.0)


def _vgg_learning_rate() -> Study:
    recipe = Recipe(epochs=4, batch_size=128, momentum=0.9, weight_decay=0.0, schedule="constant")
    return Study(
        name="vgg_learning_rate",
        dataset="cifar10",
        arms=tuple(
            Arm(f"{norm} {rate:g}", norm, dataclasses.replace(recipe, lr=rate), "vgg")
            for norm in ("none", "batch")
            for rate in VGG_RATES
        ),
        title="A narrow VGG with and without batch norm at learning rates from 0.001 to 30: CIFAR-10",
        lesson="07_batch_size_learning_rate_depth",
        seeds=3,
        validation=10_000,
        images=20_000,
        sweep=True,
    )


DEPTHS = (4, 8, 16, 32)
DEPTH_RATES = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)


def _depth_search() -> Study:
    recipe = Recipe(epochs=4, batch_size=128, weight_decay=0.0)
    return Study(
        name="depth_search",
        dataset="fashion-mnist",
        arms=tuple(
            Arm(
                f"{norm} {depth} {rate:g}",
                norm,
                dataclasses.replace(recipe, lr=rate),
                "plain_net",
                options={"depth": depth},
            )
            for norm in ("none", "batch")
            for depth in DEPTHS
            for rate in DEPTH_RATES
        ),
        title="The learning rate for each depth, with and without batch norm: Fashion-MNIST, 10,000 held out",
        lesson="07_batch_size_learning_rate_depth",
        seeds=1,
        validation=10_000,
        images=20_000,
        sweep=True,
    )


# Lesson 08.
ADAM_RATES = (3e-4, 1e-3, 3e-3, 0.01, 0.03)
DECAYS = (0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0)


def _adam_l2_adamw() -> Study:
    def arm(optimizer: str, decay: float, rate: float) -> Arm:
        recipe = Recipe(epochs=5, batch_size=128, optimizer=optimizer, lr=rate, weight_decay=decay)
        return Arm(f"{optimizer} {decay:g} {rate:g}", "batch", recipe, "small_cnn")

    return Study(
        name="adam_l2_adamw",
        dataset="fashion-mnist",
        arms=tuple(
            arm(optimizer, decay, rate)
            for optimizer in ("adam", "adamw")
            for decay in DECAYS
            for rate in ADAM_RATES
        ),
        title="Adam with an L2 penalty and AdamW: learning rate against decay, Fashion-MNIST",
        lesson="08_l1_l2_from_scratch",
        seeds=3,
        validation=10_000,
        images=10_000,
        sweep=True,
    )


STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        _cifar_norms(),
        _input_scaling(search=True),
        _input_scaling(search=False),
        _fashion_mlp(),
        _fashion_mlp_search(),
        _norm_grid_search(),
        _vgg_learning_rate(),
        _depth_search(),
        _adam_l2_adamw(),
    )
}
