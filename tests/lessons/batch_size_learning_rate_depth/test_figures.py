"""Figures over a grid of norms and numbers: what is drawn, what the alt text says, and no runs at all."""

from helpers.analysis.stats import Interval
from helpers.figures import style
from helpers.lessons import STUDIES
from helpers.lessons.batch_size_learning_rate_depth import figures, grids
from tests.lessons.batch_size_learning_rate_depth.test_grids import (
    search_runs,
    vgg_runs,
)
from tests.standin_runs import ended


def words(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


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
    single = figures.differences(found, "batch size", "points", "Batch minus group", {8: [0.5, 1.5]})
    (*_, dots) = single.axes[0].get_lines()
    assert list(dots.get_ydata()) == [0.5, 1.5]
    one = {2: Interval(1.0, float("nan"), float("nan"), 1)}
    assert not figures.differences(one, "batch size", "points", "Batch minus group").axes[0].containers


def test_gap_curves_draw_each_run_the_mean_of_each_size_and_the_curve_of_each_seed():
    study = STUDIES["norm_grid"]
    runs = [
        ended(study, f"{norm} {size}", seed, 60.0, train=60 + size + 2 * seed + (norm == "batch"))
        for norm in ("batch", "group")
        for size in (2, 8)
        for seed in (0, 1)
    ]
    runs.append(ended(study, "batch 2", 2, None))
    fig = figures.gap_curves(runs, lambda x, seed: 0 * x + seed, named=[8])
    (ax,) = fig.axes
    drawn = [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in ax.get_lines()]
    assert [{y for _, y in points} for points in drawn[:2]] == [{0}, {1}]
    assert drawn[2:4] == [[(63, 3), (65, 5), (69, 9), (71, 11)], [(64, 4), (70, 10)]]
    assert words(fig) == ["8", "8"]
    assert "batch norm, 2 images 64.0 and 4.0; batch norm, 8 images 70.0 and 10.0; group norm" in fig.alt


def test_what_runs_backward_ends_at_the_first_layer():
    series = {"plain": [2.0, 1.0, 1.0], "doubled": [4.0, 2.0, 1.0], "normed": [200.0, 10.0, 1.0]}
    fig = figures.backward(series, "gradient")
    (ax,) = fig.axes
    first, second, third = ax.get_lines()
    assert [list(third.get_xdata()), list(third.get_ydata())] == [[3, 2, 1], [1.0, 10.0, 200.0]]
    assert ax.get_xlim() == (4, 1)
    assert [line.get_linestyle() for line in (first, second, third)] == ["-", "--", "-"]
    assert (second.get_color(), third.get_color()) == (style.PALETTE["none"], style.PALETTE["batch"])
    assert fig.alt.endswith("at the first: plain 2; doubled 4; normed 2e+02.")
