"""Whether bfloat16 changes what is learned: float32 and bfloat16 trained from the same seeds, paired.

    python tests/benchmarks/precision.py [--dataset cifar10] [--images 5000] [--epochs 5] [--seeds 5]

Trains CifarNet with batch norm under the published recipe on the first images of the training set. Prints the
test accuracy in both precisions, per seed, and the mean difference in points with its 95 % interval.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers.analysis import stats
from helpers.images import datasets
from helpers.lessons import STUDIES
from helpers.nn import networks
from helpers.training import loop
from helpers.training.recipe import Recipe

PRECISIONS = ("float32", "bfloat16")


def accuracies(dataset: str, images: int, epochs: int, seeds: int) -> dict[str, dict[int, float]]:
    """Final test accuracy (percent) by precision and seed."""
    data = datasets.load(dataset)
    data = dataclasses.replace(
        data, train_images=data.train_images[:images], train_labels=data.train_labels[:images]
    )
    augment = STUDIES["cifar_norms"].arms[1].recipe.augment
    if dataset == "digits":
        augment = dataclasses.replace(augment, pad=1, flip=False)  # a mirrored digit is another sign
    recipe = Recipe(epochs=epochs, batch_size=128, augment=augment)
    found: dict[str, dict[int, float]] = {precision: {} for precision in PRECISIONS}
    for seed in range(seeds):
        for precision in PRECISIONS:
            model = networks.build("batch", data, seed)
            run = loop.fit(model, data, recipe, seed, loop.Execution("cpu", precision, 1))
            found[precision][seed] = run.epochs[-1]["test_accuracy"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    found = accuracies(options.dataset, options.images, options.epochs, options.seeds)
    for seed in range(options.seeds):
        print(f"seed {seed}: " + "  ".join(f"{name} {found[name][seed]:.2f} %" for name in PRECISIONS))
    difference = stats.paired(found["bfloat16"], found["float32"])
    print(
        f"bfloat16 - float32: {difference.mean:+.2f} points, "
        f"95 % interval {difference.low:+.2f} to {difference.high:+.2f}, n = {difference.n}"
    )


if __name__ == "__main__":
    main()
