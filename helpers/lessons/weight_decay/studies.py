"""The studies of lesson weight_decay: weight decay in Adam, and on which weights it acts."""

from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "decay_parts_search": {"none": 0.1, "all": 0.3, "convolutions": 0.1, "others": 0.3},
}

# Lesson 12.
ADAM_RATES = (3e-4, 1e-3, 3e-3, 0.01, 0.03)
DECAYS = (0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0)


def adam_l2_adamw() -> Study:
    def arm(optimizer: str, decay: float, rate: float) -> Arm:
        recipe = Recipe(epochs=5, batch_size=128, optimizer=optimizer, lr=rate, weight_decay=decay)
        return arm_at((f"{optimizer} {decay:g}", rate), "batch", recipe, "small_cnn")

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
        lesson="12_weight_decay",
        looks=(3,),
        matters=0.3,
        validation=10_000,
        images=10_000,
        sweep=True,
    )


FEW = 1_000  # training images: few enough that networks learn them by heart
FEW_RATES = (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1)
FEW_DECAYS = {  # AdamW's is multiplied by the rate and needs larger numbers
    "adam": (0.0, 1e-4, 1e-3, 0.01, 0.1),
    "adamw": (0.0, 0.1, 0.3, 1.0, 3.0),
}


def adam_few_images() -> Study:
    """Rate and decay are chosen on held-out images, and what they gain is measured on the test images."""

    def arm(optimizer: str, decay: float, rate: float) -> Arm:
        recipe = Recipe(epochs=30, batch_size=64, optimizer=optimizer, lr=rate, weight_decay=decay)
        return arm_at((f"{optimizer} {decay:g}", rate), "batch", recipe, "small_cnn")

    return Study(
        name="adam_few_images",
        dataset="fashion-mnist",
        arms=tuple(
            arm(optimizer, decay, rate)
            for optimizer, decays in FEW_DECAYS.items()
            for decay in decays
            for rate in FEW_RATES
        ),
        title="Adam with an L2 penalty and AdamW on 1,000 images of Fashion-MNIST, 30 epochs",
        lesson="12_weight_decay",
        looks=(5, 10),
        matters=0.5,
        validation=10_000,
        images=FEW,
        sweep=True,
        measures=("test", "train"),
    )


PARTS = {"none": None, "all": "all", "convolutions": "convolutions", "others": "others"}  # what decays
PART_RATES = (0.03, 0.1, 0.3, 1.0)
DECAY = 0.01


def _part_arm(part: str, rate: float, *tried: float) -> Arm:
    decay = {} if part == "none" else {"weight_decay": DECAY, "penalized": PARTS[part]}
    recipe = Recipe(epochs=30, batch_size=64, lr=rate, **({"weight_decay": 0.0} | decay))
    return arm_at((part, *tried), "batch", recipe, "mnist_net")


def decay_parts_search() -> Study:
    return Study(
        name="decay_parts_search",
        dataset="mnist",
        arms=tuple(_part_arm(part, rate, rate) for part in PARTS for rate in PART_RATES),
        title="The learning rate for decay on all, on scale-free and on other weights: 1,000 MNIST images",
        lesson="12_weight_decay",
        looks=(3,),
        validation=10_000,
        images=FEW,
        sweep=True,
    )


def decay_parts() -> Study:
    best = CHOSEN["decay_parts_search"]
    return Study(
        name="decay_parts",
        dataset="mnist",
        arms=tuple(_part_arm(part, best[part]) for part in PARTS),
        title="Decay on all, on scale-free and on other weights, each at its best rate: 1,000 MNIST images",
        lesson="12_weight_decay",
        looks=(10, 20),
        matters=0.2,  # twice that of all 60,000 images: errors are three times as many, and so is their noise
        images=FEW,
        measures=("train",),
    )
