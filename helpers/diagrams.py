"""Pictures without measurements: which values of a batch share a statistic, and computation graphs."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from helpers.figures import INK, MUTED, PALETTE, subplots

_TINTS = ("#CFE5F3", "#F9DFC9", "#CDEBE0", "#ECD6E8", "#E3E3E3", "#FBF3C4")
_HATCHES = ("", "////", "....", "\\\\\\\\", "xx", "--")


def shared_values(x: Tensor, groups: Tensor, names: Mapping[int, str]) -> Figure:
    """The numbers of a small batch, with values that share a statistic in one tint and one hatch.

    Args:
        x: (N, C, H, W) values; the pixels of a channel are drawn side by side.
        groups: integers that broadcast to the shape of `x`: values of equal integer share a statistic.
        names: integer -> what to write beside the first row of that group, or "".
    """
    count, channels = x.shape[:2]
    values, groups = x.flatten(2), groups.expand_as(x).flatten(2)
    fig, axes = subplots(1, count, figsize=(7.5, 0.5 * channels + 0.5), sharey=True)
    for n, ax in enumerate(axes):
        for c in range(channels):
            for p in range(values.shape[2]):
                group = int(groups[n, c, p])
                box = Rectangle(
                    (p, c), 1, 1, facecolor=_TINTS[group % 6], hatch=_HATCHES[group % 6], edgecolor="white"
                )
                ax.add_patch(box)
                ax.text(p + 0.5, c + 0.5, f"{values[n, c, p]:g}", ha="center", va="center", fontweight="bold")
        ax.set(xlim=(0, values.shape[2]), ylim=(channels, 0), xticks=[], yticks=[], title=f"image {n}")
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    axes[0].set_yticks([c + 0.5 for c in range(channels)], [f"channel {c}" for c in range(channels)])
    for group, name in names.items():
        row = (groups == group).nonzero()[0, 1].item()
        axes[-1].annotate(name, (values.shape[2] + 0.15, row + 0.5), va="center", annotation_clip=False)
    return fig


def graph(
    ax: Axes,
    nodes: Mapping[str, tuple[float, float]],
    edges: Iterable[tuple[str, str, str, str]],
    radius: float = 0.32,
) -> None:
    """Draw a computation graph.

    Args:
        ax: an empty axes.
        nodes: what to write in the node -> (x, y).
        edges: (from, to, label, norm-palette name of the colour); drawn as arrows, the label in the middle.
        radius: size of a node, in data units.
    """
    for start, end, label, color in edges:
        a, b = nodes[start], nodes[end]
        arrow = {"arrowstyle": "-|>", "color": PALETTE[color], "shrinkA": 19, "shrinkB": 19, "lw": 1.8}
        ax.annotate("", xy=b, xytext=a, arrowprops=arrow)
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # the label interrupts its arrow
        ax.text(*middle, label, ha="center", va="center", color=PALETTE[color], bbox=paper)
    for text, (x, y) in nodes.items():
        ax.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=MUTED, zorder=3))
        ax.text(x, y, text, ha="center", va="center", color=INK, zorder=4, fontsize=12)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.margins(0.05)
