"""What lesson 16 says of the first edition is what git has of it."""

import json
import subprocess

import pytest

from helpers import ROOT
from helpers.lessons import STUDIES, entries
from helpers.studies import records
from tests.tools import first_edition

KEPT = json.loads(first_edition.PATH.read_text("utf-8"))
_asked = subprocess.run(
    ["git", "cat-file", "-e", first_edition.COMMIT], cwd=ROOT, capture_output=True, check=False
)
WITH_HISTORY = pytest.mark.skipif(_asked.returncode != 0, reason="git has no history here")


@WITH_HISTORY
def test_the_file_is_what_git_has():
    assert first_edition.first_edition() == KEPT


def test_every_statement_of_it_is_asked_today_or_known_to_be_asked_otherwise():
    told = {row["statement"] for row in KEPT["verdicts"]}
    assert set(first_edition.NOW) <= told
    today = {(entry.claim, entry.statement) for entry in entries.entries()}
    now = {(row["claim"], row["now"]) for row in KEPT["verdicts"] if row["now"]}
    assert now <= today
    assert set(KEPT["seeds"]) <= set(STUDIES)


@WITH_HISTORY
@pytest.mark.parametrize("study", ["cifar_norms", "norm_grid", "vgg_learning_rate"])
def test_its_runs_are_still_among_the_recorded_ones(study):
    lines = first_edition.git("show", f"{first_edition.COMMIT}:data/results/{study}.jsonl").splitlines()
    old = {run["key"]: run["epochs"] for run in map(json.loads, lines)}
    there = {run["key"]: run["epochs"] for run in records.read(ROOT / f"data/results/{study}.jsonl")}
    assert {key: there.get(key) for key in old} == old
