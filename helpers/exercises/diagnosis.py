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
