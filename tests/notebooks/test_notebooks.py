"""What every committed lesson must be, beyond what nbval sees; nbval itself runs with all the tests."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import find_comment_markers, metadata_tags

from helpers import ROOT
from helpers.course import publishing, readme, run_lessons
from tests.own_settings import own_settings

FIXTURES = ROOT / "tests" / "fixtures"
LESSONS = run_lessons.lessons()
PARAMETERS = {"retrain": False, "seeds": 5, "device": "auto"}
SHOWN = {
    "text/plain",
    "text/html",
    "text/latex",
    "text/markdown",
    "image/png",
}  # no SVG, scripts, widgets
PICTURE_WITHOUT_ALT = re.compile(r"!\[\s*\]\(|<img(?![^>]*\balt=[\"'][^\"']+)")
MOST_IGNORED = 3  # cells of a lesson whose output nbval may ignore
MOST_MINUTES = 90
ON_COLAB = {
    "torch",
    "torchvision",
    "numpy",
    "matplotlib",
    "seaborn",
    "sklearn",
    "pandas",
    "scipy",
    "IPython",
    "tqdm",
}


def faults(notebook: NotebookNode, lesson: str) -> list[str]:
    """Everything that a lesson may not be committed with."""
    return [
        *_not_run(notebook),
        *_outputs(notebook),
        *_tags(notebook),
        *_sliders(notebook),
        *_frame(notebook, lesson),
    ]


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _not_run(notebook: NotebookNode) -> list[str]:
    counts = [cell.execution_count for cell in _code(notebook)]
    found = []
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"not run once from top to bottom: its cells have the counts {counts}")
    if not any(cell.outputs for cell in _code(notebook)):
        found.append("no cell has an output")
    if any(not cell.source.strip() for cell in notebook.cells):
        found.append("an empty cell")
    if "papermill" in notebook.metadata or any("injected-parameters" in _tagged(c) for c in notebook.cells):
        found.append("left by papermill: commit the lesson, not what the runner made of it")
    if any("execution" in cell.metadata for cell in notebook.cells):
        found.append(
            "has the times at which its cells ran: run it with record_timing=False (CONTRIBUTING.md)"
        )
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("its kernel is not python3")
    return found


def _outputs(notebook: NotebookNode) -> list[str]:
    found = []
    for number, cell in enumerate(_code(notebook), 1):
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"In [{number}] ended in {output.ename}")
            if output.get("name") == "stderr":
                found.append(f"In [{number}] wrote to stderr: {output.text[:60]!r}")
            for kind in output.get("data", {}):
                if kind not in SHOWN:
                    found.append(f"In [{number}] shows {kind}")
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            if "image/png" in output.get("data", {}) and not alt.strip():
                found.append(f"In [{number}] shows a picture without alt text")
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and PICTURE_WITHOUT_ALT.search(cell.source):
            found.append(f"a picture without alt text in the text {cell.source[:40]!r}")
    return found


def _tagged(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _tags(notebook: NotebookNode) -> list[str]:
    found = []
    for number, cell in enumerate(_code(notebook), 1):
        for tag in set(_tagged(cell)) & (set(metadata_tags) - {"nbval-ignore-output"}):
            found.append(f"In [{number}] has the tag {tag}")
        if dict(find_comment_markers(cell.source)):
            found.append(f"In [{number}] steers nbval by a comment")
        if "nbval-ignore-output" in _tagged(cell) and not cell.metadata.get("nbval_reason", "").strip():
            found.append(f"In [{number}] has nbval-ignore-output without nbval_reason in its metadata")
    if sum("nbval-ignore-output" in _tagged(cell) for cell in notebook.cells) > MOST_IGNORED:
        found.append(f"more than {MOST_IGNORED} cells with nbval-ignore-output")
    return found


def _sliders(notebook: NotebookNode) -> list[str]:
    return [
        f"In [{number}] draws a slider's figure with pyplot: use figures.subplots"
        for number, cell in enumerate(_code(notebook), 1)
        if "explore(" in cell.source and re.search(r"plt\.(subplots|figure|close)\(", cell.source)
    ]


def _frame(notebook: NotebookNode, lesson: str) -> list[str]:
    found = []
    if not notebook.cells or publishing.badge(lesson) not in notebook.cells[0].source:
        found.append("its first cell lacks the Colab badge of publishing.badge(lesson)")
    code = _code(notebook)
    if not code or code[0].source != publishing.setup_cell():
        found.append("its first code cell is not publishing.setup_cell()")
    parameters = [cell for cell in code if "parameters" in _tagged(cell)]
    values = [_assigned(cell.source) for cell in parameters]
    if values != [PARAMETERS]:
        found.append(f"not exactly one cell tagged parameters with {PARAMETERS}, but {values}")
    after = code[code.index(parameters[-1]) + 1 :] if parameters else []
    begins = after[0].source.splitlines() if after else []
    for call in ("check_parameters(retrain, seeds, device)", "style.use()"):
        if call not in begins:
            found.append(f"the cell after the parameters does not call {call}")
    if not re.fullmatch(r"\d\d(_[a-z0-9]+)+", lesson):
        found.append("its name is not two digits and words, like 04_batch_norm_from_scratch")
    found += [
        f"{cell.source[:40]!r} is not marked as {_slide(cell)} (metadata slideshow.slide_type)"
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        and cell.metadata.get("slideshow", {}).get("slide_type") != _slide(cell)
    ]
    told = {
        name
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for name in re.findall(r"`(hint|solution)\(", cell.source)
    }
    imported = set(re.findall(r"\b(hint|solution)\b", "\n".join(cell.source for cell in code)))
    if told - imported:
        found.append(f"tells its reader to call {', '.join(sorted(told - imported))} and does not import it")
    foreign = (
        _imports("\n".join(cell.source for cell in code)) - ON_COLAB - {"helpers"} - sys.stdlib_module_names
    )
    if foreign:
        found.append(f"imports {', '.join(sorted(foreign))}, which Colab does not have")
    return found


def _slide(cell: NotebookNode) -> str:
    """What a text is to nbconvert's slides: a heading begins one, any other text one below it."""
    return "slide" if cell.source.startswith(("# ", "## ")) else "subslide"


