"""The course as a web book: build/book, a static site that needs nothing else, from lessons as committed.

    python -m helpers.course.book

Pages written by hand are in docs/, with the settings of Sphinx. This module lays them out in
build/book-sources together with what it makes: the lessons made ready to be read, the claims, the results,
the reference, and the parts of README.md and CONTRIBUTING.md that the book shows.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode

from helpers import ROOT, __version__, clean, files
from helpers.analysis.claims import Finding
from helpers.course import export, publishing, readme, report, run_lessons
from helpers.lessons import EXERCISES, STUDIES, findings, ledger
from helpers.lessons.diagnosis import Exercise
from helpers.lessons.entries import Row, claim_of, verdicts

BOOK = run_lessons.BUILD / "book"
SOURCES = run_lessons.BUILD / "book-sources"
# The first lesson of each part
PARTS = {
    "01": "Inputs and signals",
    "04": "The norms, from scratch",
    "07": "Do they help?",
    "11": "Penalties",
    "14": "Further",
}
_QUIET = re.compile(
    r"(```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|\[[^\]\n]*\]\([^)\n]*\)|^#.*?$)", re.S | re.M
)
_LESSON = re.compile(r"\b([Ll]essons?) (\d\d\b(?:(?:, | and | or | to |, and )\d\d\b)*)")
_CLAIM = re.compile(r"\b([Cc]laims?) (\d+\b(?:(?:, | and | or |, and )\d+\b)*)")


class BookError(RuntimeError):
    """Sphinx did not build the book; the message holds what it said."""


def build(book: Path = BOOK, sources: Path = SOURCES) -> Path:
    """Writes the book and returns its first page.

    Raises BookError if Sphinx fails or warns, records.RecordError if a file of results is damaged, and
    files.FilesError at once if the folders cannot be written.
    """
    files.require_writable(book, sources)
    for folder in (book, sources):
        shutil.rmtree(folder, ignore_errors=True)
    write(sources)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(sources / ".doctrees")]
    done = subprocess.run(
        [*command, str(sources), str(book)],
        cwd=ROOT,
        env=clean.kernel(sources / ".profile"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BookError(f"Sphinx did not build the book:\n{done.stdout}{done.stderr}".strip())
    return book / "index.html"


def write(folder: Path) -> None:
    """Writes the sources of every page into a folder."""
    shutil.copytree(ROOT / "docs", folder)
    for page in folder.glob("*.md"):
        page.write_text(linked(page.read_text("utf-8"), ""), "utf-8")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "normalizations.xlsx", folder / "data")  # lesson 06 links to it
    for name, path in run_lessons.lessons().items():
        files.write(folder / "originals" / path.name, path.read_text("utf-8"))
        files.write(folder / "notebooks" / path.name, nbformat.writes(lesson(name, path)) + "\n")
    text = (ROOT / "README.md").read_text("utf-8")
    pages = {
        "_promise": text.partition("\n\n")[2].partition("\n## ")[0],
        "_routes": _routes(_section(text, "Lessons").partition("\n\nIntervals")[0]),
        "_reproducing": _section(text, "Reproducing the results"),
        "_lessons": _contents(),
        "contributing": (ROOT / "CONTRIBUTING.md").read_text("utf-8"),
    }
    pages = {name: linked(_in_the_book(page), "") for name, page in pages.items()}
    pages |= {"claims": claims(), "results": results(), "reference": reference()}
    pages |= {f"results/{name}": study(name) for name in STUDIES}
    for name, page in pages.items():
        files.write(folder / f"{name}.md", page + "\n")


def _section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].partition("\n## ")[0].strip("\n")


def _routes(text: str) -> str:
    """The routes, in which each number of a lesson leads there."""
    lessons = {name[:2]: name for name in run_lessons.lessons()}
    return re.sub(
        r"\b\d\d\b", lambda n: f"[{n[0]}](notebooks/{lessons[n[0]]}.ipynb)" if n[0] in lessons else n[0], text
    )


def _in_the_book(text: str) -> str:
    """Text of a file in the course's folder, whose links to other files lead to the book or to the forge."""
    code = f"{publishing.address()}/blob/v{__version__}/"
    in_book = {"data/results/README.md": "results.md", "CONTRIBUTING.md": "contributing.md"}

    def target(match: re.Match) -> str:
        name, path = match.groups()
        if "://" in path or path.startswith(("#", "notebooks/")):
            return match[0]
        return f"[{name}]({in_book.get(path, code + path)})"

    return re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", target, text)


