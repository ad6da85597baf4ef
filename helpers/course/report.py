"""build/report.html: lessons run, and each study as published, recorded and reproduced, on one page."""

import base64
import datetime
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import matplotlib.pyplot as plt
import pandas as pd

from helpers import ROOT, files
from helpers.analysis import comparison, stats, sweeps
from helpers.analysis.published import published_for
from helpers.analysis.readings import Runs, best, final
from helpers.course import run_lessons
from helpers.figures import runs as draw
from helpers.figures import style
from helpers.figures.maps import rate_map
from helpers.lessons import STUDIES, findings
from helpers.studies import records
from helpers.studies import runs as study_runs
from helpers.studies.records import RECORDED, REPRODUCED
from helpers.studies.study import Study

PAGE = ROOT / "build" / "report.html"
MOST_CURVES = 12  # more cannot be told apart in one figure
_SOURCES = (
    "processor",
    "device_name",
    "device",
    "precision",
    "threads",
    "torch",
    "numpy",
    "python",
    "commit",
)


def build(path: Path | str = PAGE) -> Path:
    """Writes the report and returns where. It needs nothing else: pictures and style are inside.

    What is not there yet (lessons not run, studies without runs) is said to be missing. Raises
    records.RecordError if a file of results is damaged, and files.FilesError at once if the page cannot be
    written.
    """
    path = Path(path)
    files.require_writable(path.parent)
    with plt.rc_context():
        style.use()
        folders = {"recorded": RECORDED, "reproduced": REPRODUCED}
        shown = [_study(study, folders) for study in STUDIES.values()]
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = _template("report").render(
        lessons=_lessons(), studies=shown, level=3, made=made, environment=records.environment()
    )
    files.write(path, page)
    return path


def section(study: Study) -> str:
    """What the report says of a study's recorded runs, as HTML whose headings are of the second level."""
    with plt.rc_context():
        style.use()
        shown = _study(study, {"recorded": RECORDED})
    return _template("study").render(item=shown, level=2)


def _template(name: str) -> jinja2.Template:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(f"{name}.html.jinja")


def _lessons() -> list[dict[str, Any]]:
    """Every lesson with its latest run, or None for one that was not run here."""
    runs = {run["lesson"]: run for run in run_lessons.runs(run_lessons.BUILD / "runs.json")}
    return [{"name": name, "run": runs.get(name)} for name in run_lessons.lessons() | runs]


def _study(study: Study, folders: Mapping[str, Path]) -> dict[str, Any]:
    every_seed = 1 + max(
        [study.seeds - 1, *(run["seed"] for folder in folders.values() for run in _read(study, folder))]
    )
    sets = {name: study_runs.recorded(study, every_seed, folder) for name, folder in folders.items()}
    return {
        "study": study,
        "planned": study.planned,
        "outcome": _outcome(study),
        "accuracies": _accuracies(study, sets) if not study.sweep else [],
        "rates": {name: _rates(runs) for name, runs in sets.items() if study.sweep and runs},
        "agreement": _agreement(study, sets) if len(sets) > 1 and not study.sweep else [],
        "sets": [_one_set(study, name, runs) for name, runs in sets.items()],
    }


def _outcome(study: Study) -> str:
    """What a study is judged by, with its unit."""
    what, unit = ("loss", "nats per character") if study.of_text else ("accuracy", "%")
    return f"{what} on {study.tested_on} ({unit})"


def _read(study: Study, folder: Path) -> Runs:
    return records.read(Path(folder) / f"{study.name}.jsonl")


def _accuracies(study: Study, sets: dict[str, Runs]) -> list[dict[str, Any]]:
    """One row per arm: final and best accuracy, or loss, as published, recorded and reproduced."""
    sources = published_for(study.name)
    return [
        {
            "arm": arm.name,
            "published": sources.get(arm.name),
            "sets": [
                {
                    "final": stats.told(comparison.mean(runs, arm.name, final)),
                    "best": stats.told(comparison.mean(runs, arm.name, best)),
                    "diverged": comparison.diverged(runs, arm.name),
                }
                for runs in sets.values()
            ],
        }
        for arm in study.arms
    ]


