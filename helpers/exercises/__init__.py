"""Exercises: `check` says whether an answer is right and which property failed, `solution` shows an answer.

Each lesson's exercises stand in a module of their own, as `EXERCISES`: name -> `Exercise`.
"""

import inspect
from collections.abc import Callable

from helpers.exercises import (
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
    lesson09,
)
from helpers.exercises.diagnosis import Exercise

_EXERCISES: dict[str, Exercise] = {
    **lesson01.EXERCISES,
    **lesson02.EXERCISES,
    **lesson03.EXERCISES,
    **lesson04.EXERCISES,
    **lesson05.EXERCISES,
    **lesson06.EXERCISES,
    **lesson07.EXERCISES,
    **lesson08.EXERCISES,
    **lesson09.EXERCISES,
}


def _named(name: str) -> Exercise:
    if name not in _EXERCISES:
        raise ValueError(
            f"There is no exercise {name!r}. The exercises are: {', '.join(sorted(_EXERCISES))}."
        )
    return _EXERCISES[name]


def check(name: str, answer: Callable) -> None:
    """Print whether `answer` solves the exercise `name`; if not, what is wrong with it in words.

    An untouched stub (one that raises NotImplementedError) is said to wait for an answer.

    Raises:
        ValueError: no exercise of that name.
    """
    exercise = _named(name)
    try:
        mistakes = exercise.diagnose(answer)
    except NotImplementedError:
        print(f"{name}: waits for your answer.")
        return
    if not mistakes:
        print(f"{name}: correct. {exercise.praise}")
        return
    print(f"{name}: not yet.")
    for mistake in mistakes:
        print(f"  - {mistake}")


def solution(name: str) -> None:
    """Print the source of one answer to the exercise `name`.

    Raises:
        ValueError: no exercise of that name.
    """
    print(inspect.getsource(_named(name).answer).rstrip())
