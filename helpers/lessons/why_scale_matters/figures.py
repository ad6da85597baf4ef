"""Figures of gradient descent on two weights, and of inputs before and after normalization."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from helpers.figures.style import INK, MARKS, MUTED, PALETTE, Figure, label_ends, subplots
from helpers.training import descent

_ORDER = ("batch", "layer", "group", "instance")
Tables = Mapping[str, Mapping[str, pd.DataFrame]]
_STEPS = 30  # of gradient descent, drawn on the contours
_REACH = 1.6  # half the width of the weights shown


def surfaces(ratio: float) -> Figure:
    """The loss for inputs on scales 1 and `ratio`, raw (upper row) and divided by their scales (lower row).

    From above, in 3-D, and as contours with 30 steps of gradient descent at its best learning rate. Both
    weights are drawn on one scale. The target is the sum of the two inputs in units of their own scale;
    descent starts at 0.
    """
    fig = Figure(figsize=(7.5, 5.2))
    for row, (name, scale) in enumerate((("raw", ratio), ("normalized", 1.0))):
        hessian = torch.diag(torch.tensor([1.0, scale**2], dtype=torch.float64))
        best = torch.tensor([1.0, 1 / scale], dtype=torch.float64)  # the weights with loss 0
        w1, w2, loss = (t.numpy() for t in _grid(hessian, best))
        from_above, surface, contours = (
            fig.add_subplot(2, 3, 3 * row + column, projection="3d" if column == 2 else None)
            for column in (1, 2, 3)
        )
        level = np.log10(np.maximum(loss, 1e-3))
        from_above.pcolormesh(w1, w2, level, cmap="viridis", shading="auto", rasterized=True)
        from_above.set_title(
            f"{name}: scales 1 and {scale:.0f}" if scale > 99 else f"{name}: scales 1 and {scale:.2g}"
        )
        surface.plot_surface(w1, w2, np.sqrt(loss), cmap="viridis", rcount=30, ccount=30, linewidth=0)
        surface.set_title("root of the loss", fontsize=9)
        surface.set(xticks=[], yticks=[], xlabel="$w_1$", ylabel="$w_2$")
        surface.xaxis.labelpad = surface.yaxis.labelpad = -12
        surface.tick_params(labelsize=7, pad=-2)
        surface.view_init(elev=35, azim=-60)
        contours.contour(w1, w2, level, levels=12, cmap="viridis", linewidths=0.9)
        done = _path(contours, hessian, best)
        contours.set_title(done, fontsize=9)
        for ax in (from_above, contours):
            ax.set(aspect="equal", xlabel="$w_1$", ylabel="$w_2$", xlim=(1 - _REACH, 1 + _REACH))
            ax.set_ylim(best[1].item() - _REACH, best[1].item() + _REACH)
            ax.grid(False)
            ax.plot(*best.tolist(), "+", color="white" if ax is from_above else INK, markersize=9)
        surface.grid(False)
    fig.alt = f"Scales 1 and {ratio:.3g}: a valley, descent zigzags. Normalized: a round bowl, one step."
    return fig


def _grid(hessian: Tensor, best: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights w1 and w2 around the best ones, and the loss there, each (161, 161)."""
    along = torch.linspace(-_REACH, _REACH, 161, dtype=torch.float64)
    e1, e2 = torch.meshgrid(along, along, indexing="xy")
    return e1 + best[0], e2 + best[1], (hessian[0, 0] * e1**2 + hessian[1, 1] * e2**2) / 2


def _path(ax: Axes, hessian: Tensor, best: Tensor) -> str:
    smallest, largest = hessian.diagonal().min().item(), hessian.diagonal().max().item()
    lr, _ = descent.best_settings(smallest, largest)
    weights = descent.path(hessian, -best, lr, _STEPS) + best
    ax.plot(*weights.T.numpy(), "o-", color=PALETTE["layer"], markersize=3, linewidth=1.2)
    left = weights[-1] - best
    share = 100 * (left @ hessian @ left / (best @ hessian @ best)).item()
    if torch.allclose(weights[1], best):
        return "1 step: there"
    return f"{_STEPS} steps: {share:.2f} % left" if share > 1 else f"{_STEPS} steps: {share:.1g} % left"


def steps_against_condition(
    conditions: Sequence[float],
    counted: Mapping[str, Sequence[int]],
    theory: Mapping[str, Sequence[float]],
    ylabel: str,
) -> Figure:
    """Marks for the steps `counted`, a line for those in `theory`: name -> one value per condition number."""
    fig, ax = subplots(figsize=(7.5, 3.6))
    ax.set(xscale="log", yscale="log", xlabel="condition number", ylabel=ylabel)
    looks = zip(counted, ("batch", "layer"), ("o", "s"), strict=False)
    for name, color, mark in looks:
        ax.plot(conditions, counted[name], mark, color=PALETTE[color], label="_")
        ax.plot(conditions, theory[name], "-", color=PALETTE[color], linewidth=1.2, label=name)
    label_ends(ax)
    ax.annotate("marks: counted; lines: theory", (0.03, 0.93), xycoords="axes fraction", color=MUTED)
    return fig


def clouds(forms: Mapping[str, Tensor], conditions: Mapping[str, float]) -> Figure:
    """Each form of the same inputs (N, 2) as a cloud, in units of its own largest deviation.

    The colour of a point is its direction in the first form, so that a turn shows.
    """
    fig, axes = subplots(1, len(forms), figsize=(7.5, 2.4), sharex=True, sharey=True)
    first = next(iter(forms.values()))
    centred = first - first.mean(dim=0)
    angle = torch.atan2(centred[:, 1] / centred[:, 1].std(), centred[:, 0] / centred[:, 0].std())
    for ax, (name, x) in zip(axes, forms.items(), strict=True):
        x = (x / x.std(dim=0).max()).numpy()
        ax.scatter(x[:, 0], x[:, 1], 7, c=angle.numpy(), cmap="twilight", linewidth=0)
        ax.axhline(0, color=MUTED, linewidth=0.7)
        ax.axvline(0, color=MUTED, linewidth=0.7)
        ax.set(aspect="equal", title=f"{name}\nκ = {conditions[name]:,.4g}", xlabel="input 1")
    axes[0].set_ylabel("input 2")
    return fig


def pictures(rows: Mapping[str, Tensor]) -> Figure:
    """Images (N, H, W), one row for each name, all rows as long; grey from -3 to 3 deviations of that row."""
    count = len(next(iter(rows.values())))
    fig, axes = subplots(len(rows), count, figsize=(7.5, 0.85 * len(rows)), squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        middle, spread = images.mean().item(), 3 * images.std().item()
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image.numpy(), cmap="gray", vmin=middle - spread, vmax=middle + spread)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return fig


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