def _rates(runs: Runs) -> dict[str, Any]:
    """Of a sweep: accuracy on held-out images, one row per family of arms, one column per rate."""
    table = sweeps.accuracies(runs).T
    cells = [
        [{"text": "-" if math.isnan(value) else f"{value:.2f}", "best": value == row.max()} for value in row]
        for _, row in table.iterrows()
    ]
    return {
        "rates": [f"{rate:g}" for rate in table.columns],
        "rows": list(zip(table.index, cells, strict=True)),
    }


def _agreement(study: Study, sets: dict[str, Runs]) -> list[tuple[str, str]]:
    """Reproduced minus recorded final accuracy, or loss, of each arm, over the seeds that both have."""
    both = [run | {"arm": f"{name} {run['arm']}"} for name, runs in sets.items() for run in runs]
    found = [
        (arm.name, comparison.difference(both, f"reproduced {arm.name}", f"recorded {arm.name}"))
        for arm in study.arms
    ]
    return [(arm, stats.told(item, sign="+")) for arm, item in found if item is not None]


def _one_set(study: Study, name: str, runs: Runs) -> dict[str, Any]:
    """What is shown of the recorded, or of the reproduced, runs."""
    if not runs:
        return {"name": name, "count": 0}
    baseline = comparison.BASELINES.get(study.name)
    minus = comparison.differences(runs, baseline) if baseline else {}
    return {
        "name": name,
        "count": len(runs),
        "baseline": baseline,
        "differences": comparison.difference_table(minus).reset_index().to_dict("records"),
        "findings": findings(runs),
        "figures": _figures(study, runs, minus),
        "sources": _sources(runs),
    }


def _figures(study: Study, runs: Runs, minus: dict[str, Any]) -> list[dict[str, str]]:
    if study.sweep:
        what = "accuracy on held-out images (%)"
        title = (
            "Accuracy on held-out images by learning rate, mean of the runs; the best of each row is framed"
        )
        return [_figure(title, rate_map(runs, what))]
    sources = published_for(study.name)
    means = {arm: found for arm in comparison.arms(runs) if (found := comparison.mean(runs, arm))}
    figures = []
    what = _outcome(study)
    curves = not study.of_text and any(run["epochs"] for run in runs)
    if curves and len(comparison.arms(runs)) <= MOST_CURVES:
        title = (
            f"Accuracy on {study.tested_on} by epoch: mean of the runs, band from the lowest to the highest"
        )
        figures.append(_figure(title, draw.learning_curves(runs, what)))
    if any("test_accuracy" in sources.get(arm, {}) for arm in means):
        figures.append(_figure("Beside the published runs", draw.beside_published(runs, what)))
    if means:
        title = f"Final {what}: mean with 95 % interval, runs (dots), published (diamonds)"
        points = {arm: list(comparison.values(runs, arm).values()) for arm in means}
        marks = {arm: source["final"] for arm, source in sources.items() if "final" in source}
        figures.append(_figure(title, draw.intervals(means, f"final {what}", points, marks, runs=runs)))
    if minus:
        title = f"Final accuracy minus that of {comparison.BASELINES[study.name]}, paired by seed"
        said = "Difference in final accuracy, points"
        figures.append(
            _figure(title, draw.intervals(minus, "difference (points)", zero=True, what=said, runs=runs))
        )
    return figures


def _figure(title: str, fig: style.Figure) -> dict[str, str]:
    """What the page shows of a figure; the PNG is in base64."""
    return {"title": title, "png": base64.b64encode(style.png(fig)).decode("ascii"), "alt": fig.alt}


def _sources(runs: Runs) -> list[dict[str, Any]]:
    """One row for each place and way in which runs were made: how many, when, median minutes of a run."""
    table = pd.DataFrame([run["environment"] | run["execution"] for run in runs]).reindex(columns=_SOURCES)
    table["minutes"] = [run["seconds"] / 60 for run in runs]
    table["finished"] = [run["finished"][:10] for run in runs]
    rows = []
    for place, group in table.fillna("-").astype({"minutes": float}).groupby(list(_SOURCES)):
        first, last = group.finished.min(), group.finished.max()
        rows.append(
            dict(zip(_SOURCES, place, strict=True))
            | {"runs": len(group), "minutes": f"{group.minutes.median():.1f}"}
            | {"finished": first if first == last else f"{first} to {last}"}
        )
    return rows
