"""Figures of images: single ones and grids."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from torch import Tensor

from helpers.figures.style import Figure, subplots


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
