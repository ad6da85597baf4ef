"""Figures of lesson 06: what is left of a vector, and what a norm costs."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from helpers.figures.sharing import COLORS
from helpers.figures.style import INK, MUTED, PALE, Figure, subplots

_LOOKS = {  # of a way to compute a norm: mark, fill
    "by hand": ("o", "white"),
    "by hand, compiled": ("o", INK),
    "course": ("D", "white"),
    "torch": ("s", INK),
    "torch, channels_last": ("s", "white"),
}


def spheres(vectors: Tensor, after_rms: Tensor, after_layer: Tensor) -> Figure:
    """Vectors (n, 3) before and after two norms, with the ones vector and the sphere that they go to."""
    panels = {"input": vectors, "after RMS norm": after_rms, "after layer norm": after_layer}
    colors = (COLORS["none"], COLORS["RMS"], COLORS["layer"])
    fig, axes = subplots(1, 3, figsize=(7.5, 2.7), subplot_kw={"projection": "3d"})
    radius = 3**0.5
    turn, height = np.mgrid[0 : 2 * np.pi : 25j, 0 : np.pi : 13j]
    sphere = [
        radius * f for f in (np.cos(turn) * np.sin(height), np.sin(turn) * np.sin(height), np.cos(height))
    ]
    for ax, (title, points), color in zip(axes, panels.items(), colors, strict=True):
        ax.plot_wireframe(*sphere, color="#C8C8C8", linewidth=0.3)
        ax.plot(*[[-1.9, 1.9]] * 3, color=INK, linewidth=1.6, linestyle="-")
        ax.text(1.75, 1.75, 2.1, "ones", ha="right", color=INK)
        ax.scatter(*points.T.tolist(), color=color, s=7, depthshade=False)
        ax.set_title(title, loc="center", y=1.0)
        ax.set(xlim=(-2, 2), ylim=(-2, 2), zlim=(-2, 2), xticks=[], yticks=[], zticks=[])
        ax.set(xlabel="number 0", ylabel="number 1", zlabel="number 2")
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.labelpad = -13
            axis.label.set(color=MUTED, fontsize=8)
            axis.pane.set(facecolor="white", edgecolor=PALE)
        ax.set_box_aspect((1, 1, 1), zoom=1.02)
        ax.view_init(elev=14, azim=-20)
    fig.alt = (
        "Three panels with points in space, the ones vector and a sphere around the origin: the input fills "
        "an oblong cloud, RMS norm puts it on one side of the sphere, layer norm on a circle of the sphere, "
        "at right angles to the ones vector."
    )
    return fig


def costs(milliseconds: Mapping[str, Mapping[str, float]]) -> Figure:
    """Time of each norm (a row) for each way to compute it (a mark), on a logarithmic axis."""
    norms = list(milliseconds)
    fig, ax = subplots(figsize=(7.5, 0.42 * len(norms) + 1.2))
    for way, (mark, fill) in _LOOKS.items():
        times = [milliseconds[norm][way] for norm in norms]
        ax.plot(
            times,
            range(len(norms)),
            mark,
            label=way,
            color=INK,
            markerfacecolor=fill,
            markersize=7,
            linestyle="",
        )
    for row, norm in enumerate(norms):
        ends = [milliseconds[norm][way] for way in _LOOKS]
        ax.plot([min(ends), max(ends)], [row, row], color=PALE, linewidth=3, linestyle="-", zorder=0)
    ax.set(xscale="log", xlabel="milliseconds, forward and backward", ylim=(len(norms) - 0.5, -0.5))
    ax.set_yticks(range(len(norms)), norms)
    ticks = [2, 5, 10, 20, 50, 100]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.grid(axis="y", visible=False)
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.45, 1.0), handletextpad=0.2)
    fig.alt = "A row of marks for each norm: its time by hand, compiled, in the course's layer, in PyTorch's."
    return fig
