"""Figures of lesson fifty_thousand_parameters: the published points, whitened patches, Muon's update."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from helpers.analysis.readings import Runs, config
from helpers.figures.style import INK, MARKS, MUTED, PALETTE, Figure, spread, subplots

_OURS, _THEIRS = PALETTE["batch"], PALETTE["layer"]


def by_parameters(points: pd.DataFrame, ours: Mapping[str, float], parameters: int) -> Figure:
    """Accuracy by the number of parameters, each point labelled with its epochs.

    points: what others published: columns parameters, epochs, accuracy (percent).
    ours: what our network reached, of so many parameters: its label -> accuracy.
    """
    fig, ax = subplots(figsize=(7.5, 3.4))
    ax.plot(points.parameters / 1000, points.accuracy, MARKS["layer"], color=_THEIRS, label="published")
    ax.plot([parameters / 1000] * len(ours), list(ours.values()), MARKS["batch"], color=_OURS, label="ours")
    for _, group in points.sort_values("accuracy").groupby("parameters"):
        heights = spread(list(group.accuracy), 1.3)
        for height, row in zip(heights, group.itertuples(), strict=True):
            ax.text(
                row.parameters / 1000 - 0.4,
                height,
                f"{row.epochs} epochs",
                ha="right",
                va="center",
                fontsize=9,
            )
    names = sorted(ours, key=lambda name: ours[name])
    for height, name in zip(spread([ours[name] for name in names], 1.3), names, strict=True):
        ax.text(parameters / 1000 + 0.4, height, name, color=_OURS, va="center", fontsize=9)
    ax.set(
        xlabel="parameters, in thousands",
        ylabel="test accuracy (%)",
        xlim=(18, 55),
        ylim=(70, max([*points.accuracy, *ours.values()]) + 2),
    )
    ax.legend(loc="upper left")
    said = [
        f"{row.accuracy:g} % with {row.parameters:,} in {row.epochs} epochs" for row in points.itertuples()
    ]
    mine = [f"{accuracy:.1f} % in {name}" for name, accuracy in ours.items()]
    fig.alt = (
        f"Accuracy on CIFAR-10 by parameters. Published: {'; '.join(said)}. Ours, with {parameters:,}: "
        f"{'; '.join(mine)}."
    )
    return fig


def whitened(filters: Tensor, before: Tensor, after: Tensor) -> Figure:
    """The filters (D, 3, 2, 2) as patches of colour, and the covariances (D, D) of what goes in and comes
    out.
    """
    fig = Figure(figsize=(7.5, 3.6))
    panels = fig.subfigures(1, 2, width_ratios=(1.15, 2))
    cells = panels[0].subplots(4, 3)
    for number, (ax, each) in enumerate(zip(cells.flat, filters, strict=True), start=1):
        colours = 0.5 + each.permute(1, 2, 0).numpy() / (2 * each.abs().max().item())
        ax.imshow(colours)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_title(f"{number}", fontsize=8, pad=2)
    maps = panels[1].subplots(1, 2)
    for ax, found, name in zip(maps, (before, after), ("covariance of patches", "of outputs"), strict=True):
        values = found.numpy()
        limit = np.abs(values).max()
        image = ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set(title=name, xticks=[], yticks=[], xlabel=f"{len(values)} numbers a patch")
        ax.grid(False)
        panels[1].colorbar(image, ax=ax, fraction=0.045)
    apart = (after - after.diag().diag()).abs().max().item()
    fig.alt = (
        f"Left, the {len(filters)} filters, from edges between neighbouring pixels to patches of one colour. "
        f"Right, the covariance of the patches, large everywhere, and of the outputs: a diagonal from "
        f"{after.diag().min():.2f} to {after.diag().max():.2f} and at most {apart:.2g} beside it."
    )
    return fig


def singular_values(found: Sequence[Tensor], names: Sequence[str]) -> Figure:
    """Singular values of matrices, each as a share of the largest, in falling order."""
    fig, ax = subplots(figsize=(7.5, 2.9))
    said = []
    for values, name, colour, mark in zip(found, names, (_THEIRS, _OURS), "so", strict=True):
        shares = (values / values.max()).numpy()
        order = np.arange(1, len(shares) + 1)
        ax.plot(order, shares, "-", marker=mark, markersize=3, color=colour)
        middle = len(shares) // 2
        ax.annotate(name, (order[middle], shares[middle]), (0, 8), textcoords="offset points", color=colour)
        said.append(f"{name}: the middle one is {shares[middle]:.2g} of the largest")
    ax.set(
        yscale="log",
        ylim=(None, 2.5),
        xlabel="singular value, from the largest",
        ylabel="share of the largest",
    )
    fig.alt = f"Singular values. {'; '.join(said)}."
    return fig


def by_images(runs: Runs, published: Sequence[float], images: int) -> Figure:
    """Test accuracy by training images seen, on a logarithmic scale: each of our runs, epoch by epoch, and
    the published one.

    published: test accuracies by epoch, percent. images: in an epoch.
    """
    fig, ax = subplots(figsize=(7.5, 3.2))
    ax.plot(images * np.arange(1, len(published) + 1), published, "--", color=_THEIRS, marker="s")
    ax.annotate(
        "published network and recipe", (images * 12, published[5]), (0, -14), textcoords="offset points",
        color=_THEIRS, ha="center",
    )  # fmt: skip
    ends: dict[str, list[float]] = {}
    for run in runs:
        accuracies = [epoch["test_accuracy"] for epoch in run["epochs"]]
        ax.plot(images * np.arange(1, len(accuracies) + 1), accuracies, "-o", color=_OURS, lw=1, markersize=4)
        ends.setdefault(run["arm"], []).append(accuracies[-1])
    for name, reached in ends.items():
        ax.annotate(
            name,
            (images * config(runs, name)["recipe"]["epochs"], max(reached)),
            (0, 7),
            textcoords="offset points",
            color=_OURS,
            ha="center",
        )
    ax.axhline(published[-1], color=MUTED, lw=0.8)
    ax.text(images * 5, published[-1] + 0.8, f"{published[-1]:g} %", color=INK, fontsize=9)
    ticks = [images * n for n in (1, 2, 3, 5, 10, 20)]
    ax.set(
        xscale="log",
        xlabel="training images seen",
        ylabel="test accuracy (%)",
        xlim=(0.8 * images, 23 * images),
        ylim=(min(published) - 3, max(max(reached) for reached in ends.values()) + 6),
    )
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.minorticks_off()
    said = [f"{name} {min(reached):.1f} to {max(reached):.1f} %" for name, reached in ends.items()]
    fig.alt = (
        f"Test accuracy by images seen. The published run rises from {published[0]:g} to {published[-1]:g} % "
        f"in {len(published)} epochs. Ours end at: {'; '.join(said)}."
    )
    return fig
