"""The studies of lesson data_normalization: scalings of the input."""

from helpers.studies.study import Arm, Study, arm_at
from helpers.training.recipe import Recipe

CHOSEN = {  # search -> the best rate of each family on held-out images, as its recorded runs found it
    "input_scaling_search": {
        "raw": 3e-3,
        "min_max": 0.1,
        "standardized": 0.1,
        "per_image": 0.1,
        "equalized": 0.1,
    },
}

SCALING_RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
SCALED = ("raw", "min_max", "standardized", "per_image", "equalized")


def _scaling_arm(scale: str, rate: float, *tried: float) -> Arm:
    recipe = Recipe(epochs=5, batch_size=128, lr=rate, weight_decay=0.0)
    return arm_at((scale, *tried), "none", recipe, "small_cnn", scale)


def input_scaling_search() -> Study:
    return Study(
        name="input_scaling_search",
        dataset="fashion-mnist",
        arms=tuple(_scaling_arm(name, rate, rate) for name in SCALED for rate in SCALING_RATES),
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
