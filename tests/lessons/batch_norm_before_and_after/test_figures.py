"""Lesson 08's figures draw the numbers of the runs, and their alt texts say them."""

import numpy as np
import pytest

from helpers.analysis import comparison, readings
from helpers.analysis.published import published_for
from helpers.lessons import STUDIES
from helpers.lessons.batch_norm_before_and_after import figures
from helpers.lessons.batch_norm_before_and_after.studies import BATCH_NORM
from tests.analysis.test_readings import made, study

pytestmark = pytest.mark.usefixtures("course_style")
ORDER = ("input batch norm", "batch norm", "ReLU + Glorot")


def labels(fig):
    return {text.get_text() for ax in fig.axes for text in ax.texts}


def test_the_looks_of_all_arms_differ():
    study = STUDIES["fashion_mlp"]
    looks = [tuple(figures.look(study.config(arm)).values()) for arm in study.arms]
    assert len(set(looks)) == len(looks) == 12


def test_the_published_dots_stand_beside_our_bands():
    runs = [
        made(arm, [70.0 + seed + epoch for epoch in range(10)], seed)
        for arm in ("leaky none", "relu after input")
        for seed in range(2)
    ]
    fig = figures.parts_beside_published(runs)
    published = published_for("fashion_mlp")
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["leaky none (n = 2)", "relu after input (n = 2)"]
    for ax, arm in zip(fig.axes, ("leaky none", "relu after input"), strict=True):
        lines = {line.get_label(): line for line in ax.get_lines()}
        np.testing.assert_allclose(lines["validation"].get_ydata(), published[arm]["test_accuracy"])
        np.testing.assert_allclose(lines["training"].get_ydata(), published[arm]["train_accuracy"])
        ours = [line.get_ydata() for line in ax.get_lines() if line.get_label() == "_"]
        np.testing.assert_allclose(ours, [np.arange(69.5, 79), np.arange(70.5, 80)])
    assert "leaky none: after epoch 9 ours 78.5 % (n = 2), published 83.5 %" in fig.alt


def test_a_line_joins_the_cells_that_differ_in_the_factor():
    runs = study()
    fig = figures.by_cells(runs, BATCH_NORM, "batch norm", "accuracy")
    lines = {line.get_label(): line for line in fig.axes[0].get_lines() if line.get_label()[0] != "_"}
    assert set(lines) == {"leaky", "relu", "leaky + input batch norm", "relu + input batch norm"}
    for name, pair in (("relu", ("relu none", "relu after")), ("leaky", ("leaky none", "leaky after"))):
        means = [comparison.mean(runs, arm).mean for arm in pair]
        np.testing.assert_allclose(lines[name].get_ydata(), means)
    off, on = (comparison.mean(runs, arm).mean for arm in ("relu none", "relu after"))
    assert fig.alt.startswith("Accuracy from no batch norm to batch norm, mean of runs: ")
    assert f"relu {off:.1f} to {on:.1f}" in fig.alt


def test_the_staircase_adds_up():
    runs = study()
    fig = figures.credit(runs, BATCH_NORM, ORDER, "accuracy")
    start, end, *steps = fig.axes[0].patches
    ends = [comparison.mean(runs, arm).mean for arm in ("leaky none", "relu after input")]
    assert [start.get_height(), end.get_height()] == pytest.approx(ends)
    assert sum(step.get_height() for step in steps) == pytest.approx(ends[1] - ends[0])
    assert steps[0].get_y() == pytest.approx(ends[0])
    first = comparison.difference(runs, "leaky none input", "leaky none").mean
    assert {f"{ends[0]:.2f}", f"{ends[1]:.2f}", f"{first:+.2f}"} <= labels(fig)
    assert fig.alt.startswith(
        f"From leaky none, {ends[0]:.2f} %: input batch norm {first:+.2f}, then batch norm"
    )
    assert fig.alt.endswith(f"to {ends[1]:.2f} %.")


def test_with_batch_norm_time_runs_at_its_price():
    fig = figures.by_time(study(), ["relu none", "relu after"], price=1.5)
    by_epoch, by_time = ([line.get_xdata().tolist() for line in ax.get_lines()] for ax in fig.axes)
    assert by_epoch == [[1, 2, 3], [1, 2, 3]]
    assert by_time == [[1, 2, 3], [1.5, 3, 4.5]]
    end = comparison.mean(study(), "relu after").mean
    assert f"relu after {end:.1f} % after the time of 4.5 plain epochs" in fig.alt


def test_a_dot_of_the_gaps_is_a_run():
    runs = study()
    fig = figures.gaps(runs, ["relu none", "relu after input"])
    first = fig.axes[0].get_lines()[0]
    own = [r for r in runs if r["arm"] == "relu none"]
    assert first.get_xdata().tolist() == [readings.trained(r) for r in own]
    assert first.get_ydata().tolist() == [readings.gap(r) for r in own]
    distance = comparison.mean(runs, "relu none", readings.gap).mean
    assert f"{distance:.1f} points less on test images" in fig.alt


def test_shifts_are_drawn_as_points_lost_by_the_network_itself():
    runs = [made("relu none", [84.0], seed, brightness=(70.0, 50.0 - seed)) for seed in range(2)]
    fig = figures.by_shift(runs, ["relu none"])
    brightness, contrast = (ax.get_lines()[0] for ax in fig.axes)
    assert list(brightness.get_xdata()) == [-32, 0, 32]
    np.testing.assert_allclose(brightness.get_ydata(), [-14, 0, -34.5])
    assert list(contrast.get_xdata()) == [0.5, 1, 2]
    np.testing.assert_allclose(contrast.get_ydata(), [-24, 0, -4])
    assert "relu none 24 and 14" in fig.alt
