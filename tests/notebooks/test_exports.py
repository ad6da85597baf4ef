"""Lessons as pages and as slides, and the report: alt texts, formulas, no serious fault that axe finds."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, SlidesExporter

from helpers import ROOT
from helpers.course import report, run_lessons
from tests.notebooks.browser import WITHOUT, chromium

TEMPLATES = ROOT / "helpers" / "course" / "templates"
LESSONS = run_lessons.lessons()


def page(lesson: str) -> str:
    return HTMLExporter(template_name=str(TEMPLATES / "lesson")).from_filename(str(LESSONS[lesson]))[0]


def alt_texts(lesson: str) -> list[str]:
    """Those of the lesson's figures, in their order."""
    return [
        output.metadata["image/png"]["alt"]
        for cell in nbformat.read(LESSONS[lesson], as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_as_a_page_has_alt_texts_and_formulas(lesson):
    html = page(lesson)
    soup = BeautifulSoup(html, "html.parser")
    assert [picture["alt"] for picture in soup.find_all("img")] == ["Open in Colab", *alt_texts(lesson)]
    assert "MathJax" in html
    heading = soup.find_all(["h1", "h2", "h3", "h4"])
    levels = [int(found.name[1]) for found in heading]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("lesson", LESSONS)
def test_slides_begin_at_headings_and_hold_every_text(lesson):
    exporter = SlidesExporter(template_name=str(TEMPLATES / "slides"))
    soup = BeautifulSoup(exporter.from_filename(str(LESSONS[lesson]))[0], "html.parser")
    assert [picture["alt"] for picture in soup.find_all("img")] == ["Open in Colab", *alt_texts(lesson)]
    columns = soup.select("div.slides > section")
    cells = nbformat.read(LESSONS[lesson], as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert len(columns) == sum(text.startswith(("# ", "## ")) for text in texts)
    assert sum(len(column.find_all("section", recursive=False)) for column in columns) == len(texts)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with chromium() as found:
        yield found


def violations(browser, file: Path) -> list[str]:
    """What axe-core objects to and a reader could stumble over, as "rule: element"."""
    tab = browser.new_page(viewport={"width": 1280, "height": 1600})
    tab.route("http*://**", lambda route: route.abort())  # nothing is fetched
    tab.goto(file.as_uri(), wait_until="domcontentloaded")
    found = Axe().run(tab).response["violations"]
    tab.close()
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical") or rule["id"] in ("heading-order", "image-alt")
        for node in rule["nodes"]
    ]


@WITHOUT
def test_axe_finds_nothing_serious_in_a_lesson(browser, tmp_path):
    file = tmp_path / "lesson.html"
    file.write_text(page("06_layer_group_instance_rms_norm"), "utf-8")
    assert violations(browser, file) == []


@WITHOUT
def test_axe_finds_nothing_serious_in_the_report(browser, tmp_path):
    assert violations(browser, report.build(tmp_path / "report.html")) == []


@WITHOUT
def test_axe_finds_what_is_wrong(browser, tmp_path):
    file = tmp_path / "bad.html"
    file.write_text(
        '<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><main><h1>a</h1><h4>b</h4>'
        '<p style="color:#aaa;background:#fff">pale</p><img src="x.png"></main></body></html>'
    )
    assert {fault.partition(":")[0] for fault in violations(browser, file)} == {
        "heading-order",
        "color-contrast",
        "image-alt",
    }
