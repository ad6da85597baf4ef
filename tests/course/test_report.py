"""The report is one page that holds everything, says what is missing, and shows the numbers of the runs."""

import base64
import html.parser
import json
import re

import pytest

from helpers.course import report, run_lessons
from helpers.lessons import STUDIES
from helpers.studies.records import RecordError
from tests import standin_runs

LESSON, OTHER = "07_batch_layer_group_compared", "04_batch_norm_from_scratch"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty course to report on: no recorded or reproduced run, no lesson run."""
    monkeypatch.setattr(report, "RECORDED", tmp_path / "recorded")
    monkeypatch.setattr(report, "REPRODUCED", tmp_path / "build" / "results")
    monkeypatch.setattr(run_lessons, "BUILD", tmp_path / "build")
    return tmp_path


def built(place) -> str:
    path = place / "build" / "report.html"
    assert report.build(path) == path
    assert [p.name for p in path.parent.glob("*.html")] == ["report.html"]
    assert not list(path.parent.glob(".report*"))
    return path.read_text("utf-8")


class Page(html.parser.HTMLParser):
    """Rows of tables as text, pictures, and whether every element is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.rows, self.images, self.open, self.links = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("src", "href", "srcset") if name in attributes]
        if tag == "img":
            self.images.append(attributes)
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] = " ".join((self.rows[-1][-1] + " " + data).split())

    def row(self, first: str) -> list[str]:
        return next(row for row in self.rows if row and row[0] == first)


def test_an_empty_course_gets_a_page_that_says_what_is_missing_and_how_to_get_it(place):
    text = built(place)
    page = Page(text)
    assert page.images == []
    assert "No run is recorded." in text
    assert "No run is reproduced." in text
    assert "course train cifar_norms" in text
    for lesson in run_lessons.lessons():
        assert page.row(lesson)[1] == f"not run here yet: course run {lesson}"


def test_published_recorded_and_reproduced_stand_side_by_side_with_n_mean_and_interval(place):
    recorded = [
        standin_runs.run("batch", seed, [40.0, v + 1, v]) for seed, v in enumerate((73.0, 74.0, 75.0))
    ]
    again = [standin_runs.run("batch", seed, [40.0, v]) for seed, v in enumerate((73.5, 74.7))]
    again.append(standin_runs.run("none", 0, [12.0], "diverged"))
    standin_runs.write(report.RECORDED, recorded)
    standin_runs.write(report.REPRODUCED, again)
    page = Page(built(place))
    three, two = "74.00 71.52 to 76.48, n = 3", "74.10 66.48 to 81.72, n = 2"
    its_best = "75.00 72.52 to 77.48, n = 3"
    assert page.row("batch") == ["batch", "73.27", "73.27", three, its_best, "0", two, two, "0"]
    assert page.row("none") == ["none", "-", "-", "no run", "no run", "0", "no run", "no run", "1"]
    assert ["batch", "+0.60 -0.67 to +1.87, n = 2"] in page.rows  # reproduced minus recorded, seeds 0 and 1


def test_verdicts_differences_and_origins_of_each_set_are_shown(place):
    standin_runs.write(report.RECORDED, standin_runs.runs(5))
    page = Page(built(place))
    assert any("batch norm beats layer norm" in row and row[-1] == "holds" for row in page.rows)
    assert page.row("instance")[0] == "instance"
    assert ["layer", "5"] in [row[:2] for row in page.rows]
    (origin,) = [row for row in page.rows if row and row[0] == "A <processor> & more"]
    versions = ["2.15.0", "2.3.0", "3.11.7", "0123456789ab + changes"]
    assert origin[3:] == ["bfloat16", "1", *versions, "30", "4.0", "2026-11-22"]


