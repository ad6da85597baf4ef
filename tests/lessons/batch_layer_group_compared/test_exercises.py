"""Exercises of lesson 07: two mistakes at once are named, others are shown beside what is right."""

import math

import numpy as np
import pytest

from helpers.lessons.batch_layer_group_compared import exercises


def test_two_mistakes_at_once_are_both_named(said):
    def answer(correct, images):
        return math.sqrt(correct / images / images)

    output = said("standard_error", answer)
    assert "times 100" in output
    assert "p (1 - p)" in output


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("first_epoch", lambda accuracies, threshold: len(accuracies) - 3, "gives 0, it should be 2"),
        ("first_epoch", lambda accuracies, threshold: "fourth", "is 'fourth': one number is asked for"),
        ("standard_error", lambda correct, images: None, "is None: is a `return` missing?"),
        ("standard_error", lambda correct, images: correct / 0, "it stops with ZeroDivisionError"),
        (
            "paired_interval",
            lambda a, b, t: 1.0,
            "it returns 1: it should return 3 things, the mean, the lower end, the upper end",
        ),
        ("count_means", lambda norm, shape, groups=2: (1, 2), "is (1, 2): one number is asked for"),
    ],
)
def test_other_wrong_answers_are_shown_beside_what_is_right(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_answers_may_be_numpy_numbers_lists_or_arrays(said):
    def as_array(a, b, t):
        return np.array(exercises.paired_interval(a, b, t))

    assert "correct" in said("paired_interval", as_array)
    assert "correct" in said("count_means", lambda *case: np.int64(exercises.count_means(*case)))