def linked(text: str, up: str) -> str:
    """Markdown in which "lesson 07" and "claim 7" lead there; `up` leads to the folder of the pages."""
    lessons = {name[:2]: f"{up}notebooks/{name}.ipynb" for name in run_lessons.lessons()}
    claims = {str(number): f"#claim-{number}" for number in ledger.CLAIMS}

    def link(targets: Mapping[str, str], match: re.Match) -> str:
        if match[2] in targets:
            return f"[{match[0]}]({targets[match[2]]})"
        numbers = re.split(r"(\d+)", match[2])
        numbers = [f"[{n}]({targets[n]})" if n in targets else n for n in numbers]
        return f"{match[1]} {''.join(numbers)}"

    parts = _QUIET.split(text)
    for pattern, targets in ((_LESSON, lessons), (_CLAIM, claims)):
        parts[::2] = [pattern.sub(partial(link, targets), part) for part in parts[::2]]
    return "".join(parts)


# Lessons


def lesson(name: str, path: Path) -> NotebookNode:
    """A lesson made ready to be read: links to other pages, set-up and solutions folded, stills explained."""
    notebook = nbformat.read(path, as_version=4)
    exercises = {exercise.name: exercise for exercise in EXERCISES.get(name[:2], [])}
    badge, ways, setup = publishing.badge(name), _ways(name), publishing.setup_cell()
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source.replace(badge, ways), "../")
        elif cell.source == setup:
            cell.metadata["tags"] = ["hide-input"]
        elif "explore(" in cell.source:
            note = "*The sliders of this figure move in Jupyter, VS Code and Colab; here it stands still.*"
            cells.append(nbformat.v4.new_markdown_cell(note))
        for exercise in export.checked(cell):
            cells.append(nbformat.v4.new_markdown_cell(_folded(exercises[exercise])))
    notebook.cells = cells
    notebook.metadata.pop("widgets", None)
    return notebook


def _ways(name: str) -> str:
    """Where a lesson can be run, had and corrected, in one line."""
    colab = publishing.badge(name).rpartition("](")[2].removesuffix(")")
    mistake = f"{publishing.address()}/issues/new?title={quote(f'Lesson {name[:2]}: ')}"
    return (
        f"[Open in Colab]({colab}) · {{download}}`Download as notebook <../originals/{name}.ipynb>` · "
        f"[Report a mistake]({mistake})"
    )


def _folded(exercise: Exercise) -> str:
    """Hints and solution of an exercise, each behind a line to press."""
    folds = [(f"Hint {n}", text) for n, text in enumerate(exercise.hints, 1)]
    folds.append(("Solution", f"```python\n{export.ANSWERS[exercise.name]}\n```"))
    return "\n\n".join(
        f"<details><summary>{title}</summary>\n\n{text}\n\n</details>" for title, text in folds
    )


def _opening(path: Path) -> tuple[str, str, str]:
    """A lesson's title, question, and minutes."""
    source = nbformat.read(path, as_version=4).cells[0].source
    title, question = (re.search(p, source, re.M)[1] for p in (r"^# (.+)", r"^\*\*(.+)\*\*$"))
    return title, question, f"{readme.minutes(source)} minutes"


