"""The study of lesson batch_layer_group_compared: five norms on CIFAR-10."""

import dataclasses

from helpers.images.batches import Augment
from helpers.studies.study import Arm, Study
from helpers.training.recipe import Recipe


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
        lesson="07_batch_layer_group_compared",
        looks=(5, 10, 20, 30),  # the first edition looked at 5
        matters=0.5,
    )
