"""The studies of lesson 09: batch size, learning rate and depth, with and without normalization."""

import dataclasses
import math

from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "norm_grid_search": {
        "none 512": 0.003,
        "batch 512": 0.001,
        "layer 512": 0.001,
        "group 512": 0.001,
        "instance 512": 0.001,
        "none 128": 0.01,
        "batch 128": 0.003,
        "layer 128": 0.003,
        "group 128": 0.003,
        "instance 128": 0.003,
        "none 32": 0.003,
        "batch 32": 0.003,
        "layer 32": 0.003,
        "group 32": 0.003,
        "instance 32": 0.003,
        "none 16": 0.003,
        "batch 16": 0.003,
        "layer 16": 0.003,
        "group 16": 0.003,
        "instance 16": 0.001,
        "none 8": 0.003,
        "batch 8": 0.003,
        "layer 8": 0.003,
        "group 8": 0.003,
        "instance 8": 0.001,
        "none 4": 0.001,
        "batch 4": 0.001,
        "layer 4": 0.003,
        "group 4": 0.003,
        "instance 4": 0.001,
        "none 2": 0.001,
        "batch 2": 0.001,
        "layer 2": 0.001,
        "group 2": 0.001,
        "instance 2": 0.001,
    },
    "ghost_search": {
        "ghost 2": 0.03,
        "ghost 4": 0.03,
        "ghost 8": 0.03,
        "ghost 32": 0.03,
        "ghost 256": 0.03,
    },
    "depth_search": {
        "none 4": 0.3,
        "none 8": 0.03,
        "none 16": 0.03,
        "none 32": 0.01,
        "batch 4": 3.0,
        "batch 8": 0.1,
        "batch 16": 0.1,
        "batch 32": 0.1,
    },
}

# Lesson 09. On 20,000 images, so that hundreds of runs fit into hours.
ROOT_RATES = {  # batch size -> tried: the learning rate is this times the root of the batch size
    2: (3e-4, 1e-3, 3e-3, 0.01),
    4: (3e-4, 1e-3, 3e-3, 0.01),
    8: (3e-4, 1e-3, 3e-3, 0.01),
    16: (3e-4, 1e-3, 3e-3, 0.01),
    32: (1e-3, 3e-3, 0.01, 0.03),
    128: (1e-3, 3e-3, 0.01, 0.03, 0.1),
    512: (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1),
}


COMPARED = ("none", "batch", "layer", "group", "instance")


def _grid_arm(norm: str, batch: int, rate: float, *tried: float) -> Arm:
    recipe = Recipe(epochs=2, batch_size=batch, lr=rate * math.sqrt(batch), weight_decay=0.0)
    return arm_at((norm, batch, *tried), norm, recipe, "small_cnn")


def norm_grid_search() -> Study:
    return Study(
        name="norm_grid_search",
        dataset="cifar10",
        arms=tuple(
            _grid_arm(norm, batch, rate, rate)
            for batch, rates in reversed(ROOT_RATES.items())
            for norm in COMPARED
            for rate in rates
        ),
        title="The learning rate for each norm and batch size: CIFAR-10, 10,000 images held out",
        lesson="09_batch_size_learning_rate_depth",
        looks=(1,),
        validation=10_000,
        images=20_000,
        sweep=True,
    )


def norm_grid() -> Study:
    best = CHOSEN["norm_grid_search"]
    return Study(
        name="norm_grid",
        dataset="cifar10",
        arms=tuple(
            dataclasses.replace(
                _grid_arm(norm, batch, best[f"{norm} {batch}"]),
                seeds=None if norm in ("batch", "group") else 3,  # the claims compare these two
            )
            for norm in COMPARED
            for batch in reversed(ROOT_RATES)
        ),
        title="Five norms and batches of 2 to 512, each at its best learning rate: CIFAR-10",
        lesson="09_batch_size_learning_rate_depth",
        looks=(3, 8),
        matters=0.5,
        images=20_000,
        measures=("train",),
    )


# Plain SGD: the source of claim 24 names no momentum, and 0.9 would make every rate count tenfold.
_VGG_RECIPE = Recipe(epochs=4, batch_size=32, momentum=0.0, weight_decay=0.0, schedule="constant")
VGG_RATES = (3e-3, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 3.0, 10.0, 30.0)


def vgg_learning_rate() -> Study:
    return Study(
        name="vgg_learning_rate",
        dataset="cifar10",
        arms=tuple(
            arm_at((norm, rate), norm, dataclasses.replace(_VGG_RECIPE, lr=rate), "vgg")
            for norm in ("none", "batch")
            for rate in VGG_RATES
        ),
        title="A narrow VGG with and without batch norm at learning rates from 0.003 to 30: CIFAR-10",
        lesson="09_batch_size_learning_rate_depth",
        looks=(3, 6, 10),
        matters=0.5,
        validation=10_000,
        images=10_000,
        sweep=True,
    )


VGG_PARTS: dict[str, dict[str, bool]] = {  # what may be to blame where batch norm fails at a high rate
    "batch": {},
    "no gamma and beta": {"affine": False},
    "normalized logits": {"norm_logits": True},
    "both": {"affine": False, "norm_logits": True},
}


