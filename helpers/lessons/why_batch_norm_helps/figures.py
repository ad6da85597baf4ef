"""Figures of small networks with and without batch norm, each with its alt text.

A colour is one kind of network; the noisy one has a colour of its own. Bands and bars are 95 % intervals over
the networks.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from helpers.analysis.stats import interval
from helpers.figures import style
from helpers.figures.style import Figure

LOOKS = {
    "none": style.look("none"),
    "batch": style.look("batch"),
    "noisy": {"color": "#B8860B", "marker": "v", "linestyle": "--"},
}


def accuracy_by_rate(found: Mapping[str, Tensor], rates: Sequence[float]) -> Figure:
    """Accuracy in percent against the learning rate; for each kind (rates, networks)."""
    fig, ax = style.subplots(figsize=(7.5, 3.2), layout="constrained")
    ax.set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="held-out accuracy (%)")
    for kind, accuracy in found.items():
        _line(ax, rates, accuracy, LOOKS[kind], kind)
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
    style.label_ends(ax)
    means = "; ".join(f"{kind} {_listed(accuracy.mean(dim=1), 0)}" for kind, accuracy in found.items())
    fig.alt = f"Held-out accuracy at learning rates {', '.join(f'{r:g}' for r in rates)}: {means} percent."
    return fig


def drift_by_layer(found: Mapping[str, Tensor], rates: Sequence[float], what: str) -> Figure:
    """Drift of layers 2 to 7, a panel for each rate; for each kind (layers, rates, networks)."""
    fig, axes = style.subplots(1, len(rates), figsize=(7.5, 2.9), layout="constrained", sharey=True)
    for i, (ax, rate) in enumerate(zip(axes, rates, strict=True)):
        for kind, drift in found.items():
            _line(ax, range(2, 2 + len(drift)), drift[:, i], LOOKS[kind], kind)
        ax.set(title=f"learning rate {rate:g}", xlabel="layer", xticks=range(2, 2 + len(drift)))
    axes[0].set(ylabel=f"drift of the {what}", ylim=(0, None))
    style.label_ends(axes[-1])
    means = "; ".join(
        f"rate {rate:g}: "
        + ", ".join(
            f"{kind} {drift[0, i].mean():.2f} to {drift[-1, i].mean():.2f}" for kind, drift in found.items()
        )
        for i, rate in enumerate(rates)
    )
    fig.alt = f"Drift of the {what} in one step, from layer 2 to layer {1 + len(drift)}. {means}."
    return fig


def loss_along(found: Mapping[str, Tensor], factors: Sequence[float], steps: Sequence[int]) -> Figure:
    """Range of the loss along the gradient by step of training; for each kind (steps, factors, networks)."""
    fig, axes = style.subplots(1, len(found), figsize=(7.5, 2.9), layout="constrained", sharey=True)
    for ax, (kind, loss) in zip(axes, found.items(), strict=True):
        mean, color = loss.mean(dim=2), LOOKS[kind]["color"]
        ax.fill_between(steps, mean.amin(dim=1), mean.amax(dim=1), color=color, alpha=0.35, linewidth=0)
        for i, width in ((factors.index(1), 1.2), (len(factors) - 1, 2.4)):
            ax.plot(steps, mean[:, i], color=color, linestyle="-", linewidth=width)
            label = f"{factors[i]:g} x"
            ax.annotate(label, (steps[-1], mean[-1, i]), (5, 0), textcoords="offset points", color=color)
        ax.set(yscale="log", title=kind, xlabel="step of training")
    axes[0].set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes[0].minorticks_off()
    axes[0].set_ylabel("loss after the step")
    highest = "; ".join(f"{kind} {loss[:, -1].mean():.2f}" for kind, loss in found.items())
    fig.alt = (
        f"Loss after steps of {', '.join(f'{f:g}' for f in factors)} times the learning rate, by step of "
        f"training. Mean after the longest: {highest}."
    )
    return fig


def self_tuning(
    rates: Sequence[float], effective: Mapping[str, Sequence[float]], accuracy: Mapping[str, Sequence[float]]
) -> Figure:
    """Effective learning rates on the left, test accuracies in percent on the right, by learning rate."""
    fig, axes = style.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained")
    looks = ({"marker": "o"}, {"marker": "s", "linestyle": "--"}, {"marker": "^", "linestyle": "-."})
    colors = (style.PALETTE["batch"], "#56B4E9", style.INK)
    axes[0].set(xscale="log", yscale="log", xlabel="learning rate", ylabel="effective learning rate")
    axes[1].set(xscale="log", xlabel="learning rate", ylabel="test accuracy (%)")
    places = (((1.5, 60), (0.15, 0.012)), ((25, 99), (22, 50), (0.12, 22)))
    for ax, shown, at in zip(axes, (effective, accuracy), places, strict=True):
        lines = zip(shown.items(), looks, colors, at, strict=False)
        for (name, values), look, color, place in lines:
            ax.plot(rates, values, label=name, color=color, **look)
            ax.annotate(name, place, color=color)
    axes[0].set_ylim(0.008, None)
    axes[1].set_ylim(0, 108)
    said = "; ".join(f"{name} {_listed(values, 0)}" for name, values in accuracy.items())
    settled = "; ".join(
        f"{name} {', '.join(f'{v:.2g}' for v in values)}" for name, values in effective.items()
    )
    at = ", ".join(f"{rate:g}" for rate in rates)
    fig.alt = f"At learning rates {at}. Effective rates: {settled}. Accuracy: {said}."
    return fig


def balance(squared: Mapping[str, Tensor], products: Sequence[float], rotations: Sequence[float]) -> Figure:
    """Squared norms by step on the left; on the right the rotation of a step by rate x decay, and the law."""
    fig, (left, right) = style.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained")
    for shade, (name, path) in zip((0.35, 0.55, 0.75, 1.0), squared.items(), strict=True):
        left.plot(path, label=name, color=style.PALETTE["batch"], alpha=shade, linestyle="-")
    left.set(yscale="log", xlabel="step", ylabel="squared norm of a unit's weights", title="learning rate 1")
    style.label_ends(left)
    across = torch.logspace(-2.8, -0.7, 50)
    right.plot(across, (2 * across).sqrt(), color=style.MUTED, linestyle="-", marker="")
    right.annotate(r"$\sqrt{2\,\eta\lambda}$", (0.012, 0.3), color=style.MUTED, fontsize=12)
    right.plot(products, rotations, "o", color=style.PALETTE["batch"])
    right.set(
        xscale="log", yscale="log", xlabel="learning rate x decay", ylabel="rotation in one step (radians)"
    )
    right.set_xticks([0.003, 0.01, 0.03, 0.1], ["0.003", "0.01", "0.03", "0.1"])
    right.set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
    right.minorticks_off()
    ends = ", ".join(f"{name} {path[-1]:.2g}" for name, path in squared.items())
    pairs = ", ".join(f"{p:g}: {r:.2f}" for p, r in zip(products, rotations, strict=True))
    fig.alt = f"Squared norm at the end by decay: {ends}. Rotation in a step by rate times decay: {pairs}."
    return fig


def _line(ax, across: Sequence[float], values: Tensor, look: Mapping, label: str) -> None:
    """Means of (points, networks) with the band of their 95 % intervals."""
    found = [interval(row.tolist()) for row in values]
    ax.plot(across, [item.mean for item in found], label=label, **look)
    low, high = [item.low for item in found], [item.high for item in found]
    ax.fill_between(across, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _listed(values: Sequence[float] | Tensor, digits: int) -> str:
    return ", ".join(f"{float(value):.{digits}f}" for value in values)