def _contents() -> str:
    """The lessons by their parts: for the navigation, and with question and finding to be read."""
    parts: dict[str, list[str]] = {}
    for name in run_lessons.lessons():
        if name[:2] in PARTS:
            part = parts.setdefault(PARTS[name[:2]], [])
        part.append(name)
    lines = []
    for title, names in parts.items():
        tree = "\n".join(f"notebooks/{name}" for name in names)
        lines += [f"### {title}", f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{tree}\n```"]
        for name in names:
            lesson_title, question, minutes = _opening(run_lessons.lessons()[name])
            lines.append(
                f"**[{lesson_title}](notebooks/{name}.ipynb)** ({minutes})  \n{question}  \n"
                f"*{readme.found(name)}*"
            )
    return "\n\n".join(lines)


# Claims


def claims() -> str:
    """The page of claims: each in words, where it is tested, and what came of it."""
    lines = ["# Claims", _CLAIMS_INTRODUCTION]
    lessons = {name[:2]: name for name in run_lessons.lessons()}
    rows = {number: verdicts(run_lessons.lessons()[name]) for number, name in lessons.items()}
    judged = {name: findings(readme.recorded(name)) for name in STUDIES}
    for number, claim in ledger.CLAIMS.items():
        lines += [f"(claim-{number})=", f"## {number} · {claim.words}"]
        if claim.headline:
            lines.append("*A headline claim.*")
        for tested in claim.lessons:
            if tested not in lessons:
                lines.append(f"Lesson {tested}, which is being written.")
                continue
            seen = {name: [f for f in found if f.claim == number] for name, found in judged.items()}
            seen = {
                name: found for name, found in seen.items() if STUDIES[name].lesson[:2] == tested and found
            }
            own = [row for row in rows[tested] if claim_of(row.says, tested) == number]
            lines += _tested(lessons[tested], own, seen)
    return "\n\n".join(lines)


_JUDGED = readme.HOW_JUDGED.partition("A verdict is")
_CLAIMS_INTRODUCTION = f"""These are the claims that the course puts to the test, in the words of popular
notes and of papers; many of them are wrong. The headline claims are those that the course is about.

{"".join(_JUDGED[1:])} Lessons also decide exact statements, by computation: these have no interval."""


def _tested(lesson: str, rows: list[Row], seen: Mapping[str, list[Finding]]) -> list[str]:
    """What a lesson's own table, and the findings of its studies, say of a claim."""
    where = f"**[Lesson {lesson[:2]}](notebooks/{lesson}.ipynb)**"
    if seen:
        studies = ", ".join(f"[{name}](results/{name}.md)" for name in seen)
        where += f", recorded runs: {studies}"
    measured = {f.statement: f.measured for found in seen.values() for f in found}
    if not rows:
        rows = [Row(f.statement, f.measured, f.verdict) for found in seen.values() for f in found]
    if not rows:
        return [f"{where}: not tested yet."]
    items = []
    for row in rows:
        evidence = _plain(row.measured or measured.get(row.statement, ""))
        items.append(
            f"* *{_plain(row.statement)}*: **{_plain(row.verdict)}**"
            + (f"  \n  {evidence}" if evidence else "")
        )
    return [where, "\n".join(items)]


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing to set."""
    return re.sub(r"([\\`*_{}\[\]<>|#$])", r"\\\1", text)


# Results and reference


def results() -> str:
    """The page that leads to each study's results."""
    tree = "\n".join(f"{name} <results/{name}>" for name in STUDIES)
    items = []
    for name, study in STUDIES.items():
        runs = readme.recorded(name)
        decided = [finding.verdict.partition(":")[0] for finding in findings(runs)]
        verdicts = [f"{decided.count(word)} x {word}" for word in dict.fromkeys(decided)]
        told = "; ".join([f"{len(runs):,} runs", *verdicts])
        items.append(f"* [{study.title}](results/{name}.md) (lesson {study.lesson[:2]}): {told}")
    return "\n\n".join(
        [
            "# Results",
            linked("\n".join(items), ""),
            readme.HOW_JUDGED,
            f"```{{toctree}}\n:hidden:\n\n{tree}\n```",
            "## Reproducing them",
            "```{include} _reproducing.md\n```",
        ]
    )


def study(name: str) -> str:
    """The page of a study: what `course report` shows of its recorded runs."""
    where = linked(f"Lesson {STUDIES[name].lesson[:2]} says what it asks.", "../")
    return f"# {STUDIES[name].title}\n\n{where}\n\n````{{raw}} html\n{report.section(STUDIES[name])}\n````"


def reference() -> str:
    """The page of the helpers that lessons import, with what their docstrings say."""
    modules = sorted(set(_imported(run_lessons.lessons().values())))
    lines = [
        "# Reference",
        "What the lessons import. [How to contribute](contributing.md) says what lies where, and why.",
    ]
    for package in dict.fromkeys(module.split(".")[1] for module in modules):
        lines.append(f"## helpers.{package}")
        lines += [
            f"### {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n"
            "   :exclude-members: set\n```"  # which matplotlib gives each figure
            for module in modules
            if module.split(".")[1] == package
        ]
    return "\n\n".join(lines)


def _imported(lessons: Iterable[Path]) -> Iterable[str]:
    """The modules of helpers that lessons import."""
    for path in lessons:
        code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        for node in ast.walk(ast.parse("\n".join(code))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("helpers"):
                for name in node.names:
                    full = f"{node.module}.{name.name}"
                    module = full if _is_module(full) else node.module
                    if _is_module(module):
                        yield module


def _is_module(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()


if __name__ == "__main__":
    try:
        print(f"book: {build()}")
    except (BookError, files.FilesError) as error:
        sys.exit(f"book: {error}")
