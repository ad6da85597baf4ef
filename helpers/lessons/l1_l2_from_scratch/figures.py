"""Figures of L1 and L2 penalties: pulls, diamond and circle, paths of solutions, steps, outliers."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.figures.style import INK, LINES, MUTED, OF_PENALTY, PALETTE, Figure, label_ends, lines, subplots
from helpers.lessons.l1_l2_from_scratch import linear
from helpers.nn.penalties import soft_threshold

_L1, _L2 = PALETTE["layer"], PALETTE["batch"]
_LOOK = {name: {"color": PALETTE[norm], "linestyle": LINES[norm]} for name, norm in OF_PENALTY.items()}


def pulls() -> Figure:
    """Over one weight: both penalties (factor 1), their gradients, and over a the minimum of (w - a)^2 / 2 +
    penalty.
    """
    w = torch.linspace(-3, 3, 601, dtype=torch.float64)
    fig, axes = subplots(1, 3, figsize=(7.5, 2.6))
    columns = {
        ("penalty", "weight $w$"): {"L1": w.abs(), "L2": w**2 / 2},
        ("its gradient", "weight $w$"): {"L1": w.sign(), "L2": w},
        ("best weight", "$a$, the best without penalty"): {
            "L1": soft_threshold(w, 1.0),
            "L2": w / 2,
            "none": w,
        },
    }
    for ax, ((title, xlabel), series) in zip(axes, columns.items(), strict=True):
        for name, values in series.items():
            ax.plot(w, values, label=name, **_LOOK[name])
        ax.set(title=title, xlabel=xlabel)
        label_ends(ax, gap=0.1)
    return fig


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


def solution_paths(strengths: Tensor, paths: Mapping[str, Tensor], names: Sequence[str]) -> Figure:
    """One panel for each method: its weights (P, d) over the penalties (P,), which fall to the right."""
    fig, axes = subplots(1, len(paths), figsize=(7.5, 4.6), sharey=True, squeeze=False)
    for ax, (title, path) in zip(axes[0], paths.items(), strict=True):
        ax.set(xscale="log", title=title)
        ax.invert_xaxis()  # the penalty falls to the right, where the names are
        ax.axhline(0, color=MUTED, linewidth=0.8, label="_")
        for name, weights in zip(names, path.T.numpy(), strict=True):
            ax.plot(strengths, weights, label=name)
        ax.set_xlabel("penalty")
    for ax in axes[0]:  # when the shared limits are final
        label_ends(ax, gap=0.045)
    axes[0, 0].set_ylabel("weight")
    return fig


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


def _with_outlier(height: float) -> tuple[Tensor, Tensor, Tensor]:
    """x, y: 20 points of slope 1, x with deviation 1; and y with one of them moved up by `height`."""
    draw = torch.Generator().manual_seed(4)
    x = torch.linspace(-1.65, 1.65, 20, dtype=torch.float64)
    y = x + 0.2 * torch.randn(20, generator=draw, dtype=torch.float64)
    moved = y.clone()
    moved[-2] += height
    return x, y, moved


def outlier_fits(height: float) -> dict[str, dict[str, list[float]]]:
    """Loss -> penalty ("L1", "L2", of 0.1) -> slope and intercept, with one point moved up by `height`."""
    x, _, moved = _with_outlier(height)
    l1, l2 = torch.tensor([[0.1, 0.0], [0.0, 0.1]]).double()
    fits = {
        loss: linear.linear_fits(x.view(1, -1, 1), moved.view(1, -1), l1, l2, limit)[:, 0]
        for loss, limit in (("squared error", None), ("Huber's loss", 0.5))
    }
    return {loss: dict(zip(("L1", "L2"), both.tolist(), strict=True)) for loss, both in fits.items()}


def outlier_lines(height: float = 12.0) -> Figure:
    """Four lines through 20 points of slope 1, one of them moved up by `height`.

    Squared error and Huber's loss, each with an L1 and an L2 penalty.
    """
    x, y, moved = _with_outlier(height)
    fig, axes = subplots(1, 2, figsize=(7.5, 3.0), sharey=True)
    slopes = []
    for ax, (loss, fits) in zip(axes, outlier_fits(height).items(), strict=True):
        _points(ax, x, y, moved)
        for name, (slope, intercept) in fits.items():
            ax.plot(x, slope * x + intercept, label=f"{name} {slope:.2f}", **_LOOK[name])
            slopes.append(f"{loss}, {name} penalty {slope:.2f}")
        ax.set(title=loss, xlabel="$x$")
        label_ends(ax)
    axes[0].set_ylabel("$y$")
    fig.alt = f"One point {height:g} too high. Slopes: {', '.join(slopes)}"
    return fig


def _points(ax: Axes, x: Tensor, y: Tensor, moved: Tensor) -> None:
    ax.plot(x, moved, "o", color=MUTED, markersize=4, label="_")
    ax.plot(x[-2], moved[-2], "D", color=INK, markersize=6, label="_")
    ax.set_ylim(y.min().item() - 0.5, max(y.max().item(), moved.max().item()) + 0.5)


def equal_footing(
    loss: Mapping[str, Tensor],
    accuracy: Mapping[str, Tensor],
    zeros: Sequence[float],
    sparse: Mapping[str, Tensor],
) -> Figure:
    """Test accuracy of networks against training loss, and against the share of weights that are 0.

    Args:
        loss, accuracy: "L1" and "L2" -> (settings,), means over seeds.
        zeros: shares of weights that are 0, in percent; sparse: name of a way there -> its accuracy at each.
    """
    fig, (left, right) = subplots(1, 2, figsize=(7.5, 3.2), sharey=True, width_ratios=(3, 2))
    for name in loss:
        left.plot(loss[name], accuracy[name], label=name, marker="o", **_LOOK[name])
    left.set(xscale="log", xlabel="training loss", ylabel="test accuracy (%)")
    left.set_xticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    left.minorticks_off()
    marks = zip("osD^", (_L1, _L2, _L1, _L2), ("-", "-", ":", ":"), strict=True)
    for name, (mark, color, line) in zip(sparse, marks, strict=False):
        right.plot(zeros, sparse[name], marker=mark, color=color, linestyle=line, label=name)
    right.set(xlabel="weights that are exactly 0 (%)")
    for ax in (left, right):
        label_ends(ax)
    return fig


def shrinking(paths: Mapping[str, Tensor], sizes: Sequence[float], every: int = 1) -> Figure:
    """One panel for each optimizer: weights (steps, len(sizes)) under decay, a line for each gradient.

    every: so many steps lie between two rows of a path.
    """
    fig, axes = subplots(1, len(paths), figsize=(7.5, 2.5), sharey=True, squeeze=False)
    for ax, (name, path) in zip(axes[0], paths.items(), strict=True):
        series = {f"±{size:g}": path[:, column].numpy() for column, size in enumerate(sizes)}
        ax.set(title=name, ylim=(-0.05, 1.1))  # before the labels take their places
        lines(ax, range(0, len(path) * every, every), series, "step", "")
    axes[0, 0].set_ylabel("weight")
    return fig
