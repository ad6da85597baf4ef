"""Sliders for a reader, a still figure where nobody can move them."""

import ipywidgets
import matplotlib.pyplot as plt
import pytest

from helpers.figures import sliders


@pytest.fixture
def seen(monkeypatch):
    """What would be displayed: titles of figures, and widgets."""
    shown = []
    monkeypatch.setattr(sliders, "show", lambda fig: shown.append(fig.get_suptitle()))
    monkeypatch.setattr(sliders, "display", shown.append)
    yield shown
    plt.close("all")


def draw(ratio=10, kind="contours", fixed=None):
    fig = plt.figure()
    fig.suptitle(f"{kind} at {ratio}, {fixed}")
    return fig


def test_in_batch_the_figure_of_the_defaults_stands_still(seen, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    sliders.explore(draw, ratio=(1, 100))
    assert seen == ["contours at 10, None"]


def test_for_a_person_controls_start_at_the_defaults_and_draw_again(seen, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    sliders.explore(draw, ratio=(1, 100), kind=["surface", "contours"])
    *figures, widgets = seen
    slider, choice = widgets.children[:2]
    assert isinstance(slider, ipywidgets.IntSlider)
    assert (slider.min, slider.max, slider.value) == (1, 100, 10)
    assert not slider.continuous_update
    assert choice.value == "contours"
    assert figures == ["contours at 10, None"]
    slider.value = 50
    choice.value = "surface"
    assert seen[-2:] == ["contours at 50, None", "surface at 50, None"]


def test_choices_in_a_tuple_reach_ipywidgets_as_a_list(seen, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    given = []
    monkeypatch.setattr(
        ipywidgets, "interactive", lambda _, **controls: given.append(controls) or ipywidgets.VBox()
    )
    sliders.explore(draw, ratio=(1, 100), kind=("surface", "contours"))
    assert given == [{"ratio": (1, 100), "kind": ["surface", "contours"]}]  # all that ipywidgets 7 takes


def test_a_control_without_parameter_and_a_parameter_without_default_are_named():
    with pytest.raises(ValueError, match="a control for scale, but the parameters of draw"):
        sliders.explore(draw, scale=(1, 2))
    with pytest.raises(ValueError, match="give ratio of"):
        sliders.explore(lambda ratio: plt.figure(), ratio=(1, 2))
