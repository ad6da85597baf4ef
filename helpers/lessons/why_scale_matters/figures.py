"""Figures of gradient descent on two weights, and of inputs before and after normalization."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.figures.style import INK, MUTED, PALETTE, Figure, label_ends, subplots
from helpers.training import descent

_STEPS = 30  # of gradient descent, drawn on the contours
_REACH = 1.6  # half the width of the weights shown


def surfaces(ratio: float) -> Figure:
    """The loss for inputs on scales 1 and `ratio`, raw (upper row) and divided by their scales (lower row).

    In 3-D, and as contours with 30 steps of gradient descent at its best learning rate. Both weights are
    drawn on one scale. The target is the sum of the two inputs in units of their own scale; gradient
    descent starts at 0.
    """
    fig = Figure(figsize=(7.5, 6.4))
    for row, (name, scale) in enumerate((("raw", ratio), ("normalized", 1.0))):
        hessian = torch.diag(torch.tensor([1.0, scale**2], dtype=torch.float64))
        best = torch.tensor([1.0, 1 / scale], dtype=torch.float64)  # the weights with loss 0
        w1, w2, loss = (t.numpy() for t in _grid(hessian, best))
        surface = fig.add_subplot(2, 2, 2 * row + 1, projection="3d")
        contours = fig.add_subplot(2, 2, 2 * row + 2)
        surface.plot_surface(w1, w2, np.sqrt(loss), cmap="viridis", rcount=40, ccount=40, linewidth=0)
        surface.set_title(
            f"{name}: scales 1 and {scale:.0f}" if scale > 99 else f"{name}: scales 1 and {scale:.2g}"
        )
        surface.set(xticks=[], yticks=[], zticks=[], xlabel="$w_1$", ylabel="$w_2$")
        surface.set_zlabel("square root of the loss", labelpad=-12)
        surface.xaxis.labelpad = surface.yaxis.labelpad = -12
        surface.view_init(elev=35, azim=-60)
        surface.grid(False)
        level = np.log10(np.maximum(loss, 1e-3))
        contours.contour(w1, w2, level, levels=12, cmap="viridis", linewidths=0.9)
        contours.set_title(_path(contours, hessian, best))
        contours.set(aspect="equal", xlabel="$w_1$", ylabel="$w_2$", xlim=(1 - _REACH, 1 + _REACH))
        contours.set_ylim(best[1].item() - _REACH, best[1].item() + _REACH)
        contours.grid(False)
        contours.plot(*best.tolist(), "+", color=INK, markersize=9)
    fig.alt = (
        f"Scales 1 and {ratio:.3g}: a valley, gradient descent zigzags. Normalized: a round bowl, one step."
    )
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
    """Each form of the same inputs (N, 2) as a cloud, with its condition number.

    Each panel has its own scale, the same on both axes. The colour of a point is its direction in the first
    form, so that a rotation shows. Axes of PCA are directions, not inputs.
    """
    fig, axes = subplots(1, len(forms), figsize=(7.5, 2.3))
    first = next(iter(forms.values()))
    centred = first - first.mean(dim=0)
    angle = torch.atan2(centred[:, 1] / centred[:, 1].std(), centred[:, 0] / centred[:, 0].std())
    for ax, (name, x) in zip(axes, forms.items(), strict=True):
        ax.axhline(0, color=MUTED, linewidth=0.7)
        ax.axvline(0, color=MUTED, linewidth=0.7)
        ax.scatter(x[:, 0].numpy(), x[:, 1].numpy(), 5, c=angle.numpy(), cmap="twilight", linewidth=0)
        low, high = x.amin(dim=0).clamp(max=0), x.amax(dim=0).clamp(min=0)  # (2,); the origin is shown
        reach = 0.55 * (high - low).max()
        (left, bottom), (right, top) = (
            ((low + high) / 2 - reach).tolist(),
            ((low + high) / 2 + reach).tolist(),
        )
        ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top))
        ax.set_title(f"{name}\nκ = {conditions[name]:,.0f}")
        ax.tick_params(labelsize=8)
        ax.set_xlabel("direction 1" if name == "PCA" else "input 1", fontsize=8)
        ax.set_ylabel("direction 2" if name == "PCA" else "input 2", fontsize=8, labelpad=0)
    return fig


def pictures(rows: Mapping[str, Tensor]) -> Figure:
    """Images (N, H, W), a row for each name; grey from -3 to 3 standard deviations of that row."""
    count = len(next(iter(rows.values())))
    fig, axes = subplots(len(rows), count, figsize=(7.5, 1.25 * len(rows)), squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        middle, spread = images.mean().item(), 3 * images.std().item()
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image.numpy(), cmap="gray", vmin=middle - spread, vmax=middle + spread)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return fig
