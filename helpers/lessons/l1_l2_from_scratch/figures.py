"""Figures of L1 and L2 penalties: steps, diamond and circle, shrinkage, errors by penalty."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.figures.style import INK, LINES, MUTED, OF_PENALTY, PALETTE, Figure, label_ends, subplots
from helpers.lessons.l1_l2_from_scratch import linear

_L1, _L2 = PALETTE["layer"], PALETTE["batch"]
_LOOK = {name: {"color": PALETTE[norm], "linestyle": LINES[norm]} for name, norm in OF_PENALTY.items()}


def steps(paths: Mapping[str, Tensor], limit: float) -> Figure:
    """One panel for each method: weights (steps, d) by step, on an axis from -limit to limit around 0."""
    fig, axes = subplots(1, len(paths), figsize=(7.5, 2.8), sharey=True, squeeze=False)
    for ax, (name, path) in zip(axes[0], paths.items(), strict=True):
        ax.plot(path.numpy(), linewidth=0.9, linestyle="-")
        ax.set(title=name, xlabel="step", ylim=(-limit, limit))
    axes[0, 0].set_ylabel("weight")
    return fig


def diamond_and_circle(x: Tensor, y: Tensor, penalty: float) -> Figure:
    """The loss of two weights as contours, L1's diamond and L2's circle through the solution, its path."""
    free = linear.ridge(x, y, 0.0)
    reach = 1.25 * free.abs().max().item()
    along = np.linspace(-0.6 * reach, reach, 121)
    w1, w2 = np.meshgrid(along, along)
    h, error = (x.T @ x / len(x)).numpy(), np.stack([w1, w2], axis=-1) - free.numpy()
    loss = ((error @ h) * error).sum(axis=-1) / 2
    past = torch.logspace(-3, 1.5, 60, dtype=torch.float64)
    fig, axes = subplots(1, 2, figsize=(7.5, 3.6), sharey=True)
    solutions = []
    for ax, name in zip(axes, ("L1", "L2"), strict=True):
        solve = linear.lasso if name == "L1" else linear.ridge
        w, path = solve(x, y, penalty), torch.stack([solve(x, y, p) for p in past.tolist()])
        there = ((w - free) @ torch.from_numpy(h) @ (w - free)).item() / 2
        levels = sorted({there, *(np.array([0.05, 0.2, 0.45, 0.8, 1.25]) * loss.max() / 3)} - {0.0})
        ax.contour(w1, w2, loss, levels=levels, colors=MUTED, linewidths=0.8)
        ax.plot(*_allowed(name, w), color=_LOOK[name]["color"], linewidth=1.5, linestyle="-")
        ax.plot(*path.T.numpy(), ":", color=INK, linewidth=1.5)
        ax.plot(*free.tolist(), "+", color=INK, markersize=9)
        ax.plot(*w.tolist(), "o", color=_LOOK[name]["color"], markersize=7)
        ax.axhline(0, color=MUTED, linewidth=0.8)
        ax.axvline(0, color=MUTED, linewidth=0.8)
        said = ", ".join("0 exactly" if v == 0 else f"{v:.2f}" for v in w.tolist())
        ax.set(title=f"{name}: ({said})", xlabel="$w_1$", aspect="equal", xlim=(along[0], along[-1]))
        ax.set_ylim(along[0], along[-1])
        ax.grid(False)
        solutions.append("({:.2f}, {:.2f})".format(*w.tolist()))
    axes[0].set_ylabel("$w_2$")
    fig.alt = f"The contour touches the diamond at {solutions[0]} and the circle at {solutions[1]}."
    return fig


def _allowed(name: str, w: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The outline of the weights whose penalty is as large as that of w."""
    if name == "L1":
        radius = w.abs().sum().item()
        return radius * np.array([1, 0, -1, 0, 1]), radius * np.array([0, 1, 0, -1, 0])
    turn = np.linspace(0, 2 * np.pi, 200)
    return w.norm().item() * np.cos(turn), w.norm().item() * np.sin(turn)


def shrinkage(
    eigenvalues: Tensor, turned: Tensor, ratios: Tensor, names: Sequence[str], penalty: float
) -> Figure:
    """Ridge over least squares: along the eigenvectors, with the curve h / (h + penalty), and by weight."""
    fig, (left, right) = subplots(1, 2, figsize=(7.5, 3.0), sharey=True)
    low, high = eigenvalues.min().item() / 2, eigenvalues.max().item() * 2
    curve = np.geomspace(low, high, 200)
    left.plot(curve, curve / (curve + penalty), color=MUTED, linestyle="-", linewidth=1.2)
    left.plot(eigenvalues, turned, "o", color=_L2)
    left.set(
        xscale="log", xlabel="eigenvalue $h$", ylabel="with penalty / without", title="along eigenvectors"
    )
    right.bar(
        range(len(names)), ratios.tolist(), color=[_L1 if r < 0 or r > 1 else _L2 for r in ratios.tolist()]
    )
    right.set_xticks(range(len(names)), names)
    right.set(title="single weights")
    for ax in (left, right):
        for level in (0, 1):
            ax.axhline(level, color=MUTED, linewidth=0.8)
    return fig


def validation(strengths: Tensor, curves: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """One panel for each penalty: root mean squared errors over its strength, a line for each set of data.

    curves: penalty -> set of data -> mean squared error (P,).
    """
    fig, axes = subplots(1, len(curves), figsize=(7.5, 3.2), sharey=True, squeeze=False)
    lowest = []
    for ax, (name, sets) in zip(axes[0], curves.items(), strict=True):
        for (data, errors), norm in zip(sets.items(), ("none", "batch", "layer"), strict=True):
            label = data if ax is axes[0, -1] else f"_{data}"
            ax.plot(strengths, errors.sqrt(), color=PALETTE[norm], linestyle=LINES[norm], label=label)
            lowest.append(f"{name}, {data}: lowest at {strengths[errors.argmin()]:.2g}")
        ax.set(xscale="log", title=name, xlabel="penalty", ylim=(35, 95))
    axes[0, 0].set_ylabel("root mean squared error")
    label_ends(axes[0, -1], gap=0.09)
    fig.alt = f"Errors over the strength of a penalty. {'; '.join(lowest)}."
    return fig
