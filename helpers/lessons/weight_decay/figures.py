"""Figures of weight decay: what a memory costs, and a whole training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import Tensor

from helpers.figures.style import INK, LINES, PALETTE, Figure, label_ends, subplots

# The arms of a training by what decays: nothing, as usual, or with the correction.
_LOOK = {
    name: {"color": PALETTE[norm], "linestyle": LINES[norm]}
    for name, norm in {"no decay": "none", "decay": "batch", "corrected": "layer"}.items()
}


def memory_costs(gains: pd.DataFrame, steps: int) -> Figure:
    """Accuracy minus that without decay over the memory 1 / (rate x decay), in trainings of so many steps.

    gains: points; rows are decays above 0, columns learning rates.
    """
    fig, ax = subplots(figsize=(7.5, 3.2))
    for (rate, column), mark in zip(gains.items(), "os^Dv", strict=False):
        memory = [1 / (rate * decay) / steps for decay in column.index]
        ax.plot(
            memory,
            column,
            marker=mark,
            linestyle="",
            color=PALETTE["batch"],
            fillstyle="none",
            label=f"{rate:g}",
        )
    ax.axvline(1, color=INK, linewidth=1, linestyle=":")
    ax.axhline(0, color=INK, linewidth=1)
    ax.annotate("as long as the training", (1, ax.get_ylim()[0]), xytext=(5, 4), textcoords="offset points")
    ax.legend(title="peak rate", loc="lower right")
    ax.set(xscale="log", xlabel="memory of the weights (trainings)", ylabel="accuracy, points gained")
    worst = gains.min().min()
    fig.alt = (
        "Accuracy gained by AdamW's decay over its memory: about 0 where the memory is longer than the "
        f"training, down to {worst:.1f} points where it is much shorter."
    )
    return fig


def whole_training(
    weights: Mapping[str, Tensor], rates: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
) -> Figure:
    """Three panels by step: squared weights, effective rate, gradient, a line (steps,) for each arm."""
    fig, axes = subplots(1, 3, figsize=(7.5, 2.9))
    titles = {"squared weights": weights, "effective rate": rates, "norm of the gradient": gradients}
    for ax, (title, series) in zip(axes, titles.items(), strict=True):
        for name, values in series.items():
            ax.plot(smooth(values), label=name if ax is axes[2] else f"_{name}", **_LOOK[name])
        ax.set(title=title, yscale="log", xlabel="step")
    axes[1].set_ylim(bottom=1e-5)
    axes[2].set_yticks([0.4, 0.6, 1.0, 1.5], ["0.4", "0.6", "1", "1.5"])
    axes[2].minorticks_off()
    label_ends(axes[2], gap=0.1)
    ends = ", ".join(f"{name} {values[-50:].mean():.2g}" for name, values in gradients.items())
    middle = ", ".join(
        f"{name} {values[len(values) // 2 - 25 :][:50].mean():.2g}" for name, values in gradients.items()
    )
    fig.alt = (
        "Without decay weights grow and the effective rate falls; with decay they shrink as the rate falls. "
        f"Gradients, middle: {middle}; end: {ends}."
    )
    return fig


def ratios(measured: Mapping[str, Tensor], predicted: Mapping[str, Tensor]) -> Figure:
    """The gradient's norm over the weights' by step, log scale, with what is predicted as dotted lines."""
    fig, ax = subplots(figsize=(7.5, 3.2))
    for name, values in measured.items():
        ax.plot(smooth(values), label=name, **_LOOK[name] | {"linestyle": "-"})
        if name in predicted:
            ax.plot(predicted[name], color=INK, linestyle=":", linewidth=1.3, label="_")
    top = max(values.max().item() for values in measured.values())
    ax.set(yscale="log", xlabel="step", ylabel="|gradient| / |weights|")
    ax.set_ylim(top=3 * top)
    label_ends(ax)
    said = ", ".join(f"{name} {values[-50:].mean():.2g}" for name, values in measured.items())
    fig.alt = (
        "With decay the ratio follows the dotted prediction upward until shortly before the end and stays "
        f"below it there; corrected, it is level. At the end: {said}."
    )
    return fig


def smooth(values: Tensor, window: int = 25) -> np.ndarray:
    """The geometric mean over the last steps, at most `window`, of positive values (steps,)."""
    total = np.concatenate([[0.0], np.log(values.numpy()).cumsum()])
    last = np.arange(1, len(total))
    first = np.maximum(last - window, 0)
    return np.exp((total[last] - total[first]) / (last - first))
