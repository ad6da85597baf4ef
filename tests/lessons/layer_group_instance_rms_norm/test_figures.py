"""Figures of lesson 06: what is drawn is what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers.lessons.layer_group_instance_rms_norm import figures

pytestmark = pytest.mark.usefixtures("course_style")


def test_each_panel_of_the_spheres_shows_its_vectors():
    panels = [torch.randn(7, 3, dtype=torch.float64) for _ in range(3)]
    fig = figures.spheres(*panels)
    for ax, vectors in zip(fig.axes, panels, strict=True):
        (points,) = (c for c in ax.collections if hasattr(c, "_offsets3d"))
        np.testing.assert_allclose(np.stack(points._offsets3d, axis=1), vectors)
    assert "circle" in fig.alt


def test_a_mark_for_each_way_to_compute_a_norm():
    ways = ["by hand", "by hand, compiled", "course", "torch", "torch, channels_last"]
    times = {norm: {way: 10.0 * i + j + 1 for j, way in enumerate(ways)} for i, norm in enumerate(("a", "b"))}
    (ax,) = figures.costs(times).axes
    marks = {line.get_label(): list(line.get_xdata()) for line in ax.lines if line.get_label() in ways}
    assert marks == {way: [times["a"][way], times["b"][way]] for way in ways}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    plt.close("all")
