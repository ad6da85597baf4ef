"""Figures over a grid of norms and numbers: what is drawn, what the alt text says, and no runs at all."""

from helpers.analysis.stats import Interval
from helpers.lessons import STUDIES
from helpers.lessons.batch_size_learning_rate_depth import figures, grids
from tests.lessons.batch_size_learning_rate_depth.test_grids import (
    GRID,
    grid_runs,
    search_runs,
    vgg_runs,
)
from tests.standin_runs import ended


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_the_heat_map_has_a_number_for_each_cell_and_a_cross_for_a_diverged_run():
    runs = [*grid_runs(1), ended(GRID, "batch 2", 1, None), ended(GRID, "none 2", 0, None)]
    fig = figures.heat_map(runs, "batch size", "accuracy", "Accuracy")
    assert {"50.0", "27.8×", "10.0×"} <= set(words(fig))
    assert fig.axes[0].get_xlabel() == "batch size"
    assert "group: 2 50.0, 4 50.0" in fig.alt
    assert fig.alt.endswith("Runs that diverged: 2.")


def test_the_search_frames_the_best_rate_of_each_number():
    fig = figures.search_maps(search_runs(), "rate", "depth", "Accuracy")
    panels = {ax.get_title(): ax for ax in fig.axes if ax.get_title()}
    assert set(panels) == {"none", "batch"}
    assert [patch.get_x() for patch in panels["none"].patches] == [3]  # 0.03
    assert [text.get_text() for text in panels["none"].texts][-1] == "×"
    unlike = [*search_runs(), ended(STUDIES["depth_search"], "none 8 0.01", 0, 75.0)]
    (panel,) = (
        ax for ax in figures.search_maps(unlike, "r", "n", "Accuracy").axes if ax.get_title() == "none"
    )
    assert words(panel.figure).count("×") == 3  # what was not tried has none
    assert [text.get_text() for text in panel.texts][-1] == "75"
    assert [patch.get_xy() for patch in panel.patches] == [(3, 0), (2, 1)]
    assert "none 0.03; batch 1" in fig.alt


def test_curves_draw_every_run_and_mark_diverged_ones():
    runs = vgg_runs(2)
    fig = figures.curves(runs, ("none", "batch"), "rate", "accuracy", "Accuracy", base=10)
    (ax,) = fig.axes
    marks = [line.get_marker() for line in ax.get_lines() if line.get_label() == "_"]
    assert marks.count("x") == sum(run["status"] == "diverged" for run in runs) > 0
    assert marks.count("x") + marks.count(".") == len(runs)
    lines = {line.get_label(): line for line in ax.get_lines() if line.get_label() != "_"}
    assert list(lines["none"].get_ydata()) == list(grids.table(runs).loc["none"])
    assert ax.get_xscale() == "log"
    assert "batch 0.003: 60.5" in fig.alt


def test_differences_show_intervals_where_there_are_several_runs():
    found = {2: Interval(-3.0, -4.0, -2.0, 3), 8: Interval(1.0, -1.0, 3.0, 3)}
    fig = figures.differences(found, "batch size", "points", "Batch minus group")
    (ax,) = fig.axes
    (bars,) = ax.containers
    (segments,) = bars[2]
    assert [[list(point) for point in segment] for segment in segments.get_segments()] == [
        [[2, -4], [2, -2]],
        [[8, -1], [8, 3]],
    ]
    assert "2: -3.0 (-4.0 to -2.0, n = 3)" in fig.alt
    one = {2: Interval(1.0, float("nan"), float("nan"), 1)}
    assert not figures.differences(one, "batch size", "points", "Batch minus group").axes[0].containers
