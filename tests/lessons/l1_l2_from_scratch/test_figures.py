"""The figures of lesson 11 draw the numbers that they are given."""

import numpy as np
import pytest
import torch

from helpers.lessons.l1_l2_from_scratch import figures, linear
from helpers.training.descent import inputs_with

pytestmark = pytest.mark.usefixtures("course_style")


def line(ax, label):
    return next(item for item in ax.get_lines() if item.get_label() == label)


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


def test_steps_draw_each_path():
    path = torch.linspace(0, 1, 10).view(5, 2)
    fig = figures.steps({"one": path, "two": path}, limit=0.5)
    assert [len(ax.get_lines()) for ax in fig.axes] == [2, 2]
    assert fig.axes[0].get_ylim() == (-0.5, 0.5)


def test_shrinkage_colours_weights_outside_zero_and_one():
    h, ratios = torch.tensor([0.1, 2.0]).double(), torch.tensor([-0.5, 0.4, 1.2]).double()
    fig = figures.shrinkage(h, h / (h + 1), ratios, ["a", "b", "c"], 1.0)
    bars = fig.axes[1].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([-0.5, 0.4, 1.2])
    outside, inside, above = (bar.get_facecolor() for bar in bars)
    assert outside == above != inside
    curve = fig.axes[0].get_lines()[0]
    assert np.allclose(curve.get_ydata(), curve.get_xdata() / (curve.get_xdata() + 1))


def test_validation_draws_each_set_and_says_where_it_is_lowest():
    strengths = torch.tensor([0.1, 1.0, 10.0]).double()
    sets = {"training": [16, 25, 36], "validation": [49, 25, 36], "hidden": [49, 36, 25]}
    curves = {"L1": {name: torch.tensor(values).double() for name, values in sets.items()}}
    fig = figures.validation(strengths, curves)
    assert line(fig.axes[0], "hidden").get_ydata().tolist() == [7, 6, 5]
    assert "training: lowest at 0.1; L1, validation: lowest at 1; L1, hidden: lowest at 10" in fig.alt
