"""Answers as learners write them: right ones pass, wrong ones are named, none is accepted or crashes."""

import pytest

from helpers.lessons import EXERCISES, calling
from helpers.lessons.checks import check
from tests.tools.answers import FOLDER, Answer, answers, outcome, say

FOLDERS = ("answers", "holdout", "holdout3", "holdout4")
ANSWERS = [answer for name in FOLDERS for answer in answers(FOLDER.with_name(name))]
FALLBACK = 0.01  # at most this share of the wrong answers is only shown in numbers
found: list[str] = []


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.exercise}-{answer.name}")
def test_an_answer_is_dealt_with_as_it_should_be(answer: Answer, monkeypatch: pytest.MonkeyPatch):
    if any(word in answer.name for word in ("never_ends", "infinite", "endless")):
        monkeypatch.setattr(calling, "SECONDS", 1.0)
    said = say(check, answer, seconds=300)
    result = outcome(answer, said)
    found.append(result)
    assert result in (("right",) if answer.right else ("named", "not named")), said


def test_enough_wrong_answers_are_named():
    """Of those that the tests above tried."""
    wrong = [result for result in found if result in ("named", "not named")]
    assert wrong.count("not named") <= FALLBACK * len(wrong)


def test_each_exercise_has_ten_wrong_answers_and_three_right_ones():
    for exercise in (e.name for lesson in EXERCISES.values() for e in lesson):
        right = [answer.right for answer in ANSWERS if answer.exercise == exercise]
        assert right.count(True) >= 3, exercise
        assert right.count(False) >= 10, exercise
