"""Figures of runs: learning curves with bands, and intervals of means and differences.

Each returns the figure with its alt text, which says what it shows from the same numbers.
"""

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np
from matplotlib.axes import Axes

from helpers.analysis import comparison
from helpers.analysis.published import published_for
from helpers.analysis.readings import Runs, config
from helpers.analysis.stats import Interval, told
from helpers.figures import style
from helpers.figures.style import Figure

_FAR = 12.0  # points: an arm whose mean lies farther than this from the middle one is shown at the edge
_OTHERS = (  # colours, marks and lines of further arms of a norm
    ("#8C6D00", "#A0522D", "#4B4B9B"),
    "vP*Xp<>hDs^o",
    ((0, (1, 1)), (0, (3, 2)), (0, (6, 2, 2, 2))),
)
_NORM_OF = {  # a scaling looks like the norm beside it
    "raw": "none",
    "min_max": "batch",
    "standardized": "layer",
    "per_image": "group",
    "equalized": "instance",
}


def label(arm: str) -> str:
    """How an arm is written: "batch_mean_corners" as "batch, mean corners", "min_max" as "min max"."""
    norm = arm.split("_")[0] in style.PALETTE
    return arm.replace("_", ", ", 1).replace("_", " ") if norm else arm.replace("_", " ")


def looks(runs: Runs) -> dict[str, dict[str, object]]:
    """Arm -> colour, mark and line: the first arm of each norm has that norm's look, every other its own.

    Where the arms differ in how images are scaled, a scaling looks like the norm beside it in _NORM_OF.
    """
    configs = {arm: config(runs, arm) for arm in comparison.arms(runs)}
    scalings = [each.get("scaling", "standardized") for each in configs.values()]
    norms = [each["norm"] for each in configs.values()]
    kinds = [_NORM_OF[name] for name in scalings] if len(set(scalings)) > 1 else norms
    found, others = {}, count()
    for place, (arm, kind) in enumerate(zip(configs, kinds, strict=True)):
        if kind in style.PALETTE and kind not in kinds[:place]:
            found[arm] = style.look(kind)
        else:
            number = next(others)
            look = [options[number % len(options)] for options in _OTHERS]
            found[arm] = dict(zip(("color", "marker", "linestyle"), look, strict=True))
    return found


def learning_curves(runs: Runs, ylabel: str = "test accuracy (%)") -> Figure:
    """One line per arm: the mean of its runs at each epoch, the band from the lowest to the highest of them.

    A run that diverged is a thin line of its own that ends in a cross.
    """
    fig, ax = style.subplots(figsize=(7.5, 4.0))
    for arm, look in looks(runs).items():
        _curve(ax, runs, arm, label(arm), **look)
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.1 * (high - low))  # room for the labels of lines that end close together
    style.label_ends(ax, gap=0.055)
    ends = [f"{label(arm)} {_ending(runs, arm)}" for arm in comparison.arms(runs)]
    what = style.sentence(ylabel.removesuffix(" (%)"))
    fig.alt = f"{what} by epoch, mean and range of the runs of each arm. At the end: {'; '.join(ends)}."
    return fig


def _curve(ax: Axes, runs: Runs, arm: str, name: str, **look: object) -> None:
    table = comparison.frame(run for run in runs if run["arm"] == arm)
    rows = table[table.status == "done"].groupby("epoch").test_accuracy
    if len(rows):
        mean = rows.mean()
        ax.fill_between(mean.index, rows.min(), rows.max(), color=look["color"], alpha=0.2, linewidth=0)
        ax.plot(mean.index, mean, label=name, markevery=4, **look)
    for _, run in table[table.status == "diverged"].groupby("seed"):
        ax.plot(run.epoch, run.test_accuracy, color=look["color"], linewidth=0.8, label="_")
        ax.plot(
            run.epoch.iloc[-1], run.test_accuracy.iloc[-1], "x", color=look["color"], markersize=9, label="_"
        )


def _ending(runs: Runs, arm: str) -> str:
    found, lost = comparison.mean(runs, arm), comparison.diverged(runs, arm)
    said = [f"{found.mean:.1f} % (n = {found.n})"] if found else []
    return ", ".join([*said, *([f"{lost} diverged"] if lost else [])])


def beside_published(runs: Runs, ylabel: str = "test accuracy (%)") -> Figure:
    """One panel for each arm that has a published curve: our mean and range, and the published single run."""
    published = published_for(runs[0]["study"])
    shown = [arm for arm in comparison.arms(runs) if "test_accuracy" in published.get(arm, {})]
    fig, axes = style.subplots(1, len(shown), sharey=True, squeeze=False, figsize=(7.5, 3.0))
    for ax, arm in zip(axes[0], shown, strict=True):
        look = looks(runs)[arm] | {"linestyle": "-", "marker": ""}
        _curve(ax, runs, arm, "_", **look)
        theirs = published[arm]["test_accuracy"]
        ax.plot(range(1, len(theirs) + 1), theirs, ".", color=style.INK, markersize=6)
        ax.set(title=f"{label(arm)} (n = {len(comparison.values(runs, arm))})", xlabel="epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_ylim(bottom=10 * (min(theirs) // 10) - 10)
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].annotate(
        "dots: published, one run\nband: our runs", (0.97, 0.06), xycoords="axes fraction", ha="right"
    )
    fig.alt = f"Our runs and the published single run by epoch. {'; '.join(_inside(runs))}."
    return fig


