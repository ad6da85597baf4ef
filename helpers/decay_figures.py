"""Figures of weight decay: accuracy over learning rate and decay, and what decay does to single weights."""

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.figures import PALETTE, lines, subplots

SHOWN = 12.0  # points below the best: whatever lies lower has one tint


def decay_maps(maps: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Figure:
    """One panel for each map of helpers.decay_study on one scale of tints, with the numbers.

    The best decay of each learning rate is framed; a cross is a run that diverged or is missing.
    """
    highest = max(table.max().max() for table in maps.values())
    fig, axes = subplots(1, len(maps), figsize=(7.5, 3.2), sharey=True, squeeze=False)
    for ax, (name, table) in zip(axes[0], maps.items(), strict=True):
        said = table.map(lambda value: "×" if value != value else f"{value:.1f}")
        sns.heatmap(
            table.fillna(highest - SHOWN), annot=said, fmt="", annot_kws={"size": 8}, cbar=False,
            cmap="cividis", vmin=highest - SHOWN, vmax=highest, linewidths=0.5, ax=ax,
            xticklabels=[f"{rate:g}" for rate in table.columns],
            yticklabels=[f"{decay:g}" for decay in table.index],
        )  # fmt: skip
        for column, rate in enumerate(table.columns):
            if table[rate].notna().any():
                row = table.index.get_loc(table[rate].idxmax())
                frame = {"fill": False, "edgecolor": PALETTE["layer"], "linewidth": 2.5}
                ax.add_patch(Rectangle((column, row), 1, 1, **frame))
        ax.set(title=titles[name], xlabel="peak learning rate", ylabel="")
        ax.tick_params(axis="y", rotation=0)
    axes[0, 0].set_ylabel("weight decay")
    return fig


def decay_maps_alt(maps: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> str:
    """What decay_maps shows, in words."""
    said = []
    for name, table in maps.items():
        best = [f"{table[rate].idxmax():g} at rate {rate:g}" for rate in table if table[rate].notna().any()]
        said.append(f"{titles[name]}: best decay {', '.join(best)}; highest {table.max().max():.1f} %")
    return f"Accuracy on held-out images by learning rate and decay. {'. '.join(said)}."


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
