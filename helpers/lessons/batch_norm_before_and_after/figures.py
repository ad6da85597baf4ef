"""Figures of lesson 08: the cells of a factorial, credit, accuracy by time, gaps, shifted images.

Each returns the figure with its alt text, which says what it shows from the same numbers.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from helpers.analysis import comparison, readings
from helpers.analysis.published import published_for
from helpers.analysis.readings import Runs
from helpers.figures import style as figures
from helpers.figures.style import Figure
from helpers.lessons.batch_norm_before_and_after.factorial import Design, cells, steps
from helpers.lessons.batch_norm_before_and_after.studies import ACTIVATIONS

_COLORS = {"none": "none", "after": "batch", "before": "layer"}  # place of batch norm -> colour of which norm
_PARTS = (("train_accuracy", "layer", "training"), ("test_accuracy", "batch", "validation"))


def look(config: Mapping[str, Any]) -> dict[str, object]:
    """Colour by where batch norm stands, mark by activation, solid line with an input batch norm."""
    place = "before" if config["options"].get("before") else "after"
    return {
        "color": figures.PALETTE[_COLORS["none" if config["norm"] == "none" else place]],
        "marker": "o" if config["options"]["activation"] == "relu" else "s",
        "linestyle": "-" if config["options"]["input_norm"] else "--",
    }


def _curves(runs: Runs, arm: str, metric: str) -> np.ndarray:
    """(runs, epochs) of the arm's runs that came to their end."""
    found = comparison.values(runs, arm, lambda run: [epoch[metric] for epoch in run["epochs"]])
    return np.array(list(found.values()))


def _band(ax: Axes, x: Sequence[float], curves: np.ndarray, **style: object) -> None:
    ax.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
    ax.plot(x, curves.mean(axis=0), **style)


def parts_beside_published(runs: Runs) -> Figure:
    """One panel for each published arm: training and validation accuracy, ours as bands, theirs as dots."""
    published = published_for("fashion_mlp")
    shown = [arm for arm in published if comparison.values(runs, arm)]
    fig, axes = figures.subplots(1, len(shown), sharey=True, squeeze=False, figsize=(7.5, 3.2))
    said = []
    for ax, arm in zip(axes[0], shown, strict=True):
        for metric, norm, name in _PARTS:
            ours, theirs = _curves(runs, arm, metric), published[arm][metric]
            _band(ax, range(1, ours.shape[1] + 1), ours, color=figures.PALETTE[norm], label="_")
            dots = {"color": figures.PALETTE[norm], "linestyle": "", "markersize": 5, "label": name}
            shape = {"marker": "s"} if norm == "layer" else {"marker": "o", "markerfacecolor": "white"}
            ax.plot(range(1, len(theirs) + 1), theirs, **dots, **shape)
        ax.set(title=f"{arm} (n = {len(ours)})", xlabel="epoch", xticks=[1, 5, 10])
        ax.legend(title="dots: published\nbands: ours", loc="lower right")
        said.append(
            f"{arm}: after epoch {len(theirs)} ours {ours[:, len(theirs) - 1].mean():.1f} % "
            f"(n = {len(ours)}), published {theirs[-1]:.1f} %"
        )
    axes[0, 0].set_ylabel("accuracy (%)")
    fig.alt = f"Training and validation accuracy by epoch, ours and the published. {'; '.join(said)}."
    return fig


def by_cells(runs: Runs, design: Design, factor: str, ylabel: str) -> Figure:
    """A line for each setting of the other factors, from `factor` off to on: parallel without interaction.

    Dots are single runs.
    """
    place, found, said = design.factors.index(factor), cells(runs, design), []
    fig, ax = figures.subplots(figsize=(7.5, 3.4))
    for levels, arm in design.arms.items():
        if levels[place]:
            continue
        on = tuple(level or i == place for i, level in enumerate(levels))
        pair = [np.array(list(found[end].values())) for end in (levels, on)]
        config = readings.config(runs, arm)
        name = _background(config)
        relu = config["options"]["activation"] == "relu"
        style = look(config) | {"color": figures.PALETTE["batch" if relu else "layer"]}
        for x, values in enumerate(pair):
            ax.plot([x] * len(values), values, ".", color=style["color"], alpha=0.4, label="_")
        off, there = (values.mean() for values in pair)
        ax.plot([0, 1], [off, there], label=name, **style)
        said.append(f"{name} {off:.1f} to {there:.1f}")
    ax.set(xticks=[0, 1], xticklabels=[f"no {factor}", factor], xlim=(-0.15, 1.05), ylabel=ylabel)
    ax.grid(False, axis="x")
    figures.label_ends(ax)
    what = figures.sentence(ylabel)
    fig.alt = f"{what} from no {factor} to {factor}, mean of runs: {'; '.join(said)}."
    return fig


def _background(config: Mapping[str, Any]) -> str:
    """What stays as it is while batch norm comes in: activation and input batch norm."""
    names = {options: name for name, options in ACTIVATIONS.items()}
    activation = names[config["options"]["activation"]]
    return activation + (" + input batch norm" if config["options"]["input_norm"] else "")


