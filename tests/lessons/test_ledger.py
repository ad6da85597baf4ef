"""The ledger is complete: every claim that a study or a lesson speaks of has its words and its lessons."""

import re

import nbformat
import pytest

from helpers.course import readme, run_lessons
from helpers.lessons import CLAIMS as STUDIED
from helpers.lessons import STUDIES, findings, ledger

LESSONS = run_lessons.lessons()


def test_claims_are_numbered_without_a_gap_and_say_something():
    assert list(ledger.CLAIMS) == list(range(1, len(ledger.CLAIMS) + 1))
    assert all(claim.words.endswith((".", ".)")) and claim.lessons for claim in ledger.CLAIMS.values())


@pytest.mark.parametrize("name", STUDIED)
def test_every_finding_is_of_a_claim_that_its_lesson_tests(name):
    for finding in findings(readme.recorded(name)):
        assert STUDIES[name].lesson[:2] in ledger.CLAIMS[finding.claim].lessons, finding


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_claim_that_a_lesson_names_is_in_the_ledger(lesson):
    cells = nbformat.read(LESSONS[lesson], as_version=4).cells
    named = re.findall(r"[Cc]laims? (\d+)", "\n".join(cell.source for cell in cells))
    assert {int(number) for number in named} <= set(ledger.CLAIMS)
