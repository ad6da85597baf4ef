"""Figures of what passes through many layers, by layer and by gain."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from helpers.figures.style import INK, LINES, MARKS, MUTED, PALETTE, Figure, subplots

_PLACES = {"sigmoid": (5.2, 1e-8), "tanh": (8.5, 1e6), "ReLU": (2.7, 1e12), "GELU": (1.05, 1e-13)}
LOOKS = {"sigmoid": "instance", "tanh": "batch", "ReLU": "layer", "GELU": "group"}
"""Activation -> the norm whose colour and mark it has; no figure shows both."""


def sweep(
    gains: Sequence[float],
    rows: Mapping[str, tuple[Mapping[str, Sequence[float]], str, tuple[float, float]]],
    marks: Mapping[str, float],
) -> Figure:
    """One line for each activation over the gain, one panel for each of `rows`.

    Args:
        gains: of the initialization, above 0; drawn on a log axis.
        rows: label of the axis -> (activation -> a value for each gain, "log" or "linear", the limits).
            Where a line leaves the limits it is cut.
        marks: gains that libraries use -> where they stand.
    """
    fig, axes = subplots(len(rows), 1, figsize=(7.5, 2.9 * len(rows)), sharex=True, squeeze=False)
    for ax, (label, (curves, scale, limits)) in zip(axes[:, 0], rows.items(), strict=True):
        for name, values in curves.items():
            inside = np.where((np.array(values) > limits[0]) & (np.array(values) < limits[1]), values, np.nan)
            ax.plot(gains, inside, color=PALETTE[LOOKS[name]], linestyle=LINES[LOOKS[name]], label=name)
        ax.set(xscale="log", yscale=scale, ylim=limits, ylabel=label)
        for place in marks.values():
            ax.axvline(place, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    top, bottom = axes[0, 0], axes[-1, 0]
    if "log" in (scale for _, scale, _ in rows.values()):
        top.axhspan(0.1, 10, color=INK, alpha=0.08, linewidth=0)
    for name, place in ((name, _PLACES[name]) for name in LOOKS):
        top.annotate(name, place, color=PALETTE[LOOKS[name]])
    for name, place in marks.items():
        top.annotate(
            name, (place, 1.02), xycoords=("data", "axes fraction"), rotation=60, fontsize=8, color=MUTED
        )
    ticks = [0.5, 1, 2, 5, 10, 20]
    bottom.set_xticks(ticks, [str(tick) for tick in ticks])
    bottom.minorticks_off()
    bottom.set_xlabel("gain: standard deviation of a weight, times the square root of the fan-in")
    return fig


def keeping(variances: Sequence[float], gains: Mapping[str, Sequence[float]]) -> Figure:
    """For each activation the gain that keeps a variance, over the variance."""
    fig, ax = subplots(figsize=(7.5, 3.2))
    top = 4.0
    for name, values in gains.items():
        ax.plot(variances, values, color=PALETTE[LOOKS[name]], linestyle=LINES[LOOKS[name]])
        last = max(i for i, value in enumerate(values) if value <= top)  # in sight
        offset = {"ReLU": (6, -9), "GELU": (6, 9), "sigmoid": (-6, 0)}.get(name, (6, 0))
        ax.annotate(
            name,
            (variances[last], values[last]),
            xytext=offset,
            textcoords="offset points",
            color=PALETTE[LOOKS[name]],
            ha="right" if offset[0] < 0 else "left",
            va="center",
        )
    ax.set(xscale="log", ylim=(0, top), xlabel="variance of y", ylabel="gain that keeps it")
    return fig


def by_layer(
    tables: Mapping[str, Mapping[str, pd.DataFrame]],
    rows: Mapping[str, tuple[str, str, tuple[float, float]]],
    height: float = 2.1,
) -> Figure:
    """One column of panels for each key of `tables`, one row for each of `rows`; layers run to the right.

    Args:
        tables: panel -> norm -> a table with one row for each layer.
        rows: column of the tables -> (label of the axis, "log" or "linear", its limits).
        height: of a row, in inches.
    """
    names = list(dict.fromkeys(series for panel in tables.values() for series in panel))
    size = (7.5, height * len(rows) + 0.5)
    fig, axes = subplots(len(rows), len(tables), figsize=size, sharex=True, sharey="row", squeeze=False)
    for line, (column, (label, scale, limits)) in zip(axes, rows.items(), strict=True):
        for ax, series in zip(line, tables.values(), strict=True):
            for i, (name, table) in enumerate(series.items()):
                _draw(ax, table[column], name, i)
            ax.set(yscale=scale, ylim=limits)
            ax.tick_params(labelsize=8)
        line[0].set_ylabel(label, fontsize=9)
    for ax, panel in zip(axes[0], tables, strict=True):
        ax.set_title(panel)
    for ax in axes[-1]:
        ax.set(xlabel="layer", xticks=[1, 10, 20, 30])
    handles = [
        Line2D([], [], color=PALETTE[name], marker=MARKS[name], markersize=4, linestyle=LINES[name])
        for name in names
    ]
    words = ["no norm" if name == "none" else f"{name} norm" for name in names]
    fig.legend(handles, words, fontsize=9, labelcolor=MUTED, loc="outside lower center", ncols=len(names))
    return fig


def _draw(ax: Axes, values: pd.Series, name: str, offset: int) -> None:
    ax.plot(
        values.index,
        values,
        color=PALETTE[name],
        linestyle=LINES[name],
        marker=MARKS[name],
        markevery=(3 * offset, 9),  # marks of lines that coincide stay visible
        linewidth=1.4,
        markersize=4,
    )