def credit(runs: Runs, design: Design, order: Sequence[str], ylabel: str) -> Figure:
    """The way from all factors off to all on, in this order: what each step adds where it is taken."""
    stops = steps(runs, design, order)
    values = [value for _, value in stops]
    fig, ax = figures.subplots(figsize=(7.5, 3.2))
    names = [f"start:\n{stops[0][0]}", *(f"+ {factor}" for factor in order), f"end:\n{stops[-1][0]}"]
    ends = {"color": figures.PALETTE["none"], "width": 0.6}
    ax.bar([0, len(values)], [values[0], values[-1]], **ends)
    for i, (before, after) in enumerate(pairwise(values), start=1):
        color = figures.PALETTE["batch" if after >= before else "layer"]
        ax.bar(i, after - before, bottom=before, width=0.6, color=color)
        ax.plot([i - 0.7, i + 0.3], [before, before], color=figures.MUTED, linewidth=1)
        ax.annotate(
            f"{after - before:+.2f}", (i, max(before, after)), (0, 3), textcoords="offset points", ha="center"
        )
    for x, value in ((0, values[0]), (len(values), values[-1])):
        ax.annotate(f"{value:.2f}", (x, value), (0, 3), textcoords="offset points", ha="center")
    reach = max(values) - min(values)
    ax.set(ylim=(min(values) - 0.3 * reach, max(values) + 0.15 * reach), ylabel=ylabel)
    ax.set_xticks(range(len(names)), names)
    ax.grid(False, axis="x")
    added = [
        f"{factor} {after - before:+.2f}"
        for factor, (before, after) in zip(order, pairwise(values), strict=True)
    ]
    fig.alt = f"From {stops[0][0]}, {stops[0][1]:.2f} %: {', then '.join(added)}, to {stops[-1][1]:.2f} %."
    return fig


def by_time(runs: Runs, arms: Sequence[str], price: float, ylabel: str = "validation accuracy (%)") -> Figure:
    """Accuracy by epoch, and by time if an epoch with batch norm costs `price` epochs without: mean and range
    of runs.
    """
    fig, axes = figures.subplots(1, 2, sharey=True, figsize=(7.5, 3.4))
    said = []
    for arm in arms:
        curves = _curves(runs, arm, "test_accuracy")
        epochs = np.arange(1, curves.shape[1] + 1)
        config = readings.config(runs, arm)
        epoch = 1.0 if config["norm"] == "none" else price
        for ax, unit in zip(axes, (1.0, epoch), strict=True):
            _band(ax, epochs * unit, curves, label=arm if ax is axes[1] else "_", **look(config))
        time = epoch * len(epochs)
        said.append(
            f"{arm} {comparison.mean(runs, arm).mean:.1f} % after the time of {time:.1f} plain epochs"
        )
    axes[0].set(xlabel="epochs", ylabel=ylabel)
    axes[1].set(xlabel=f"time, if batch norm costs {price:g} x (plain epochs)")
    figures.label_ends(axes[1])
    fig.alt = f"Validation accuracy by epoch and by time. At the end: {'; '.join(said)}."
    return fig


def gaps(runs: Runs, arms: Sequence[str]) -> Figure:
    """A dot for each run: accuracy on the training images, and how much lower that on the test images is."""
    fig, ax = figures.subplots(figsize=(7.5, 3.4))
    for arm in arms:
        x, y = (
            list(comparison.values(runs, arm, measure).values())
            for measure in (readings.trained, readings.gap)
        )
        config = readings.config(runs, arm)
        filled = "full" if config["options"]["input_norm"] else "none"
        ax.plot(x, y, label=arm, **(look(config) | {"linestyle": ""}), fillstyle=filled)
    ax.set(xlabel="accuracy on the training images (%)", ylabel="training - test (points)")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    said = []
    for arm in arms:
        there, distance = (comparison.mean(runs, arm, m) for m in (readings.trained, readings.gap))
        if there and distance:
            said.append(
                f"{arm} {there.mean:.1f} % in training, {distance.mean:.1f} points less on test images"
            )
    fig.alt = f"Gap against training accuracy, a dot for each run. Means: {'; '.join(said)}."
    return fig


def by_shift(runs: Runs, arms: Sequence[str]) -> Figure:
    """Points of test accuracy against the shift of brightness and of contrast, each network minus itself
    unshifted: mean and range of runs.
    """
    fig, axes = figures.subplots(1, 2, sharey=True, figsize=(7.5, 3.6))
    names = {"brightness": "added gray levels (of 255)", "contrast": "factor of contrast (log axis)"}
    for ax, (kind, xlabel) in zip(axes, names.items(), strict=True):
        for arm in arms:
            lost = [_lost(run, kind) for run in runs if run["arm"] == arm and run["status"] == "done"]
            curves = np.array([list(curve.values()) for curve in lost])
            style = look(readings.config(runs, arm))
            _band(ax, list(lost[0]), curves, label=arm if ax is axes[1] else "_", **style)
        ax.set(xlabel=xlabel, title=kind)
    axes[0].set(
        ylabel="test accuracy minus that\non unshifted images (points)", xticks=[-96, -64, -32, 0, 32, 64, 96]
    )
    axes[1].set_xscale("log")
    axes[1].set_xticks([0.25, 0.5, 1.0, 2.0], ["0.25", "0.5", "1", "2"], minor=False)
    axes[1].minorticks_off()
    figures.label_ends(axes[1])
    said = []
    for arm in arms:
        costs = [comparison.mean(runs, arm, readings.shift_cost(kind)) for kind in readings.SHIFTS]
        if all(costs):
            brightness, contrast = (cost.mean for cost in costs)
            said.append(f"{arm} {brightness:.0f} and {contrast:.0f}")
    fig.alt = f"Test accuracy lost to shifts. Mean points lost to brightness and contrast: {'; '.join(said)}."
    return fig


def _lost(run: Mapping, kind: str) -> dict[float, float]:
    curve = readings.shift_curve(run, kind)
    own = curve[0.0 if kind == "brightness" else 1.0]
    return {step: value - own for step, value in curve.items()}
