"""Figures of norms for sequences: who looks ahead, gradients by block, losses by rate."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from helpers.analysis.readings import Runs
from helpers.figures.style import INK, MUTED, PALETTE, Figure, label_ends, sentence, subplots
from helpers.lessons.norms_for_sequences.claims import UNIGRAM, by_rate

_LOOK = {  # kind -> colour and line; with warm-up a line is dashed
    "none": (PALETTE["none"], ":"),
    "pre": (PALETTE["layer"], "-"),
    "pre, warm-up": (PALETTE["layer"], (0, (4, 2))),
    "post": (PALETTE["instance"], "-"),
    "post, warm-up": (PALETTE["instance"], (0, (4, 2))),
    "rms": (PALETTE["group"], "-."),
    "batch": (PALETTE["batch"], "-"),
}


def looks_ahead(maps: Mapping[str, Tensor]) -> Figure:
    """A panel for each norm: the norm of the gradient of the loss at a position (row) by the input at each
    position (column), (T, T), on a logarithmic scale; what is exactly 0 is white.
    """
    fig, axes = subplots(1, len(maps), figsize=(7.5, 2.7), sharey=True)
    low = min(np.log10(found[found > 0].min().item()) for found in maps.values())
    high = max(np.log10(found.max().item()) for found in maps.values())
    said = []
    for ax, (name, found) in zip(axes, maps.items(), strict=True):
        values = found.numpy()
        shown = np.ma.masked_equal(values, 0.0)
        image = ax.imshow(np.ma.log10(shown), cmap="viridis_r", vmin=low, vmax=high)
        ax.set(title=name, xlabel="input at position")
        ax.grid(False)
        ahead = np.triu(np.ones_like(values), 1) * values
        many = int((ahead > 0).sum())
        said.append(f"{name} {many or 'none'}" + (f", up to {ahead.max():.2g}" if many else ""))
    axes[0].set_ylabel("loss at position")
    ticks = [tick for tick in (0.01, 0.03, 0.1, 0.3, 1, 3, 10) if low <= np.log10(tick) <= high]
    bar = fig.colorbar(image, ax=axes, fraction=0.02, ticks=np.log10(ticks))
    bar.ax.set_yticklabels([f"{tick:g}" for tick in ticks])
    bar.set_label("norm of the gradient")
    fig.alt = (
        "Gradient of the loss at each position by the input at each position. Gradients other than 0 above "
        f"the diagonal, from later inputs: {'; '.join(said)}."
    )
    return fig


def gradients_by_block(found: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """A panel for each initialization: the norm of the gradient by block, a line for each arrangement.

    The axis is that of the arrangements with a norm. Where "none" leaves it, the panel says how far.
    """
    fig, axes = subplots(1, len(found), figsize=(7.5, 3.0), sharey=True)
    normed = [v for series in found.values() for name in series if name != "none" for v in series[name]]
    low, high = min(normed) / 3, 5 * max(normed)
    said = []
    for ax, (init, series) in zip(axes, found.items(), strict=True):
        for name, values in series.items():
            colour, line = _LOOK[name]
            outside = min(values) > high
            label = name if ax is axes[-1] and not outside else f"_{name}"
            top = {"zorder": 3, "lw": 2.6} if name == "none" else {}  # seen above the lines that it meets
            ax.plot(range(1, len(values) + 1), values, color=colour, ls=line, label=label, **top)
            if outside:
                ends = f"{name} (dotted): {values[0]:.0e} to\n{values[-1]:.0e}, above the panel"
                ax.text(0.5, 0.97, ends, color=colour, ha="center", va="top", transform=ax.transAxes)
        ax.set(title=init, xlabel="block", yscale="log", ylim=(low, high))
        said.append(
            f"{init}: " + ", ".join(f"{name} {v[0]:.2g} and {v[-1]:.2g}" for name, v in series.items())
        )
    axes[0].set_ylabel("norm of the gradient")
    label_ends(axes[-1])
    fig.alt = f"Gradient of the first and the last block before training. {sentence('; '.join(said))}."
    return fig


def losses_by_rate(runs: Runs, kinds: Sequence[str], inits: Sequence[str]) -> Figure:
    """A panel for each initialization: final loss by rate, a line for each kind (the mean), a dot for a run.

    What ends above UNIGRAM, or diverges, is drawn there.
    """
    fig, axes = subplots(1, len(inits), figsize=(7.5, 3.4), sharey=True)
    said = []
    for ax, init in zip(axes, inits, strict=True):
        for kind in kinds:
            tried = by_rate(runs, kind, init)
            colour, line = _LOOK[kind]
            means = [float(np.mean(list(values.values()))) for values in tried.values()]
            ax.plot(list(tried), means, color=colour, ls=line, label=kind if ax is axes[-1] else f"_{kind}")
            for rate, values in tried.items():
                ax.plot([rate] * len(values), list(values.values()), ".", color=colour, ms=4, label="_")
            said.append(f"{kind}, {init} {', '.join(f'{mean:.2f}' for mean in means)}")
        ax.axhline(UNIGRAM, color=INK, linewidth=1, linestyle=":", label="_")
        ax.set(title=f"initial weights: {init}", xlabel="peak learning rate", xscale="log")
        rates = list(tried)
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
        ax.minorticks_off()
    axes[0].annotate(
        "frequencies alone",
        (axes[0].get_xlim()[0], UNIGRAM),
        xytext=(4, -12),
        textcoords="offset points",
        color=MUTED,
    )
    axes[0].set_ylabel("validation loss (nats a character)")
    label_ends(axes[-1])
    rates = ", ".join(f"{rate:g}" for rate in rates)
    fig.alt = f"Mean validation loss at rates {rates}: {'; '.join(said)}."
    return fig
