"""Exercises of lesson 07: two mistakes at once are named, others are shown beside what is right."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from helpers.analysis.stats import Interval, verdict
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
        ("judge", lambda low, high, matters: "yes", "is 'yes': return one of these words exactly"),
        ("runs_for", lambda s, half_width, t: "four", "is 'four': one number is asked for"),
        ("standard_error", lambda correct, images: None, "is None: is a `return` missing?"),
        ("standard_error", lambda correct, images: correct / 0, "it stops with ZeroDivisionError"),
        (
            "paired_interval",
            lambda a, b, t: 1.0,
            "it returns 1: it should return 3 things, the mean, the lower end, the upper end",
        ),
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
    assert "correct" in said("runs_for", lambda *case: np.int64(exercises.runs_for(*case)))


@pytest.mark.parametrize("matters", [0.1, 0.5, 2.0])
def test_the_verdict_of_the_exercise_is_that_of_the_course(matters):
    ends = [-3.0, -0.6, -0.5, -0.2, -0.05, 0.0, 0.05, 0.2, 0.5, 0.6, 3.0]
    for low, high in itertools.combinations(ends, 2):
        item = Interval((low + high) / 2, low, high, 5)
        assert exercises.judge(low, high, matters) == verdict(item, matters=matters)


def test_the_runs_that_an_interval_needs_are_the_fewest():
    for s, half in ((1.0, 0.5), (1.7, 0.3)):
        n = exercises.runs_for(s, half, exercises._T)
        assert n == min(k for k in range(2, 200) if scipy.stats.t.ppf(0.975, k - 1) * s / k**0.5 <= half)
