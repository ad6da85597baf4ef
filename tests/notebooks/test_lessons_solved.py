"""Every lesson with each stub replaced by its solution: it runs to its end, and every check is satisfied."""

import re
from pathlib import Path

import nbformat
import pytest

from helpers.course import export, run_lessons

LESSONS = run_lessons.lessons()

pytestmark = pytest.mark.timeout(900)  # the first test waits for all lessons


def checks(lesson: Path) -> list[str]:
    """The exercises that a lesson checks, in its order."""
    cells = nbformat.read(lesson, as_version=4).cells
    return [name for cell in cells for name in export.checked(cell)]


def test_every_exercise_is_checked_by_one_lesson():
    assert sorted(name for lesson in LESSONS.values() for name in checks(lesson)) == sorted(export.ANSWERS)


def test_solved_lessons_run_to_their_end_and_every_check_is_satisfied(tmp_path):
    written = export.export(list(LESSONS.values()), solved=True, workers=2, folder=tmp_path)
    assert [path.name for path in written] == [f"{name}_solved.ipynb" for name in LESSONS]
    for path, (name, lesson) in zip(written, LESSONS.items(), strict=True):
        notebook = nbformat.read(path, as_version=4)
        cells = notebook.cells
        assert not any("papermill" in noted.metadata for noted in (notebook, *cells))
        said = "\n".join(
            str(output.get("text")) for cell in cells for output in cell.get("outputs", ())
        ).splitlines()
        correct = [line.split(":")[0] for line in said if re.match(r"\w+: correct\.", line)]
        assert correct == checks(lesson), name
