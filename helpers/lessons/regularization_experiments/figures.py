"""Figures of regularized networks: rates that were tried, what penalties change, the path of L1, power.

Each returns the figure with its alt text, which says what it shows from the same numbers. A colour
is a penalty.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpers.analysis import comparison
from helpers.analysis.readings import Runs, final, tested, zeros
from helpers.analysis.stats import interval, power, told
from helpers.figures import runs as run_figures
from helpers.figures import style
from helpers.figures.style import Figure
from helpers.lessons.regularization_experiments.path import factor_and_step
from helpers.lessons.regularization_experiments.penalties import NORMS
from helpers.lessons.regularization_experiments.studies import PENALTIES

Row = tuple[str, str]  # norm and penalty
_L1 = style.look(style.OF_PENALTY["L1"])
_STEPS = {
    "subgradient": _L1 | {"marker": "o", "linestyle": ":", "markerfacecolor": "white"},
    "proximal": _L1 | {"linestyle": "-"},
}


def searches(runs: Runs) -> Figure:
    """One panel per norm, one line per penalty: held-out accuracy at each learning rate, one run a mark."""
    if not runs:
        return run_figures.no_runs("Held-out accuracy by learning rate: no runs to show yet.")
    fig, axes = style.subplots(1, 3, sharey=True, figsize=(7.5, 3.0))
    said = []
    for ax, norm in zip(axes, NORMS, strict=True):
        for name in PENALTIES:
            points = sorted(
                (run["config"]["recipe"]["lr"], final(run))
                for run in runs
                if run["config"]["norm"] == norm and _penalty(run) == name and run["status"] == "done"
            )
            if points:
                ax.plot(*zip(*points, strict=True), **style.look(style.OF_PENALTY[name]), label=name)
                best = max(accuracy for _, accuracy in points)
                rates = " and ".join(f"{rate:g}" for rate, accuracy in points if accuracy == best)
                said.append(f"{norm} {name} {rates} ({best:.2f} %)")
        ax.set(title=f"{norm} norm", xscale="log", xlabel="peak learning rate")
        ax.set_xticks([0.001, 0.01, 0.1, 1], ["0.001", "0.01", "0.1", "1"])
        ax.minorticks_off()
    axes[0].set_ylabel("held-out accuracy (%)")
    axes[2].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    fig.alt = f"Held-out accuracy by learning rate. Best: {'; '.join(said)}."
    return fig


def _penalty(run: Mapping) -> str:
    recipe = run["config"]["recipe"]
    named = [name for name, factor in (("L1", recipe["l1"]), ("L2", recipe["weight_decay"])) if factor]
    return " + ".join(named) or "none"


def changes(
    panels: Mapping[str, Mapping[Row, Mapping[int, float]]],
    earlier: Mapping[str, Mapping[Row, float]] | None = None,
) -> Figure:
    """One panel per measure, one row per norm and penalty: mean, 95 % interval and single pairs.

    Args:
        panels: title -> row -> seed -> difference, in points.
        earlier: title -> row -> the mean of another study, an open diamond.

    An interval wider than the axis, which holds all pairs and diamonds, is cut off at its edge.
    """
    rows = list(next(iter(panels.values()), {}))
    if not any(values for panel in panels.values() for values in panel.values()):
        return run_figures.no_runs("Differences from no penalty: no runs to show yet.")
    fig, axes = style.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(7.5, 0.34 * len(rows) + 1)
    )
    said = []
    for ax, (title, panel) in zip(axes[0], panels.items(), strict=True):
        marks = (earlier or {}).get(title, {})
        ends = [0.0, *marks.values(), *(v for values in panel.values() for v in values.values())]
        room = 0.25 * (max(ends) - min(ends)) + 0.01
        ax.set(title=title, xlim=(min(ends) - room, max(ends) + room), ylim=(len(rows) - 0.4, -0.6))
        ax.axvline(0, color=style.MUTED, linewidth=1)
        ax.grid(False, axis="y")
        for place, row in enumerate(rows):
            _row(ax, place, list(panel[row].values()), style.look(style.OF_PENALTY[row[1]]))
            if row in marks:
                ax.plot(marks[row], place + 0.22, "D", markerfacecolor="white", color=style.INK, markersize=4)
        told_rows = [
            f"{' '.join(row)} {told(interval(list(v.values())), sign='+')}" for row, v in panel.items() if v
        ]
        said.append(f"{title}: {'; '.join(told_rows)}")
        ax.set_xlabel("difference from none (points)")
    axes[0, 0].set_yticks(range(len(rows)), map(" ".join, rows))
    fig.alt = f"Differences from the same norm without penalty, in points. {'. '.join(said)}."
    return fig


def _row(ax: Axes, place: int, values: Sequence[float], look: Mapping) -> None:
    if not values:
        return
    item = interval(values)
    if item.n > 1:
        ax.plot([item.low, item.high], [place, place], "-", color=look["color"], linewidth=2.5)
    ax.plot(values, [place - 0.22] * len(values), ".", color=look["color"], alpha=0.6, markersize=4)
    ax.plot(item.mean, place, look["marker"], color=look["color"], markersize=6)


def path(runs: Runs) -> Figure:
    """The path of L1 by either step: accuracy by factor, and by the share of weights that are exactly 0.

    Means over the seeds with their 95 % intervals; in the right panel the factors stand at the marks.
    """
    if not runs:
        return run_figures.no_runs("Path of L1. No runs to show yet.")
    fig, (left, right) = style.subplots(1, 2, sharey=True, figsize=(7.5, 3.4))
    said, done = [], [run for run in runs if run["status"] == "done"]
    for step, look in _STEPS.items():
        arms = sorted(
            {factor_and_step(run)[0]: run["arm"] for run in done if factor_and_step(run)[1] == step}.items()
        )
        items = [comparison.mean(runs, arm, tested) for _, arm in arms]
        heights = [item.mean for item in items]
        error = [[max(0.0, item.high - item.mean) if item.n > 1 else 0.0 for item in items]] * 2
        gone = [comparison.mean(runs, arm, zeros).mean for _, arm in arms]
        left.errorbar([f for f, _ in arms], heights, error, **look, label=step)
        right.errorbar(gone, heights, error, **look, label=step)
        said.append(
            f"{step}: "
            + ", ".join(
                f"{f:g} {height:.2f} % with {share:.0f} % of the weights 0"
                for (f, _), height, share in zip(arms, heights, gone, strict=True)
            )
        )
        if step == "proximal":
            for (factor, _), x, y in zip(arms, gone, heights, strict=True):
                if x > 1:
                    right.annotate(f"{factor:g}", (x, y), xytext=(5, 4), textcoords="offset points")
    left.set(xscale="log", xlabel="factor of L1", ylabel="test accuracy (%)")
    right.set(xlabel="weights exactly 0 (%)", xlim=(-4, 104))
    left.legend(loc="lower left")
    fig.alt = f"Test accuracy along the path of L1, means. {'; '.join(said)}."
    return fig


def power_curve(difference: float, deviation: float) -> Figure:
    """Over the number of paired runs: the probability that their interval shows a difference of that size."""
    counts = np.arange(2, 101)
    chances = [100 * power(difference, deviation, int(n)) for n in counts]
    fig, ax = style.subplots(figsize=(7.5, 2.8))
    ax.axhline(80, color=style.MUTED, linewidth=1)
    ax.plot(counts, chances, color=style.INK)
    five = 100 * power(difference, deviation, 5)
    ax.plot(5, five, "o", color=style.INK, markersize=7)
    ax.annotate(f"5 runs: {five:.0f} %", (5, five), xytext=(9, -11), textcoords="offset points")
    ax.set(xscale="log", ylim=(0, 103), xlabel="paired runs", ylabel="power (%)")
    ax.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.set_title(f"true difference {difference:.2f} points, standard deviation of a pair {deviation:.2f}")
    said = ", ".join(f"{100 * power(difference, deviation, n):.0f} % with {n}" for n in (2, 5, 10, 20, 50))
    fig.alt = f"Power to show a difference of {difference:.2f} points, by the number of paired runs: {said}."
    return fig
