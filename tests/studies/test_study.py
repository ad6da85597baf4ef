"""The studies as declared: what makes a run another run, what is refused, and which images are tested on."""

import dataclasses

import pytest
import torch

from helpers.analysis import readings
from helpers.analysis.published import published_for
from helpers.images import datasets
from helpers.images.scaling import equalize
from helpers.lessons import CLAIMS, STUDIES
from helpers.lessons.batch_norm_before_and_after.studies import mlp_name
from helpers.nn import networks
from helpers.studies import records
from helpers.studies import runs as study_runs
from helpers.studies.study import Arm, Study
from helpers.text import brackets
from helpers.text import datasets as texts
from helpers.text.datasets import TextData
from helpers.training import measures
from helpers.training.loop import Run
from helpers.training.recipe import Recipe, TextRecipe

TOKENS = brackets.generate(1_000, seed=1)
SHORT = TextData("brackets", TOKENS[:900], TOKENS[900:], brackets.ALPHABET, brackets.entropy_rate())
TEXT_ARM = Arm("a", "batch", TextRecipe(steps=2, length=8), options={"depth": 1, "width": 8})
RECIPE = Recipe(epochs=1, batch_size=64)


def study(*arms: Arm, **more) -> Study:
    return Study("toy", "digits", arms or (Arm("a", "none", RECIPE, "small_cnn"),), "A toy", "00_toy", **more)


@pytest.mark.parametrize("planned", STUDIES.values(), ids=STUDIES)
def test_every_arm_of_every_study_builds_its_network(planned, monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name: made(name))
    monkeypatch.setattr(texts, "load", lambda name: SHORT)
    for arm in {arm.norm: arm for arm in planned.arms}.values():
        small = dataclasses.replace(planned, validation=planned.validation and 100, images=None)
        model, data = study_runs.prepare(small, arm, 0)
        if planned.of_text:
            assert model.eval()(data.validation[None, :9].long()).shape == (1, 9, 12)
        else:
            assert model.eval()(data.test_images[:2].float()).shape == (2, 10)


def made(name: str) -> datasets.ImageData:
    """The digits in the shape of the images of `name`."""
    shape = {"cifar10": (3, 32, 32)}.get(name, (1, 28, 28))
    digits = load_digits("digits")
    train, test = (
        torch.nn.functional.interpolate(images.float(), shape[1:]).expand(-1, *shape).byte()
        for images in (digits.train_images, digits.test_images)
    )
    mean, std = digits.mean.expand(shape[0]), digits.std.expand(shape[0])
    return dataclasses.replace(digits, train_images=train, test_images=test, mean=mean, std=std)


load_digits = datasets.load


def test_images_and_options_make_another_run_and_their_absence_does_not():
    plain = study()
    [arm] = plain.arms
    key = records.key(plain.config(arm), 0)
    assert {"options", "images"}.isdisjoint(plain.config(arm))
    others = [
        study(images=100).config(arm),
        plain.config(dataclasses.replace(arm, options={"depth": 4})),
        plain.config(dataclasses.replace(arm, recipe=dataclasses.replace(RECIPE, l1_step="proximal"))),
        plain.config(dataclasses.replace(arm, recipe=dataclasses.replace(RECIPE, penalized="weights"))),
    ]
    assert len({key, *(records.key(config, 0) for config in others)}) == 5
    for more in (
        {"measures": ("train",)},
        {"sweep": True},
        {"looks": (3, 8)},
        {"matters": 0.5},
    ):  # what is taken, not what is trained
        assert records.key(study(**more).config(arm), 0) == key


@pytest.mark.parametrize("wrong", [{"looks": ()}, {"looks": (0, 5)}, {"looks": (10, 5)}, {"looks": (5, 5)}])
def test_looks_are_rising_numbers_of_seeds(wrong):
    with pytest.raises(ValueError, match="rising numbers of seeds, such as"):
        study(**wrong)


@pytest.mark.parametrize("wrong", [0.0, -0.5])
def test_what_matters_is_above_zero(wrong):
    with pytest.raises(ValueError, match="give a difference above 0, in points"):
        study(matters=wrong)


def test_every_study_whose_claims_are_judged_says_what_matters():
    for name in CLAIMS:
        assert STUDIES[name].matters, name


def about_text(arm: Arm = TEXT_ARM, **more) -> Study:
    return Study("text", "brackets", (arm,), "A toy", "00_toy", **more)


def test_a_study_of_a_text_is_judged_by_its_loss():
    planned = about_text()
    assert (planned.of_text, planned.unit, planned.tested_on) == (True, "nats", "validation text")
    assert (study().of_text, study().unit) == (False, "points")
    assert planned.config(TEXT_ARM)["recipe"]["steps"] == 2
    for wrong in ({"validation": 10}, {"images": 5}, {"measures": ("train",)}):
        with pytest.raises(ValueError, match="brackets is a text; validation, first, images, measures, sc"):
            about_text(**wrong)
    with pytest.raises(ValueError, match="is a text"):
        about_text(dataclasses.replace(TEXT_ARM, network="small_cnn"))
    with pytest.raises(ValueError, match="the recipes of brackets are of TextRecipe"):
        about_text(Arm("a", "batch", RECIPE))
    with pytest.raises(ValueError, match="the recipes of digits are of Recipe"):
        study(TEXT_ARM)


