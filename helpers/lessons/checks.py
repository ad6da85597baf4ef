"""What the cells of the lessons say aloud: claims checked on the spot, exercises, solutions."""

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from helpers.lessons import EXERCISES
from helpers.lessons.calling import is_stub
from helpers.lessons.diagnosis import Exercise

_EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for lesson in EXERCISES.values() for exercise in lesson
}
_solved: set[str] = set()  # in this session
_hints_given: dict[str, int] = {}
# Rounding of a few hundred operations: generous beside the error seen (a few units in the last place), tiny
# beside what any wrong formula gives.
_TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 1e-3}


def _plain(value: object) -> Tensor:
    """The value as a tensor on the CPU, outside any graph."""
    return torch.as_tensor(value).detach().cpu()


def _difference(a: Tensor, b: Tensor) -> float:
    """Largest |a - b|, divided by the largest |b| where that is above 1; NaN where either holds a NaN."""
    a, b = a.double(), b.double()
    if a.numel() == 0 or torch.equal(a, b):  # equal also covers infinities, whose difference is NaN
        return 0.0
    largest = (a - b).abs().max() / b.abs().max().clamp(min=1.0)
    return float(largest)


def holds(text: str, a: object, b: object, tolerance: float | None = None) -> None:
    """Print `holds: text` where `a` and `b` agree, `DOES NOT HOLD: text (why)` where they do not.

    Args:
        text: the claim, as a short statement.
        a, b: tensors, numbers or nested lists of equal shape; compared on the CPU.
        tolerance: largest difference allowed, relative to the largest |b| where that is above 1, absolute
            otherwise. By default 1e-10 for float64 and 1e-5 for float32 (the coarser of the two types);
            integers and booleans must be equal.
    """
    a, b = _plain(a), _plain(b)
    if a.shape != b.shape:
        print(f"DOES NOT HOLD: {text} (shapes {tuple(a.shape)} and {tuple(b.shape)})")
        return
    if tolerance is None:
        tolerance = max(_TOLERANCE.get(a.dtype, 0.0), _TOLERANCE.get(b.dtype, 0.0))
    difference = _difference(a, b)
    if difference <= tolerance:  # False for NaN, as it should be
        print(f"holds: {text}")
    else:
        print(f"DOES NOT HOLD: {text} (largest difference {difference:.1e}, allowed {tolerance:.0e})")


def _named(name: str) -> Exercise:
    if name not in _EXERCISES:
        raise ValueError(
            f"There is no exercise {name!r}. The exercises are: {', '.join(sorted(_EXERCISES))}."
        )
    return _EXERCISES[name]


def check(name: str, answer: Callable) -> None:
    """Print whether `answer` solves the exercise `name`; if not, what is wrong with it in words.

    An untouched stub (all it does is raise NotImplementedError) is said to wait for an answer.

    Raises:
        ValueError: no exercise of that name.
    """
    exercise = _named(name)
    _solved.discard(name)
    if is_stub(answer):
        print(f"{name}: waits for your answer.")
        return
    mistakes = exercise.diagnose(answer)
    if not mistakes:
        _solved.add(name)
        print(f"{name}: correct. {exercise.praise}")
        return
    print(f"{name}: not yet.")
    for mistake in mistakes:
        print(f"  - {mistake}")


def hint(name: str) -> None:
    """Print the first hint for the exercise `name`; called again, the next. The last is the solution's idea.

    Raises:
        ValueError: no exercise of that name.
    """
    hints = _named(name).hints
    given = min(_hints_given.get(name, 0) + 1, len(hints))
    _hints_given[name] = given
    print(f"{name}, hint {given} of {len(hints)}: {hints[given - 1]}")
    if given == len(hints):
        print(f'That was the last one; solution("{name}") prints the code.')


def solution(name: str) -> None:
    """Print the source of one answer to the exercise `name`.

    Raises:
        ValueError: no exercise of that name.
    """
    print(inspect.getsource(_named(name).answer).rstrip())


def unsolved(lesson: str) -> None:
    """Print which of a lesson's exercises are not solved yet in this session; "04" is lesson 04.

    Raises:
        ValueError: no such lesson.
    """
    if lesson not in EXERCISES:
        raise ValueError(f"There is no lesson {lesson!r}. The lessons are: {', '.join(EXERCISES)}.")
    names = [exercise.name for exercise in EXERCISES[lesson]]
    waiting = [name for name in names if name not in _solved]
    print(f"Lesson {lesson}: {len(names) - len(waiting)} of {len(names)} exercises solved.")
    for name in waiting:
        print(f'  not yet: {name}; hint("{name}") helps on')
