"""Exercises: `check` says what is wrong with an answer, `hint` helps on, `solution` shows an answer.

Each lesson's exercises stand in a module of their own, as `EXERCISES`.
"""

import importlib
import inspect
from collections.abc import Callable

from helpers.exercises.calling import is_stub
from helpers.exercises.diagnosis import Exercise

# Lesson -> its exercises, in their order.
LESSONS: dict[str, list[Exercise]] = {
    f"{lesson:02}": importlib.import_module(f"helpers.exercises.lesson{lesson:02}").EXERCISES
    for lesson in range(1, 10)
}
_EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for lesson in LESSONS.values() for exercise in lesson
}
_solved: set[str] = set()  # in this session
_hints_given: dict[str, int] = {}


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
    """Print which of a lesson's exercises are not solved yet in this session; "03" is lesson 03.

    Raises:
        ValueError: no such lesson.
    """
    if lesson not in LESSONS:
        raise ValueError(f"There is no lesson {lesson!r}. The lessons are: {', '.join(LESSONS)}.")
    names = [exercise.name for exercise in LESSONS[lesson]]
    waiting = [name for name in names if name not in _solved]
    print(f"Lesson {lesson}: {len(names) - len(waiting)} of {len(names)} exercises solved.")
    for name in waiting:
        print(f'  not yet: {name}; hint("{name}") helps on')
