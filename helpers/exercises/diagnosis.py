"""How a check finds the words for a wrong answer.

An exercise has a reference that can be computed wrongly on purpose: each of its keyword arguments is one
choice, and each wrong value of a choice is one known mistake. A wrong answer is compared with the reference
under every single mistake, then under every pair; the combination that reproduces the answer's numbers names
what went wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

Mistakes = Mapping[str, Mapping[object, str]]  # choice -> wrong value -> the mistake in the learner's terms


@dataclass(frozen=True)
class Exercise:
    """The answer that `solution` shows, what finds mistakes in another, what to say when there is none."""

    answer: Callable
    diagnose: Callable[[Callable], list[str]]
    praise: str


def call(answer: Callable, *args: object, what: str) -> tuple[object, list[str]]:
    """The answer's result and, if it stopped with an error, that in a sentence; `what` describes the input.

    Raises:
        NotImplementedError: the answer is an untouched stub.
    """
    try:
        return answer(*args), []
    except NotImplementedError:
        raise
    except Exception as error:  # whatever a learner's code may raise is part of the diagnosis
        return None, [f"it stops with {type(error).__name__} on {what}: {error}"]


def wrong_form(results: Sequence[object], like: Mapping[str, Tensor]) -> list[str]:
    """What is wrong with type, shape or dtype of `results`; `like`: name -> a tensor as it should be."""
    for result, (name, expected) in zip(results, like.items(), strict=True):
        if result is None:
            return [f"{name} is None: is a `return` missing?"]
        if not isinstance(result, Tensor):
            return [f"{name} is a {type(result).__name__}, not a tensor"]
        if result.shape != expected.shape:
            return [f"{name} has shape {tuple(result.shape)}, it should have {tuple(expected.shape)}"]
        if result.dtype != expected.dtype:
            return [f"{name} is {result.dtype}, the input was {expected.dtype}"]
    return []


def agree(results: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    """Whether all float64 results are the expected ones, in shape and, to rounding, in value."""
    pairs = list(zip(results, expected, strict=True))
    return all(a.shape == b.shape and torch.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in pairs)


def reproducing(mistakes: Mistakes, reproduces: Callable[..., bool]) -> list[str]:
    """The words for the mistake, or else the two, whose choices reproduce an answer; none if none do."""
    known = [(choice, value) for choice, wrong in mistakes.items() for value in wrong]
    for count in (1, 2):
        for chosen in combinations(known, count):
            if len(dict(chosen)) == count and reproduces(**dict(chosen)):
                return [mistakes[choice][value] for choice, value in chosen]
    return []


def named(
    results: Sequence[Tensor], reference: Callable[..., Sequence[Tensor]], mistakes: Mistakes
) -> list[str]:
    """The mistakes that reproduce `results`; none if they are right, one general sentence if nothing does."""
    right = reference()
    if agree(results, right):
        return []
    found = reproducing(mistakes, lambda **choices: agree(results, reference(**choices)))
    if found:
        return found
    largest = max((a - b).detach().abs().max().item() for a, b in zip(results, right, strict=True))
    return [
        f"the numbers differ from torch's by up to {largest:.2g}, in a way that this check has no name for"
    ]


def numbers_named(
    answer: Callable,
    cases: Sequence[tuple],
    reference: Callable,
    mistakes: Mistakes,
    shown: Callable[..., str],
    count: int | None = None,
) -> list[str]:
    """Mistakes, alone or in pairs, that reproduce the answer's number in all cases; none if all are right.

    Args:
        shown: writes one case as it is called.
        count: how many numbers an answer is; None for one that stands alone.
    """
    asked = "one number is asked for" if count is None else f"{count} numbers are asked for"
    shape = () if count is None else (count,)
    results = []
    for case in cases:
        result, error = call(answer, *case, what=shown(*case))
        if error:
            return error
        if result is None:
            return ["it returns None: is a `return` missing?"]
        try:
            number = torch.as_tensor(result).detach().double()
        except (TypeError, ValueError, RuntimeError):
            return [f"{shown(*case)} gives {result!r}: {asked}"]
        if number.shape != shape:
            return [f"{shown(*case)} gives {result!r}: {asked}"]
        results.append(number)

    def computed(**choices: object) -> list[Tensor]:
        return [torch.as_tensor(reference(*case, **choices)).double() for case in cases]

    right = computed()
    if agree(results, right):
        return []
    found = reproducing(mistakes, lambda **choices: agree(results, computed(**choices)))
    if found:
        return found
    where = next(i for i in range(len(cases)) if not agree(results[i : i + 1], right[i : i + 1]))
    given, wanted = (", ".join(f"{v:.6g}" for v in r[where].view(-1)) for r in (results, right))
    return [f"{shown(*cases[where])} gives {given}, it should be {wanted}"]


def values_named(
    answer: Callable,
    cases: Sequence[tuple],
    reference: Callable,
    mistakes: Mistakes,
    shown: Callable[..., str],
) -> list[str]:
    """Like numbers_named, for an answer of any form: number, sequence, tensor, or None if that is right."""
    results = []
    for case in cases:
        result, error = call(answer, *case, what=shown(*case))
        if error:
            return error
        results.append(result)
    if all(result is None for result in results):
        return ["it returns None: is a `return` missing?"]

    def reproduces(**choices: object) -> bool:
        return all(_same(r, reference(*case, **choices)) for r, case in zip(results, cases, strict=True))

    if reproduces():
        return []
    found = reproducing(mistakes, reproduces)
    if found:
        return found
    right = [reference(*case) for case in cases]
    i = next(i for i in range(len(cases)) if not _same(results[i], right[i]))
    return [f"{shown(*cases[i])} gives {_plain(results[i])}, it should be {_plain(right[i])}"]


def _tensor(result: object) -> Tensor | None:
    """A learner's numbers as float64, None for anything else."""
    try:
        return torch.as_tensor(result).detach().double()
    except (TypeError, ValueError, RuntimeError):
        return None


def _same(result: object, expected: object) -> bool:
    if result is None or expected is None:
        return result is expected
    tensor = _tensor(result)
    return tensor is not None and agree([tensor], [torch.as_tensor(expected).double()])


def _plain(value: object) -> str:
    tensor = None if value is None else _tensor(value)
    if tensor is None or not tensor.numel():
        return repr(value)
    if tensor.ndim > 1:
        return f"a tensor {tuple(tensor.shape)} that begins with {tensor.flatten()[0]:.6g}"
    return f"{tensor:.6g}" if tensor.ndim == 0 else f"({', '.join(f'{v:.6g}' for v in tensor)})"
