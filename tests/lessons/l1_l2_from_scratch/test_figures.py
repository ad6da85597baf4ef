"""The figures of lesson 11 draw the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.patches import Rectangle

from helpers.figures.maps import decay_maps
from helpers.lessons.l1_l2_from_scratch import figures, linear
from helpers.training.descent import inputs_with

pytestmark = pytest.mark.usefixtures("course_style")
TITLES = {"adam": "Adam", "adamw": "AdamW"}


def line(ax, label):
    return next(item for item in ax.get_lines() if item.get_label() == label)


def test_pulls_show_the_best_weight_of_each_penalty():
    ax = figures.pulls().axes[2]
    a, w = line(ax, "L1").get_data()
    assert np.allclose(w, np.sign(a) * np.maximum(abs(a) - 1, 0))
    a, w = line(ax, "L2").get_data()
    assert np.allclose(w, a / 2)


def test_diamond_and_circle_mark_the_solutions_on_their_outlines():
    x = inputs_with(torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
    y = x @ torch.tensor([1.0, 0.35]).double()
    fig = figures.diamond_and_circle(x, y, 0.6)
    diamond, circle = fig.axes
    w, v = linear.lasso(x, y, 0.6), linear.ridge(x, y, 0.6)
    assert diamond.get_title(loc="left") == f"L1: ({w[0]:.2f}, 0 exactly)"
    assert w[1] == 0
    assert circle.get_title(loc="left") == f"L2: ({v[0]:.2f}, {v[1]:.2f})"
    assert f"({w[0]:.2f}, 0.00) and the circle at ({v[0]:.2f}, {v[1]:.2f})" in fig.alt
    outline = np.abs(diamond.get_lines()[0].get_data()).sum(axis=0)
    assert np.allclose(outline, w.abs().sum())
    assert np.allclose(np.linalg.norm(circle.get_lines()[0].get_data(), axis=0), v.norm())


def test_solution_paths_have_a_line_for_each_name_with_falling_penalties():
    grid = torch.tensor([10.0, 1.0, 0.1])
    path = torch.arange(6.0).view(3, 2)
    fig = figures.solution_paths(grid, {"ridge": path, "lasso": 2 * path}, ["a", "b"])
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["ridge", "lasso"]
    assert line(fig.axes[1], "b").get_ydata().tolist() == [2, 6, 10]
    left, right = fig.axes[0].get_xlim()
    assert left > right


def test_steps_and_shrinking_draw_each_path():
    path = torch.linspace(0, 1, 10).view(5, 2)
    fig = figures.steps({"one": path, "two": path}, limit=0.5)
    assert [len(ax.get_lines()) for ax in fig.axes] == [2, 2]
    assert fig.axes[0].get_ylim() == (-0.5, 0.5)
    fig = figures.shrinking({"SGD": path}, [0.1, 10.0], every=2)
    assert line(fig.axes[0], "±10").get_xdata().tolist() == [0, 2, 4, 6, 8]
    assert line(fig.axes[0], "±10").get_ydata().tolist() == path[:, 1].tolist()


def test_shrinkage_colours_weights_outside_zero_and_one():
    h, ratios = torch.tensor([0.1, 2.0]).double(), torch.tensor([-0.5, 0.4, 1.2]).double()
    fig = figures.shrinkage(h, h / (h + 1), ratios, ["a", "b", "c"], 1.0)
    bars = fig.axes[1].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([-0.5, 0.4, 1.2])
    outside, inside, above = (bar.get_facecolor() for bar in bars)
    assert outside == above != inside
    curve = fig.axes[0].get_lines()[0]
    assert np.allclose(curve.get_ydata(), curve.get_xdata() / (curve.get_xdata() + 1))


def test_an_outlier_tilts_the_squared_error_and_hardly_hubers_loss():
    clean, far = (figures.outlier_fits(height) for height in (0.0, 20.0))
    slopes = []
    for penalty in ("L1", "L2"):
        squared, huber = (far[loss][penalty][0] - clean[loss][penalty][0] for loss in clean)
        assert squared > 1
        assert abs(huber) < 0.1
        slopes += [f"{penalty} {far[loss][penalty][0]:.2f}" for loss in far]
    drawn = figures.outlier_lines(20.0)
    assert sorted(text.get_text() for ax in drawn.axes for text in ax.texts) == sorted(slopes)
    assert all(slope.split()[1] in drawn.alt for slope in slopes)


def test_equal_footing_draws_each_way_at_its_shares():
    loss = {"L1": torch.tensor([0.02, 0.1]), "L2": torch.tensor([0.03, 0.2])}
    accuracy = {"L1": torch.tensor([97.0, 95.0]), "L2": torch.tensor([98.0, 96.0])}
    sparse = {"L1": torch.tensor([97.0, 95.0]), "L2, pruned": torch.tensor([96.0, 90.0])}
    left, right = figures.equal_footing(loss, accuracy, [50.0, 90.0], sparse).axes
    assert line(left, "L2").get_ydata().tolist() == [98, 96]
    assert line(right, "L2, pruned").get_xdata().tolist() == [50, 90]


def maps() -> dict[str, pd.DataFrame]:
    adam = pd.DataFrame([[80.0, 85.0], [82.0, np.nan]], index=[0.0, 0.1], columns=[0.001, 0.01])
    return {"adam": adam, "adamw": adam.fillna(87.5) + 1}


def test_decay_maps_frame_the_best_of_each_rate_and_cross_what_is_missing():
    fig = decay_maps(maps(), TITLES)
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["Adam", "AdamW"]
    said = [[text.get_text() for text in ax.texts] for ax in fig.axes]
    assert said == [["80.0", "85.0", "82.0", "×"], ["81.0", "86.0", "83.0", "88.5"]]
    frames = [[p.get_xy() for p in ax.patches if isinstance(p, Rectangle)] for ax in fig.axes]
    assert frames == [[(0, 1), (1, 0)], [(0, 1), (1, 1)]]


def test_the_alt_text_says_the_best_decays():
    said = decay_maps(maps(), TITLES).alt
    assert "Adam: best decay 0.1 at rate 0.001, 0 at rate 0.01; highest 85.0 %" in said
    assert "AdamW: best decay 0.1 at rate 0.001, 0.1 at rate 0.01; highest 88.5 %" in said
