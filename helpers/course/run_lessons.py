"""Runs lessons with papermill: one process each, side by side, and checks what papermill does not."""

import ast
import contextlib
import datetime
import difflib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from helpers import ROOT, files
from helpers.course.one_lesson import LESSONS, run_lesson
from helpers.studies import cluster, parameters

BUILD = ROOT / "build"
# An exact list: notebooks/ is also where a learner's copies of the lessons lie (Jupyter's end in -Copy1)
NAMES = (
    "01_data_normalization",
    "02_why_scale_matters",
    "03_signals_in_deep_networks",
    "04_batch_norm_from_scratch",
    "05_batch_norm_in_use",
    "06_layer_group_instance_rms_norm",
    "07_batch_layer_group_compared",
    "08_batch_norm_before_and_after",
    "09_batch_size_learning_rate_depth",
    "10_why_batch_norm_helps",
    "11_l1_l2_from_scratch",
    "12_weight_decay",
    "13_regularization_experiments",
    "14_norms_for_sequences",
    "15_fifty_thousand_parameters",
    "16_what_holds_up",
)
CELL_TIMEOUT = 600  # seconds; a committed lesson needs less than 60 in all


class RunnerError(ValueError):
    """What was asked for cannot be run; nothing was started. The message says what is possible."""


def lessons(folder: Path = LESSONS) -> dict[str, Path]:
    """The lessons by name, in their order; `folder` may hold a learner's copies of them as well."""
    return {name: folder / f"{name}.ipynb" for name in NAMES}


def choose(wanted: Iterable[str], folder: Path = LESSONS) -> list[Path]:
    """The lessons asked for by name, number or path; all of them if none is named.

    Raises RunnerError for one that does not exist, and for the path of a notebook that is not a lesson.
    """
    known = lessons(folder)
    chosen = {}
    for name in wanted:
        path = Path(name)
        stem = path.name.removesuffix(".ipynb")
        found = [lesson for lesson in known if stem in (lesson, lesson.split("_")[0])]
        if not found and (renumbered := _renumbered(stem, known)):
            raise RunnerError(f"{name} is {renumbered} in this edition.")
        if not found:
            near = difflib.get_close_matches(stem, known, n=1, cutoff=0.3)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise RunnerError(f"there is no lesson {name!r}.{hint} The lessons are: {', '.join(known)}.")
        lesson = known[found[0]]
        if path.name != name and path.resolve() != lesson.resolve():
            raise RunnerError(
                f"{path.resolve()} is not the lesson, which is {lesson}. Give its name or number."
            )
        chosen[lesson.stem] = lesson
    chosen = chosen or known
    if missing := [str(lesson) for lesson in chosen.values() if not lesson.is_file()]:
        raise RunnerError(
            f"missing: {', '.join(missing)}. Run the course from its own folder, or get the lessons back "
            "(git restore notebooks)."
        )
    return list(chosen.values())


def _renumbered(stem: str, known: Iterable[str]) -> str | None:
    """The lesson that bore this name under another number in the first edition."""
    topic = stem.partition("_")[2]
    topic = {"layer_group_instance_norm": "layer_group_instance_rms_norm"}.get(topic, topic)
    return next((lesson for lesson in known if topic and lesson.partition("_")[2] == topic), None)


