"""A claim and what runs say about it; the verdict is computed from the intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

from helpers.comparison import Runs, difference, told
from helpers.stats import Interval, verdict


@dataclass(frozen=True)
class Finding:
    """A claim by its number, what would have to be true, what was measured, and one of stats.VERDICTS."""

    claim: int
    statement: str
    measured: str
    verdict: str


def greater(claim: int, statement: str, found: Mapping[str, Interval | None], unit: str) -> Finding:
    """The finding that each of the differences is above 0; without runs nothing is decided."""
    there = {name: item for name, item in found.items() if item is not None}
    decided = verdict(there) if there else "not supported"
    if decided == "holds when":
        decided += ": " + ", ".join(name for name, item in there.items() if item.low > 0)
    said = "; ".join(f"{name}: {told(item, sign='+')}" for name, item in found.items())
    return Finding(claim, statement, f"{said} {unit}", decided)


def beats(runs: Runs, claim: int, statement: str, a: str, b: str) -> Finding:
    """The finding that the final accuracy of arm a is above that of arm b."""
    return greater(claim, statement, {f"{a} - {b}": difference(runs, a, b)}, "points")
