"""What wrong numbers have to do with the right ones: a sign, a factor, rounding, results exchanged.

The last resort of a check, for mistakes that an exercise does not list.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import permutations

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


def _factor(pairs: Sequence[tuple[Tensor, Tensor]], error: float) -> str | None:
    given, right = (torch.cat([p[i].flatten() for p in pairs]) for i in (0, 1))
    use = right.abs() > 1e-6 * right.abs().max()
    if _few(pairs) or use.sum() < 2 or not (given[~use].abs() <= 1e-6 * right.abs().max()).all():
        return None
    ratio = given[use] / right[use]
    if not torch.allclose(ratio, ratio[:1].expand_as(ratio), rtol=1e-4):
        return None
    value = ratio[0].item()
    near = Fraction(value).limit_denominator(100)
    exact = near != 0 and abs(float(near) / value - 1) < 1e-4
    return f"each number is {near if exact else format(value, '.4g')} times what it should be"


def _offset(pairs: Sequence[tuple[Tensor, Tensor]], error: float) -> str | None:
    difference = torch.cat([(a - b).flatten() for a, b in pairs])
    right = torch.cat([b.flatten() for _, b in pairs])
    if _few(pairs) or not torch.allclose(
        difference, difference[:1].expand_as(difference), rtol=1e-4, atol=1e-6 * right.abs().max().item()
    ):
        return None
    by = difference[0].item()
    return f"each number is too {'large' if by > 0 else 'small'} by {abs(by):.6g}"


def _single(seen: Sequence[Seen], right: Sequence[Seen], name: str, typed: bool) -> str | None:
    pairs = _pairs(seen, right, name)
    if pairs is None:
        return None
    if any(not given.isfinite().all() and wanted.isfinite().all() for given, wanted in pairs):
        return "the result holds NaN or infinity: a division by 0, or the square root of a negative number"
    error = max(rounding(one[name], typed) for one in seen)
    for words, done in _DONE.items():
        if all(close(given, done(wanted), error) for given, wanted in pairs):
            return words
    return _factor(pairs, error) or _offset(pairs, error)


def _constant(seen: Sequence[Seen], right: Sequence[Seen], typed: bool) -> str | None:
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


def relation(seen: Sequence[Seen], right: Sequence[Seen], typed: bool) -> str | None:
    """In words, what all the wrong numbers have to do with the right ones; None if nothing simple."""
    if words := _constant(seen, right, typed) or _exchanged(seen, right, typed):
        return words
    names = [
        name
        for name in seen[0]
        if not all(agree({name: one[name]}, wanted, typed) for one, wanted in zip(seen, right, strict=True))
    ]
    names = [name for name in names if not name.startswith("the gradient of ")] or names
    found = {name: _single(seen, right, name, typed) for name in names}
    if len(set(found.values())) != 1 or None in found.values():
        return None
    words = next(iter(found.values()))
    return words if len(seen[0]) == 1 else f"{', '.join(names)}: {words}"
