"""Figures of images: single ones, grids, histograms of their values."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.figures.style import PALE, PALETTE, Figure, subplots


def image_grid(images: Tensor, captions: Sequence[str], columns: int = 6) -> Figure:
    """Images (N, C, H, W) uint8 in rows, each with its caption; one channel is shown in grey."""
    rows = -(-len(images) // columns)
    height = 7.5 / columns * images.shape[2] / images.shape[3] + 0.35  # inches, with the caption
    fig, axes = subplots(rows, columns, figsize=(7.5, height * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, caption in zip(axes.flat, images, captions, strict=False):
        picture(ax, image)
        ax.set_title(caption, fontsize=8.5, loc="center")
    return fig


def picture(ax: Axes, image: Tensor) -> None:
    """Draw one image (C, H, W) uint8 on `ax`, in grey if it has one channel, without axes."""
    ax.imshow(image.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=255)
    ax.axis("off")


def histograms(
    groups: Mapping[str, Tensor],
    xlabel: str,
    limits: tuple[float, float],
    shade: tuple[float, float] | None = None,
) -> Figure:
    """One histogram per group, side by side on equal axes; the last bars count what lies beyond `limits`.

    Args:
        groups: title -> values of any shape.
        xlabel: what the values are, with their unit.
        limits: range of the horizontal axis.
        shade: a range to mark with a pale band.
    """
    fig, axes = subplots(1, len(groups), sharex=True, sharey=True, squeeze=False, figsize=(7.5, 2.4))
    for ax, (title, values), color in zip(axes[0], groups.items(), list(PALETTE.values()) * 2, strict=False):
        values = torch.as_tensor(values).detach().flatten().double().cpu().clamp(*limits)
        weights = torch.full_like(values, 100 / len(values))
        if shade is not None:
            ax.axvspan(*shade, color=PALE, zorder=0)
        ax.hist(values, bins=40, range=limits, weights=weights, color=color)
        ax.set(title=title, xlabel=xlabel, xlim=limits)
    axes[0, 0].set_ylabel("share of values (%)")
    return fig
