"""The figure of all intervals, in units of what matters."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpers.analysis.stats import Interval, verdict
from helpers.figures.style import INK, PALE, PALETTE, Figure, subplots

_LOOK = {  # what one interval says -> colour and mark
    "holds": (PALETTE["batch"], "o"),
    "false": (PALETTE["layer"], "s"),
    "no difference that matters": (PALETTE["group"], "D"),
    "undecided": ("#8A8A8A", "|"),
}


def all_intervals(of: Mapping[int, Sequence[Interval]]) -> Figure:
    """Claim -> its intervals, each divided by what matters: from top to bottom, in two columns."""
    total = sum(map(len, of.values()))
    columns: tuple[list[int], list[int]] = ([], [])
    done = 0
    for claim, intervals in of.items():
        columns[2 * done >= total].append(claim)
        done += len(intervals)
    longest = max(sum(len(of[claim]) + 1 for claim in column) for column in columns)
    fig, axes = subplots(1, 2, sharex=True, figsize=(7.5, max(3.0, 0.082 * longest + 1.0)))
    for ax, column in zip(axes, columns, strict=True):
        _column(ax, {claim: of[claim] for claim in column})
        ax.set_ylim(longest, -1.5)
    axes[0].set_xticks([-100, -10, -1, 0, 1, 10, 100], ["-100", "-10", "-1", "0", "1", "10", "100"])
    handles = [
        axes[0].plot([], [], "-", color=color, marker=mark, markersize=4, label=word)[0]
        for word, (color, mark) in _LOOK.items()
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=9)
    fig.supxlabel("difference, in units of the smallest one that matters", fontsize=10)
    counts = {
        word: sum(verdict(i, matters=1.0) == word for each in of.values() for i in each) for word in _LOOK
    }
    said = ", ".join(f"{number} {word}" for word, number in counts.items())
    fig.alt = (
        f"{total} intervals of {len(of)} claims in units of what matters, each judged by itself: {said}."
    )
    return fig


def _column(ax: Axes, of: Mapping[int, Sequence[Interval]]) -> None:
    ax.set_xscale("symlog", linthresh=1, linscale=0.8)
    ax.axvspan(-1, 1, color=PALE, linewidth=0)
    ax.axvline(0, color=INK, linewidth=0.8)
    middles, row = {}, 0
    for claim, intervals in of.items():
        middles[claim] = row + (len(intervals) - 1) / 2
        for item in intervals:
            color, mark = _LOOK[verdict(item, matters=1.0)]
            ax.plot([item.low, item.high], [row, row], "-", color=color, linewidth=1.5)
            ax.plot(item.mean, row, mark, color=color, markersize=3)
            row += 1
        row += 1
    ax.set_yticks(list(middles.values()), [str(claim) for claim in middles], fontsize=8)
    ax.set_ylabel("claim")
    ax.grid(visible=False, axis="y")
    ends = np.abs([end for each in of.values() for item in each for end in (item.low, item.high)] or [1.0])
    reach = max(100.0, float(ends.max()))
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, -reach), max(high, reach))
