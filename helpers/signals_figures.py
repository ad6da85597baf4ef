"""Small multiples of what passes through the layers of a deep net."""

import math
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from helpers.figures import MARKS, MUTED, PALETTE, subplots

_ORDER = ("batch", "layer", "group", "instance")
Tables = Mapping[str, Mapping[str, pd.DataFrame]]


def by_layer(
    measured: Tables,
    rows: Mapping[str, tuple[str, str, tuple[float, float]]],
    expected: Tables | None = None,
    height: float = 1.75,
) -> Figure:
    """One column of panels for each key of `measured`, one row for each of `rows`; layers run to the right.

    Args:
        measured: panel -> series -> a table with one row for each layer; drawn as marks, every third layer.
            A series that is called like a norm has its colour and mark, others have the first that are free.
        rows: column of the tables -> (label of the axis, "log" or "linear", its limits); what lies beyond
            the limits is left out.
        expected: tables of the same keys, drawn as lines; without them the marks are joined.
        height: of a row, in inches.
    """
    names = list(dict.fromkeys(series for panel in measured.values() for series in panel))
    looks = {name: name if name in PALETTE else _ORDER[i] for i, name in enumerate(names)}
    size = (7.5, height * len(rows) + 0.7)
    fig, axes = subplots(len(rows), len(measured), figsize=size, sharex=True, sharey="row", squeeze=False)
    for line, (column, (label, scale, limits)) in zip(axes, rows.items(), strict=True):
        for ax, (panel, series) in zip(line, measured.items(), strict=True):
            for i, (name, table) in enumerate(series.items()):
                joined = {"linestyle": "none" if expected else "-"}
                apart = {"markevery": (i % 3, 3)}  # marks of series that coincide stay visible
                _draw(ax, table[column], limits, looks[name], marker=MARKS[looks[name]], **joined, **apart)
                if expected and column in expected[panel][name]:
                    _draw(ax, expected[panel][name][column], limits, looks[name])
            ax.set(yscale=scale, ylim=limits)
            ax.tick_params(labelsize=8)
        line[0].set_ylabel(label, fontsize=9)
    for ax, panel in zip(axes[0], measured, strict=True):
        ax.set_title(panel)
    for ax in axes[-1]:
        ax.set(xlabel="layer", xticks=[1, 10, 20, 30])
    handles = [
        Line2D([], [], color=PALETTE[look], marker=MARKS[look], markersize=4, linewidth=1, linestyle="-")
        for look in looks.values()
    ]
    place = {"loc": "outside lower center", "ncols": len(names)}
    fig.legend(handles, names, fontsize=9, labelcolor=MUTED, **place)
    return fig


def _draw(ax: Axes, values: pd.Series, limits: tuple[float, float], look: str, **marks: object) -> None:
    inside = values.where(values.between(*limits), math.nan)
    ax.plot(
        values.index,
        inside,
        **{"linestyle": "-", "linewidth": 1, "markersize": 3.5} | marks,
        color=PALETTE[look],
    )
