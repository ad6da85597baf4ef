"""The picture of which values share a statistic, and of which images depend on each other.

The cubes are those of Wu & He 2018, figure 2, drawn for any batch and any number of groups.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon, Rectangle
from torch import Tensor

from helpers.figures.style import INK, MUTED, PALETTE, Figure, subplots

_TINTS = ("#CFE5F3", "#F9DFC9", "#CDEBE0", "#ECD6E8", "#E3E3E3", "#FBF3C4")
_HATCHES = ("", "////", "....", "\\\\\\\\", "xx", "--")
# The axes of (N, C, H, W) that are pooled; group norm pools (2, 3, 4) of (N, groups, C / groups, H, W).
POOLED = {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3), "RMS": (1, 2, 3), "position": (1,)}
TITLES = {
    "batch": "Batch norm",
    "layer": "Layer norm",
    "group": "Group norm",
    "instance": "Instance norm",
    "RMS": "RMS norm: mean square only",
    "position": "Layer norm, per position",
}
COLORS = PALETTE | {"RMS": "#56B4E9", "position": "#E69F00"}
_DEPTH = (0.42, 0.36)  # where an image further back is drawn: right and up, in cells


def sharing(norm: str, shape: Sequence[int], groups: int = 2) -> Tensor:
    """Which values share a statistic: int64 of `shape` (N, C, H, W), equal where they do, counted from 0.

    `norm` is a key of TITLES; `groups` counts for group norm. Raises ValueError for another name, and for
    channels that cannot be divided into the groups.
    """
    if norm not in TITLES:
        raise ValueError(f"unknown norm {norm!r}; choose one of {', '.join(TITLES)}")
    if norm != "group":
        kept = [1 if axis in POOLED[norm] else size for axis, size in enumerate(shape)]
        return torch.arange(math.prod(kept)).view(kept).expand(*shape)
    n, c, h, w = shape
    if groups < 1 or c % groups:
        raise ValueError(f"{c} channels cannot be divided into {groups} groups; choose a divisor of {c}")
    ids = torch.arange(n * groups).view(n, groups, 1, 1, 1)
    return ids.expand(n, groups, c // groups, h, w).flatten(1, 2)


def counts(norm: str, shape: Sequence[int], groups: int = 2) -> tuple[int, int]:
    """How many statistics of one kind the norm computes for `shape`, and how many values are in each."""
    number = int(sharing(norm, shape, groups).max()) + 1
    return number, math.prod(shape) // number


def cube(ax: Axes, norm: str, shape: Sequence[int], groups: int = 2) -> None:
    """Draw a batch as a cube: channels to the right, pixels down, images to the back.

    One set of values that share a statistic is coloured (that of the first image's last channel and first
    pixel, which is in sight on every side); strong lines part the sets.
    """
    n, c = shape[:2]
    ids = sharing(norm, shape, groups).flatten(2)  # (N, C, H W)
    p = ids.shape[2]
    ahead, right, down = (1.0, 0.0), _DEPTH, (0.0, -1.0)
    sides = [  # ids (rows, columns), corner, one row further, one column further, light
        (ids[0].T, (0.0, 0.0), down, ahead, 1.0),
        (ids[:, :, 0], (0.0, 0.0), right, ahead, 1.25),
        (ids[:, c - 1].T, (float(c), 0.0), down, right, 0.8),
    ]
    chosen = int(ids[0, c - 1, 0])
    for side, corner, row, column, light in sides:
        _side(ax, side, corner, row, column, _lit(COLORS[norm], light), chosen, norm == "RMS")
    depth = (n * _DEPTH[0], n * _DEPTH[1])
    ax.text(c / 2, -p - 0.25, f"C = {c}", ha="center", va="top")
    ax.text(-0.25, -p / 2, f"H·W = {p}", ha="right", va="center", rotation=90)
    ax.text(c + depth[0] / 2 + 0.3, -p + depth[1] / 2 - 0.1, f"N = {n}", ha="left", va="top")
    ax.set_aspect("equal")
    ax.set(xlim=(-1.2, c + depth[0] + 1.6), ylim=(-p - 1.3, depth[1] + 0.3))
    ax.axis("off")


def _side(
    ax: Axes,
    ids: Tensor,
    corner: tuple[float, float],
    row: tuple[float, float],
    column: tuple[float, float],
    color: tuple[float, ...],
    chosen: int,
    hatched: bool,
) -> None:
    """One side of the cube: its cells, then strong lines where neighbours are of different sets."""
    rows, columns = ids.shape

    def at(i: int, j: int) -> tuple[float, float]:
        return corner[0] + i * row[0] + j * column[0], corner[1] + i * row[1] + j * column[1]

    for i in range(rows):
        for j in range(columns):
            inside = int(ids[i, j]) == chosen
            look = {"facecolor": color if inside else "white", "edgecolor": "#BDBDBD", "linewidth": 0.5}
            corners = [at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)]
            ax.add_patch(Polygon(corners, hatch="////" if inside and hatched else "", **look))
    lines = [(at(i, 0), at(i, columns)) for i in (0, rows)] + [(at(0, j), at(rows, j)) for j in (0, columns)]
    for i in range(rows):
        for j in range(columns):
            if i and ids[i, j] != ids[i - 1, j]:
                lines.append((at(i, j), at(i, j + 1)))
            if j and ids[i, j] != ids[i, j - 1]:
                lines.append((at(i, j), at(i + 1, j)))
    for start, end in lines:
        ax.plot(
            *zip(start, end, strict=True), color=INK, linewidth=1.3, solid_capstyle="round", linestyle="-"
        )


def _lit(color: str, light: float) -> tuple[float, ...]:
    """The colour on a side that gets more light (above 1, towards white) or less (towards black)."""
    rgb = to_rgb(color)
    return tuple(v + (1 - v) * (light - 1) for v in rgb) if light > 1 else tuple(v * light for v in rgb)


def cubes(norms: Sequence[str], shape: Sequence[int], groups: int = 2, columns: int = 3) -> Figure:
    """A cube for each norm, with how many statistics it computes and how many values are in each."""
    rows = -(-len(norms) // columns)
    fig, axes = subplots(rows, columns, figsize=(7.5, 2.75 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, norm in zip(axes.flat, norms, strict=False):
        cube(ax, norm, shape, groups)
        number, values = counts(norm, shape, groups)
        kind = "mean squares" if norm == "RMS" else "means"
        ax.set_title(f"{TITLES[norm]}\n{number} {kind}, {values} values in each", loc="center")
    return fig


def one_cube(norm: str = "group", groups: int = 2, N: int = 5, C: int = 6, H: int = 2, W: int = 4) -> Figure:
    """The cube of one norm, for `helpers.figures.sliders.explore`."""
    fig = cubes([norm], (N, C, H, W), groups, columns=1)
    fig.set_size_inches(7.5, 3.4)
    number, values = counts(norm, (N, C, H, W), groups)
    of = f" in {groups} groups" if norm == "group" else ""
    batch = f"A cube of {N} images, {C} channels{of}, {H * W} pixels"
    fig.alt = f"{batch}: {number} sets of {values} cells; one is coloured."
    return fig


def who_moves(moved: Mapping[str, Tensor]) -> Figure:
    """A square for each pair of images: filled where changing one moves the output of the other.

    Args:
        moved: title -> bool (N, N); row: the image that was changed, column: the output.
    """
    fig, axes = subplots(1, len(moved), figsize=(min(7.5, 3 * len(moved)), 2.1), sharey=True)
    for ax, (title, pairs) in zip(axes, moved.items(), strict=True):
        n = len(pairs)
        for i in range(n):
            for j in range(n):
                own = INK if i == j else "#9A9A9A"
                look = (
                    {"facecolor": own, "hatch": "" if i == j else "///"}
                    if pairs[i, j]
                    else {"facecolor": "white"}
                )
                ax.add_patch(
                    Rectangle((j, i), 1, 1, edgecolor="#BDBDBD" if not pairs[i, j] else "white", **look)
                )
        ax.set(xlim=(0, n), ylim=(n, 0), title=title, xlabel="output")
        ax.set_xticks([k + 0.5 for k in range(n)], range(n))
        ax.set_yticks([k + 0.5 for k in range(n)], range(n))
        ax.set_aspect("equal")
        ax.grid(False)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(True)
        ax.spines[:].set_color(MUTED)
    axes[0].set_ylabel("image changed")
    return fig


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
