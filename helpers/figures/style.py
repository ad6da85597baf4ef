"""One look for every figure of the course: colours, marks, direct labels, and PNG output with alt text."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.figure
import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

# Okabe and Ito's colours (the purple is Tol's), which colour-blind readers tell apart. Each norm also has a
# mark and a line of its own, for print in grey.
PALETTE = {
    "none": "#595959",
    "batch": "#0072B2",
    "layer": "#D55E00",
    "group": "#009E73",
    "instance": "#AA4499",
}
MARKS = {"none": "x", "batch": "o", "layer": "s", "group": "^", "instance": "D"}
LINES = {"none": ":", "batch": "-", "layer": "--", "group": "-.", "instance": (0, (5, 1, 1, 1, 1, 1))}

OF_PENALTY = {"none": "none", "L1": "layer", "L2": "batch", "L1 + L2": "group"}  # each looks as that norm

INK, MUTED, PALE = "#222222", "#595959", "#E6E6E6"
_DPI = 160  # pixels in the file; shown at 96 an inch, so that a figure stays sharp on paper


class Figure(matplotlib.figure.Figure):
    """A figure that carries its alt text: what it shows, in words, for readers who cannot see it."""

    alt = ""


def use() -> None:
    """Set the course's look for all figures that follow, from matplotlib's defaults on.

    A matplotlibrc of one's own (LaTeX, another image.origin, a dark background) is for one's own figures.
    """
    series = ["batch", "layer", "group", "instance", "none"]
    mpl.rcdefaults()
    plt.rcParams.update(
        {
            "figure.figsize": (7.5, 3.2),
            "figure.constrained_layout.use": True,
            "savefig.dpi": _DPI,
            "savefig.facecolor": "white",
            "font.size": 10,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": MUTED,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10.5,
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": PALE,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "legend.frameon": False,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "axes.prop_cycle": cycler(color=[PALETTE[k] for k in series])
            + cycler(linestyle=[LINES[k] for k in series]),
        }
    )


def look(norm: str) -> dict[str, Any]:
    """Colour, mark and line of a norm, as arguments of `plot`."""
    return {"color": PALETTE[norm], "marker": MARKS[norm], "linestyle": LINES[norm]}


def subplots(
    rows: int = 1,
    columns: int = 1,
    figsize: tuple[float, float] | None = None,
    layout: str | None = None,
    **options: Any,
) -> tuple[Figure, Any]:
    """As `plt.subplots`, but pyplot does not know the figure: it is seen when `show` shows it, and only then.

    What pyplot knows the inline backend shows at the end of whatever cell is running. JupyterLab runs the
    callback of a slider in a thread of its own, so that could be a half-drawn figure beneath another cell.

    Args:
        rows, columns, figsize, layout: as `plt.subplots`; the size in inches.
        options: as `Figure.subplots`.

    Returns:
        the figure, and its axes (an array, or one) as `plt.subplots` returns them.
    """
    fig = Figure(figsize=figsize, layout=layout)
    FigureCanvasAgg(fig)  # draws itself, which fig.canvas.draw() relies on
    return fig, fig.subplots(rows, columns, **options)


def show(fig: matplotlib.figure.Figure, alt: str = "") -> None:
    """Display `fig` as one PNG whose output metadata holds the alt text, and close it.

    Args:
        fig: the figure.
        alt: what the figure shows, in a sentence, for a figure that does not carry its alt text.

    Raises:
        ValueError: no alt text.
    """
    alt = alt or getattr(fig, "alt", "")
    if not alt.strip():
        raise ValueError(
            "show() was given no alt text, and the figure carries none: say in a sentence what the figure "
            "shows, show(fig, alt='...')."
        )
    data = {"image/png": png(fig), "text/plain": "figure"}
    width = round(fig.get_figwidth() * 96)
    plt.close(fig)  # one made with plt.subplots would be shown a second time by the inline backend
    display(data, raw=True, metadata={"image/png": {"alt": alt, "width": width}})


def png(fig: matplotlib.figure.Figure) -> bytes:
    """The figure as PNG, the same bytes each time: no version of a program is inside."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def sentence(words: str) -> str:
    """The words with a capital letter, as an alt text begins."""
    return words[:1].upper() + words[1:]


def label_ends(ax: Axes, gap: float = 0.075) -> None:
    """Write each line's label at its right end, in its colour, at least `gap` of the axis height apart."""
    fig = ax.figure
    fig.canvas.draw()  # the limits must be final before data are turned into fractions of the axis
    to_axes = ax.transData + ax.transAxes.inverted()
    ends = []
    for line in ax.get_lines():
        if not line.get_label().startswith("_"):
            x, y = line.get_xdata()[-1], line.get_ydata()[-1]
            ends.append([*to_axes.transform((x, y)), line])
    ends.sort(key=lambda end: end[1])
    heights = spread([y for _, y, _ in ends], gap)
    excess = max(0.0, heights[-1] - 1.0) if ends else 0.0
    for (x, _, line), y in zip(ends, heights, strict=True):
        ax.annotate(
            line.get_label(),
            (x, y - excess),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            annotation_clip=False,
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Rising heights at least `gap` apart, moved as little as possible (least squares).

    Heights that would come too close form a block around their common middle.
    """
    blocks: list[tuple[float, int]] = []  # mean of height - gap * place, and how many labels
    for place, height in enumerate(heights):
        middle, count = height - gap * place, 1
        while blocks and blocks[-1][0] > middle:
            below, more = blocks.pop()
            middle, count = (below * more + middle * count) / (more + count), more + count
        blocks.append((middle, count))
    middles = [middle for middle, count in blocks for _ in range(count)]
    return [middle + gap * place for place, middle in enumerate(middles)]


def lines(
    ax: Axes,
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    **marks: object,
) -> None:
    """Draw each of `series` (name -> one value per `x`) on `ax`, labelled at its end."""
    for name, values in series.items():
        ax.plot(x, values, label=name, **marks)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    label_ends(ax)
