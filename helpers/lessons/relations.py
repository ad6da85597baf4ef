"""What wrong numbers have to do with the right ones: a sign, a factor, rounding, results exchanged.

The last resort of a check, for mistakes that an exercise does not list.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, permutations

import torch
from torch import Tensor

from helpers.lessons.comparing import Seen, agree, close, plain, rounding, tensor

# What was done to the right numbers -> the words for it.
_DONE: dict[str, Callable[[Tensor], Tensor]] = {
    "it is 0 everywhere": torch.zeros_like,
    "the sign is turned round: each number is minus what it should be": torch.neg,
    "the sign is lost: these are absolute values": torch.abs,
    "what is negative is cut to 0": lambda t: t.clamp(min=0),
    "the square root is missing: these are the squares of what it should be": torch.square,
    "one square root too many: these are the square roots of what it should be": torch.sqrt,
    "it is upside down: 1 divided by what it should be": torch.reciprocal,
    "rounded down to whole numbers: give them as they are": torch.floor,
    "truncated to whole numbers: give them as they are": torch.trunc,
    "rounded up to whole numbers: give them as they are": torch.ceil,
    **{
        f"rounded to {n} decimals: give the numbers as they are": lambda t, n=n: torch.round(t, decimals=n)
        for n in (0, 1, 2, 3, 4)
    },
}


def _pairs(seen: Sequence[Seen], right: Sequence[Seen], name: str) -> list[tuple[Tensor, Tensor]] | None:
    """One thing that was seen in all cases, given and right; None if it is not a number everywhere."""
    found = []
    for one, wanted in zip(seen, right, strict=True):
        if one.get(name) is None and wanted[name] is None:
            continue
        if one.get(name) is None or wanted[name] is None or isinstance(wanted[name], str | tuple | bool):
            return None
        given, expected = tensor(one[name]), tensor(wanted[name])
        if given is None or expected is None or given.shape != expected.shape:
            return None
        found.append((given, expected))
    return found or None


def _few(pairs: Sequence[tuple[Tensor, Tensor]]) -> bool:
    """Whether the right numbers are so few and whole that others agree with them by chance."""
    right = torch.cat([b.flatten() for _, b in pairs])
    return len(right) < 2 or (bool((right == right.round()).all()) and len(right.unique()) < 4)


def _ratio(given: Tensor, right: Tensor) -> float | None:
    """By what all numbers are too large; NaN if there are none but 0, None if it is not one factor."""
    given, right = given.flatten(), right.flatten()
    largest = max(right.abs().max().item(), 1e-12)
    use = right.abs() > 1e-6 * largest
    if not (given[~use].abs() <= 1e-6 * largest).all():
        return None
    ratio = given[use] / right[use]
    if not len(ratio):
        return math.nan
    return ratio[0].item() if torch.allclose(ratio, ratio[:1].expand_as(ratio), rtol=1e-4) else None


def _factor(pairs: Sequence[tuple[Tensor, Tensor]], error: float) -> str | None:
    if _few(pairs):
        return None
    value = _ratio(*(torch.cat([p[i].flatten() for p in pairs]) for i in (0, 1)))
    if value is None or not math.isfinite(value) or not value:
        return None
    told = format(value, ".4g")
    for power, words in ((1, "{}"), (2, "the square root of {}")):
        near = Fraction(value**power).limit_denominator(100)
        exact = near != 0 and abs(float(near) / value**power - 1) < 1e-5
        if exact and near.numerator <= 100 and (power == 1 or value > 0):
            told = words.format(near)
            break
    percent = " (a share where percent are asked for, or percent of a share?)"
    return f"each number is {told} times what it should be" + percent * (told in ("100", "1/100"))


def _powers(name: str, value: float) -> dict[str, float]:
    """Factors that are made of one quantity."""
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0) or value == 1:
        return {name: value} if value == 1 else {}
    found = {
        name: value,
        f"1 / {name}": 1 / value,
        f"{name} ** 2": value**2,
        f"1 / {name} ** 2": value**-2,
        f"the square root of {name}": value**0.5,
        f"1 / the square root of {name}": value**-0.5,
    }
    if value > 1 and value == int(value):
        for told, factor in (
            (f"{name} / ({name} - 1)", value / (value - 1)),
            (f"({name} - 1) / {name}", (value - 1) / value),
        ):
            found[told] = factor
            found[f"the square root of {told}"] = factor**0.5
    return found


def _by_quantity(pairs: Sequence[tuple[Tensor, Tensor]], sizes: Sequence[Mapping[str, float]]) -> str | None:
    """The words for a factor that is one of the arguments or lengths of a case, or a product of two."""
    if len(pairs) != len(sizes) or len(pairs) < 2 or _few(pairs):
        return None
    ratios = [_ratio(given, right) for given, right in pairs]
    if any(ratio is None for ratio in ratios):
        return None
    names = [name for name in sizes[0] if all(name in one for one in sizes)]
    quantities = {name: [one[name] for one in sizes] for name in names}
    for a, b in combinations(names, 2):
        if not a.startswith("len(") or not b.startswith("len("):
            quantities[f"({a} * {b})"] = [one[a] * one[b] for one in sizes]
    for name, values in quantities.items():
        made = [_powers(name, value) for value in values]
        ones = [value == 1 for value in values]
        for told in made[ones.index(False)] if not all(ones) else ():
            factors = [1.0 if one else found.get(told) for one, found in zip(ones, made, strict=True)]
            if None in factors or ("- 1)" in told and any(ones)):
                continue
            varied = len(set(factors)) > 1 or max(values) > 20
            if varied and all(
                math.isnan(ratio) or math.isclose(ratio, factor, rel_tol=1e-4)
                for ratio, factor in zip(ratios, factors, strict=True)
            ):
                biased = " (divided by n or by n - 1: which is it?)" if "- 1)" in told else ""
                return f"each number is {told} times what it should be{biased}"
    return None


def _offset(pairs: Sequence[tuple[Tensor, Tensor]], error: float) -> str | None:
    difference = torch.cat([(a - b).flatten() for a, b in pairs])
    right = torch.cat([b.flatten() for _, b in pairs])
    if _few(pairs) or not torch.allclose(
        difference, difference[:1].expand_as(difference), rtol=1e-4, atol=1e-6 * right.abs().max().item()
    ):
        return None
    by = difference[0].item()
    return f"each number is too {'large' if by > 0 else 'small'} by {abs(by):.6g}"


def _rounded(pairs: Sequence[tuple[Tensor, Tensor]]) -> bool:
    """Whether the numbers that were given have digits enough not to be rounded right ones by chance."""
    given = torch.cat([a.flatten() for a, _ in pairs])
    return len(given[given != 0].abs().unique()) >= 3


def _single(
    seen: Sequence[Seen],
    right: Sequence[Seen],
    name: str,
    typed: bool,
    sizes: Sequence[Mapping[str, float]],
) -> str | None:
    pairs = _pairs(seen, right, name)
    if pairs is None:
        return None
    if any(not given.isfinite().all() and wanted.isfinite().all() for given, wanted in pairs):
        return "the result holds NaN or infinity: a division by 0, or the square root of a negative number"
    error = max(rounding(one[name], typed) for one in seen)
    for words, done in _DONE.items():
        if all(close(given, done(wanted), error) for given, wanted in pairs) and (
            "rounded" not in words or _rounded(pairs)
        ):
            return words
    return _by_quantity(pairs, sizes) or _factor(pairs, error) or _offset(pairs, error)


def constant(seen: Sequence[Seen], right: Sequence[Seen], typed: bool) -> str | None:
    """In words, that a result is the same for every input, where the right ones differ."""
    if len(seen) == 1 or all(agree(one, right[0], typed) for one in right):
        return None
    try:
        if not all(agree(one, seen[0], typed) for one in seen):
            return None
    except (AttributeError, RuntimeError):
        return None
    given = ", ".join(map(plain, seen[0].values())) if len(seen[0]) <= 3 else "the same"
    return f"it is {given} for every input that was tried"


def _exchanged(seen: Sequence[Seen], right: Sequence[Seen], typed: bool) -> str | None:
    names = list(seen[0])
    if not 1 < len(names) <= 4:
        return None
    for order in permutations(names):
        if list(order) != names and all(
            agree(one, dict(zip(order, wanted.values(), strict=False)), typed)
            for one, wanted in zip(seen, right, strict=True)
        ):
            return f"the results are in another order: it should be {', '.join(names)}"
    return None


def relation(
    seen: Sequence[Seen],
    right: Sequence[Seen],
    typed: bool,
    sizes: Sequence[Mapping[str, float]] = (),
) -> str | None:
    """In words, what all the wrong numbers have to do with the right ones; None if nothing simple.

    Args:
        seen: what was given, case by case.
        right: what it should be.
        typed: whether numbers are compared to the rounding of their own type.
        sizes: by name, the numbers in each case by which a result may be too large.
    """
    if words := constant(seen, right, typed) or _exchanged(seen, right, typed):
        return words
    names = [
        name
        for name in seen[0]
        if not all(agree({name: one[name]}, wanted, typed) for one, wanted in zip(seen, right, strict=True))
    ]
    names = [name for name in names if not name.startswith("the gradient of ")] or names
    found = {name: _single(seen, right, name, typed, sizes) for name in names}
    if len(set(found.values())) != 1 or None in found.values():
        return None
    words = next(iter(found.values()))
    return words if len(seen[0]) == 1 else f"{', '.join(names)}: {words}"
