"""Lesson fifty_thousand_parameters: what its figures show, and the published points."""

import pytest
import torch

from helpers.analysis.published import published
from helpers.figures import style
from helpers.lessons import STUDIES
from helpers.lessons.fifty_thousand_parameters import claims, figures
from helpers.lessons.fifty_thousand_parameters.studies import PARAMETERS
from tests import standin_runs

SPRINT = STUDIES["budget_sprint"]
ACCURACIES = {"1 epoch": 74.6, "3 epochs": 83.9}


def test_the_published_points_are_those_of_the_sources_each_at_its_best():
    points = claims.published_points()
    assert points.parameters.max() <= 50_000
    lesson07 = points[points.parameters == 44_640]
    assert list(lesson07.accuracy) == [published()["cifar10_norms"]["batch_norm"]["best"]]
    assert set(points[points.parameters == 31_150].epochs) == {14, 20, 60}
    norms = published()["peers_under_50k_parameters"][2]
    (best,) = points[points.parameters == norms["parameters"]].accuracy
    assert best == norms["layer_norm"] == max(v for name, v in norms.items() if name.endswith("_norm"))


def test_accuracy_by_parameters_shows_every_point_and_labels_it():
    points = claims.published_points()
    fig = figures.by_parameters(points, ACCURACIES, PARAMETERS)
    (ax,) = fig.axes
    assert [len(line.get_xdata()) for line in ax.lines] == [len(points), 2]
    labels = [text.get_text() for text in ax.texts]
    assert sorted(labels) == sorted([*(f"{n} epochs" for n in points.epochs), *ACCURACIES])
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts if text.get_ha() == "left"}
    assert heights["1 epoch"] < heights["3 epochs"] < ax.get_ylim()[1]
    assert all(f"{row.accuracy:g} % with {row.parameters:,}" in fig.alt for row in points.itertuples())
    assert "83.9 % in 3 epochs" in fig.alt


def test_accuracy_by_images_shows_every_run_and_the_published_one():
    runs = [
        standin_runs.ended(SPRINT, name, seed, accuracy + seed)
        for seed in range(3)
        for name, accuracy in ACCURACIES.items()
    ]
    for run in runs:
        epochs = int(run["arm"].split()[0])
        run["epochs"] = [run["epochs"][-1] | {"epoch": n} for n in range(1, epochs + 1)]
    theirs = published()["cifar10_norms"]["batch_norm"]["test_accuracy"]
    fig = figures.by_images(runs, theirs, 50_000)
    (ax,) = fig.axes
    drawn = [line for line in ax.lines if len(line.get_xdata()) in (1, 3)]
    assert len(drawn) == len(runs)
    assert {line.get_xdata()[-1] for line in drawn} == {50_000, 150_000}
    assert "1 epoch 74.6 to 76.6 %; 3 epochs 83.9 to 85.9 %" in fig.alt
    assert "from 36.47 to 73.27 % in 20 epochs" in fig.alt


def test_singular_values_are_told_as_shares_of_the_largest():
    fig = figures.singular_values([torch.tensor([4.0, 1.0, 0.5]), torch.ones(3)], ["before", "after"])
    assert fig.alt == (
        "Singular values. before: the middle one is 0.25 of the largest; after: the middle one is 1 of the "
        "largest."
    )


@pytest.mark.parametrize("apart", [0.0, 0.5])
def test_the_covariances_are_told_by_what_stands_beside_the_diagonal(apart):
    after = torch.eye(12, dtype=torch.float64)
    after[0, 1] = after[1, 0] = apart
    fig = figures.whitened(torch.randn(12, 3, 2, 2), torch.ones(12, 12), after)
    assert f"at most {apart:.2g} beside it" in fig.alt
    assert style.png(fig)[:4] == b"\x89PNG"