def typed(text: str) -> Any:
    """The value that `text` stands for, as for papermill's -p, but in any case for True and False."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"  # papermill makes a string of "false", which is true
    for read in (int, float, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):  # the last if deep
            return read(text)
    return text


def check_parameters(paths: Iterable[Path], values: dict[str, Any]) -> None:
    """Raises RunnerError if a lesson has no parameter of that name, type and range; papermill takes any."""
    for path in paths if values else ():
        allowed = _parameters(path)
        for name, value in values.items():
            if name not in allowed:
                known = ", ".join(f"{key} = {default!r}" for key, default in allowed.items()) or "none"
                raise RunnerError(f"{path.stem} has no parameter {name!r}. It has: {known}.")
            default = allowed[name]
            whole_for_real = isinstance(default, float) and type(value) is int
            if default is not None and type(value) is not type(default) and not whole_for_real:
                raise RunnerError(
                    f"{path.stem}: the parameter {name} must be of type {type(default).__name__}, "
                    f"like {default!r}, but was given {value!r}."
                )
            if name in parameters.NAMES and (wrong := parameters.fault(name, value)):
                raise RunnerError(f"{path.stem}: {wrong}")


def _parameters(path: Path) -> dict[str, Any]:
    from papermill import inspect_notebook  # half a second, which `course --help` need not wait for

    return {name: typed(found["default"]) for name, found in inspect_notebook(path).items()}


def run(
    paths: Iterable[Path],
    values: dict[str, Any] | None = None,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    cell_timeout: int | None = CELL_TIMEOUT,
    build: Path = BUILD,
    report: Callable[[dict[str, Any]], None] = lambda result: None,
) -> list[dict[str, Any]]:
    """Runs lessons, `workers` at a time here or on the cluster at `scheduler`; returns how each went.

    A result has lesson, status ("passed" or "failed"), seconds, error (None or what went wrong and where),
    parameters and finished; `report` gets each as it ends. A cell may take cell_timeout seconds. Executed
    notebooks go to build/lessons, and the latest result of each lesson to build/runs.json; the lessons
    themselves are never written to.
    Before anything starts, raises RunnerError if a lesson does not have one of the parameters, and
    files.FilesError if the build folder cannot be written.
    """
    paths, values = list(paths), values or {}
    check_parameters(paths, values)
    files.require_writable(build, build / "lessons")
    results = {}

    def ended(task: str, outcome: tuple[float, str | None, str] | None, lost: BaseException | None) -> None:
        lesson = task.split(" ")[0]
        if lesson in results:
            return
        seconds, error, notebook = outcome or (0.0, f"the job was lost: {lost}", "")
        if notebook:
            files.write(build / "lessons" / f"{lesson}.ipynb", notebook)
        results[lesson] = {
            "lesson": lesson,
            "status": "failed" if error else "passed",
            "seconds": round(seconds, 1),
            "error": error,
            "parameters": values,
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        _remember(results[lesson], build / "runs.json")
        report(results[lesson])

    left = iter(paths)

    def next_lesson(_: str) -> tuple[str, tuple] | None:  # whichever worker is free
        path = next(left, None)
        return path and (f"{path.stem} {time.time_ns()}", (path.read_text("utf-8"), values, cell_timeout))

    processes = max(1, min(workers, len(paths)))
    with cluster.cluster(processes, cluster.threads_of(processes), scheduler) as client:
        cluster.work(client, run_lesson, next_lesson, ended)
    return [results[path.stem] for path in paths]


def _remember(result: dict[str, Any], path: Path) -> None:
    """Puts a result in place of the lesson's earlier one, whatever another command does at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.lock(f"{path}.lock"):
        others = [run for run in runs(path) if run["lesson"] != result["lesson"]]
        kept = sorted([*others, result], key=lambda run: run["lesson"])
        files.write(path, json.dumps(kept, indent=1) + "\n")


def runs(path: Path = BUILD / "runs.json") -> list[dict[str, Any]]:
    """The latest result of each lesson that was run; what is in the file and is no result is passed over."""
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):  # no lesson was run yet, or the file is not ours
        kept = []
    return [run for run in kept if _is_result(run)] if isinstance(kept, list) else []


def _is_result(run: Any) -> bool:
    texts = ("lesson", "status", "finished")
    return (
        isinstance(run, dict)
        and all(isinstance(run.get(name), str) for name in texts)
        and isinstance(run.get("seconds"), int | float)
        and {"error", "parameters"} <= run.keys()
    )
