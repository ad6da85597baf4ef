"""Figures of runs over a grid of norms and numbers, each with its alt text.

`what` is the quantity, as the alt text names it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from helpers.analysis import sweeps
from helpers.analysis.readings import Runs
from helpers.analysis.stats import Interval, told
from helpers.figures import style
from helpers.figures.maps import draw_rates
from helpers.figures.style import Figure
from helpers.lessons.batch_size_learning_rate_depth import grids

_STARTS = ((style.PALETTE["none"], "-"), (style.PALETTE["none"], "--"), (style.PALETTE["batch"], "-"))


def search_maps(runs: Runs, xlabel: str, ylabel: str, what: str) -> Figure:
    """For each norm the accuracy (percent) of each rate at each number; the best of a row is framed, a cross
    is a run that diverged, and what was not tried is blank.
    """
    maps, tried = grids.searched(runs), grids.searched(runs, sweeps.tried)
    across = min(3, len(maps))
    down = -(-len(maps) // across)
    height = 0.26 * max(map(len, maps.values())) + 0.75
    fig, axes = style.subplots(down, across, figsize=(7.5, height * down), squeeze=False, sharey=True)
    for ax in axes.flat[len(maps) :]:
        ax.axis("off")
    for ax, (norm, found) in zip(axes.flat, maps.items(), strict=False):
        look = {"cbar": False, "annot_kws": {"fontsize": 8}}
        numbers = [f"{number:g}" for number in found.index]
        draw_rates(ax, found, tried[norm], yticklabels=numbers, **look)
        ax.tick_params(labelsize=8)
        ax.tick_params(axis="x", rotation=45)
        ax.set(title=norm, xlabel="", ylabel="")
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    fig.supxlabel(xlabel, fontsize=10)
    best = grids.chosen(runs)
    said = [f"{norm} {', '.join(f'{rate:g}' for rate in row)}" for norm, row in best.iterrows()]
    numbers = ", ".join(f"{number:g}" for number in best)
    fig.alt = f"{what}. Best rates for {numbers}: {'; '.join(said)}."
    return fig


def curves(
    runs: Runs,
    norms: Sequence[str],
    xlabel: str,
    ylabel: str,
    what: str,
    base: int = 2,
) -> Figure:
    """Final accuracy against number, a line for each norm: the mean; a dot is a run, a cross a diverged one.

    base: of the logarithmic axis; with base 2 every number is a tick.
    """
    fig, ax = style.subplots(figsize=(7.5, 3.6))
    found = grids.table(runs)
    for norm in norms:
        color = style.PALETTE[norm]
        line = found.loc[norm].dropna()
        ax.plot(line.index, line, label=norm, color=color, ls=style.LINES[norm])
        for number in line.index:
            for run in runs:
                if grids.setting(run) == (norm, number):
                    mark = "." if run["status"] == "done" else "x"
                    ax.plot(number, grids.reached(run), mark, color=color, alpha=0.6, markersize=7, label="_")
    ax.set_xscale("log", base=base)
    if base == 2:
        ax.set_xticks(list(found), [f"{number:g}" for number in found])
        ax.minorticks_off()
    else:
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    style.label_ends(ax)
    said = [
        f"{norm} " + ", ".join(f"{n:g}: {v:.1f}" for n, v in found.loc[norm].dropna().items())
        for norm in norms
    ]
    fig.alt = f"{what}. Means: {'; '.join(said)}."
    return fig


def differences(
    found: Mapping[float, Interval],
    xlabel: str,
    ylabel: str,
    what: str,
    points: Mapping[float, Sequence[float]] | None = None,
) -> Figure:
    """Differences by number with their 95 % intervals, and the line of no difference.

    points: the single values behind each mean, drawn small, a little to its right.
    """
    fig, ax = style.subplots(figsize=(7.5, 3.0))
    ax.axhline(0, color=style.MUTED, linewidth=1)
    numbers, means = list(found), np.array([item.mean for item in found.values()])
    if all(item.n > 1 for item in found.values()):
        ends = np.array([(item.mean - item.low, item.high - item.mean) for item in found.values()]).T
        ax.errorbar(numbers, means, ends, fmt="o-", color=style.PALETTE["batch"], capsize=4)
    else:
        ax.plot(numbers, means, "o-", color=style.PALETTE["batch"])
    for number, values in (points or {}).items():
        ax.plot([1.12 * number] * len(values), values, ".", color=style.PALETTE["batch"], alpha=0.6)
    ax.set_xscale("log", base=2)
    ax.set_xticks(numbers, [f"{number:g}" for number in numbers])
    ax.minorticks_off()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    said = [f"{number:g}: {told(item, 1, '+')}" for number, item in found.items()]
    fig.alt = f"{what}, with 95 % intervals. {'; '.join(said)}."
    return fig


def gap_curves(
    runs: Runs, curve: Callable[[Sequence[float], int], Sequence[float]], named: Collection[float]
) -> Figure:
    """Gap over training accuracy of batch and group norm, and the curve of each seed.

    A small dot is a run, a large one the mean of a batch size. curve: the gap at accuracies in percent, with
    a seed. named: the batch sizes that are written next to their means (all would overlap).
    """
    fig, ax = style.subplots(figsize=(7.5, 3.8))
    done = [run for run in runs if run["status"] == "done"]
    trained, gap = (grids.table(done, value) for value in (grids.train_accuracy, grids.gap))
    across = np.linspace(trained.min(axis=None) - 1, trained.max(axis=None) + 1)
    for seed in sorted({run["seed"] for run in done}):
        ax.plot(
            across, curve(across, seed), color=style.PALETTE["group"], linestyle="-", linewidth=0.6, label="_"
        )
    said = []
    for norm, shift in (("batch", (16, -46)), ("group", (-26, 20))):
        look = style.look(norm) | {"linestyle": ""}
        singles = [(grids.train_accuracy(r), grids.gap(r)) for r in done if r["config"]["norm"] == norm]
        ax.plot(*zip(*singles, strict=True), ".", color=look["color"], alpha=0.4, label="_")
        means = {number: (trained.loc[norm, number], gap.loc[norm, number]) for number in gap}
        ax.plot(*zip(*means.values(), strict=True), label=f"{norm} norm", **look)
        for number in sorted(means.keys() & set(named)):
            ax.annotate(
                f"{number:g}",
                means[number],
                shift,
                textcoords="offset points",
                color=look["color"],
                arrowprops={"arrowstyle": "-", "color": look["color"], "linewidth": 0.8},
            )
        said += [f"{norm} norm, {n:g} images {x:.1f} and {y:.1f}" for n, (x, y) in means.items()]
    ax.set(xlabel="training accuracy (%)", ylabel="gap, train - test (points)")
    ax.legend(loc="upper left")
    fig.alt = (
        f"Training accuracy and gap, means: {'; '.join(said)}. A curve of each seed through group norm's."
    )
    return fig


def backward(series: Mapping[str, Sequence[float]], ylabel: str) -> Figure:
    """Values by layer, from the last to the first as backpropagation runs, on a logarithmic axis.

    series: of the starts without a norm, the same doubled (dashed), and with batch norm, the values of the
    layers from the first on.
    """
    fig, ax = style.subplots(figsize=(7.5, 3.2))
    ax.set_yscale("log")
    for (name, values), (color, line) in zip(series.items(), _STARTS, strict=True):
        ax.plot(range(len(values), 0, -1), values[::-1], label=name, color=color, linestyle=line)
    ax.set_xlim(len(values) + 1, 1)
    ax.set_xticks([1, *range(5, len(values) + 1, 5)])
    ax.set(xlabel="layer", ylabel=ylabel)
    style.label_ends(ax)
    said = "; ".join(f"{name} {values[0]:.1g}" for name, values in series.items())
    fig.alt = f"{style.sentence(ylabel)} from the last layer to the first, log axis; at the first: {said}."
    return fig
