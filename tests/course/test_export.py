"""Lessons to hand out: the stub goes and the solution comes, the form is a known one, a failure is told."""

import nbformat
import pytest

from helpers.course import export, run_lessons
from helpers.lessons import checks

LESSON = "04_batch_norm_from_scratch"


def test_a_solved_cell_holds_what_solution_prints_and_still_checks_it(capsys):
    notebook = nbformat.read(run_lessons.lessons()[LESSON], as_version=4)
    (before,) = [cell for cell in notebook.cells if "missing_terms" in export.checked(cell)]
    assert "NotImplementedError" in before.source
    export.solve(notebook)
    (after,) = [cell for cell in notebook.cells if "missing_terms" in export.checked(cell)]
    checks.solution("missing_terms")
    assert after.source == capsys.readouterr().out + '\n\ncheck("missing_terms", missing_terms)'
    assert not any("NotImplementedError" in cell.source for cell in notebook.cells)


def test_a_lesson_is_written_as_a_page_as_slides_and_as_it_is(tmp_path):
    lesson = run_lessons.lessons()[LESSON]
    texts = {}
    for form, end in (("ipynb", ".ipynb"), ("html", ".html"), ("slides", ".slides.html")):
        assert export.export([lesson], form, folder=tmp_path) == [tmp_path / f"{LESSON}{end}"]
        texts[form] = (tmp_path / f"{LESSON}{end}").read_text("utf-8")
    assert texts["ipynb"] == lesson.read_text("utf-8")
    for form in ("html", "slides"):
        assert 'alt="24 numbers;' in texts[form]
        assert ("Reveal.initialize" in texts[form]) == (form == "slides")


def test_a_lesson_that_fails_writes_nothing_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(
        run_lessons,
        "run",
        lambda paths, **_: [{"lesson": paths[0].stem, "error": "cell 3: NameError: x"}],
    )
    with pytest.raises(export.ExportError, match=f"{LESSON}_solved: cell 3: NameError: x"):
        export.export([run_lessons.lessons()[LESSON]], solved=True, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
