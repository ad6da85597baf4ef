"""Every lesson opens in VS Code: its texts, with formulas set by KaTeX, and its figures.

Skipped where there is no code-server, the VS Code that a browser opens.
Cells are not run: that takes the Jupyter extension, which no package registry has.
"""

import json
import shutil
import time
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Frame, Page

from helpers import ROOT
from helpers.course import run_lessons
from tests.notebooks.browser import STARTUP, WITHOUT, chromium, free_port, serving

CODE_SERVER = shutil.which("code-server")
LESSONS = run_lessons.lessons()

pytestmark = [
    WITHOUT,
    pytest.mark.skipif(
        CODE_SERVER is None, reason="there is no code-server here (npm install --global code-server)"
    ),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """VS Code with a copy of the lessons as its folder."""
    folder = tmp_path_factory.mktemp("vscode")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / "data" / "User").mkdir(parents=True)
    settings = {"workbench.startupEditor": "none", "security.workspace.trust.enabled": False}
    (folder / "data" / "User" / "settings.json").write_text(json.dumps(settings))
    port = free_port()
    options = [
        "--auth=none",
        "--disable-telemetry",
        "--disable-update-check",
        f"--bind-addr=127.0.0.1:{port}",
    ]
    options += [f"--user-data-dir={folder}/data", f"--extensions-dir={folder}/extensions"]
    command = [CODE_SERVER, *options, str(folder / "notebooks")]
    with serving(command, f"http://127.0.0.1:{port}/", folder) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        page.goto(f"{address}?folder={folder}/notebooks", timeout=STARTUP * 1000)
        page.wait_for_selector(".explorer-folders-view .monaco-list-row", timeout=STARTUP * 1000)
        yield page


def opened(page: Page, lesson: str, texts: int) -> Frame:
    """What VS Code shows of a lesson, once it has as many texts as the file."""
    page.keyboard.press("ControlOrMeta+K")
    page.keyboard.press("ControlOrMeta+W")  # closes the one before
    page.keyboard.press("ControlOrMeta+P")
    page.keyboard.type(f"{lesson}.ipynb")
    page.wait_for_selector(f".quick-input-list [aria-label^='{lesson}.ipynb']", timeout=STARTUP * 1000)
    page.keyboard.press("Enter")
    until = time.monotonic() + STARTUP
    while time.monotonic() < until:
        for frame in page.frames:
            if frame.locator(".markup").count() == texts and frame.locator("img").count():
                return frame
        page.wait_for_timeout(500)
    raise AssertionError(f"VS Code does not show the {texts} texts and the figures of {lesson}")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_opens_with_its_texts_formulas_and_figures(page, lesson):
    notebook = nbformat.read(LESSONS[lesson], as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    shown = opened(page, lesson, len(texts))
    headings = sum(line.startswith("## ") for text in texts for line in text.splitlines())
    assert shown.locator("h2").count() == headings
    assert shown.locator(".katex").count() >= sum("$" in text for text in texts) > 0
    assert shown.locator(".katex-error").count() == 0
    assert [text for text in shown.locator(".markup").all_inner_texts() if "$" in text] == []
