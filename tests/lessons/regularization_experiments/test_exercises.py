"""Exercises of lesson 13: right answers pass, mistakes as learners write them are named."""

import math

import numpy as np
import pytest


def both_best(plain, penalized):
    first, second = (max(arm.values(), key=lambda pair: np.mean(pair[0]))[1] for arm in (plain, penalized))
    return np.subtract(second, first)


def at_one_rate(plain, penalized):
    rate = max(plain, key=lambda r: sum(plain[r][0]))
    return [b - a for a, b in zip(plain[rate][1], penalized[rate][1], strict=True)]


def by_test(plain, penalized):
    first, second = (max(arm.values(), key=lambda pair: sum(pair[1]))[1] for arm in (plain, penalized))
    return [b - a for a, b in zip(first, second, strict=True)]


RIGHT = [
    ("penalty_effect", both_best),
    ("silent_channels", lambda w: sum(not channel.any() for channel in w)),
    ("silent_channels", lambda w: int((w.abs().amax(dim=tuple(range(1, w.ndim))) == 0).sum())),
    ("silent_channels", lambda w: np.sum(w.numpy().reshape(len(w), -1).any(axis=1) == 0)),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil((reach * s / d) ** 2)),
    ("runs_needed", lambda d, s, reach=2.8: int(np.ceil(reach**2 * s**2 / d**2))),
    (
        "runs_needed",
        lambda d, s, reach=2.8: next(n for n in range(1, 9999) if d >= reach * s / n**0.5),
    ),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


AS_LEARNERS_WRITE_THEM = [
    ("penalty_effect", at_one_rate, "choose one for each"),
    ("penalty_effect", by_test, "the choice is a part of the result"),
    ("penalty_effect", lambda a, b: [-x for x in both_best(a, b)], "the sign is turned round"),
    ("penalty_effect", lambda a, b: np.mean(both_best(a, b)), "a list of the differences"),
    ("penalty_effect", lambda a, b: None, "is a `return` missing"),
    ("silent_channels", lambda w: (w.sum(dim=(1, 2, 3)) == 0).sum(), "may add up to 0"),
    ("silent_channels", lambda w: (w == 0).sum(), "single weights"),
    ("silent_channels", lambda w: (w.flatten(1).abs().sum(1) < 1e-3).sum(), "a small weight is not 0"),
    ("silent_channels", lambda w: (w == 0).all(dim=0).sum(), "axis 0 is pooled"),
    ("silent_channels", lambda w: (w.flatten(1) == 0).all(dim=1), "one number is asked for"),
    ("silent_channels", lambda w: (w.transpose(0, 1).flatten(1) == 0).all(1).sum(), "input channels"),
    ("runs_needed", lambda d, s, reach=2.8: (reach * s / d) ** 2, "round up"),
    ("runs_needed", lambda d, s, reach=2.8: round((reach * s / d) ** 2), "to the nearest"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil(reach * s / d), "the square is missing"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil((reach * d / s) ** 2), "changed places"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil(2 * (reach * s / d) ** 2), "variance is doubled"),
    ("runs_needed", lambda d, s, reach=2.8: math.ceil((1.96 * s / d) ** 2), "every second time"),
    ("runs_needed", lambda d, s, reach=2.8: 7, "it should be"),
    ("runs_needed", lambda d, s, reach=2.8: "many", "one number is asked for"),
    ("runs_needed", lambda d, s, reach=2.8: None, "is a `return` missing"),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_mistakes_as_learners_write_them_are_named(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    output = said("penalty_effect", lambda plain, penalized: [-x for x in by_test(plain, penalized)])
    assert "the choice is a part of the result" in output
    assert "the sign is turned round" in output
