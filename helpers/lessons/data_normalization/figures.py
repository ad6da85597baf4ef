"""Lesson 01's figures: photographs above their histograms, one histogram over three axes, rounding errors."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn import functional as F

from helpers.figures import style
from helpers.figures.images import image_grid, picture
from helpers.figures.style import Figure

CHANNELS = {"red": "#C1272D", "green": "#1B7F3B", "blue": "#1F4E9E"}
_LINES = {"red": "-", "green": "--", "blue": ":"}
_TOP = 3.0  # % of the pixels: the end of a histogram's axis; a higher peak is labelled with its height


def photos_with_histograms(photos: Tensor, titles: Sequence[str]) -> Figure:
    """Photographs (N, 3, H, W) uint8, each above the share of its pixels at each value, by channel."""
    fig, axes = style.subplots(
        2, len(photos), figsize=(7.5, 4.8), layout="constrained", height_ratios=(1.6, 1), squeeze=False
    )
    for column, (photo, title) in enumerate(zip(photos, titles, strict=True)):
        picture(axes[0, column], photo)
        axes[0, column].set_title(title)
        ax = axes[1, column]
        for name, channel in zip(CHANNELS, photo, strict=True):
            share = _share(channel)
            ax.plot(share, color=CHANNELS[name], linestyle=_LINES[name], linewidth=1.1, label=name)
            if share.max() > _TOP:
                _cut_peak(ax, share, f"{name}: ", CHANNELS[name])
        _frame(ax)
    axes[1, 0].set_ylabel("share of pixels (%)")
    axes[1, 0].legend(loc="center", bbox_to_anchor=(0.45, 0.62), ncols=3, handlelength=1.6)
    fig.alt = (
        "A temple under a bright sky, whose histograms peak at the right, and a flower in front of a dark "
        "background: green and blue lie at the left, red at both ends, a quarter of it at 0."
    )
    return fig


def rulers(image: Tensor, mean: float, std: float) -> Figure:
    """One histogram of uint8 values over three axes: pixel value, min-max scaled, standardized.

    Args:
        mean, std: of the values / 255.
    """
    fig, ax = style.subplots(figsize=(7.5, 3.6), layout="none")
    fig.subplots_adjust(left=0.1, right=0.98, top=0.97, bottom=0.47)
    ax.hist(image.flatten().numpy(), bins=64, range=(0, 256), color=CHANNELS["green"])
    ax.set(xlabel="pixel value", ylabel="pixels", xlim=(-5, 260), xticks=range(0, 256, 51))
    unit = ax.secondary_xaxis(-0.33, functions=(lambda v: v / 255, lambda u: 255 * u))
    unit.set_xlabel("min-max scaled")
    z = ax.secondary_xaxis(
        -0.66, functions=(lambda v: (v / 255 - mean) / std, lambda z: 255 * (z * std + mean))
    )
    z.set_xlabel("standardized: standard deviations from the mean")
    fig.alt = (
        "One histogram over three axes: pixel values 0 to 255, the same scaled 0 to 1, and standardized, "
        f"from {(0 - mean) / std:.1f} to {(1 - mean) / std:.1f}."
    )
    return fig


def errors_by_offset(offsets: Sequence[float], errors: Mapping[str, Sequence[float]]) -> Figure:
    """The relative error of each way to compute a variance (name -> one for each offset), both axes log."""
    fig, ax = style.subplots(figsize=(7.5, 3.4), layout="constrained")
    ax.set(xscale="log", yscale="log", ylim=(1e-17, 1e12))
    ax.hlines(1, offsets[0], offsets[-1], color=style.MUTED, linestyle=":", linewidth=1)
    ax.text(offsets[0], 3, "above this line no digit is right", color=style.MUTED, fontsize=9)
    xlabel = "offset: mean of the values, whose variance is 1"
    style.lines(ax, offsets, errors, xlabel, "relative error of the variance", marker="o")
    fig.alt = "Relative error of the variance by offset. " + "; ".join(
        f"{name}: {series[0]:.0e} at {offsets[0]:g}, {series[-1]:.0e} at {offsets[-1]:g}"
        for name, series in errors.items()
    )
    return fig


def before_and_after(before: Tensor, after: Tensor, titles: tuple[str, str]) -> Figure:
    """One channel (H, W) uint8 before and after a transform, each above its histogram and the share of
    pixels at or below each value.
    """
    fig, axes = style.subplots(
        2, 2, figsize=(7.5, 4.8), layout="constrained", height_ratios=(1.6, 1), sharey="row"
    )
    for column, (image, title) in enumerate(zip((before, after), titles, strict=True)):
        picture(axes[0, column], image[None])
        axes[0, column].set_title(title)
        ax, share = axes[1, column], _share(image)
        ax.bar(range(256), share, width=1, color=style.PALETTE["batch"])
        if share.max() > _TOP:
            _cut_peak(ax, share, "", style.PALETTE["batch"])
        _frame(ax)
        total = ax.twinx()
        total.plot(share.cumsum(0), color=style.PALETTE["layer"], linestyle="--")
        total.set(ylim=(0, 103), yticks=[0, 50, 100])
        total.tick_params(axis="y", colors=style.PALETTE["layer"])
        total.grid(visible=False)
    axes[1, 0].set_ylabel("share of pixels (%)", color=style.PALETTE["batch"])
    total.set_ylabel("at or below (%)", color=style.PALETTE["layer"])
    fig.alt = (
        f"A dark photograph, {titles[0]}, whose share at or below a value rises steeply at the left; "
        f"{titles[1]} it is bright, its bars stand apart, and the share at or below is a straight line."
    )
    return fig


def image_rows(rows: Mapping[str, Tensor], captions: Sequence[str]) -> Figure:
    """One row of grey images (N, 1, H, W) float per name, all of them on one scale of grey, -2 to 2."""
    fig, axes = style.subplots(
        len(rows), len(captions), figsize=(6.6, 1.7 * len(rows)), layout="constrained", squeeze=False
    )
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(image.squeeze(0).numpy(), cmap="gray", vmin=-2, vmax=2)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    for ax, caption in zip(axes[0], captions, strict=True):
        ax.set_title(caption, loc="center")
    first, second = rows
    fig.alt = f"A digit in four lights. {first}: it fades and brightens. {second}: four equal pictures."
    return fig


def traps(photo: Tensor, precedence: Tensor, constants: Tensor, wrapped: Tensor) -> Figure:
    """A photograph (3, H, W), values 0 to 1, and what three traps make of it; at a third of its size."""
    views = F.avg_pool2d(torch.stack([photo, precedence, constants, wrapped]), 3)
    captions = ["photo", "trap 1: x - mean / std", "trap 2: ImageNet's constants", "trap 3: + 60 in uint8"]
    fig = image_grid((255 * views).round().clamp(0, 255).byte(), captions, columns=2)
    fig.alt = "A temple; with trap 1 it is dark, with trap 2 pale, with trap 3 its sky is black and red."
    return fig


def _share(values: Tensor) -> Tensor:
    return 100 * torch.bincount(values.flatten().long(), minlength=256) / values.numel()


def _frame(ax: Axes) -> None:
    ax.set(xlabel="pixel value", xlim=(-4, 259), ylim=(0, _TOP), xticks=[0, 64, 128, 192, 255])


def _cut_peak(ax: Axes, share: Tensor, name: str, color: str) -> None:
    """Say how high the peak is that leaves the axis."""
    at = int(share.argmax())
    side = "left" if at < 128 else "right"
    ax.annotate(
        f"{name}{share[at]:.0f} % at {at}",
        (at, _TOP),
        (10 if side == "left" else -10, -8),
        textcoords="offset points",
        color=color,
        fontsize=9,
        ha=side,
        va="center",
    )
