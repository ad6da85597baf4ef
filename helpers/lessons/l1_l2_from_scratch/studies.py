"""The study of lesson l1_l2_from_scratch: weight decay in Adam."""

from helpers.studies.study import Arm, Study
from helpers.training.recipe import Recipe

# Lesson 08.
ADAM_RATES = (3e-4, 1e-3, 3e-3, 0.01, 0.03)
DECAYS = (0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0)


def adam_l2_adamw() -> Study:
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
        looks=(3,),
        matters=0.3,
        validation=10_000,
        images=10_000,
        sweep=True,
    )
