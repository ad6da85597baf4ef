"""The studies of lesson batch_layer_group_compared: norms on CIFAR-10."""

import dataclasses

from helpers.images.batches import Augment
from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

_PUBLISHED = Recipe(
    epochs=20,
    batch_size=512,
    optimizer="sgd",
    lr=0.1,
    momentum=0.9,
    weight_decay=1e-4,
    schedule="one_cycle",
    augment=Augment(pad=4, flip=True, rotation=15.0, corners="black"),
)


def cifar_norms() -> Study:
    mean_corners = dataclasses.replace(
        _PUBLISHED, augment=dataclasses.replace(_PUBLISHED.augment, corners="mean")
    )
    arms = (
        Arm("none", "none", _PUBLISHED, seeds=5),
        Arm("batch", "batch", _PUBLISHED),
        Arm("layer", "layer", _PUBLISHED),
        Arm("group", "group", _PUBLISHED),
        Arm("instance", "instance", _PUBLISHED, seeds=5),
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


PEAK_RATES = (0.03, 0.1, 0.3, 1.0)  # the published recipe takes 0.1 for all


def cifar_rates_search() -> Study:
    """The peak rate for each norm, by a quarter of the published schedule: a run takes four minutes."""
    quarter = dataclasses.replace(_PUBLISHED, epochs=5)
    return Study(
        name="cifar_rates_search",
        dataset="cifar10",
        arms=tuple(
            arm_at((norm, rate), norm, dataclasses.replace(quarter, lr=rate))
            for norm in ("none", "batch", "layer", "group")
            for rate in PEAK_RATES
        ),
        title="The learning rate for each norm: CIFAR-10, 5 epochs, 5,000 images held out",
        lesson="07_batch_layer_group_compared",
        looks=(2,),
        validation=5_000,
        sweep=True,
    )