def vgg_parts() -> Study:
    """The VGG with batch norm at high rates, its gammas and betas or its last layer taken out of the game."""
    return Study(
        name="vgg_parts",
        dataset="cifar10",
        arms=tuple(
            arm_at((name, rate), "batch", dataclasses.replace(_VGG_RECIPE, lr=rate), "vgg", options=options)
            for name, options in VGG_PARTS.items()
            for rate in VGG_RATES[-4:]
        ),
        title="A VGG with batch norm at rates from 1 to 30, without gamma and beta, with normalized logits",
        lesson="09_batch_size_learning_rate_depth",
        looks=(5, 10),
        matters=0.5,
        validation=10_000,
        images=10_000,
        sweep=True,
    )


GHOSTS = (2, 4, 8, 32, 256)  # images that share statistics, in batches of 256
GHOST_RATES = (0.01, 0.03, 0.1, 0.3)


def _ghost_arm(images: int, rate: float, *tried: float) -> Arm:
    recipe = Recipe(epochs=10, batch_size=256, lr=rate, weight_decay=0.0)
    return arm_at((f"ghost {images}", *tried), "batch", recipe, "small_cnn", options={"ghost": images})


def ghost_search() -> Study:
    return Study(
        name="ghost_search",
        dataset="cifar10",
        arms=tuple(_ghost_arm(images, rate, rate) for images in GHOSTS for rate in GHOST_RATES),
        title="The learning rate for batch norm over 2 to 256 images of a batch: CIFAR-10, 10,000 held out",
        lesson="09_batch_size_learning_rate_depth",
        looks=(2,),
        validation=10_000,
        images=5_120,
        sweep=True,
    )


def ghost_norm() -> Study:
    best = CHOSEN["ghost_search"]
    return Study(
        name="ghost_norm",
        dataset="cifar10",
        arms=tuple(_ghost_arm(images, best[f"ghost {images}"]) for images in GHOSTS),
        title="Batches of 256, batch norm over 2 to 256 images of them, each at its best rate: CIFAR-10",
        lesson="09_batch_size_learning_rate_depth",
        looks=(10, 20),
        matters=0.5,
        images=5_120,
        measures=("train",),
    )


PATH_DEPTHS = (4, 14, 32, 56)
PATHS: dict[str, str | None] = {"no shortcut": None, "shortcut": "plain", "shortcut from 0": "from_zero"}
PATH_RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def _path_arm(norm: str, path: str, depth: int, rate: float, *tried: float) -> Arm:
    recipe = Recipe(epochs=4, batch_size=128, lr=rate, weight_decay=0.0)
    options = {"depth": depth} | ({"shortcut": PATHS[path]} if PATHS[path] else {})
    return arm_at((f"{norm}, {path}, {depth}", *tried), norm, recipe, "plain_net", options=options)


def shortcut_search() -> Study:
    return Study(
        name="shortcut_search",
        dataset="fashion-mnist",
        arms=tuple(
            _path_arm(norm, path, depth, rate, rate)
            for norm in ("none", "batch")
            for path in PATHS
            for depth in PATH_DEPTHS
            for rate in PATH_RATES
        ),
        title="The learning rate for 4 to 56 layers with and without shortcuts and batch norm: Fashion-MNIST",
        lesson="09_batch_size_learning_rate_depth",
        looks=(1,),
        validation=10_000,
        images=10_000,
        sweep=True,
    )


DEPTHS = (4, 8, 16, 32)
_TO_ONE = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
DEPTH_RATES = {"none": _TO_ONE, "batch": (*_TO_ONE, 3.0, 10.0)}  # with batch norm 4 layers like 3 best


def _depth_arm(norm: str, depth: int, rate: float, *tried: float) -> Arm:
    recipe = Recipe(epochs=4, batch_size=128, lr=rate, weight_decay=0.0)
    return arm_at((norm, depth, *tried), norm, recipe, "plain_net", options={"depth": depth})


def depth_search() -> Study:
    return Study(
        name="depth_search",
        dataset="fashion-mnist",
        arms=tuple(
            _depth_arm(norm, depth, rate, rate)
            for norm, rates in DEPTH_RATES.items()
            for depth in DEPTHS
            for rate in rates
        ),
        title="The learning rate for each depth, with and without batch norm: Fashion-MNIST, 10,000 held out",
        lesson="09_batch_size_learning_rate_depth",
        looks=(1,),
        validation=10_000,
        images=20_000,
        sweep=True,
    )


def depth() -> Study:
    best = CHOSEN["depth_search"]
    return Study(
        name="depth",
        dataset="fashion-mnist",
        arms=tuple(
            _depth_arm(norm, layers, best[f"{norm} {layers}"]) for norm in DEPTH_RATES for layers in DEPTHS
        ),
        title="4 to 32 layers with and without batch norm, each at its best learning rate: Fashion-MNIST",
        lesson="09_batch_size_learning_rate_depth",
        looks=(3,),
        matters=0.3,
        images=20_000,
    )
