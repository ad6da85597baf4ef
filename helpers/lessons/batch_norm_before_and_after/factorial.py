"""Two-level factorials: what each of several changes does by itself, and together with the others, per seed.

With k factors there are 2^k arms, one for each choice of "off" and "on". Signs and names as in Box, Hunter &
Hunter 2005, Statistics for Experimenters, chapter 5.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from helpers.analysis import comparison
from helpers.analysis.readings import Measure, Runs, final
from helpers.analysis.stats import Interval, over_seeds

Levels = tuple[bool, ...]  # of each factor, in their order: on or off


@dataclass(frozen=True)
class Design:
    """The factors of a factorial and the arm of each cell.

    Raises:
        ValueError: a cell without arm.
    """

    factors: tuple[str, ...]
    arms: Mapping[Levels, str]

    def __post_init__(self) -> None:
        missing = [
            levels for levels in product((False, True), repeat=len(self.factors)) if levels not in self.arms
        ]
        if missing or len(self.arms) != 2 ** len(self.factors):
            raise ValueError(
                f"{len(self.factors)} factors make {2 ** len(self.factors)} cells, but arms has "
                f"{len(self.arms)}, and none for {missing}; give one arm for each choice of True and False"
            )

    def pairs(self, factor: str) -> dict[str, str]:
        """Each arm without the factor -> the arm that differs from it in that factor alone."""
        place = self.factors.index(factor)
        return {
            arm: self.arms[*levels[:place], True, *levels[place + 1 :]]
            for levels, arm in self.arms.items()
            if not levels[place]
        }


def cells(runs: Runs, design: Design, measure: Measure = final) -> dict[Levels, dict[int, float]]:
    """Levels -> seed -> measure, of the seeds that every cell has: a seed is left out if a cell lacks it."""
    found = {levels: comparison.values(runs, arm, measure) for levels, arm in design.arms.items()}
    seeds = [
        seed
        for seed in next(iter(found.values()))
        if all(values.get(seed) is not None for values in found.values())
    ]
    arms = set(design.arms.values())
    comparison.same_place([run for run in runs if run["arm"] in arms and run["seed"] in seeds])
    return {levels: {seed: values[seed] for seed in seeds} for levels, values in found.items()}


def contrast(
    runs: Runs, design: Design, factors: Sequence[str], measure: Measure = final
) -> dict[int, float]:
    r"""Seed -> main effect of one factor or interaction of several, of the seeds that every cell has.

    Over the $2^k$ cells with measure y and each factor's sign s (+1 on, -1 off),

    $$\frac{2}{2^k}\sum_{cells} y \prod_{f \in factors} s_f$$

    One factor: the mean over the matched pairs of arms that differ in it alone, on minus off. Two: half of
    what the one factor does more where the other is on than where it is off; so factor A does A + AB with B,
    and A - AB without it. Of three factors, all on minus all off is A + B + C + ABC.

    Raises:
        ValueError: no factor, or a name that is no factor of the design.
    """
    if not factors or set(factors) - set(design.factors):
        raise ValueError(f"factors are {list(factors)}; choose from {', '.join(design.factors)}")
    chosen = [design.factors.index(factor) for factor in factors]
    found = cells(runs, design, measure)
    signs = {levels: math.prod(1 if levels[i] else -1 for i in chosen) for levels in found}
    return {
        seed: sum(sign * found[levels][seed] for levels, sign in signs.items()) * 2 / len(found)
        for seed in next(iter(found.values()))
    }


def effect(runs: Runs, design: Design, factors: Sequence[str], measure: Measure = final) -> Interval | None:
    """Mean and 95 % interval of a contrast over the seeds, None without a complete seed."""
    return over_seeds(contrast(runs, design, factors, measure))


def simple_effects(runs: Runs, design: Design, factor: str) -> dict[str, Interval]:
    """The effect of one factor at each setting of the others, by the arm without it: paired differences."""
    found = simple_by_seed(runs, design, factor)
    return {arm: item for arm, values in found.items() if (item := over_seeds(values))}


def simple_by_seed(
    runs: Runs, design: Design, factor: str, measure: Measure = final
) -> dict[str, dict[int, float]]:
    """The arm without the factor -> seed -> what the factor adds to it."""
    return {arm: comparison.by_seed(runs, other, arm, measure) for arm, other in design.pairs(factor).items()}


def steps(runs: Runs, design: Design, order: Sequence[str]) -> list[tuple[str, float]]:
    """From all off to all on, one factor after another: (arm, mean final accuracy over the complete seeds).

    Raises:
        ValueError: `order` does not name each factor once.
    """
    if sorted(order) != sorted(design.factors):
        raise ValueError(f"order is {list(order)}; name each of {', '.join(design.factors)} once")
    found, levels = cells(runs, design), [False] * len(design.factors)
    stops = [tuple(levels)]
    for factor in order:
        levels[design.factors.index(factor)] = True
        stops.append(tuple(levels))
    return [
        (design.arms[stop], sum(found[stop].values()) / len(found[stop])) for stop in stops if found[stop]
    ]


def as_percent_more(found: Interval) -> Interval:
    """An interval of differences of logarithms as one of percent: ln 1.31 is 31 % more."""
    return Interval(*(100 * math.expm1(value) for value in (found.mean, found.low, found.high)), found.n)