def test_a_run_of_a_text_is_trained_and_recorded_like_one_of_images(monkeypatch):
    monkeypatch.setattr(texts, "load", lambda name: SHORT)
    monkeypatch.setattr(study_runs.cluster, "worker_threads", lambda: 1)
    planned = about_text()
    first, second = (study_runs.train(planned, TEXT_ARM, 0, "cpu") for _ in range(2))
    assert first["key"] == records.key(planned.config(TEXT_ARM), 0) == second["key"]
    assert first["status"] == "done"
    assert first["execution"]["precision"] == "float32"
    assert readings.place(first) == study_runs._place(planned, "cpu")
    assert readings.final(first) == readings.final(second) == first["epochs"][-1]["test_loss"]
    assert readings.best(first) == min(entry["test_loss"] for entry in first["epochs"])


def test_an_unknown_measure_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"unknown measures \['speed'\]; there are shifts, sparsity"):
        study(measures=("train", "speed"))


def test_a_study_says_which_images_its_accuracies_are_of():
    assert study().tested_on == "test images"
    assert study(validation=100).tested_on == "held-out images"


def test_fewer_images_are_taken_from_what_validation_leaves():
    digits = load_digits("digits")
    _, data = study_runs.prepare(study(validation=300, images=500), study().arms[0], 0)
    left = digits.validation_split(300)
    assert (len(data.train_images), len(data.test_images)) == (500, 300)
    assert torch.equal(data.test_images, left.test_images)
    kept = {image.numpy().tobytes() for image in left.train_images}
    assert all(image.numpy().tobytes() in kept for image in data.train_images)
    assert torch.allclose(data.mean, data.train_images.float().mean() / 255)
    same = left.subset(500)
    assert torch.equal(same.train_labels, data.train_labels)
    assert not torch.equal(left.train_labels[:500], same.train_labels)
    for count in (0, 1_400):
        with pytest.raises(ValueError, match=f"count is {count}; choose 1 to 1142"):
            left.subset(count)


def test_the_first_images_are_held_out_where_a_source_did_so():
    digits = load_digits("digits")
    planned = study(validation=300, first=True)
    _, data = study_runs.prepare(planned, planned.arms[0], 0)
    assert torch.equal(data.test_images, digits.train_images[:300])
    assert torch.equal(data.train_labels, digits.train_labels[300:])
    assert planned.config(planned.arms[0])["first"] is True
    assert STUDIES["fashion_mlp_published"].first
    assert {arm.name for arm in STUDIES["fashion_mlp_published"].arms} == set(
        published_for("fashion_mlp_published")
    )


@pytest.mark.parametrize("scaling", [None, "equalized"])
def test_measures_are_of_the_real_test_images_and_the_images_trained_on(scaling, monkeypatch):
    seen = {}
    monkeypatch.setitem(
        measures.MEASURES, "test", lambda model, data, execution: seen.setdefault("data", data)
    )
    arm = Arm("a", "none", RECIPE, "small_cnn", scaling)
    planned = study(arm, validation=300, measures=("test",))
    model, data = study_runs.prepare(planned, arm, 0)
    run = study_runs.loop.fit(model, data, RECIPE, 0)
    record = study_runs.record(planned, arm, 0, run, (model, data))
    digits = load_digits("digits")
    expected = digits.test_images if scaling is None else equalize(digits.test_images)
    assert record["measures"]["test"] is seen["data"]
    assert torch.equal(seen["data"].test_images, expected)
    assert torch.equal(seen["data"].test_labels, digits.test_labels)
    assert torch.equal(seen["data"].train_images, data.train_images)
    assert torch.equal(seen["data"].mean, data.mean)


def test_nothing_is_measured_of_a_run_that_diverged():
    planned = study(measures=("train",))
    model, data = study_runs.prepare(planned, planned.arms[0], 0)
    lost = Run([], "diverged", 0.1, study_runs.Execution.auto("cpu"))
    assert "measures" not in study_runs.record(planned, planned.arms[0], 0, lost, (model, data))


def test_the_mlp_factorial_is_complete_and_its_published_arms_are_what_was_published():
    planned = STUDIES["fashion_mlp"]
    arms = {arm.name: arm for arm in planned.arms}
    factors = [("leaky", "relu"), ("none", "after", "before"), (False, True)]
    assert set(arms) == {mlp_name(a, n, i) for a in factors[0] for n in factors[1] for i in factors[2]}
    layers = {
        name: [
            type(layer).__name__
            for layer in study_runs.prepare(planned_on_digits(planned), arms[name], 0)[0].layers
        ]
        for name in ("leaky none", "relu after input", "leaky before")
    }
    assert layers["leaky none"] == ["Flatten", *["Linear", "LeakyReLU", "Identity"] * 2, "Linear"]
    assert layers["relu after input"] == [
        "Flatten",
        "BatchNorm1d",
        *["Linear", "ReLU", "BatchNorm1d"] * 2,
        "Linear",
    ]
    assert layers["leaky before"] == ["Flatten", *["Linear", "BatchNorm1d", "LeakyReLU"] * 2, "Linear"]
    recipe = planned.arms[0].recipe
    assert (recipe.lr, recipe.momentum, recipe.batch_size, recipe.epochs) == (1e-3, 0.0, 32, 10)
    assert (recipe.optimizer, recipe.schedule, recipe.weight_decay) == ("sgd", "constant", 0.0)
    assert {arm.scaling for arm in planned.arms} == {"min_max"}
    assert {arm.recipe for arm in planned.arms} == {recipe}


def planned_on_digits(planned: Study) -> Study:
    return dataclasses.replace(planned, dataset="digits", validation=100)


def test_the_arms_of_a_sweep_end_in_the_value_that_is_tried():
    for planned in STUDIES.values():
        if planned.sweep:
            assert all(float(arm.name.rsplit(" ", 1)[1]) > 0 for arm in planned.arms)


def test_networks_of_all_names_are_built(monkeypatch):
    for name in networks.NETWORKS:
        assert networks.build("batch", load_digits("digits"), 0, network=name) is not None
