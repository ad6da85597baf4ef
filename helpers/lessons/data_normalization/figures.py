"""Lesson 01's figures: photographs beside the histograms of their levels, and a playground of transforms."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.figures import images as figures_images
from helpers.figures import style
from helpers.figures.style import Figure
from helpers.images import scaling

CHANNELS = {"red": "#C1272D", "green": "#1B7F3B", "blue": "#1F4E9E"}
_LINES = {"red": "-", "green": "--", "blue": ":"}
TRANSFORMS = ("min-max, 0 to 255", "standardized", "per image", "equalized")
_UNITS = {
    "min-max, 0 to 255": (-0.05, 1.05),
    "standardized": (-3.0, 3.0),
    "per image": (-3.0, 3.0),
    "equalized": (-5.0, 260.0),
}


def picture(ax: Axes, image: Tensor, title: str = "") -> None:
    """Draw one image (C, H, W) uint8 on `ax`, in grey if it has one channel, without axes."""
    figures_images.picture(ax, image)
    ax.set_title(title)


def photos_with_levels(photos: Tensor, titles: Sequence[str]) -> Figure:
    """Photographs (N, 3, H, W) uint8, each above its histogram: the share of its pixels at each level."""
    fig, axes = style.subplots(2, len(photos), figsize=(7.5, 4.4), height_ratios=(1.5, 1), squeeze=False)
    for column, (photo, title) in enumerate(zip(photos, titles, strict=True)):
        picture(axes[0, column], photo, title)
        ax = axes[1, column]
        for name, channel in zip(CHANNELS, photo, strict=True):
            share = 100 * torch.bincount(channel.flatten().long(), minlength=256) / channel.numel()
            ax.plot(share, color=CHANNELS[name], linestyle=_LINES[name], linewidth=1.1, label=name)
        ax.set(xlabel="level", ylim=(0, 3), xlim=(-4, 259), xticks=[0, 64, 128, 192, 255])
    axes[1, 0].set_ylabel("share of pixels (%)")
    axes[1, 0].legend(loc="upper center", ncols=3, handlelength=1.6)
    return fig


def rulers(levels: Tensor, mean: float, std: float) -> Figure:
    """One histogram of uint8 levels over three axes: level, min-max scaled, standardized.

    Args:
        mean, std: of levels / 255.
    """
    fig, ax = style.subplots(figsize=(7.5, 3.6), layout="none")
    fig.subplots_adjust(left=0.1, right=0.98, top=0.97, bottom=0.47)
    ax.hist(levels.flatten().numpy(), bins=64, range=(0, 256), color=CHANNELS["green"])
    ax.set(xlabel="level, 0 to 255", ylabel="pixels", xlim=(-5, 260), xticks=range(0, 256, 51))
    unit = ax.secondary_xaxis(-0.33, functions=(lambda v: v / 255, lambda u: 255 * u))
    unit.set_xlabel("min-max scaled: level / 255")
    z = ax.secondary_xaxis(
        -0.66, functions=(lambda v: (v / 255 - mean) / std, lambda z: 255 * (z * std + mean))
    )
    z.set_xlabel("standardized: deviations from the mean")
    return fig


def before_and_after(before: Tensor, after: Tensor, titles: tuple[str, str]) -> Figure:
    """One channel (H, W) uint8 before and after a transform, each above its histogram and the share at or
    below each level.
    """
    fig, axes = style.subplots(2, 2, figsize=(7.5, 4.4), height_ratios=(1.5, 1))
    for column, (image, title) in enumerate(zip((before, after), titles, strict=True)):
        picture(axes[0, column], image[None], title)
        ax = axes[1, column]
        share = 100 * torch.bincount(image.flatten().long(), minlength=256) / image.numel()
        ax.bar(range(256), share, width=1, color=style.PALETTE["batch"])
        ax.set(xlabel="level", xlim=(-4, 259), ylim=(0, 3), xticks=[0, 64, 128, 192, 255])
        total = ax.twinx()
        total.plot(share.cumsum(0), color=style.PALETTE["layer"], linestyle="--")
        total.set(ylim=(0, 103), yticks=[0, 50, 100])
        total.grid(visible=False)
        total.spines["right"].set_visible(True)
    axes[1, 0].set_ylabel("share of pixels (%)")
    total.set_ylabel("at or below (%), dashed")
    return fig


def image_rows(rows: Mapping[str, Tensor], captions: Sequence[str]) -> Figure:
    """One row of grey images (N, 1, H, W) float per name, all of a row on one scale of grey, -2 to 2."""
    columns = len(captions)
    fig, axes = style.subplots(len(rows), columns, figsize=(7.5, 1.45 * len(rows) + 0.3), squeeze=False)
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(image.squeeze(0).numpy(), cmap="gray", vmin=-2, vmax=2)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    for ax, caption in zip(axes[0], captions, strict=True):
        ax.set_title(caption, loc="center")
    return fig


def dimmed(photo: Tensor, brightness: int, contrast: float) -> Tensor:
    """What a camera would have stored: contrast * (level - 128) + 128 + brightness, rounded and clipped.

    Args:
        photo: uint8, any shape.
        brightness: levels added.
        contrast: 1 leaves the photograph as it is.
    """
    levels = contrast * (photo.float() - 128) + 128 + brightness
    return levels.round().clamp(0, 255).to(torch.uint8)


def transformed(photo: Tensor, transform: str, mean: Tensor, std: Tensor) -> Tensor:
    """The result (1, 1, H, W) of one of TRANSFORMS on a grey photograph (H, W) uint8.

    Args:
        mean, std: (1,), of levels / 255, for "standardized".
    """
    levels = photo[None, None]
    unit = levels / 255
    return {
        "min-max, 0 to 255": lambda: unit,
        "standardized": lambda: scaling.standardize(unit, mean, std),
        "per image": lambda: scaling.per_image(unit),
        "equalized": lambda: scaling.equalize(levels),
    }[transform]()


def playground(
    photo: Tensor, transform: str, brightness: int, contrast: float, mean: Tensor, std: Tensor
) -> Figure:
    """A grey photograph (H, W) uint8 as changed by brightness and contrast, and its histogram before and
    after one of TRANSFORMS.

    Args:
        mean, std: (1,), of the levels / 255 of the unchanged photograph, for "standardized".
    """
    changed = dimmed(photo, brightness, contrast)
    after = transformed(changed, transform, mean, std)
    fig, axes = style.subplots(1, 3, figsize=(7.5, 2.5), width_ratios=(1.2, 1, 1))
    picture(axes[0], changed[None], f"brightness {brightness:+d}, contrast {contrast:g}")
    for ax, values, limits, title in (
        (axes[1], changed, (-5.0, 260.0), "before: level"),
        (axes[2], after, _UNITS[transform], f"after: {transform}"),
    ):
        shown = values.flatten().double().clamp(*limits)
        ax.hist(
            shown.numpy(),
            bins=53,
            range=limits,
            weights=torch.full_like(shown, 100 / len(shown)).numpy(),
            color=CHANNELS["green"],
        )
        ax.set(title=title, xlim=limits, ylim=(0, 12))
    axes[1].set_ylabel("share of pixels (%)")
    ends = 100 * ((changed == 0) | (changed == 255)).double().mean().item()
    fig.alt = (
        f"A photograph at brightness {brightness:+d} and contrast {contrast:g}, "
        f"{len(changed.unique())} distinct levels, {ends:.0f} % of the pixels black or white; "
        f"its histogram before and after the transform {transform}."
    )
    return fig
