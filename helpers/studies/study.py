"""What a study is: arms on one data set, and everything that makes one run another."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.analysis import readings
from helpers.studies import records
from helpers.text.datasets import DATASETS as TEXTS
from helpers.training.measures import MEASURES
from helpers.training.recipe import Recipe, TextRecipe


@dataclasses.dataclass(frozen=True)
class Arm:
    """One setting of a study: a normalization by name and a training recipe.

    recipe: a TextRecipe in a study of texts.
    norm: see layers.IMAGE_NORMS, of a study of texts sequences.SEQUENCE_NORMS.
    network: one of networks.NETWORKS; "cifar_net" if None, and a transformer in a study of texts.
    scaling: one of scaling.SCALINGS, what is done to the images first; "standardized" if None.
    options: of the network, see networks.build.
    seeds: how many runs are planned where that is fewer than the study's, for an arm that no claim compares.
    at: of a grid or a sweep, where in it the arm is (see arm_at); read from there, never from the name.
    """

    name: str
    norm: str
    recipe: Recipe | TextRecipe
    network: str | None = None
    scaling: str | None = None
    options: Mapping[str, Any] | None = None
    seeds: int | None = None
    at: tuple[str | float, ...] = ()


def arm_at(at: tuple[str | float, ...], *settings: Any, **more: Any) -> Arm:
    """The arm at that place, such as ("batch", 8, 0.01), and named after it; the others as Arm takes them.

    The last is what a sweep tries, a learning rate for example, and those before it are the family.
    """
    return Arm(readings.place_name(at), *settings, at=at, **more)


@dataclasses.dataclass(frozen=True)
class Study:
    """Arms that are compared on one data set with the same seeds; `lesson` is the notebook that shows it.

    A study of images is judged by the accuracy on the test images, in points; one of texts by the loss on the
    validation text, in nats per character, where less is better.

    looks: the stopping rule, stated before training: after how many seeds the study is judged. It ends at the
        first look at which its claims are decided, at the latest at the last; the error level is spent over
        the looks (see stats.spent).
    matters: the smallest difference in final accuracy or loss that would matter; stated before training.
    validation: so many training images are held out, and the runs are tested on them instead of the test
        images.
    first: the images held out are the first of the file, as a source did it; drawn at random if None.
    images: the first so many of the training images, in an order drawn once, are trained on; all if None.
    sweep: arms are tried to see which values serve a family (see arm_at, and helpers.analysis.sweeps).
    mixed: the recorded runs of one seed were made on several machines, before places were kept apart. They
        are shown as they are, with the machines' part in every difference, and nothing is judged by them.
    measures: of helpers.training.measures, taken of each network at its end, on the real test images.

    validation, first, images and measures, and an arm's scaling, are for images alone.
    """

    name: str
    dataset: str
    arms: tuple[Arm, ...]
    title: str
    lesson: str
    looks: tuple[int, ...] = (5,)
    matters: float | None = None
    validation: int | None = None
    first: bool | None = None
    images: int | None = None
    sweep: bool = False
    mixed: bool = False
    measures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kind = TextRecipe if self.of_text else Recipe
        if not all(isinstance(arm.recipe, kind) for arm in self.arms):
            raise ValueError(f"study {self.name}: the recipes of {self.dataset} are of {kind.__name__}")
        for_images = (self.validation, self.first, self.images, *self.measures)
        for_images += tuple(value for arm in self.arms for value in (arm.scaling, arm.network))
        if self.of_text and any(value is not None for value in for_images):
            raise ValueError(
                f"study {self.name}: {self.dataset} is a text; validation, first, images, measures, scaling "
                "and network are for images"
            )
        keys = [records.key(self.config(arm), 0) for arm in self.arms]
        if len(set(keys)) < len(keys) or len({arm.name for arm in self.arms}) < len(keys):
            raise ValueError(f"study {self.name}: arms share a name or all settings")
        if list(self.looks) != sorted(set(self.looks)) or min(self.looks, default=0) < 1:
            raise ValueError(
                f"study {self.name}: looks are {self.looks}; give rising numbers of seeds, such as (10, 20)"
            )
        if self.matters is not None and not self.matters > 0:
            raise ValueError(
                f"study {self.name}: matters is {self.matters}; give a difference above 0, in points"
            )
        unknown = set(self.measures) - set(MEASURES)
        if unknown:
            raise ValueError(
                f"study {self.name}: unknown measures {sorted(unknown)}; there are {', '.join(MEASURES)}"
            )

    @property
    def of_text(self) -> bool:
        """Whether the data set is a text: see helpers.text.datasets."""
        return self.dataset in TEXTS

    @property
    def unit(self) -> str:
        """The unit of what the study is judged by, and of `matters`."""
        return "nats" if self.of_text else "points"

    @property
    def seeds(self) -> int:
        """How many seeds are planned at most."""
        return self.looks[-1]

    @property
    def planned(self) -> int:
        """How many runs are planned at most."""
        return sum(len(self.arms_of(seed)) for seed in range(self.seeds))

    def arms_of(self, seed: int) -> tuple[Arm, ...]:
        """The arms that are run with this seed."""
        return tuple(arm for arm in self.arms if arm.seeds is None or seed < arm.seeds)

    def looked(self, runs: Sequence[Mapping[str, Any]]) -> int:
        """The last look for which all seeds and arms are among the runs; 0 before the first."""
        there = {(run["arm"], run["seed"]) for run in runs}
        incomplete = (
            seed
            for seed in range(self.seeds)
            if not all((arm.name, seed) in there for arm in self.arms_of(seed))
        )
        complete = next(incomplete, self.seeds)
        return max([look for look in self.looks if look <= complete], default=0)

    def said_of(self, arm: Arm) -> dict[str, Any]:
        """What a record of the arm does not hold and its readers need."""
        said = {"at": arm.at, "mixed": self.mixed}
        return {name: value for name, value in said.items() if value}

    @property
    def tested_on(self) -> str:
        """What the accuracies or losses by epoch are of."""
        if self.of_text:
            return "validation text"
        return "test images" if self.validation is None else "held-out images"

    def config(self, arm: Arm) -> dict[str, Any]:
        """Everything that determines a run of this arm but seed and machine; records.key hashes it."""
        config = {
            "dataset": self.dataset,
            "validation": self.validation,
            "first": self.first,
            "images": self.images,
            "scaling": arm.scaling,
            "network": arm.network,
            "options": None if arm.options is None else dict(arm.options),
            "norm": arm.norm,
            "recipe": dataclasses.asdict(arm.recipe),
        }
        return {name: value for name, value in config.items() if value is not None}
