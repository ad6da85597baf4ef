"""Exercises of lesson 06: stubs wait, solutions pass, every listed mistake is named, others are shown."""

import inspect
import math

import numpy as np
import pytest

from helpers.exercises import check, lesson06, lesson06_mistakes, solution

NAMES = list(lesson06.EXERCISES)
LISTED = {
    "count_means": (lesson06_mistakes.means, lesson06_mistakes.MEANS_MISTAKES),
    "standard_error": (lesson06_mistakes.error, lesson06_mistakes.ERROR_MISTAKES),
    "paired_interval": (lesson06_mistakes.paired, lesson06_mistakes.PAIRED_MISTAKES),
    "first_epoch": (lesson06_mistakes.first, lesson06_mistakes.FIRST_MISTAKES),
}
MISTAKES = [
    pytest.param(name, {choice: value}, text, id=f"{name}-{choice}-{value}")
    for name, (_, mistakes) in LISTED.items()
    for choice, wrong in mistakes.items()
    for value, text in wrong.items()
]


def said(capsys, name: str, answer) -> str:
    check(name, answer)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_an_untouched_stub_waits(name, capsys):
    def stub(*_):
        raise NotImplementedError

    assert said(capsys, name, stub) == f"{name}: waits for your answer.\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_shown_passes_by_itself(name, capsys):
    solution(name)
    source = capsys.readouterr().out
    namespace = {}  # a learner needs to import nothing
    exec(source, namespace)
    assert said(capsys, name, namespace[name]).startswith(f"{name}: correct.")
    assert list(inspect.signature(namespace[name]).parameters) == list(
        inspect.signature(lesson06.EXERCISES[name].answer).parameters
    )


@pytest.mark.parametrize(("name", "choice", "text"), MISTAKES)
def test_each_listed_mistake_is_named_and_no_other(name, choice, text, capsys):
    reference, _ = LISTED[name]
    output = said(capsys, name, lambda *case: reference(*case, **choice))
    assert output == f"{name}: not yet.\n  - {text}\n"


def test_two_mistakes_at_once_are_both_named(capsys):
    def answer(correct, images):
        return math.sqrt(correct / images / images)

    output = said(capsys, "standard_error", answer)
    assert "times 100" in output
    assert "p (1 - p)" in output


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("first_epoch", lambda accuracies, threshold: 5, "gives 5, it should be 4"),
        ("first_epoch", lambda accuracies, threshold: "fourth", "gives 'fourth', it should be 4"),
        ("standard_error", lambda correct, images: None, "it returns None"),
        ("standard_error", lambda correct, images: correct / 0, "it stops with ZeroDivisionError"),
        ("paired_interval", lambda a, b, t: 1.0, "it should be (1.14, "),
        ("count_means", lambda norm, shape, groups=2: (1, 2), "it should be 6"),
    ],
)
def test_other_wrong_answers_are_shown_beside_what_is_right(name, answer, words, capsys):
    output = said(capsys, name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_answers_may_be_numpy_numbers_lists_or_arrays(capsys):
    def as_array(a, b, t):
        return np.array(lesson06.paired_interval(a, b, t))

    assert "correct" in said(capsys, "paired_interval", as_array)
    assert "correct" in said(capsys, "count_means", lambda *case: np.int64(lesson06.count_means(*case)))
