"""The book: its parts, its pages as Sphinx makes them, and the same in a browser."""

import http.server
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from helpers import ROOT
from helpers.course import book, publishing, run_lessons
from helpers.lessons import STUDIES, entries, ledger
from tests.notebooks.browser import WITHOUT, chromium

LESSONS = run_lessons.lessons()
FOURTH = "04_batch_norm_from_scratch"


# What it is made of


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_row_of_a_lesson_s_table_of_verdicts_is_of_a_claim_that_it_tests(lesson):
    rows = entries.verdicts(LESSONS[lesson])
    assert bool(rows) == any(lesson[:2] in claim.lessons for claim in ledger.CLAIMS.values())
    for row in rows:
        claim = entries.claim_of(row.says, lesson)
        assert claim is not None, row
        assert lesson[:2] in ledger.CLAIMS[claim].lessons, row


def test_lessons_and_claims_that_a_text_names_become_links_and_code_stays():
    text = (
        "# Lesson 04\nSee lessons 04 and 99, claim 7; `lesson 04`, $claim 7$, [lesson 04](x.md). Lesson 04."
    )
    link = f"../notebooks/{FOURTH}.ipynb"
    assert book.linked(text, "../") == (
        f"# Lesson 04\nSee lessons [04]({link}) and 99, [claim 7](#claim-7); "
        f"`lesson 04`, $claim 7$, [lesson 04](x.md). [Lesson 04]({link})."
    )


def test_the_glossary_names_for_each_term_a_lesson_that_has_it():
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    terms = re.findall(r"^(\S.*)\n((?:  .*\n)+)", page.partition("```{glossary}\n")[2], re.MULTILINE)
    assert len(terms) > 40
    names = {name[:2]: path for name, path in LESSONS.items()}
    for term, text in terms:
        (number,) = re.findall(r"Lesson\s+(\d\d)\.", text)
        cells = nbformat.read(names[number], as_version=4).cells
        lesson = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown").lower()
        words = [word for word in re.split(r"\W+", term.lower()) if len(word) > 3 or word[-1:].isdigit()]
        assert any(word.rstrip("s") in lesson for word in words or [term.lower()]), term


# As Sphinx makes it


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a book."""
    folder = tmp_path_factory.mktemp("book")
    return book.build(folder / "book", folder / "sources").parent


def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text("utf-8"), "html.parser")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_arrives_with_alt_texts_solutions_and_ways_to_run_get_and_correct_it(site, lesson):
    page = soup(site / "notebooks" / f"{lesson}.html")
    cells = nbformat.read(LESSONS[lesson], as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    alts = [o.metadata["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]
    assert [image["alt"] for image in page.select("main img")] == alts
    links = {link.text.strip(): link["href"] for link in page.select("main a[href]")}
    assert links["Open in Colab"] == publishing.badge(lesson).rpartition("](")[2][:-1]
    notebook = (site / "notebooks" / links["Download as notebook"]).resolve()
    assert notebook.read_bytes() == LESSONS[lesson].read_bytes()
    assert links["Report a mistake"].startswith(
        f"{publishing.address()}/issues/new?title=Lesson%20{lesson[:2]}"
    )
    solutions = [fold for fold in page.select("details") if fold.summary.text == "Solution"]
    assert len(solutions) == sum("raise NotImplementedError" in cell.source for cell in cells)


def test_links_inside_the_book_lead_to_a_page_and_to_a_place_on_it(site):
    pages = {path: soup(path) for path in site.rglob("*.html") if "_modules" not in path.parts}
    places = {path: {tag["id"] for tag in page.select("[id]")} for path, page in pages.items()}
    assert len(pages) > len(LESSONS) + len(STUDIES)
    for path, page in pages.items():
        for link in page.select("a[href]"):
            target, _, place = link["href"].partition("#")
            if re.match(r"\w+:", target):
                continue
            file = (path.parent / target).resolve() if target else path
            assert file.is_file(), f"{path.name}: {link['href']}"
            if place and file in places:
                assert place in places[file], f"{path.name}: {link['href']}"


def test_every_claim_has_a_place_and_every_lesson_a_way_from_the_start(site):
    assert {f"claim-{number}" for number in ledger.CLAIMS} <= {
        tag["id"] for tag in soup(site / "claims.html").select("[id]")
    }
    linked = {link["href"] for link in soup(site / "index.html").select("main a[href]")}
    assert {f"notebooks/{lesson}.html" for lesson in LESSONS} <= linked


# As a browser shows it


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with chromium() as found:
        yield found


PAGES = (
    "index.html",
    f"notebooks/{FOURTH}.html",
    "claims.html",
    "results/cifar_norms.html",
    "reference.html",
)


@WITHOUT
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fetches_nothing_fits_a_telephone_and_has_no_serious_fault(served, browser, page, scheme):
    tab = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    elsewhere, failed = [], []
    tab.on("request", lambda request: elsewhere.append(request.url))
    tab.on("requestfailed", lambda request: failed.append(request.url))
    tab.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    tab.goto(served + page, wait_until="load")
    if "notebooks" in page:
        tab.wait_for_selector("mjx-container")
    assert [url for url in elsewhere if not url.startswith((served, "data:"))] == []
    assert failed == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    faults = [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in Axe().run(tab).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert faults == []
    tab.close()


@WITHOUT
def test_on_a_telephone_the_pages_and_the_sections_can_be_opened(served, browser):
    tab = browser.new_page(viewport={"width": 360, "height": 740})
    tab.goto(f"{served}notebooks/{FOURTH}.html", wait_until="load")
    for button, words in (("primary", "05 · Batch norm in use"), ("secondary", "8 · What holds up")):
        tab.locator(f"button.{button}-toggle:visible").click()
        tab.locator("dialog[open]").get_by_text(words).wait_for()
        tab.keyboard.press("Escape")
    tab.close()


@WITHOUT
def test_search_finds_a_term_in_its_lesson(served, browser):
    tab = browser.new_page()
    tab.goto(f"{served}search.html?q=ghost+batch+norm")
    first = tab.locator("#search-results li a").first
    first.wait_for()
    assert tab.locator("#search-results a[href*='09_batch_size']").count() > 0
    tab.close()
