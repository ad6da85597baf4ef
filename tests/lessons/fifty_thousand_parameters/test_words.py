"""What lesson 15 says in words of published figures, of recorded runs and of its filters is so."""

import re

import nbformat
import pytest
import torch
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from helpers.analysis import comparison, readings, stats
from helpers.analysis.published import published
from helpers.course import run_lessons
from helpers.images import datasets
from helpers.lessons import STUDIES
from helpers.lessons.entries import recorded
from helpers.lessons.fifty_thousand_parameters import claims
from helpers.lessons.fifty_thousand_parameters.studies import DESIGN, OPTIMIZERS, WITHOUT
from helpers.nn.separable import whitening

CELLS = {
    cell.id: cell
    for cell in nbformat.read(run_lessons.lessons()["15_fifty_thousand_parameters"], as_version=4).cells
}


def says(cell: str, sentence: str) -> bool:
    return sentence in CELLS[cell].source


def shown(cell: str) -> str:
    return "".join(output.get("text", "") for output in CELLS[cell].outputs)


def accuracy(parameters, epochs):
    points = claims.published_points()
    (found,) = points[(points.parameters == parameters) & (points.epochs == epochs)].accuracy
    return found


def minutes(run):
    return sum(epoch["seconds"] for epoch in run["epochs"]) / 60


def test_what_is_said_of_the_published_rows_is_so():
    (of,) = (
        row for row in published()["under_50k_parameters_20_epochs"]["best_known"] if row["epochs"] == 20
    )
    at_20 = of["of_all_runs"]
    lesson07 = accuracy(44_640, 20)
    assert (len(at_20), max(at_20)) == (4, accuracy(31_150, 20))
    assert (round(min(at_20) - lesson07), round(max(at_20) - lesson07)) == (8, 11)
    assert says(
        "published-after",
        f"at epoch 20 all four such trainings are at {min(at_20):.1f} to {max(at_20):.1f} %",
    )
    assert says("published-after", "is 11 points ahead of the one with 44,640, after as many epochs")
    assert says("published-after", "Eight to eleven say something.")


def test_every_published_row_names_its_source_or_says_that_it_has_none():
    groups = (
        published()["peers_under_50k_parameters"],
        published()["under_50k_parameters_20_epochs"]["best_known"],
    )
    without = [row["parameters"] for rows in groups for row in rows if "source" not in row]
    assert without == [50_000]
    assert says("published-after", "The row with 50,000, a rounded number, has no known source.")
    (thrifty,) = (row for row in groups[1] if "ThriftyNets" in row["source"])
    assert says("published-after", f"more than {thrifty['accuracy']} % from fewer than 40,000 parameters")


def test_the_design_is_compared_with_the_best_readings():
    ours = comparison.mean(recorded("budget_sprint"), "3 epochs").mean
    best = accuracy(31_150, 20)
    assert says(
        "by-parameters-after",
        f"end {best - ours:.1f} points below the best of these after 20 ({best} %, with 31,150 parameters",
    )
    assert 4.5 < accuracy(31_150, 60) - ours < 5
    assert says("by-parameters-after", "nearly five below the best of 60")


def test_claim_34_is_undecided_by_the_runs_of_lesson_07():
    study, runs = STUDIES["cifar_norms"], recorded("cifar_norms")
    judged = {s: v for s, v in comparison.values(runs, "batch").items() if s < study.looks[0]}
    assert set(judged) == set(comparison.values(runs, "batch"))
    above = [value - 70 for value in judged.values()]
    found = stats.interval(above, 1 - stats.spent(study.looks, len(above)))
    assert stats.verdict(found, matters=study.matters) == "undecided"
    low, high = (70 + end(above) for end in (min, max))
    assert says(
        "closing", f"All five runs of lesson 07 end above 70 % ({low:.1f} to {high:.1f}). By the rule of"
    )
    assert says(
        "closing", f"undecided: {found.mean:+.1f} points ({stats.span(found, 1, '+')} at the level of"
    )


