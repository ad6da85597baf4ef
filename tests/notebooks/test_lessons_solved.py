"""Every lesson with each stub replaced by its solution: it runs to its end, and every check is satisfied."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers.course import run_lessons
from helpers.lessons.checks import _EXERCISES, solution

CHECK = re.compile(r'^check\("(\w+)", \1\)$', re.MULTILINE)
LESSONS = run_lessons.lessons()

pytestmark = pytest.mark.timeout(900)  # the first test waits for all lessons


def checks(lesson: Path) -> list[str]:
    """The exercises that a lesson checks, in its order."""
    return [
        name
        for cell in nbformat.read(lesson, as_version=4).cells
        if cell.cell_type == "code"
        for name in CHECK.findall(cell.source)
    ]


def solve(lesson: Path, folder: Path, capsys: pytest.CaptureFixture) -> Path:
    """A copy of a lesson in which the function of each checked exercise is the solution as it is printed."""
    notebook = nbformat.read(lesson, as_version=4)
    for cell in notebook.cells:
        for name in CHECK.findall(cell.source) if cell.cell_type == "code" else []:
            (stub,) = [part for part in ast.parse(cell.source).body if getattr(part, "name", "") == name]
            lines = cell.source.splitlines()
            solution(name)
            lines[stub.lineno - 1 : stub.end_lineno] = capsys.readouterr().out.splitlines()
            cell.source = "\n".join(lines)
    copy = folder / lesson.name
    nbformat.write(notebook, copy)
    return copy


def test_every_exercise_is_checked_by_one_lesson():
    assert sorted(name for lesson in LESSONS.values() for name in checks(lesson)) == sorted(_EXERCISES)


def test_solved_lessons_run_to_their_end_and_every_check_is_satisfied(tmp_path, capsys):
    copies = [solve(lesson, tmp_path, capsys) for lesson in LESSONS.values()]
    results = run_lessons.run(copies, workers=2, build=tmp_path / "build")
    assert {result["lesson"]: result["error"] for result in results} == dict.fromkeys(LESSONS)
    for name, lesson in LESSONS.items():
        cells = nbformat.read(tmp_path / "build" / "lessons" / f"{name}.ipynb", as_version=4).cells
        said = "\n".join(
            str(output.get("text")) for cell in cells for output in cell.get("outputs", ())
        ).splitlines()
        correct = [line.split(":")[0] for line in said if re.match(r"\w+: correct\.", line)]
        assert correct == checks(lesson), name
