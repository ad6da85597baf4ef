"""Computation graphs."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.patches import Circle

from helpers.figures.style import INK, MUTED, PALETTE


def graph(
    ax: Axes,
    nodes: Mapping[str, tuple[float, float]],
    edges: Iterable[tuple[str, str, str, str]],
) -> None:
    """Draw a computation graph.

    Args:
        ax: an empty axes.
        nodes: what to write in the node -> (x, y).
        edges: (from, to, label, norm-palette name of the colour); drawn as arrows, the label in the middle.
    """
    for start, end, label, color in edges:
        a, b = nodes[start], nodes[end]
        arrow = {"arrowstyle": "-|>", "color": PALETTE[color], "shrinkA": 19, "shrinkB": 19, "lw": 1.8}
        ax.annotate("", xy=b, xytext=a, arrowprops=arrow)
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # the label interrupts its arrow
        ax.text(*middle, label, ha="center", va="center", color=PALETTE[color], bbox=paper)
    for text, (x, y) in nodes.items():
        ax.add_patch(Circle((x, y), 0.32, facecolor="white", edgecolor=MUTED, zorder=3))
        ax.text(x, y, text, ha="center", va="center", color=INK, zorder=4, fontsize=12)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.margins(0.05)
