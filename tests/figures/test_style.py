"""Figures: PNG with alt text, the same bytes twice, norms told apart without colour, labels kept apart."""

import struct
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

from helpers.figures import sharing, style
from helpers.figures.images import picture
from helpers.lessons.batch_norm_from_scratch import figures

pytestmark = pytest.mark.usefixtures("course_style")


@pytest.fixture
def displayed(monkeypatch):
    """A function that shows a figure and gives what was displayed: data and metadata by type of content."""

    def show(fig, **alt):
        shown = []
        monkeypatch.setattr(style, "display", lambda data, raw, metadata: shown.append((data, metadata, raw)))
        assert style.show(fig, **alt) is None
        ((data, metadata, raw),) = shown
        assert raw
        return data, metadata

    return show


def a_line():
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, 1])
    return fig


def test_show_displays_one_png_with_alt_text_and_closes_the_figure(displayed, capsys):
    fig = a_line()
    data, metadata = displayed(fig, alt="A line rises.")
    png = data["image/png"]
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = struct.unpack(">I", png[16:20])[0]
    assert metadata == {"image/png": {"alt": "A line rises.", "width": 720}}  # 7.5 inches, 96 dots each
    assert pixels > 1.5 * 720  # sharp on paper
    assert data["text/plain"] == "figure"  # no address of an object, which would change with each run
    assert not plt.fignum_exists(fig.number)
    assert capsys.readouterr().out == ""


def test_the_same_figure_gives_the_same_bytes_and_names_no_version(displayed):
    first, _ = displayed(a_line(), alt="A line rises.")
    assert first == displayed(a_line(), alt="A line rises.")[0]
    assert b"matplotlib" not in first["image/png"].lower()


def test_a_figure_is_shown_with_the_alt_text_that_it_carries_unless_another_is_given(displayed):
    fig, _ = style.subplots()
    fig.alt = "An empty frame."
    assert displayed(fig)[1]["image/png"]["alt"] == "An empty frame."
    assert displayed(fig, alt="Nothing.")[1]["image/png"]["alt"] == "Nothing."


@pytest.mark.parametrize(
    "own",
    [
        {"text.usetex": True},
        {"image.origin": "lower", "image.cmap": "jet"},
        {"axes.facecolor": "black", "figure.facecolor": "black", "savefig.transparent": True},
        {"font.family": ["serif"], "axes.unicode_minus": False, "axes.formatter.limits": [-1, 1]},
        {"figure.dpi": 300, "savefig.bbox": "tight", "savefig.pad_inches": 2},
        {"axes.xmargin": 0.5, "lines.marker": "s", "legend.fancybox": False},
        {"path.simplify": False, "xtick.bottom": False, "ytick.labelleft": False},
    ],
    ids=lambda own: next(iter(own)),
)
def test_figures_start_from_matplotlib_s_defaults_whatever_a_matplotlibrc_says(own):
    def drawn() -> bytes:
        style.use()
        fig, (left, right) = style.subplots(1, 2)
        left.plot([-1, 1], [0, 1e4], label="a line")
        left.legend(loc="upper left")
        picture(right, torch.arange(12, dtype=torch.uint8).view(1, 3, 4) * 20)
        return style.png(fig)

    expected = drawn()
    with mpl.rc_context(own):
        assert drawn() == expected
        assert mpl.rcParams["backend"] == "agg"


@pytest.mark.parametrize("alt", ["", "  "])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="no alt text, and the figure carries none"):
        style.show(a_line(), alt=alt)
    with pytest.raises(ValueError, match="no alt text, and the figure carries none"):
        style.show(style.subplots()[0], alt=alt)


def luminance(color):
    """Relative luminance, WCAG 2.2."""
    rgb = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(color)]
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def test_pyplot_does_not_know_a_figure_of_the_course_which_draws_itself_all_the_same():
    fig, axes = style.subplots(2, 3, figsize=(6, 4), sharex=True, squeeze=False)
    assert axes.shape == (2, 3)
    assert tuple(fig.get_size_inches()) == (6, 4)
    assert fig.get_layout_engine() is not None  # as the style says
    fig, ax = style.subplots(layout="none")
    assert tuple(fig.get_size_inches()) == (7.5, 3.2)
    assert fig.get_layout_engine() is None
    places = []
    for axes in (ax, plt.subplots(layout="none")[1]):
        axes.plot([0, 1], [0, 5], label="far")
        axes.plot([0, 1], [0, 4], label="near")
        style.label_ends(axes)  # draws the figure to learn the limits
        places.append([text.xy for text in axes.texts])
    assert places[0] == places[1]
    plt.close("all")
    assert plt.get_fignums() == []


def test_every_norm_has_a_colour_a_mark_and_a_line_of_its_own():
    for look in (style.PALETTE, style.MARKS, style.LINES):
        assert set(look) == {"none", "batch", "layer", "group", "instance"}
        assert len(set(look.values())) == 5
    for color in style.PALETTE.values():
        assert 1.05 / (luminance(color) + 0.05) >= 3, f"{color} is too pale on white paper"


def test_lines_that_follow_each_other_differ_without_colour():
    _, ax = plt.subplots()
    drawn = [ax.plot([0, 1], [i, i])[0] for i in range(5)]
    assert len({str(line.get_linestyle()) + str(line._unscaled_dash_pattern) for line in drawn}) == 5


def test_labels_at_the_ends_keep_their_distance_and_their_lines_colour():
    _, ax = plt.subplots()
    style.lines(ax, [0, 1, 2], {"a": [0, 1, 2], "b": [0, 1, 2.001], "c": [5, 3, 0]}, "step", "loss")
    labels = {text.get_text(): text for text in ax.texts}
    assert set(labels) == {"a", "b", "c"}
    heights = sorted(text.xy[1] for text in labels.values())
    assert min(b - a for a, b in pairwise(heights)) >= 0.0749
    assert heights[-1] <= 1.0
    for line in ax.get_lines():
        assert labels[line.get_label()].get_color() == line.get_color()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


def test_shared_values_draws_each_value_in_its_groups_look():
    x = torch.arange(12.0).view(2, 3, 1, 2)
    fig = sharing.shared_values(x, torch.arange(3).view(1, 3, 1, 1), {0: "first", 2: "last"})
    for n, ax in enumerate(fig.axes):
        assert [t.get_text() for t in ax.texts[:6]] == [f"{v:g}" for v in x[n].flatten()]
        looks = [(patch.get_facecolor(), patch.get_hatch()) for patch in ax.patches]
        assert looks[0] == looks[1]
        for cue in zip(*looks, strict=True):  # tint and hatch each tell the groups apart by themselves
            assert len(set(cue)) == 3
    assert [t.get_text() for t in fig.axes[-1].texts[6:]] == ["first", "last"]


def test_graph_draws_every_node_and_every_labelled_arrow():
    _, ax = plt.subplots()
    figures.graph(ax, {"x": (0, 0), "y": (2, 1)}, [("x", "y", "twice", "batch")])
    assert {text.get_text() for text in ax.texts} >= {"x", "y", "twice"}
    assert len([p for p in ax.patches if isinstance(p, plt.Circle)]) == 2
    (arrow,) = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert arrow.xy == (2, 1)


def test_labels_that_would_overlap_move_to_both_sides_and_others_stay():
    assert style.spread([0.1, 0.5, 0.52, 0.9], 0.08) == pytest.approx([0.1, 0.47, 0.55, 0.9])
    assert style.spread([0.3, 0.3, 0.3], 0.1) == pytest.approx([0.2, 0.3, 0.4])
    assert style.spread([], 0.1) == []
