"""Lessons to hand out, as notebooks, pages or slides; solved and executed for those who teach."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from helpers import clean, files
from helpers.course import run_lessons
from helpers.lessons import EXERCISES

FOLDER = run_lessons.BUILD / "export"
ANSWERS = {
    exercise.name: inspect.getsource(exercise.answer).rstrip()
    for lesson in EXERCISES.values()
    for exercise in lesson
}
CHECK = re.compile(r'^check\("(\w+)", \1\)$', re.MULTILINE)
_TEMPLATES = Path(__file__).parent / "templates"
_SLIDES = ("reveal_width=1500", "reveal_height=900")
# Form -> what nbconvert is told
FORMS: dict[str, list[str]] = {
    "ipynb": [],
    "html": ["--to", "html", "--template", str(_TEMPLATES / "lesson")],
    "slides": [
        *("--to", "slides", "--template", str(_TEMPLATES / "slides")),
        *(f"--SlidesExporter.{setting}" for setting in _SLIDES),
    ],
}


class ExportError(RuntimeError):
    """A solved lesson did not run to its end, or nbconvert failed; the message says which and why."""


def checked(cell: NotebookNode) -> list[str]:
    """The exercises that a cell checks, in its order."""
    return CHECK.findall(cell.source) if cell.cell_type == "code" else []


def solve(notebook: NotebookNode) -> None:
    """Puts in place of each stub that a cell checks the solution, as `solution` prints it."""
    for cell in notebook.cells:
        for name in checked(cell):
            (stub,) = [part for part in ast.parse(cell.source).body if getattr(part, "name", "") == name]
            lines = cell.source.splitlines()
            lines[stub.lineno - 1 : stub.end_lineno] = ANSWERS[name].splitlines()
            cell.source = "\n".join(lines)


def export(
    lessons: list[Path],
    form: str = "ipynb",
    *,
    solved: bool = False,
    workers: int = 1,
    folder: Path = FOLDER,
    report: Callable[[dict[str, Any]], None] = lambda result: None,
) -> list[Path]:
    """Writes lessons into `folder` in one of FORMS, as committed or solved and run; returns the files.

    Solved lessons are run with papermill, `workers` at a time; `report` gets the result of each as it ends.
    Raises ExportError, with no file written, if one does not run to its end, and files.FilesError at once if
    the folder cannot be written.
    """
    files.require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="course-") as temporary:
        ready = [_ready(lesson, solved, Path(temporary)) for lesson in lessons]
        if solved:
            results = run_lessons.run(ready, workers=workers, build=Path(temporary), report=report)
            if failed := [f"{result['lesson']}: {result['error']}" for result in results if result["error"]]:
                raise ExportError("\n".join(failed))
            ready = [_cleaned(Path(temporary, "lessons", path.name)) for path in ready]
        if form == "ipynb":
            return [Path(shutil.copy(path, folder)) for path in ready]
        command = [sys.executable, "-m", "nbconvert", *FORMS[form], "--output-dir", str(folder)]
        done = subprocess.run(
            [*command, *map(str, ready)],
            env=clean.kernel(Path(temporary, "profile")),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ExportError(f"nbconvert failed: {done.stderr.strip()[-1000:]}")
    end = {"html": ".html", "slides": ".slides.html"}[form]
    return [folder / f"{path.stem}{end}" for path in ready]


def _ready(lesson: Path, solved: bool, folder: Path) -> Path:
    if not solved:
        return lesson
    notebook = nbformat.read(lesson, as_version=4)
    solve(notebook)
    copy = folder / f"{lesson.stem}_solved.ipynb"
    nbformat.write(notebook, copy)
    return copy


def _cleaned(executed: Path) -> Path:
    """The same notebook without papermill's notes on times and temporary folders."""
    notebook = nbformat.read(executed, as_version=4)
    for noted in (notebook, *notebook.cells):
        noted.metadata.pop("papermill", None)
    nbformat.write(notebook, executed)
    return executed