def test_the_page_is_self_contained_and_every_picture_has_alt_text(place):
    standin_runs.write(report.RECORDED, standin_runs.runs(2))
    standin_runs.write(report.REPRODUCED, standin_runs.runs(1))
    text = built(place)
    page = Page(text)
    assert len(page.images) == 8
    for image in page.images:
        kind, data = image["src"].split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
        assert "n = " in image["alt"] or "runs" in image["alt"]
    assert [link for link in page.links if not link.startswith("data:")] == []
    assert not re.search(r"https?://|@import|url\(", re.sub(r'src="data:[^"]*"', "", text))
    assert "<script" not in text


def test_lessons_are_listed_with_status_parameters_and_errors_as_text(place):
    same = {"finished": "2026-11-22T07:10:00+00:00"}
    error = 'section "3 <b>": NameError: <script>x'
    failed = {
        "lesson": LESSON,
        "status": "failed",
        "seconds": 2.5,
        "error": error,
        "parameters": {"seeds": 2},
    }
    passed = {"lesson": OTHER, "status": "passed", "seconds": 21.3, "error": None, "parameters": {}}
    (place / "build").mkdir()
    (place / "build" / "runs.json").write_text(json.dumps([failed | same, passed | same]), "utf-8")
    text = built(place)
    page = Page(text)
    assert page.row(LESSON) == [LESSON, "failed", "2.5", "seeds = 2", "2026-11-22 07:10"]
    assert page.row(OTHER)[1:4] == ["passed", "21.3", "as they are"]
    assert [error] in page.rows
    assert "<script" not in text


def test_a_search_shows_its_rates_and_marks_the_best(place):
    search = STUDIES["input_scaling_search"]
    found = {"raw 0.001": [84.0], "raw 0.01": [83.0], "min_max 0.01": [88.0]}
    runs = [standin_runs.run(arm, 0, values, study=search) for arm, values in found.items()]
    runs.append(standin_runs.run("equalized 1", 0, [10.0], "diverged", study=search))
    standin_runs.write(report.RECORDED, runs)
    text = built(place)
    page = Page(text)
    assert ["arm", "0.001", "0.01", "1"] in page.rows
    assert page.row("raw") == ["raw", "84.00", "83.00", "-"]
    assert page.row("min_max") == ["min_max", "-", "88.00", "-"]
    assert page.row("equalized") == ["equalized", "-", "-", "-"]
    assert re.findall(r'<td class="good">([^<]*)', text) == ["84.00", "88.00"]
    assert "Of 55 planned runs (1 seed of each arm):" in text
    [image] = page.images
    assert "raw at 0.001 (84 %)" in image["alt"]


def test_a_study_in_which_everything_diverged_is_reported(place):
    standin_runs.write(report.RECORDED, [standin_runs.run("none", 0, [], "diverged")])
    page = Page(built(place))
    assert page.row("none")[5] == "1"
    assert page.images == []


@pytest.mark.parametrize(("arms", "curves"), [(report.MOST_CURVES, True), (report.MOST_CURVES + 1, False)])
@pytest.mark.filterwarnings("error")
def test_more_curves_than_can_be_told_apart_are_not_drawn(place, arms, curves):
    study = STUDIES["norm_grid"]
    found = [standin_runs.ended(study, arm.name, 0, 60.0) for arm in study.arms[:arms]]
    standin_runs.write(place / "recorded", found)
    pictures = Page(built(place)).images
    assert any(image["alt"].startswith("Accuracy on test images by epoch") for image in pictures) == curves
    assert any(image["alt"].startswith("Final accuracy on test images") for image in pictures)


def test_a_damaged_results_file_is_named_and_the_old_page_stays(place):
    old = built(place)
    report.RECORDED.mkdir()
    (report.RECORDED / "cifar_norms.jsonl").write_text("not a record\n{}\n", "utf-8")
    with pytest.raises(RecordError, match=r"cifar_norms\.jsonl, line 1"):
        report.build(place / "build" / "report.html")
    assert (place / "build" / "report.html").read_text("utf-8") == old
