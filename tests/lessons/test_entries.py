"""What became of the claims: every statement once, from today's runs or a lesson's table; advice by name."""

import dataclasses
import re

import pytest

from helpers.analysis.claims import Finding
from helpers.analysis.stats import VERDICTS, Interval
from helpers.course import run_lessons
from helpers.lessons import ledger
from helpers.lessons.entries import Entry, entries, lessons
from helpers.lessons.what_holds_up.advice import ADVICE

FOUND = entries()


def test_the_lessons_are_those_that_the_course_runs():
    assert lessons() == {name[:2]: path for name, path in run_lessons.lessons().items()}


def test_the_committed_runs_are_judged_once_and_others_each_time(monkeypatch, tmp_path):
    monkeypatch.setattr("helpers.lessons.entries.findings", lambda _: pytest.fail("judged again"))
    assert entries() == FOUND
    with pytest.raises(pytest.fail.Exception, match="judged again"):
        entries(tmp_path)


def test_every_statement_stands_once_with_a_verdict_and_what_would_change_it():
    assert len({(entry.claim, entry.statement) for entry in FOUND}) == len(FOUND)
    for entry in FOUND:
        assert entry.word in VERDICTS
        assert entry.would_change, entry
        assert entry.lesson in ledger.CLAIMS[entry.claim].lessons


def test_advice_is_about_statements_of_the_ledger_and_asks_for_a_verdict():
    there = {(entry.claim, entry.statement) for entry in FOUND}
    for _, _, claim, statement, needed in ADVICE:
        assert (claim, statement) in there
        assert needed.partition(": ")[0] in VERDICTS


def test_conditions_that_advice_names_are_conditions_of_its_statement():
    of = {(entry.claim, entry.statement): entry for entry in FOUND}
    for _, _, claim, statement, needed in ADVICE:
        finding = of[claim, statement].finding
        for condition in filter(None, needed.partition(": ")[2].split(", ")):
            assert finding is not None
            assert condition in finding.intervals


def test_a_lesson_does_not_count_a_recorded_finding_again():
    of_decay = [entry.statement for entry in FOUND if entry.claim == 42 and entry.lesson == "12"]
    assert not [statement for statement in of_decay if statement.startswith("decay helps the CNN")]


def test_what_was_measured_can_be_read_without_the_lesson():
    for entry in FOUND:
        assert not re.search(r"[{}]|True|False|^section \d|^[\d.]+$", entry.measured), entry
    assert not [entry for entry in FOUND if entry.statement == "untrained"]  # read from the column before it


def test_a_claim_is_said_by_papers_by_published_figures_or_by_popular_notes():
    assert ledger.CLAIMS[38].said_by == "Xiong et al. 2020"
    assert ledger.CLAIMS[20].said_by == "published.json: cifar10_norms"
    assert ledger.CLAIMS[3].said_by == "popular notes"


def made(verdict: str, *intervals: Interval, matters: float | None = 0.5) -> Entry:
    named = dict(zip("abc", intervals, strict=False))
    finding = Finding(1, "x", "", verdict, named, "points", matters)
    return Entry(1, "01", "x", "", verdict, "study", finding)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (made("undecided: about 7 runs would decide"), "about 7 runs would decide"),
        (made("holds", Interval(2, 1, 3, 5), Interval(1, 0.25, 2, 5)), "nearer to 0 by 0.25 points"),
        (made("holds when: a", Interval(2, 1, 3, 5), Interval(0, -1, 1, 5)), "nearer to 0 by 1 points"),
        (made("holds when: a", Interval(2, 1, 3, 5), Interval(0, 0, 0, 5)), "nearer to 0 by 1 points"),
        (made("false", Interval(-2, -3, -1, 5), Interval(0, 0, 0, 5)), "nearer to 0 by 1 points"),
        (made("false", Interval(0, 0, 0, 5)), "^a mean above 0$"),
        (made("false", Interval(-2, -3, -1, 5)), "nearer to 0 by 1 points"),
        (made("no difference that matters", Interval(0, -0.1, 0.2, 5)), "farther from 0 by 0.3 points"),
        (made("false", matters=None), "range of one"),
        (dataclasses.replace(made("false"), finding=None), "other cases than those of lesson 01"),
    ],
)
def test_what_would_change_a_verdict(entry, words):
    assert re.search(words, entry.would_change)


def test_only_judged_intervals_are_scaled():
    item = Interval(1, 0.5, 2, 5)
    assert made("holds", item).scaled == {"a": Interval(2, 1, 4, 5)}
    assert made("holds", item, matters=None).scaled == {}
    assert made("undecided: before the first look", item).scaled == {}
    assert made("undecided: its pairs were made on several machines", item).scaled == {}
