"""Figures of lesson 08: curves beside the published, cells, learning rates, effects, gaps, shifted images.

Each returns the figure with its alt text, which says what it shows from the same numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from helpers.analysis import comparison, readings, sweeps
from helpers.analysis.published import published_for
from helpers.analysis.readings import Runs
from helpers.analysis.stats import interval, told
from helpers.figures import style as figures
from helpers.figures.style import Figure
from helpers.lessons.batch_norm_before_and_after.factorial import Design, cells

_COLORS = {"none": "none", "after": "batch", "before": "layer"}  # place of batch norm -> colour of which norm
_PARTS = (("train_accuracy", "training", "s", "--"), ("test_accuracy", "validation", "o", "-"))


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
    """One panel for each published arm: training and validation accuracy, ours as bands, theirs as marks.

    The axis begins at 75 %, where the curves are after an epoch or two.
    """
    published = published_for("fashion_mlp")
    shown = [arm for arm in published if comparison.values(runs, arm)]
    fig, axes = figures.subplots(1, len(shown), sharey=True, squeeze=False, figsize=(7.5, 3.2))
    said = []
    for ax, arm in zip(axes[0], shown, strict=True):
        color = look(readings.config(runs, arm))["color"]
        for metric, name, mark, line in _PARTS:
            ours, theirs = _curves(runs, arm, metric), published[arm][metric]
            _band(ax, range(1, ours.shape[1] + 1), ours, color=color, linestyle=line, label=name)
            ax.plot(
                range(1, len(theirs) + 1),
                theirs,
                mark,
                color=figures.INK,
                markerfacecolor="white",
                markersize=5,
                label="_",
            )
            said.append(
                f"{arm}, {name}: after epoch {len(theirs)} ours {ours[:, len(theirs) - 1].mean():.1f} % "
                f"(n = {len(ours)}), published {theirs[-1]:.1f} %"
            )
        ax.set(title=f"{arm} (n = {len(ours)})", xlabel="epoch", xticks=[1, 4, 7, 10], ylim=(75, 89))
        figures.label_ends(ax)
    axes[0, 0].set_ylabel("accuracy (%)")
    axes[0, 0].annotate(
        "marks: published, one run\nlines, bands: our runs",
        (0.97, 0.06),
        xycoords="axes fraction",
        ha="right",
    )
    fig.alt = f"Training and validation accuracy by epoch, ours and the published. {'; '.join(said)}."
    return fig


def by_cells(runs: Runs, design: Design, factor: str, ylabel: str) -> Figure:
    """A line for each setting of the other factors, from `factor` off to on: parallel without interaction.

    Dots are single runs; blue and solid is with an input batch norm.
    """
    place, found, said = design.factors.index(factor), cells(runs, design), []
    fig, ax = figures.subplots(figsize=(7.5, 3.4))
    for levels, arm in design.arms.items():
        if levels[place]:
            continue
        on = tuple(level or i == place for i, level in enumerate(levels))
        pair = [np.array(list(found[end].values())) for end in (levels, on)]
        config = readings.config(runs, arm)
        name = background(config)
        style = look(config) | {
            "color": figures.PALETTE["batch" if config["options"]["input_norm"] else "none"]
        }
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


def background(config: Mapping[str, Any]) -> str:
    """What stays as it is while batch norm comes in: activation and input batch norm."""
    name = "ReLU" if config["options"]["activation"] == "relu" else "LeakyReLU"
    return name + (" + input norm" if config["options"]["input_norm"] else "")


def by_rate(runs: Runs, design: Design, factor: str, lowest: float = 80.0) -> Figure:
    """Of a search, a panel for each setting of the other factors: accuracy by learning rate, without `factor`
    in grey and with it in blue.

    A cross at the bottom is a rate at which the run diverged or ended below `lowest`.
    """
    table, pairs, said = sweeps.accuracies(runs), design.pairs(factor), []
    configs = {sweeps.family_and_rate(run)[0]: run["config"] for run in runs}
    fig, axes = figures.subplots(1, len(pairs), sharey=True, figsize=(7.5, 3.2))
    for ax, (arm, on) in zip(axes, pairs.items(), strict=True):
        for name, norm, family in (("without", "none", arm), ("batch norm", "batch", on)):
            style = {"color": figures.PALETTE[norm], "markersize": 4}
            found = table[family]
            low = found.isna() | (found < lowest)
            line = figures.LINES[norm]
            ax.plot(found.index, found.mask(low), "o", linestyle=line, label=name, **style)
            ax.plot(found.index[low], [lowest] * low.sum(), "x", label="_", **style | {"markersize": 7})
            said.append(
                f"{family} {found.iloc[0]:.1f} % at {found.index[0]:g}, best {found.max():.1f} % at "
                f"{found.idxmax():g}, {low.sum()} too low or diverged"
            )
        ax.set(
            xscale="log",
            title=background(configs[arm]).replace(" + ", "\n+ "),
        )
        ax.set(xticks=[0.001, 0.1], xlabel="learning rate", ylim=(lowest - 0.4, 90))
        ax.minorticks_off()
        ax.xaxis.set_major_formatter("{x:g}")
    axes[0].set_ylabel("validation accuracy (%)")
    axes[-1].legend(loc="lower center")
    fig.alt = f"Accuracy on held-out images by learning rate: {'; '.join(said)}."
    return fig


def two_rates(effects: Mapping[str, Mapping[str, Mapping[int, float]]], xlabel: str) -> Figure:
    """Background -> which rate -> seed -> effect: for each the single seeds, their mean and 95 % interval.

    The first rate has open circles, the second filled ones.
    """
    fig, ax = figures.subplots(figsize=(7.5, 3.4))
    said = []
    for row, (name, rates) in enumerate(effects.items()):
        for place, (rate, by_seed) in enumerate(rates.items()):
            item, y = interval(list(by_seed.values())), row + (place - 0.5) * 0.36
            fill = {"markerfacecolor": "white"} if place == 0 else {}
            ax.plot(list(by_seed.values()), [y + 0.13] * item.n, ".", color=figures.MUTED, markersize=4)
            ax.plot([item.low, item.high], [y, y], "-", color=figures.INK, linewidth=2)
            ax.plot(item.mean, y, "o", color=figures.INK, label=rate if row == 0 else "_", **fill)
            said.append(f"{name}, {rate}: {told(item, sign='+')}")
    ax.axvline(0, color=figures.MUTED, linewidth=1)
    ax.set(xlabel=xlabel, ylim=(len(effects) - 0.4, -0.6))
    ax.set_yticks(range(len(effects)), list(effects))
    ax.grid(False, axis="y")
    ax.legend(loc="center right", bbox_to_anchor=(1.0, 0.6))
    fig.alt = f"{figures.sentence(xlabel)}, mean and 95 % interval: {'; '.join(said)}."
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
    names = {"contrast": "factor of contrast (log axis)", "brightness": "added grey values (of 255)"}
    for ax, (kind, xlabel) in zip(axes, names.items(), strict=True):
        for arm in arms:
            lost = [_lost(run, kind) for run in runs if run["arm"] == arm and run["status"] == "done"]
            curves = np.array([list(curve.values()) for curve in lost])
            style = look(readings.config(runs, arm))
            _band(ax, list(lost[0]), curves, label=arm if ax is axes[1] else "_", **style)
        ax.set(xlabel=xlabel, title=kind)
    axes[0].set(ylabel="test accuracy minus that\non unshifted images (points)", xscale="log")
    axes[0].set_xticks([0.25, 0.5, 1.0, 2.0], ["0.25", "0.5", "1", "2"], minor=False)
    axes[0].minorticks_off()
    axes[1].set(xticks=[-96, -64, -32, 0, 32, 64, 96])
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
