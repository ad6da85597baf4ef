"""Figures of lesson 13's studies: they draw what is recorded, and say it in words."""

import copy

import pytest

from helpers.analysis import readings
from helpers.analysis.comparison import by_seed, mean
from helpers.analysis.stats import power
from helpers.lessons.regularization_experiments import figures as draw
from tests.lessons.regularization_experiments import standin_penalized as made
from tests.standin_runs import renamed

pytestmark = pytest.mark.usefixtures("course_style")


def changed(runs):
    rows = {(norm, "L1"): by_seed(runs, f"{norm} L1", f"{norm} none") for norm in ("batch", "layer")}
    return {"test accuracy": rows} if runs else {}


DRAWN = {  # name -> records, what becomes of them
    "searches": (made.regularization, list),
    "changes": (made.regularization, changed),
    "path": (made.path, list),
}


@pytest.mark.parametrize("seeds", [0, 1, 5])
@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_stands_with_any_number_of_runs(name, seeds):
    records, argument = DRAWN[name]
    fig = getattr(draw, name)(argument(records(seeds)))
    fig.canvas.draw()
    shown = [text.get_text() for ax in fig.axes for text in ax.texts]
    assert (shown == ["no runs to show yet"]) == (seeds == 0)
    assert ("no runs to show yet" in fig.alt.lower()) == (seeds == 0)


def test_a_search_has_a_line_for_each_penalty_with_the_accuracy_of_each_rate():
    runs = made.regularization(1)
    slower = copy.deepcopy([run for run in runs if run["arm"] == "layer L1"])
    slower[0]["config"]["recipe"]["lr"] /= 10
    slower[0]["epochs"][-1]["test_accuracy"] = 98.0
    fig = draw.searches([*runs, *slower])
    lines = {line.get_label(): line for line in fig.axes[1].get_lines()}
    assert list(lines) == ["none", "L1", "L2", "L1 + L2"]
    (known,) = [run for run in runs if run["arm"] == "layer L1"]
    rate, accuracy = known["config"]["recipe"]["lr"], known["epochs"][-1]["test_accuracy"]
    assert lines["L1"].get_xydata().tolist() == [[rate / 10, 98.0], [rate, accuracy]]
    assert f"layer L1 {rate:g} ({accuracy:.2f} %)" in fig.alt
    slower[0]["epochs"][-1]["test_accuracy"] = accuracy
    both = draw.searches([*runs, *slower]).alt
    assert f"layer L1 {rate / 10:g} and {rate:g} ({accuracy:.2f} %)" in both


def test_changes_show_mean_interval_pairs_and_the_earlier_mean():
    values = {0: -0.2, 1: -0.3, 2: -0.1}
    fig = draw.changes(
        {"test accuracy": {("batch", "L1"): values}}, {"test accuracy": {("batch", "L1"): -0.4}}
    )
    _, bar, pairs, middle, earlier = (line.get_xdata() for line in fig.axes[0].get_lines())
    assert list(pairs) == list(values.values())
    assert middle[0] == pytest.approx(-0.2)
    assert bar[1] - middle[0] == pytest.approx(4.303 * 0.1 / 3**0.5, abs=1e-3)
    assert list(earlier) == [-0.4]
    low, high = fig.axes[0].get_xlim()
    assert low < -0.4
    assert high > 0
    assert "batch L1 -0.20 (-0.45 to +0.05, n = 3)" in fig.alt


def test_the_path_and_the_searches_do_not_read_the_names_of_arms():
    for figure, runs in ((draw.path, made.path(3)), (draw.searches, made.regularization(1))):
        for other in renamed(runs):
            assert figure(other).alt == figure(runs).alt


def test_the_path_is_the_mean_of_the_seeds_with_the_factors_at_its_marks():
    runs = made.path(3)
    fig = draw.path(runs)
    left, right = fig.axes
    for ax in (left, right):
        assert len(ax.containers) == 2
    subgradient, proximal = (container[0] for container in right.containers)
    assert subgradient.get_xdata().tolist() == [0] * 7
    assert proximal.get_xdata()[-1] == pytest.approx(mean(runs, "proximal 0.01", readings.zeros).mean)
    assert proximal.get_ydata()[-1] == pytest.approx(mean(runs, "proximal 0.01", readings.tested).mean)
    assert [text.get_text() for text in right.texts][-2:] == ["0.003", "0.01"]
    assert "proximal: 1e-06 " in fig.alt


def test_the_power_curve_marks_five_runs():
    fig = draw.power_curve(0.05, 0.1)
    _, curve, five = fig.axes[0].get_lines()
    assert five.get_ydata()[0] == pytest.approx(100 * power(0.05, 0.1, 5))
    assert curve.get_ydata()[3] == pytest.approx(100 * power(0.05, 0.1, 5))
    assert f"{100 * power(0.05, 0.1, 5):.0f} % with 5" in fig.alt
