"""Figures of lesson 13's studies: they draw what is recorded, and say it in words."""

import numpy as np
import pytest

from helpers.analysis.comparison import values
from helpers.analysis.stats import power
from helpers.lessons.regularization_experiments import figures as draw
from tests.lessons.regularization_experiments import standin_penalized as made

pytestmark = pytest.mark.usefixtures("course_style")
BATCH = ("batch none", "batch L1", "batch L2", "batch L1 + L2")
DRAWN = {  # name -> records, arms
    "weight_histograms": (made.regularization, (BATCH,)),
    "small_weights": (made.regularization, (BATCH,)),
    "loss_and_accuracy": (made.regularization, (BATCH,)),
    "path": (made.path, ()),
}


@pytest.mark.parametrize("seeds", [0, 1, 5])
@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_stands_with_any_number_of_runs(name, seeds):
    records, rest = DRAWN[name]
    fig = getattr(draw, name)(records(seeds), *rest)
    fig.canvas.draw()
    shown = [text.get_text() for ax in fig.axes for text in ax.texts]
    assert (shown == ["no runs to show yet"]) == (seeds == 0)
    assert ("no runs to show yet" in fig.alt.lower()) == (seeds == 0)


def test_a_histogram_shows_the_mean_counts_of_its_arm():
    runs = made.regularization(2)
    runs[0]["measures"]["sparsity"]["histogram"] = [0] * 24 + [300, 100] + [0] * 24  # batch none, seed 0
    other = next(r for r in runs if r["arm"] == "batch none" and r["seed"] == 1)
    other["measures"]["sparsity"]["histogram"] = [50] + [0] * 22 + [100, 0, 100] + [0] * 23 + [150]
    fig = draw.weight_histograms(runs, ["batch none"])
    (ax,) = fig.axes
    assert ax.patches[0].get_data().values[[0, 23, 24, 25, 49]].tolist() == [25, 50, 150, 100, 75]
    assert ax.get_title(loc="left") == "batch none\nn = 2"
    both = draw.weight_histograms(made.regularization(1), BATCH).axes
    highest = max(a.patches[0].get_data().values.max() for a in both)
    assert all(a.get_ylim()[1] >= highest for a in both)
    assert "62% of the weights between -0.02 and 0.02, 25.0% in the outer" in fig.alt


def test_small_weights_end_at_the_exact_zeros():
    runs = made.path(1)
    fig = draw.small_weights(runs, ["subgradient 0.001", "proximal 0.001"])
    ends = {line.get_label(): line.get_ydata()[0] for line in fig.axes[0].get_lines()}
    assert ends["subgradient 0.001"] == 0
    assert ends["proximal 0.001"] == pytest.approx(75, abs=0.1)
    shares = fig.axes[0].get_lines()[1].get_ydata()
    assert (np.diff(shares) >= 0).all()


def test_the_path_has_a_line_for_each_seed_and_step_and_counts_what_it_hides():
    runs = made.path(3)
    runs[0]["measures"]["test"]["accuracy"] = 20.0
    fig = draw.path(runs)
    left, right = fig.axes
    assert len(left.get_lines()) == len(right.get_lines()) == 6
    assert left.get_ylim()[0] == pytest.approx(95.0)
    assert [text.get_text() for text in left.texts] == ["1 networks below 95 % not drawn"]
    zeros = left.get_lines()[-1].get_xdata()
    assert zeros[0] == 0
    assert zeros[-1] == pytest.approx(99, abs=0.1)
    assert right.get_lines()[-1].get_xdata()[-1] == pytest.approx(49.1, abs=0.1)
    assert "subgradient: most weights exactly 0 at 99 % accuracy or more: 0 %" in fig.alt


def test_loss_and_accuracy_are_those_of_each_run():
    runs = made.regularization(2)
    fig = draw.loss_and_accuracy(runs, BATCH)
    line = fig.axes[0].get_lines()[1]
    assert line.get_label() == "batch L1"
    assert line.get_ydata().tolist() == list(values(runs, "batch L1").values())


def test_the_power_curve_marks_five_runs():
    fig = draw.power_curve(0.05, 0.1)
    _, curve, five = fig.axes[0].get_lines()
    assert five.get_ydata()[0] == pytest.approx(100 * power(0.05, 0.1, 5))
    assert curve.get_ydata()[3] == pytest.approx(100 * power(0.05, 0.1, 5))
    assert f"{100 * power(0.05, 0.1, 5):.0f} % with 5" in fig.alt
