"""Figures of lesson 03: what is drawn is what was given, with the colours of the norms and activations."""

import numpy as np
import pandas as pd

from helpers.figures import style
from helpers.lessons.signals_in_deep_networks import figures


def test_the_sweep_cuts_lines_at_the_limits_and_names_activations_and_gains(course_style):
    curves = {"tanh": [1e-9, 1.0, 1e3], "ReLU": [1e-3, 1e-2, 1e9]}
    rows = {"gradient": (curves, "log", (1e-6, 1e6)), "between": (curves, "linear", (0, 2))}
    fig = figures.sweep([0.5, 1, 2], rows, {"He": 2**0.5})
    top, bottom = fig.axes
    drawn = {line.get_label(): line for line in top.get_lines()}
    np.testing.assert_array_equal(drawn["tanh"].get_ydata(), [np.nan, 1.0, 1e3])
    np.testing.assert_array_equal(drawn["ReLU"].get_ydata(), [1e-3, 1e-2, np.nan])
    assert {"He", "tanh", "ReLU"} <= {text.get_text() for text in top.texts}
    assert bottom.get_yscale() == "linear"


def test_the_gain_that_keeps_is_named_where_its_line_ends_in_sight(course_style):
    fig = figures.keeping([0.1, 1.0, 10.0], {"tanh": [1.0, 1.6, 9.0], "ReLU": [1.4, 1.4, 1.4]})
    places = {text.get_text(): text.xy for text in fig.axes[0].texts}
    assert places == {"tanh": (1.0, 1.6), "ReLU": (10.0, 1.4)}


def test_each_norm_has_its_colour_in_every_panel(course_style):
    table = pd.DataFrame({"gradient": [1e-12, 1.0]}, index=[1, 2])
    tables = {name: {"none": table, "batch": table * 2} for name in ("tanh", "ReLU")}
    fig = figures.by_layer(tables, {"gradient": ("gradient", "log", (1e-15, 1e3))})
    assert [ax.get_title("left") for ax in fig.axes] == ["tanh", "ReLU"]
    for ax in fig.axes:
        assert [line.get_color() for line in ax.get_lines()] == [
            style.PALETTE["none"],
            style.PALETTE["batch"],
        ]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["no norm", "batch norm"]