def _assigned(source: str) -> dict:
    lines = ast.parse(source).body
    return {
        line.targets[0].id: ast.literal_eval(line.value) for line in lines if isinstance(line, ast.Assign)
    }


def _imports(source: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


def committed(folder: Path) -> list[Path]:
    """The notebooks of a folder, without a learner's own copies of them where git knows which those are."""
    done = subprocess.run(
        ["git", "ls-files", "*.ipynb"], cwd=folder, capture_output=True, text=True, check=False
    )
    return [folder / name for name in done.stdout.split()] or list(folder.glob("*.ipynb"))


def test_the_lessons_are_those_that_the_readme_lists():
    linked = re.findall(r"\]\(notebooks/([^)]+)\.ipynb\)", (ROOT / "README.md").read_text("utf-8"))
    assert sorted(set(linked)) == list(LESSONS)
    assert list(LESSONS) == sorted(LESSONS)
    assert {path.stem for path in committed(ROOT / "notebooks")} == set(LESSONS)
    assert {"04_batch_norm_from_scratch", "07_batch_layer_group_compared"} <= set(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_complete(lesson):
    assert faults(nbformat.read(LESSONS[lesson], as_version=4), lesson) == []


def minutes(notebook: NotebookNode) -> float:
    """What a lesson takes: words / 130, lines of code / 6 but for the set-up's 22, 8 for each exercise."""
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    code = [cell.source for cell in _code(notebook)]
    lines = sum(bool(line.strip()) for source in code for line in source.splitlines())
    exercises = sum('check("' in source and "NotImplementedError" in source for source in code)
    return words / 130 + (lines - 22) / 6 + 8 * exercises


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_short_enough_to_be_followed_and_says_how_long_it_is(lesson):
    notebook = nbformat.read(LESSONS[lesson], as_version=4)
    assert round(minutes(notebook)) <= MOST_MINUTES
    assert readme.minutes(notebook.cells[0].source) == pytest.approx(minutes(notebook), abs=5)


def test_minutes_are_counted_by_words_lines_and_exercises():
    cells = [
        nbformat.v4.new_markdown_cell("word " * 260),
        nbformat.v4.new_code_cell("a = 1\n\n" * 28),
        nbformat.v4.new_code_cell('def f():\n    raise NotImplementedError\n\n\ncheck("f", f)'),
    ]
    assert minutes(nbformat.v4.new_notebook(cells=cells)) == pytest.approx(2 + (28 + 3 - 22) / 6 + 8)


BEGIN = """\
from helpers import figures
from helpers.studies.parameters import check_parameters

check_parameters(retrain, seeds, device)
style.use()"""


@pytest.fixture
def lesson() -> NotebookNode:
    """A small lesson without a fault, made of the good fixture notebook."""
    notebook = nbformat.read(FIXTURES / "good.ipynb", as_version=4)
    notebook.cells[0].source += "\n\n" + publishing.badge("01_small")
    notebook.cells.insert(1, nbformat.v4.new_code_cell(publishing.setup_cell()))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.metadata["slideshow"] = {"slide_type": _slide(cell)}
    notebook.cells[2].source = 'retrain = False  # yes or no\nseeds = 5\ndevice = "auto"'
    notebook.cells.insert(3, nbformat.v4.new_code_cell(BEGIN))
    for count, cell in enumerate(_code(notebook), 1):
        cell.execution_count = count
    return notebook


def test_a_lesson_without_fault_is_accepted(lesson):
    assert faults(lesson, "01_small") == []


def _picture(**metadata: dict) -> NotebookNode:
    return nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata=metadata)


def _change(**changes: object) -> Callable[[NotebookNode], object]:
    return lambda notebook: _code(notebook)[-1].update(changes)


SPOILT = {
    "not run": (lambda n: [cell.update(execution_count=None) for cell in _code(n)], "not run once"),
    "last cell not run": (_change(execution_count=None), "not run once"),
    "last cell run twice": (_change(execution_count=7), "not run once"),
    "no outputs": (lambda n: [cell.update(outputs=[]) for cell in _code(n)], "no cell has an output"),
    "empty cell": (_change(source=" "), "an empty cell"),
    "papermill's": (lambda n: n.metadata.update(papermill={}), "left by papermill"),
    "timed": (lambda n: n.cells[-1].metadata.update(execution={"iopub.status.busy": "now"}), "has the times"),
    "other kernel": (lambda n: n.metadata.kernelspec.update(name="mine"), "kernel is not python3"),
    "error": (_change(outputs=[nbformat.v4.new_output("error", ename="Oh", evalue="")]), "ended in Oh"),
    "stderr": (
        _change(outputs=[nbformat.v4.new_output("stream", name="stderr", text="careful")]),
        "stderr: 'careful'",
    ),
    "SVG": (
        _change(outputs=[nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg/>"})]),
        "shows image/svg",
    ),
    "no alt text": (_change(outputs=[_picture()]), "picture without alt"),
    "blank alt text": (_change(outputs=[_picture(**{"image/png": {"alt": " "}})]), "picture without alt"),
    "no alt text in Markdown": (lambda n: n.cells[0].update(source="![](a.png)"), "picture without alt"),
    "no alt text in HTML": (lambda n: n.cells[0].update(source="<img src='a.png'>"), "picture without alt"),
    "skipped by nbval": (_change(metadata={"tags": ["nbval-skip"]}), "has the tag nbval-skip"),
    "error allowed": (_change(metadata={"tags": ["raises-exception"]}), "has the tag raises-exception"),
    "comment": (_change(source="# NBVAL_IGNORE_OUTPUT\n1"), "steers nbval by a comment"),
    "no reason": (_change(metadata={"tags": ["nbval-ignore-output"]}), "without nbval_reason"),
    "solution not imported": (
        lambda n: n.cells[0].update(source=n.cells[0].source + '\n\n`solution("a")` prints it.'),
        "tells its reader to call solution and does not import it",
    ),
    "too many ignored": (
        lambda n: [c.metadata.update(tags=["nbval-ignore-output"], nbval_reason="why") for c in n.cells],
        "more than 3 cells",
    ),
    "no badge": (lambda n: n.cells[0].update(source="# Title"), "lacks the Colab badge"),
    "own set-up cell": (
        lambda n: n.cells[1].update(source=n.cells[1].source + "\nx = 1"),
        "not publishing.setup_cell",
    ),
    "no slide": (lambda n: n.cells[0].metadata.clear(), "is not marked as slide"),
    "no parameters": (lambda n: n.cells[2].metadata.update(tags=[]), "not exactly one cell tagged"),
    "two parameters cells": (_change(metadata={"tags": ["parameters"]}), "not exactly one cell tagged"),
    "retrain committed": (
        lambda n: n.cells[2].update(source='retrain = True\nseeds = 5\ndevice = "auto"'),
        "not exactly one",
    ),
    "parameters not checked": (
        lambda n: n.cells[3].update(source=BEGIN.replace("check_parameters(retrain", "# check(retrain")),
        "does not call check_parameters(retrain, seeds, device)",
    ),
    "parameters checked later": (
        lambda n: n.cells.insert(3, nbformat.v4.new_code_cell("x = 1", execution_count=3)),
        "does not call check_parameters(retrain, seeds, device)",
    ),
    "parameters checked on one condition": (
        lambda n: n.cells[3].update(source=BEGIN.replace("\ncheck_p", "\nif retrain:\n    check_p")),
        "does not call check_parameters(retrain, seeds, device)",
    ),
    "own style of figures": (
        lambda n: n.cells[3].update(source=BEGIN.replace("style.use()", "")),
        "does not call style.use()",
    ),
    "slider and pyplot": (
        _change(source="def draw(a=1):\n    return plt.subplots()[0]\n\n\nexplore(draw, a=(1, 2))"),
        "draws a slider's figure with pyplot",
    ),
    "not on Colab": (_change(source="from papermill import execute_notebook"), "imports papermill"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_lesson_is_refused(name, lesson):
    spoil, message = SPOILT[name]
    spoil(lesson)
    assert any(message in fault for fault in faults(lesson, "01_small")), faults(lesson, "01_small")


def test_an_ignored_output_with_its_reason_is_accepted(lesson):
    lesson.cells[-1].metadata.update(tags=["nbval-ignore-output"], nbval_reason="depends on the machine")
    assert faults(lesson, "01_small") == []


@pytest.mark.parametrize("name", ["unexecuted", "out_of_order"])
def test_what_nbval_lets_pass_is_refused_here(name):
    assert any("not run once" in fault for fault in _not_run(nbformat.read(FIXTURES / f"{name}.ipynb", 4)))


@pytest.fixture(scope="module")
def nbval(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """For each fixture notebook, how nbval with this project's settings judged its cells."""
    report = tmp_path_factory.mktemp("nbval") / "report.xml"
    names = ["good", "settings", "changed_output", "failing_cell", "dead_kernel", "unexecuted"]
    options = ["-p", "no:cacheprovider", "-q", f"--junitxml={report}", "--nbval-cell-timeout=15"]
    command = [sys.executable, "-m", "pytest", *options, *(str(FIXTURES / f"{name}.ipynb") for name in names)]
    settings = os.environ | own_settings(report.parent)
    for name in ("PYTHONWARNINGS", "PYTHONINSPECT"):  # would stop pytest itself, by errors and by a prompt
        del settings[name]
    subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, timeout=400, check=False)
    judged: dict[str, list[str]] = {name: [] for name in names}
    for case in ElementTree.parse(report).iter("testcase"):
        name = next(name for name in names if name in case.get("classname"))
        judged[name].append(next((part.tag for part in case if part.tag != "properties"), "passed"))
    return judged


def test_nbval_passes_what_is_as_committed(nbval):
    assert nbval["good"] == ["passed"] * 3


def test_nbval_is_not_moved_by_a_person_s_own_settings(nbval):
    assert nbval["settings"] == ["passed"] * 4


@pytest.mark.parametrize(("name", "cell"), [("changed_output", 2), ("failing_cell", 2), ("dead_kernel", 2)])
def test_nbval_fails_the_cell_that_is_not_as_committed(nbval, name, cell):
    assert nbval[name][:cell] == ["passed"] * cell
    assert nbval[name][cell] == "failure"


def test_nbval_passes_a_lesson_that_was_never_run(nbval):
    # The reason for _not_run; if this fails, nbval has learnt it.
    assert nbval["unexecuted"] == ["passed"] * 3


def test_nbval_is_strict_and_does_not_wait_long_for_a_dead_kernel():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    assert {"--nbval", "--nbval-current-env"} <= set(options["addopts"].split())
    assert not re.search(r"lax|sanitize", options["addopts"])
    limits = dict(re.findall(r"--nbval-([a-z-]+)-timeout=(\d+)", options["addopts"]))
    assert int(limits["cell"]) <= 300
    assert int(limits["kernel-startup"]) <= 60
    assert {"tests", "notebooks"} == set(options["testpaths"])
