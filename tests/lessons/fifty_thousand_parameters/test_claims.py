"""Lesson fifty_thousand_parameters: what its studies compare, and what is said of made-up runs of them."""

import dataclasses

import pytest
import torch

from helpers.analysis.published import published
from helpers.images import datasets
from helpers.images.batches import Augment
from helpers.lessons import STUDIES
from helpers.lessons.fifty_thousand_parameters import claims
from helpers.lessons.fifty_thousand_parameters.studies import DESIGN, PARAMETERS, PUBLISHED, WITH, WITHOUT
from helpers.nn.networks import build, multiply_adds
from tests import standin_runs

SEARCH, STEPS, FINAL, SPRINT = (
    STUDIES[f"budget_{name}"] for name in ("search", "steps", "final", "sprint")
)  # fmt: skip
DIGITS = datasets.load("digits")
COLOURS = dataclasses.replace(DIGITS, train_images=torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
COLOURS = dataclasses.replace(COLOURS, mean=torch.full((3,), 0.5), std=torch.ones(3))


@pytest.mark.parametrize("study", [SEARCH, STEPS, FINAL, SPRINT], ids=lambda study: study.name)
def test_every_network_has_fewer_than_50_000_parameters(study):
    for arm in {(arm.network, str(arm.options)): arm for arm in study.arms}.values():
        model = build(arm.norm, COLOURS, 0, network=arm.network or "cifar_net", **(arm.options or {}))
        assert sum(p.numel() for p in model.parameters()) < 50_000, arm.name
        assert multiply_adds(model, (1, 3, 32, 32)) < 13e6, arm.name


def test_what_is_said_of_both_networks_is_so():
    theirs, epochs, best = claims.of_lesson_07()
    designed, published_net = (
        build(arm.norm, COLOURS, 0, network=arm.network or "cifar_net") for arm in FINAL.arms
    )
    assert sum(p.numel() for p in designed.parameters()) == PARAMETERS
    assert sum(p.numel() for p in published_net.parameters()) == theirs
    assert epochs == PUBLISHED.epochs
    assert best == 73.27
    assert f"{theirs:,} parameters" in published()["cifar10_norms"]["setting"]


def test_designs_are_compared_on_images_held_out_and_the_final_one_is_tested():
    assert SEARCH.validation == STEPS.validation == 5_000
    assert {arm.recipe.epochs for study in (SEARCH, STEPS) for arm in study.arms} == {3}
    assert FINAL.validation is SPRINT.validation is None
    assert [arm.recipe.epochs for arm in FINAL.arms] == [20, 20]
    assert FINAL.arms[0].recipe == dataclasses.replace(DESIGN, epochs=20)
    assert [arm.recipe for arm in SPRINT.arms] == [dataclasses.replace(DESIGN, epochs=n) for n in (1, 3)]


def test_the_published_recipe_is_that_of_lesson_07_and_the_runs_are_the_same():
    batch = next(arm for arm in STUDIES["cifar_norms"].arms if arm.name == "batch")
    ours = next(arm for arm in FINAL.arms if arm.name == "published")
    assert batch.recipe == PUBLISHED
    assert FINAL.config(ours) == STUDIES["cifar_norms"].config(batch)


def test_each_change_changes_one_thing():
    design, *_ = STEPS.arms
    arms = {arm.name: arm for arm in STEPS.arms}
    assert design.recipe == dataclasses.replace(DESIGN, epochs=3)
    for name in WITHOUT | WITH:
        arm = arms[name]
        fields = [field.name for field in dataclasses.fields(arm.recipe)]
        changed = {f for f in fields if getattr(arm.recipe, f) != getattr(design.recipe, f)}
        if arm.recipe.optimizer != "muon":
            assert {"optimizer", "matrix_lr"} <= changed <= {"optimizer", "matrix_lr", "lr"}
            assert not arm.options
        else:
            shape = {"widths", "blocks"}  # which keep the number of parameters
            assert len(changed) + len({*(arm.options or {})} - shape) <= 1
            assert changed or arm.options
    crops = arms["crops of 4"].recipe.augment
    assert crops == Augment(4, True, alternating=True)
    assert arms["flips by chance"].recipe.augment == Augment(2, True)


def ended(study, arm, seed, accuracy):
    return standin_runs.ended(study, arm, seed, accuracy + 0.02 * (seed * (len(arm) + 3) % 5))


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(91.3, ["holds", "holds"]), (90.5, ["holds", "false"]), (69.0, ["false", "false"])],
)
def test_the_final_design_is_judged_by_70_and_91_percent(accuracy, expected):
    runs = [ended(FINAL, "design", seed, accuracy) for seed in range(5)]
    runs += [ended(FINAL, "published", seed, 73.0) for seed in range(2)]
    assert FINAL.looked(runs) == 5
    assert standin_runs.words(runs) == expected


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ((75.0, 84.0), ["holds", "holds"]),
        ((72.0, 84.0), ["holds", "holds when: 3 epochs"]),
        ((60.0, 65.0), ["false", "false"]),
    ],
)
@pytest.mark.parametrize("seeds", SPRINT.looks)
def test_the_sprint_is_judged_by_70_percent_and_by_the_published_accuracy(accuracies, expected, seeds):
    runs = [
        ended(SPRINT, arm.name, seed, accuracy)
        for seed in range(seeds)
        for arm, accuracy in zip(SPRINT.arms, accuracies, strict=True)
    ]
    assert standin_runs.words(runs) == expected


def test_the_ledger_of_changes_says_what_each_part_adds():
    worth = {"no gates": -1.2, "SGD": -2.0, "label smoothing": 0.9, "averaged weights": -1.5}
    seeds_and_arms = [(seed, arm.name) for seed in range(6) for arm in STEPS.arms_of(seed)]
    runs = [ended(STEPS, name, seed, 80 + worth.get(name, 0.0)) for seed, name in seeds_and_arms]
    table = claims.changes(runs, STEPS).set_index("change")
    assert list(table.index[table["in the design"]])[:2] == ["SGD", "no gates"]
    assert set(table.index) == {*WITHOUT, *WITH}
    assert table.worth["SGD"].mean == pytest.approx(2.0, abs=0.1)
    assert table.worth["label smoothing"].mean == pytest.approx(0.9, abs=0.1)
    said = table.verdict
    assert [said[name] for name in ("SGD", "no gates", "label smoothing")] == ["holds"] * 3
    assert said["averaged weights"] == "false"
    assert said["crops of 4"] == "no difference that matters"
    one = claims.changes([run for run in runs if run["arm"] in ("design", "SGD")], STEPS).set_index("change")
    assert list(one.index) == ["SGD"]
    assert one.verdict["SGD"].startswith("undecided: before the first look")
    width, alone = (t.worth["SGD"].high - t.worth["SGD"].low for t in (table, one))
    assert width > alone  # all rows hold together
    early = [run for run in runs if run["seed"] < 4]
    assert claims.changes(early, STEPS).worth[0].n == 3
    assert claims.changes([], STEPS).empty
