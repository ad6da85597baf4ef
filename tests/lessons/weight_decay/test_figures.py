"""The figures of lesson 12 draw the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.patches import Rectangle

from helpers.figures.maps import decay_maps
from helpers.lessons.weight_decay import figures

pytestmark = pytest.mark.usefixtures("course_style")
TITLES = {"adam": "Adam", "adamw": "AdamW"}


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


def test_memory_is_counted_in_trainings():
    gains = pd.DataFrame({0.01: [0.0, -2.0], 0.1: [-1.0, -3.0]}, index=[0.1, 1.0])
    fig = figures.memory_costs(gains, steps=100)
    drawn = [line for line in fig.axes[0].get_lines() if line.get_label() in ("0.01", "0.1")]
    assert [line.get_xdata().tolist() for line in drawn] == [pytest.approx([10, 1]), pytest.approx([1, 0.1])]
    assert "down to -3.0 points" in fig.alt


def test_a_smooth_curve_is_the_geometric_mean_of_the_last_steps():
    values = torch.tensor([1.0, 100.0, 100.0, 1.0]).double()
    assert figures.smooth(values, window=2) == pytest.approx([1, 10, 100, 10])


def arms(*values: float) -> dict[str, torch.Tensor]:
    names = ("no decay", "decay", "corrected")
    return {name: torch.full((200,), value).double() for name, value in zip(names, values, strict=True)}


def test_a_whole_training_has_three_panels_and_says_the_gradients():
    fig = figures.whole_training(arms(1, 2, 3), arms(0.1, 0.2, 0.3), arms(5, 6, 7))
    assert [line.get_ydata()[-1] for line in fig.axes[2].get_lines()] == pytest.approx([5, 6, 7])
    assert "end: no decay 5, decay 6, corrected 7" in fig.alt


def test_ratios_are_drawn_with_what_is_predicted():
    fig = figures.ratios(arms(1, 2, 3), {"decay": torch.full((200,), 9.0).double()})
    assert sum((line.get_ydata() == 9).all() for line in fig.axes[0].get_lines()) == 1
    assert "At the end: no decay 1, decay 2, corrected 3" in fig.alt