def test_underfitting_is_told_from_accuracies_in_evaluation_mode():
    runs = recorded("budget_sprint")
    of = {
        "gain": lambda run: run["measures"]["flipped"]["accuracy"] - readings.final(run),
        "trained": readings.trained,
        "gap": readings.gap,
        "over the epoch": lambda run: run["epochs"][-1]["train_accuracy"],
    }
    once, thrice = (
        {name: comparison.mean(runs, arm, measure).mean for name, measure in of.items()}
        for arm in ("1 epoch", "3 epochs")
    )
    after = "sprint-table-after"
    assert says(after, f"The mirror image gains {once['gain']:.1f} and {thrice['gain']:.1f} points")
    assert says(after, f"{100 - thrice['trained']:.0f} % of its training images are wrong")
    assert says(after, f"it is only {thrice['gap']:.1f} points better on them than on new ones")
    assert says(after, f"its training accuracy is {thrice['over the epoch']:.1f} %, below that on the test")
    assert thrice["over the epoch"] < comparison.mean(runs, "3 epochs").mean


def test_three_epochs_took_as_long_as_the_lesson_says():
    sprint, lesson07 = recorded("budget_sprint"), recorded("cifar_norms")
    ours = [minutes(run) for run in sprint if run["arm"] == "3 epochs"]
    assert says("sprint-after", f"three epochs took {min(ours):.0f} to {max(ours):.0f} minutes here")
    theirs = [minutes(run) for run in lesson07 if run["arm"] == "batch"]
    assert min(theirs) == pytest.approx(20, abs=1)
    assert says("sprint-after", "all 20 of lesson 07 about 20 at best, on another processor and in bfloat16")
    places = {readings.place(run) for run in sprint}, {readings.place(run) for run in lesson07}
    assert not places[0] & places[1]
    assert {run["execution"]["precision"] for run in lesson07} == {"bfloat16"}
    hours = [20 / len(run["epochs"]) * minutes(run) / 60 for run in sprint]
    assert 1.5 < min(hours) < max(hours) < 4
    assert says("sprint-table-after", "two to four hours a run")


def test_ten_of_the_declared_settings_take_out_or_change_a_part():
    settings = len(STUDIES["budget_steps"].arms)
    assert (settings, len(WITHOUT)) == (21, 10)
    assert says("closing", f"{settings} settings on held-out images, ten of which take out or change a part")


def test_the_recipe_is_what_the_lesson_says():
    assert (DESIGN.lr, DESIGN.matrix_lr, DESIGN.batch_size, DESIGN.weight_decay) == (0.05, 0.05, 64, 1e-4)
    assert DESIGN.lr * DESIGN.bias_factor == 0.2
    assert (DESIGN.schedule, DESIGN.augment.pad, DESIGN.augment.rotation) == ("one_cycle", 2, 0)
    assert OPTIMIZERS["sgd"]["lr"] == 0.1
    steps = 3 * -(-len(datasets.load("digits").train_images) // DESIGN.batch_size)
    assert says("live-differences", f"over the {steps} steps")


def test_neither_live_interval_of_the_committed_run_decides():
    spans = re.findall(r"\(([+-][\d.]+) to ([+-][\d.]+), n = 3\)", shown("live-intervals"))
    assert len(spans) == 2
    assert all(float(low) < 0 < float(high) for low, high in spans)
    assert says("live-after", "both intervals contained 0: three seeds decided neither")


def whitened(photos, mean, std):
    filters = whitening(photos, mean, std).double()
    images = (photos / 255.0 - mean[:, None, None]) / std[:, None, None]
    return filters, F.conv2d(images.double(), filters).transpose(0, 1).flatten(1)


def test_the_filters_of_the_photographs_are_what_is_said_of_them():
    photos = torch.stack([torch.tensor(image) for image in load_sample_images().images]).permute(0, 3, 1, 2)
    filters, outputs = whitened(photos, torch.zeros(3), torch.ones(3))
    values = 1 / filters.flatten(1).square().sum(1) - 5e-4  # a filter has the length 1 / sqrt(value + eps)
    assert values[5] < 1.2 * 5e-4 < values[6] / 5  # the first six at or below about eps
    assert values[10] > 5 * values[9]  # most along the last two
    even = (filters.std((2, 3)).amax(1) / filters.abs().amax((1, 2, 3))) < 0.1
    assert (even.nonzero()[:, 0] + 1).tolist() == [8, 11, 12]
    negative = (outputs < 0).double().mean(1)
    assert negative[11] in (0, 1)
    scaled = photos / 255.0
    _, outputs = whitened(photos, scaled.mean((0, 2, 3)), scaled.std((0, 2, 3)))
    assert ((outputs < 0).double().mean(1) - 0.5).abs().max() < 0.12
