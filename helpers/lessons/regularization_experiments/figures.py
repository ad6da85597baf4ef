"""Figures of regularized networks: where their weights are, accuracy along the path of L1, power of runs.

Each returns the figure with its alt text, which says what it shows from the same numbers.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from helpers.analysis import comparison, readings
from helpers.analysis.readings import Measure, Runs, below, tested, training_loss, zero_channels, zeros
from helpers.analysis.stats import power
from helpers.figures import runs as run_figures
from helpers.figures import style
from helpers.figures.style import Figure
from helpers.lessons.regularization_experiments.path import by_seed
from helpers.training.measures import SMALL

_LOOK = {  # of a step, or of a penalty
    name: style.look(norm)
    for name, norm in {"subgradient": "batch", "proximal": "layer", **style.OF_PENALTY}.items()
}
_FLOOR = 95.0  # percent: accuracies below are counted, not drawn
_EDGES = np.linspace(-0.5, 0.5, 51)  # of the recorded histograms


def weight_histograms(runs: Runs, arms: Sequence[str]) -> Figure:
    """One panel per arm that has runs: weights by value, mean count over its runs, on a logarithmic axis."""
    shown = _with_runs(runs, arms)
    if not shown:
        return run_figures.no_runs("Histograms of weights. No runs to show yet.")
    fig, axes = style.subplots(1, len(shown), sharey=True, squeeze=False, figsize=(7.5, 2.6))
    said = []
    for ax, arm in zip(axes[0], shown, strict=True):
        counts = _histogram(runs, arm)
        ax.stairs(counts, _EDGES, fill=True, color=_look(runs, arm)["color"], baseline=0.1)
        ax.set(title=f"{arm}\nn = {len(comparison.values(runs, arm))}", xlabel="weight", yscale="log")
        middle, ends = counts[24:26].sum() / counts.sum(), (counts[0] + counts[-1]) / counts.sum()
        said.append(
            f"{arm}: {middle:.0%} of the weights between -0.02 and 0.02, {ends:.1%} in the outer bins"
        )
    axes[0, 0].set(ylabel="weights in a bin of 0.02", ylim=(0.5, None))
    fig.alt = f"Histograms of weights. {'; '.join(said)}."
    return fig


def small_weights(runs: Runs, arms: Sequence[str]) -> Figure:
    """One line per arm: the share of weights with |w| below a limit; at the left, those exactly 0."""
    shown = _with_runs(runs, arms)
    if not shown:
        return run_figures.no_runs("Share of small weights by limit. No runs to show yet.")
    limits = sorted(SMALL)
    fig, ax = style.subplots(figsize=(7.5, 3.0))
    for arm in shown:
        shares = [comparison.mean(runs, arm, zeros), *(comparison.mean(runs, arm, below(x)) for x in limits)]
        ax.plot([limits[0] / 10, *limits], [s.mean for s in shares], **_look(runs, arm), label=arm)
    ax.set(xscale="log", xlabel="limit", ylabel="weights below the limit (%)", ylim=(-3, 103))
    ax.set_xticks([limits[0] / 10, *limits], ["exactly 0", *(f"{x:g}" for x in limits)])
    ax.minorticks_off()
    style.label_ends(ax)
    said = [
        f"{arm}: {comparison.mean(runs, arm, zeros).mean:.1f} % exactly 0, "
        f"{comparison.mean(runs, arm, below(1e-3)).mean:.1f} % below 0.001"
        for arm in shown
    ]
    fig.alt = f"Share of small weights by limit. {'; '.join(said)}."
    return fig


def path(runs: Runs) -> Figure:
    """Test accuracy against the share of weights, and of whole channels, that are exactly 0.

    One thin line per seed, one look per step; networks below 95 % are not drawn but counted in the corner.
    """
    steps = {step: by_seed(runs, step) for step in ("subgradient", "proximal")}
    if not any(steps.values()):
        return run_figures.no_runs("Test accuracy against exact zeros. No runs to show yet.")
    fig, axes = style.subplots(1, 2, sharey=True, figsize=(7.5, 3.2))
    for ax, measure, what in zip(axes, (zeros, zero_channels), ("weights", "channels"), strict=True):
        for step, seeds in steps.items():
            _paths(ax, seeds, measure, step)
        ax.set(xlabel=f"{what} exactly 0 (%)", xlim=(-4, 104))
    axes[0].set_ylabel("test accuracy (%)")
    low = min(v for seeds in steps.values() for runs in seeds.values() for v in map(tested, runs))
    axes[0].set_ylim(bottom=max(_FLOOR, low - 0.1))
    axes[0].annotate(_hidden(runs), (0.03, 0.05), xycoords="axes fraction", color=style.MUTED)
    axes[1].legend(loc="lower left")
    said = []
    for step, seeds in steps.items():
        ends = [(zeros(run), tested(run)) for seed in seeds.values() for run in seed]
        good = [share for share, accuracy in ends if accuracy >= 99]
        if ends:
            best = f"{max(good):.0f} %" if good else "none"
            said.append(f"{step}: most weights exactly 0 at 99 % accuracy or more: {best}")
    fig.alt = f"Test accuracy against exact zeros. {'; '.join(said)}. {_hidden(runs)}"
    return fig


def loss_and_accuracy(runs: Runs, arms: Sequence[str]) -> Figure:
    """Test accuracy against training loss of final networks: one mark per run, colours by penalty."""
    shown = _with_runs(runs, arms)
    if not shown:
        return run_figures.no_runs("Test accuracy against training loss, means: no runs to show yet.")
    fig, ax = style.subplots(figsize=(7.5, 3.2))
    for place, arm in enumerate(shown):
        losses, accuracies = (comparison.values(runs, arm, m).values() for m in (training_loss, tested))
        look = _look(runs, arm) | {"linestyle": "", "marker": "xsoP^DvX*"[place % 9]}
        ax.plot(losses, accuracies, **look, label=arm)
    ax.set(
        xscale="log", xlabel="cross-entropy on the training images, at the end", ylabel="test accuracy (%)"
    )
    ax.xaxis.set(
        major_locator=LogLocator(subs=(1, 1.5, 2, 3, 5, 7)), major_formatter="{x:g}", minor_formatter=""
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    said = [
        f"{arm}: loss {comparison.mean(runs, arm, training_loss).mean:.3f}, "
        f"{comparison.mean(runs, arm, tested).mean:.2f} %"
        for arm in shown
    ]
    fig.alt = f"Test accuracy against training loss, means: {'; '.join(said)}."
    return fig


def power_curve(difference: float, deviation: float) -> Figure:
    """Over the number of paired runs: the probability that their interval shows a difference of that size."""
    counts = np.arange(2, 101)
    chances = [100 * power(difference, deviation, int(n)) for n in counts]
    fig, ax = style.subplots(figsize=(7.5, 2.8))
    ax.axhline(80, color=style.MUTED, linewidth=1)
    ax.plot(counts, chances, color=style.PALETTE["batch"])
    five = 100 * power(difference, deviation, 5)
    ax.plot(5, five, "o", color=style.PALETTE["layer"], markersize=7)
    ax.annotate(f"5 runs: {five:.0f} %", (5, five), xytext=(9, -11), textcoords="offset points")
    ax.set(xscale="log", ylim=(0, 103), xlabel="paired runs", ylabel="chance to show it (%)")
    ax.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.set_title(f"true difference {difference:.2f} points, deviation of a pair {deviation:.2f}")
    said = ", ".join(f"{100 * power(difference, deviation, n):.0f} % with {n}" for n in (2, 5, 10, 20, 50))
    fig.alt = f"Chance to show a difference of {difference:.2f} points, by the number of paired runs: {said}."
    return fig


def _with_runs(runs: Runs, arms: Sequence[str]) -> list[str]:
    return [arm for arm in arms if comparison.values(runs, arm)]


def _histogram(runs: Runs, arm: str) -> np.ndarray:
    counts = comparison.values(runs, arm, lambda run: run["measures"]["sparsity"]["histogram"]).values()
    return np.mean(list(counts), axis=0)


def _look(runs: Runs, arm: str) -> dict[str, str]:
    """That of the arm's step where it names one, of its penalty otherwise."""
    recipe = readings.config(runs, arm)["recipe"]
    penalties = [name for name, factor in (("L1", recipe["l1"]), ("L2", recipe["weight_decay"])) if factor]
    return _LOOK[recipe["l1_step"] or " + ".join(penalties) or "none"]


def _paths(ax: Axes, seeds: dict, measure: Measure, step: str) -> None:
    for place, found in enumerate(seeds.values()):
        points = [(measure(run), tested(run)) for run in found]
        ax.plot(*zip(*points, strict=True), **_LOOK[step], linewidth=0.8, label="_" if place else step)


def _hidden(runs: Runs) -> str:
    low = sum(run["status"] == "done" and tested(run) < _FLOOR for run in runs)
    return f"{low} networks below {_FLOOR:g} % not drawn" if low else ""
