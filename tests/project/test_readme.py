"""The README: its tables are those of lessons and records, links lead somewhere, commands are commands."""

import json
import re
import shlex
import subprocess
import sys

import nbformat
import pytest
from typer.testing import CliRunner

from helpers import ROOT
from helpers.course import cli, readme, run_lessons
from helpers.lessons import STUDIES
from helpers.studies import runs as study_runs
from helpers.studies.records import RECORDED

TEXT = (ROOT / "README.md").read_text("utf-8")


def test_the_table_of_lessons_is_what_lessons_and_records_say():
    assert TEXT.split(readme.BEGIN)[1].split(readme.END)[0] == readme.lessons_table()


def test_the_table_of_verdicts_is_what_the_records_say():
    assert readme.VERDICTS.read_text("utf-8") == readme.verdicts()


@pytest.mark.parametrize("lesson", [name for name, (_, of) in readme.FOUND.items() if isinstance(of, list)])
def test_what_a_lesson_finds_without_a_study_stands_in_its_outputs(lesson):
    sentence, quoted = readme.FOUND[lesson]
    cells = nbformat.read(run_lessons.lessons()[lesson], as_version=4).cells
    shown = json.dumps([cell.get("outputs", []) for cell in cells], ensure_ascii=False)
    assert all(text in shown for text in quoted)
    assert set(re.findall(r"[\d,]*\d", sentence)) <= set(re.findall(r"[\d,]*\d", " ".join(quoted) + " -1 1"))


def test_every_lesson_has_minutes_and_a_question():
    for lesson, path in run_lessons.lessons().items():
        opening = nbformat.read(path, as_version=4).cells[0].source
        assert 60 <= readme.minutes(opening) <= 180, lesson


def test_every_link_to_a_file_leads_to_one():
    for page in (ROOT / "README.md", readme.VERDICTS):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if not target.startswith(("https://", "#")):
                assert (page.parent / target.partition("#")[0]).exists(), target
    headings = {
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", TEXT, re.M)
    }
    assert {link[1:] for link in re.findall(r"\]\((#[^)]+)\)", TEXT)} <= headings


def test_the_numbers_of_runs_are_those_that_are_recorded():
    told = dict(re.findall(r"lesson\s+(\d\d)\s+has\s+(\d+)", TEXT, re.IGNORECASE))
    assert set(told) == {study.lesson[:2] for study in STUDIES.values()}
    for lesson, runs in told.items():
        of_lesson = [study for study in STUDIES.values() if study.lesson.startswith(lesson)]
        recorded = [study_runs.recorded(study, study.seeds, RECORDED) for study in of_lesson]
        assert int(runs) == sum(map(len, recorded)), lesson


def commands() -> list[str]:
    """Every line of the README's indented blocks, without what follows a #."""
    blocks = re.findall(r"^    (\S.*)$", TEXT, re.M)
    return [line.partition("  #")[0].strip() for line in blocks]


def test_every_command_shown_exists():
    shown = commands()
    assert {"make lessons", "make test"} <= set(shown)
    for command in shown:
        words = shlex.split(command.removeprefix(".venv/bin/").removeprefix("TQDM_DISABLE=1 "))
        if words[0] == "make":
            done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, check=False)
            assert done.returncode == 0, command
        elif words[0] == "course":
            done = CliRunner().invoke(cli.app, [words[1], "--help"])
            assert done.exit_code == 0, command
            known = set(re.findall(r"(?<!\S)--?[a-z]+", done.output))
            assert {word for word in words[2:] if word.startswith("-")} <= known, command
        elif words[0] in ("jupyter", "papermill", "dask", "python"):
            module = words[0] if words[0] != "python" else None
            files = [word for word in words[1:] if word.startswith(("notebooks/", "tests/", "helpers/"))]
            assert all((ROOT / word).exists() for word in files), command
            if module:
                call = [
                    sys.executable,
                    "-m",
                    module,
                    *(words[1:2] if module != "papermill" else []),
                    "--help",
                ]
                done = subprocess.run(call, capture_output=True, check=False)
                assert done.returncode == 0, command
        else:
            assert words[0] in ("git", "cd", "conda", "pip"), f"{command}: no test knows this command"
