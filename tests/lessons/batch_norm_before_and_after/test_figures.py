"""Lesson 08's figures draw the numbers of the runs, and their alt texts say them."""

import numpy as np
import pytest

from helpers.analysis import comparison, readings
from helpers.analysis.published import published_for
from helpers.lessons import STUDIES
from helpers.lessons.batch_norm_before_and_after import figures
from helpers.lessons.batch_norm_before_and_after.studies import BATCH_NORM
from tests.analysis.test_readings import made, study
from tests.standin_runs import run

pytestmark = pytest.mark.usefixtures("course_style")
SEARCH = STUDIES["fashion_mlp_search"]


def test_the_looks_of_all_arms_differ():
    study = STUDIES["fashion_mlp"]
    looks = [tuple(figures.look(study.config(arm)).values()) for arm in study.arms]
    assert len(set(looks)) == len(looks) == 12


def test_the_published_marks_stand_beside_our_bands():
    runs = [
        made(arm, [70.0 + seed + epoch for epoch in range(10)], seed)
        for arm in ("leaky none", "relu after input")
        for seed in range(2)
    ]
    fig = figures.parts_beside_published(runs)
    published = published_for("fashion_mlp")
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["leaky none (n = 2)", "relu after input (n = 2)"]
    for ax, arm in zip(fig.axes, ("leaky none", "relu after input"), strict=True):
        lines = {line.get_label(): line for line in ax.get_lines() if line.get_label() != "_"}
        np.testing.assert_allclose(lines["validation"].get_ydata(), np.arange(70.5, 80))
        np.testing.assert_allclose(lines["training"].get_ydata(), np.arange(69.5, 79))
        theirs = [line.get_ydata() for line in ax.get_lines() if line.get_label() == "_"]
        np.testing.assert_allclose(theirs[0], published[arm]["train_accuracy"])
        np.testing.assert_allclose(theirs[1], published[arm]["test_accuracy"])
    assert "leaky none, training: after epoch 9 ours 77.5 % (n = 2), published 83.2 %" in fig.alt


def test_a_line_joins_the_cells_that_differ_in_the_factor():
    runs = study()
    fig = figures.by_cells(runs, BATCH_NORM, "batch norm", "accuracy")
    lines = {line.get_label(): line for line in fig.axes[0].get_lines() if line.get_label()[0] != "_"}
    assert set(lines) == {"LeakyReLU", "ReLU", "LeakyReLU + input norm", "ReLU + input norm"}
    for name, pair in (("ReLU", ("relu none", "relu after")), ("LeakyReLU", ("leaky none", "leaky after"))):
        means = [comparison.mean(runs, arm).mean for arm in pair]
        np.testing.assert_allclose(lines[name].get_ydata(), means)
    off, on = (comparison.mean(runs, arm).mean for arm in ("relu none", "relu after"))
    assert fig.alt.startswith("Accuracy from no batch norm to batch norm, mean of runs: ")
    assert f"; ReLU {off:.1f} to {on:.1f}" in fig.alt


def test_a_panel_of_rates_has_the_pair_that_differs_in_the_factor():
    runs = [
        run(f"{arm} {rate:g}", 0, [50.0, value + levels[1]], status, study=SEARCH)
        for levels, arm in BATCH_NORM.arms.items()
        for rate, value, status in ((0.001, 82.0, "done"), (0.1, 87.0, "done"), (1.0, 9.0, "diverged"))
    ]
    fig = figures.by_rate(runs, BATCH_NORM, "batch norm")
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert titles == ["LeakyReLU", "LeakyReLU\n+ input norm", "ReLU", "ReLU\n+ input norm"]
    without, low, with_it, _ = fig.axes[0].get_lines()
    np.testing.assert_array_equal(without.get_ydata(), [82, 87, np.nan])
    np.testing.assert_array_equal(with_it.get_ydata(), [83, 88, np.nan])
    assert low.get_xdata().tolist() == [1.0]
    assert "relu none 82.0 % at 0.001, best 87.0 % at 0.1, 1 too low or diverged" in fig.alt


def test_an_effect_at_two_rates_is_shown_with_its_seeds():
    effects = {"ReLU": {"fixed": {0: 3.0, 1: 3.2, 2: 3.4}, "own": {0: 0.0, 1: -0.5, 2: 0.5}}}
    fig = figures.two_rates(effects, "points")
    dots, line, mean, *_ = fig.axes[0].get_lines()
    assert list(dots.get_xdata()) == [3.0, 3.2, 3.4]
    assert mean.get_xdata() == pytest.approx([3.2])
    assert list(line.get_xdata()) == pytest.approx([3.2 - 0.497, 3.2 + 0.497], abs=1e-3)
    assert "ReLU, own: +0.00 (-1.24 to +1.24, n = 3)" in fig.alt


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
    contrast, brightness = (ax.get_lines()[0] for ax in fig.axes)
    assert list(brightness.get_xdata()) == [-32, 0, 32]
    np.testing.assert_allclose(brightness.get_ydata(), [-14, 0, -34.5])
    assert list(contrast.get_xdata()) == [0.5, 1, 2]
    np.testing.assert_allclose(contrast.get_ydata(), [-24, 0, -4])
    assert "relu none 24 and 14" in fig.alt