def _inside(runs: Runs) -> list[str]:
    """For each published arm: how many of its epochs lie inside the range of our runs."""
    said = []
    for arm, source in published_for(runs[0]["study"]).items():
        curves = comparison.values(
            runs, arm, lambda run: [e["test_accuracy"] for e in run["epochs"]]
        ).values()
        theirs = source.get("test_accuracy", [])
        pooled = list(zip(theirs, *curves, strict=False))  # one tuple for each epoch of both
        if pooled and curves:
            above = sum(one > max(ours) for one, *ours in pooled)
            below = sum(one < min(ours) for one, *ours in pooled)
            said.append(
                f"{label(arm)}: of {len(pooled)} published epochs {len(pooled) - above - below} lie inside "
                f"the range of our runs (n = {len(curves)}), {above} above and {below} below"
            )
    return said


def intervals(
    found: Mapping[str, Interval],
    xlabel: str,
    points: Mapping[str, Sequence[float]] | None = None,
    marks: Mapping[str, float] | None = None,
    zero: bool = False,
    what: str = "",
    runs: Runs = (),
) -> Figure:
    """One row per name: mean and 95 % interval, with the numbers beside it.

    Args:
        points: the single values behind each mean, drawn small.
        marks: a published figure for some of the names, drawn as an open diamond.
        zero: draw a line at 0, for differences.
        what: the quantity, as the alt text names it; without it as the axis does.
        runs: of a study: a row named after one of its arms, or "arm - another", has the arm's colour.

    A row far from the others is an arrow at the edge of the axis. Without any row it says so.
    """
    points, marks, names = points or {}, marks or {}, list(found)
    alt = f"{what or style.sentence(xlabel)}, mean and 95 % interval"
    if not names:
        return no_runs(f"{alt}: no runs to show yet.")
    said = {name: told(item, 2, "+" if zero else "") for name, item in found.items()}
    middle = float(np.median([item.mean for item in found.values()]))
    near = [name for name in names if abs(found[name].mean - middle) <= _FAR]
    fig, ax = style.subplots(figsize=(7.5, 0.42 * len(names) + 0.9))
    values = {n: [found[n].mean, *points.get(n, ()), *([marks[n]] if n in marks else [])] for n in near}
    xlim = _limits([v for n in near for v in values[n]] + [0.0] * zero, [found[n] for n in near])
    ax.set(xlim=xlim, ylim=(len(names) - 0.4, -0.6), xlabel=xlabel)
    ax.set_yticks(range(len(names)), [label(name) for name in names])
    ax.grid(False, axis="y")
    if zero:
        ax.axvline(0, color=style.MUTED, linewidth=1)
    colors = {arm: look["color"] for arm, look in looks(runs).items()}
    for row, name in enumerate(names):
        item = found[name]
        arms = [arm for arm in colors if name == arm or name.startswith(f"{arm} - ")]
        color = colors[arms[0]] if arms else style.INK
        ax.annotate(said[name], (1.02, row), xycoords=("axes fraction", "data"), va="center")
        if name not in near:
            edge, back = (0.0, 0.08) if item.mean < middle else (1.0, 0.92)
            arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8}
            ends = {"xycoords": ("axes fraction", "data"), "textcoords": ("axes fraction", "data")}
            ax.annotate("", (edge, row), (back, row), arrowprops=arrow, **ends)
            continue
        ax.plot(points.get(name, ()), [row + 0.2] * len(points.get(name, ())), ".", color=color, alpha=0.6)
        if item.n > 1:
            ax.plot([item.low, item.high], [row, row], "-", color=color, linewidth=2.5, solid_capstyle="butt")
        ax.plot(item.mean, row, "o", color=color, markersize=6)
        if name in marks:
            ax.plot(marks[name], row, "D", markerfacecolor="white", color=style.INK, markersize=6)
    fig.alt = f"{alt}: {'; '.join(f'{label(name)} {text}' for name, text in said.items())}."
    return fig


def no_runs(alt: str) -> Figure:
    """A line that says so, in the place of a figure."""
    fig, ax = style.subplots(figsize=(7.5, 0.6))
    ax.text(0.5, 0.5, "no runs to show yet", ha="center", va="center", color=style.MUTED)
    ax.axis("off")
    fig.alt = alt
    return fig


def _limits(values: Sequence[float], items: Sequence[Interval]) -> tuple[float, float]:
    """An axis that holds all values, and intervals up to one and a half times the values' range beyond them.

    A very wide one is cut off rather than squeezing the others.
    """
    low, high = min(values), max(values)
    reach = max(0.5, 1.5 * (high - low))
    ends = [end for item in items if item.n > 1 for end in (item.low, item.high)]
    low, high = max(min([low, *ends]), low - reach), min(max([high, *ends]), high + reach)
    margin = max(0.1, 0.06 * (high - low))
    return low - margin, high + margin
