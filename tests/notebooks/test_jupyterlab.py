"""A lesson in JupyterLab in a real browser: all cells run, a slider moves its figure, an exercise answers."""

import re
import shutil
import sys
from collections.abc import Iterator

import nbformat
import pytest

from helpers import ROOT
from tests.notebooks.browser import STARTUP, WITHOUT, chromium, free_port, serving

LESSON = "13_regularization_experiments"
ALL_CELLS = 300_000  # milliseconds for the cells of the lesson
PICTURE = ".jp-OutputArea-output img"

pytestmark = WITHOUT


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab in a copy of the course that holds what a clone does."""
    course = tmp_path_factory.mktemp("course")
    for folder in ("helpers", "data/results"):
        shutil.copytree(ROOT / folder, course / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (course / "notebooks").mkdir()
    for file in (f"notebooks/{LESSON}.ipynb", "data/published.json", "pyproject.toml"):
        shutil.copy(ROOT / file, course / file)
    settings = course / "settings"
    (settings / "settings").mkdir(parents=True)
    # All cells are in the page, not only those in sight; nobody is asked about news.
    (settings / "settings" / "overrides.json").write_text(
        '{"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},'
        ' "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}'
    )
    port = free_port()
    options = [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=t", "--no-browser"]
    options += [
        "--allow-root",
        f"--ServerApp.root_dir={course}",
        f"--LabApp.app_settings_dir={settings}/settings",
    ]
    command = [sys.executable, "-m", "jupyterlab", *options]
    address = f"http://127.0.0.1:{port}/lab/tree/notebooks/{LESSON}.ipynb?token=t"
    with serving(command, address, course) as answering:
        yield answering


@pytest.fixture(scope="module")
def page(server: str) -> Iterator:
    """The lesson after Run All Cells."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        page.goto(server, timeout=STARTUP * 1000)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=STARTUP * 1000)
        page.wait_for_selector(".jp-NotebookPanel-toolbar >> text=Python 3", timeout=STARTUP * 1000)
        page.get_by_role("menuitem", name="Edit", exact=True).click()
        page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
        page.wait_for_function(f"document.querySelectorAll('{PICTURE}').length == 0")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        last = page.locator(".jp-CodeCell .jp-InputPrompt").last
        last.filter(has_text=re.compile(r"\[\d+\]")).wait_for(timeout=ALL_CELLS)
        yield page


def test_every_cell_has_run_without_error_and_figures_are_there(page):
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert [prompt.strip(" :\u00a0") for prompt in prompts] == [f"[{n + 1}]" for n in range(len(prompts))]
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    lesson = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    outputs = [output for cell in lesson.cells for output in cell.get("outputs", [])]
    committed = sum("image/png" in output.get("data", {}) for output in outputs)
    assert page.locator(PICTURE).count() == committed > 0


def test_a_slider_moves_the_figure(page):
    explorer = page.locator(".widget-interact").first
    explorer.scroll_into_view_if_needed()
    picture = explorer.locator("img").first
    before = picture.get_attribute("src")
    handle = explorer.locator(".noUi-handle").first
    handle.focus()
    for _ in range(5):
        handle.press("ArrowRight")
    page.wait_for_function(
        "([shown, old]) => shown.isConnected == false || shown.src != old",
        arg=[picture.element_handle(), before],
        timeout=60_000,
    )
    assert explorer.locator("img").first.get_attribute("src") != before


def test_formulas_are_set(page):
    assert page.locator(".jp-MarkdownOutput mjx-container").count() > 20
    assert page.locator("mjx-merror, .jp-MarkdownOutput .MathJax_Error").count() == 0
    texts = page.locator(".jp-MarkdownOutput").all_inner_texts()
    assert [text for text in texts if "$" in text] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return int((weight.flatten(1) == 0).all(1).sum())", "silent_channels: correct."),
        ("return int((weight == 0).sum())", "silent_channels: not yet."),
    ],
    ids=["right", "wrong"],
)
def test_an_exercise_answers_in_words(page, body, words):
    cell = page.locator(".jp-CodeCell", has_text='check("silent_channels", silent_channels)')
    editor = cell.locator(".cm-content")
    editor.click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(
        f'def silent_channels(weight):\n    {body}\n\n\ncheck("silent_channels", silent_channels)'
    )
    number = cell.locator(".jp-InputPrompt").inner_text()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        "([prompt, old]) => /\\d/.test(prompt.innerText) && prompt.innerText != old",
        arg=[cell.locator(".jp-InputPrompt").element_handle(), number],
        timeout=60_000,
    )
    output = cell.locator(".jp-OutputArea-output")
    output.first.wait_for(timeout=60_000)
    assert output.count() == 1  # the slider's figures, which a thread of its own draws, are not shown here
    said = output.inner_text()
    assert said.startswith(words), said
