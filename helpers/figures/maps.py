"""Figures of sweeps: accuracy over learning rate and another setting, as tints and numbers.

Each returns the figure with its alt text, which says what it shows from the same numbers.
"""

import math
from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.analysis import sweeps
from helpers.analysis.readings import Runs
from helpers.figures.runs import label as arm_label
from helpers.figures.style import PALETTE, Figure, subplots

SHOWN = 12.0  # points below the best: whatever lies lower has one tint


def rate_map(runs: Runs, label: str) -> Figure:
    """Of a search: accuracy (percent) of each family (rows) at each rate (columns), as draw_rates draws it.

    label: which accuracy it is.
    """
    table, tried = sweeps.accuracies(runs).T, sweeps.tried(runs).T
    fig, ax = subplots(figsize=(7.5, 0.42 * len(table) + 1.1))
    draw_rates(ax, table.rename(arm_label), tried, cbar_kws={"label": label})
    ax.set(xlabel="peak learning rate", ylabel="")
    ax.tick_params(axis="x", labelsize=8.5)
    best = [
        f"{arm_label(name)} at {row.idxmax():g} ({row.max():.0f} %)"
        for name, row in table.dropna(how="all").iterrows()
    ]
    lost = int((table.isna() & tried).sum().sum())
    fig.alt = f"{label} by arm and learning rate. Best: {'; '.join(best)}. Diverged: {lost}."
    return fig


def draw_rates(ax: Axes, accuracy: pd.DataFrame, tried: pd.DataFrame, **look: object) -> None:
    """Accuracies (percent, a column for each rate) as tints and numbers; the best of a row is framed, a cross
    is a rate at which a run diverged, and what was not `tried` (same shape, True or False) is blank.

    look: further arguments of seaborn's heatmap.
    """
    said = accuracy.map(lambda value: "×" if math.isnan(value) else f"{value:.0f}")
    tints(ax, accuracy.fillna(0.0), said, vmin=0, vmax=100, mask=~tried.to_numpy(), **look)
    for row, (_, values) in enumerate(accuracy.iterrows()):
        if values.notna().any():
            _frame(ax, row, values.argmax())


def tints(ax: Axes, table: pd.DataFrame, said: pd.DataFrame, **look: object) -> None:
    """A tint for each cell of the table, on it what is `said` of it; columns are named by numbers.

    look: further arguments of seaborn's heatmap.
    """
    columns = [f"{number:g}" for number in table.columns]
    sns.heatmap(table, annot=said, fmt="", cmap="cividis", ax=ax, linewidths=0.5, xticklabels=columns, **look)
    ax.tick_params(axis="y", rotation=0)


def _frame(ax: Axes, row: int, column: int) -> None:
    look = {"fill": False, "edgecolor": PALETTE["layer"], "linewidth": 2.5}
    ax.add_patch(Rectangle((column, row), 1, 1, **look))


def decay_maps(maps: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Figure:
    """One panel for each map of helpers.lessons.weight_decay.decay on one scale of tints, with the
    numbers.

    The best decay of each learning rate is framed; a cross is a run that diverged or is missing.
    """
    highest = max(table.max().max() for table in maps.values())
    fig, axes = subplots(1, len(maps), figsize=(7.5, 3.2), sharey=True, squeeze=False)
    for ax, (name, table) in zip(axes[0], maps.items(), strict=True):
        said = table.map(lambda value: "×" if value != value else f"{value:.1f}")
        look = {"annot_kws": {"size": 8}, "cbar": False, "vmin": highest - SHOWN, "vmax": highest}
        decays = [f"{decay:g}" for decay in table.index]
        tints(ax, table.fillna(highest - SHOWN), said, yticklabels=decays, **look)
        for column, rate in enumerate(table.columns):
            if table[rate].notna().any():
                _frame(ax, table[rate].argmax(), column)
        ax.set(title=titles[name], xlabel="peak learning rate", ylabel="")
    axes[0, 0].set_ylabel("weight decay")
    said = []
    for name, table in maps.items():
        best = [f"{table[rate].idxmax():g} at rate {rate:g}" for rate in table if table[rate].notna().any()]
        said.append(f"{titles[name]}: best decay {', '.join(best)}; highest {table.max().max():.1f} %")
    fig.alt = f"Accuracy on held-out images by learning rate and decay. {'. '.join(said)}."
    return fig
