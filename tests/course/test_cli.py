"""The `course` command: help with examples, errors in one paragraph, and what each command hands on."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers import ROOT
from helpers.analysis.claims import beats, greater
from helpers.course import cli, run_lessons
from helpers.downloads import DataError
from helpers.images import datasets as images
from helpers.lessons import CLAIMS
from helpers.studies import runs as study_runs
from helpers.studies.records import RECORDED, REPRODUCED, RecordError
from helpers.text import datasets as texts
from tests import standin_runs
from tests.users import BOUND

COMMANDS = [command.callback.__name__ for command in cli.app.registered_commands]


def course(*arguments: str):
    return CliRunner().invoke(cli.app, arguments)


def test_the_commands_are_those_of_the_design():
    assert COMMANDS == ["doctor", "data", "run", "train", "report", "export", "publish"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_is_a_command(command):
    done = course(command, "--help")
    assert done.exit_code == 0
    assert f"Example: course {command}" in done.output


def test_help_does_not_wait_for_torch():
    code = "import sys, helpers.course.cli; sys.exit('torch' in sys.modules or 'distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "cifar"), "there is no data set 'cifar'. Did you mean cifar10? Choose from: digits, mnist"),
        (("train", "cifar_norm"), "there is no study 'cifar_norm'. Did you mean cifar_norms? Choose from"),
        (("train", "cifar_norms", "--device", "gpu"), 'device=\'gpu\'; choose "auto", "cpu" or "cuda"'),
        (("run", "30"), "there is no lesson '30'."),
        (("run", "04_batch_norm_from_scrach"), "Did you mean 04_batch_norm_from_scratch?"),
        (("run", "04", "-p", "retrain"), "-p retrain: a parameter is given as NAME=VALUE"),
        (("run", "04", "-p", "retrian=True"), "has no parameter 'retrian'. It has: retrain = False, seeds"),
        (("run", "04", "-p", "seeds=many"), "the parameter seeds must be of type int, like 5, but was"),
        (("export", "04", "--to", "pdf"), "there is no form 'pdf'. Choose from: ipynb, html, slides."),
        (("export", "four"), "there is no lesson 'four'."),
        (("publish", "nothing"), "'nothing' is not the name of a GitHub repository"),
    ],
)
def test_bad_input_is_told_in_one_paragraph_with_status_2(arguments, message, monkeypatch):
    monkeypatch.setattr(run_lessons.cluster, "cluster", lambda *_: pytest.fail("something was started"))
    done = course(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert done.stderr.count("\n\n") == 0


@pytest.mark.parametrize("arguments", ["run --jobs 0", "train --seeds 0", "sing", "publish"])
def test_a_command_that_cannot_be_read_is_refused_with_status_2(arguments):
    done = course(*arguments.split())
    assert done.exit_code == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.output


def test_an_expected_error_is_told_without_a_traceback(monkeypatch):
    def download(name, progress):
        raise DataError("no source answers")

    monkeypatch.setattr("helpers.images.datasets.download", download)
    done = course("data", "mnist")
    assert done.exit_code == 1
    assert done.stderr == "course: no source answers\n"


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("helpers.images.datasets.download", lambda name, progress: 1 / 0)
    assert isinstance(course("data", "mnist").exception, ZeroDivisionError)


def test_an_interruption_says_what_is_kept(monkeypatch):
    def run(study, **options):
        raise KeyboardInterrupt("2 of 30 runs are recorded")

    monkeypatch.setattr(study_runs, "run", run)
    done = course("train", "cifar_norms")
    assert done.exit_code == 130
    assert done.stderr == "course: 2 of 30 runs are recorded\n"


def test_data_takes_all_data_sets_or_those_named(monkeypatch):
    asked = []
    for package in (images, texts):
        monkeypatch.setattr(package, "download", lambda name, progress: asked.append(name))
        monkeypatch.setattr(package, "state", lambda name: "present")
    assert course("data", "digits", "tinyshakespeare").stdout == "digits: present\ntinyshakespeare: present\n"
    assert asked == ["digits", "tinyshakespeare"]
    assert course("data").exit_code == 0
    assert asked[2:] == [*images.DATASETS, *texts.DATASETS]


@pytest.mark.parametrize(("option", "folder"), [([], REPRODUCED), (["--record"], RECORDED)])
def test_train_hands_its_options_on(option, folder, monkeypatch):
    asked = []

    def run(study, **options):
        asked.append((study.name, options))
        return [standin_runs.run("batch", 0, [70.0]), standin_runs.run("layer", 0, [], "diverged")]

    monkeypatch.setattr(study_runs, "run", run)
    done = course("train", "cifar_norms", "--seeds", "2", "--jobs", "3", "--device", "cpu", *option)
    assert done.exit_code == 0, done.output
    assert "cifar_norms: 2 runs, 1 of them diverged" in done.output
    name, options = asked[0]
    given = {"seeds": 2, "jobs": 3, "scheduler": None, "folder": folder, "device": "cpu"}
    assert (name, {key: options[key] for key in given}) == ("cifar_norms", given)


def test_a_study_ends_at_the_look_that_decides_its_claims(monkeypatch):
    """Layer norm far behind the others, and little noise: claims are decided as soon as they may be."""
    asked = []

    def run(study, *, seeds, **options):
        asked.append(seeds)
        return standin_runs.runs(seeds)

    monkeypatch.setattr(study_runs, "run", run)
    monkeypatch.setitem(CLAIMS, "cifar_norms", only_the_first_claim)
    assert "undecided" not in course("train", "cifar_norms").output
    assert asked == [5]
    monkeypatch.setitem(CLAIMS, "cifar_norms", a_claim_that_stays_open)
    done = course("train", "cifar_norms")
    assert asked == [5, 5, 10, 20, 30]
    assert "cifar_norms, 30 seeds: 1 of 1 findings are undecided" in done.output


def only_the_first_claim(runs, matters):
    return [beats(runs, 20, "batch norm beats layer norm", "batch", "layer", matters)]


def a_claim_that_stays_open(runs, matters):
    level = {seed: 10.0 * (-1) ** seed for seed in {run["seed"] for run in runs}}
    return [greater(20, "what flips", {"it": level}, "points", matters)]


@pytest.mark.parametrize(("error", "status"), [(None, 0), ("section 1: it broke", 1)])
def test_run_ends_with_a_table_and_the_status_of_the_lessons(error, status, monkeypatch):
    asked = []

    def run(paths, values, *, workers, scheduler, cell_timeout, report):
        asked.append((values, workers, cell_timeout))
        results = [
            {"lesson": path.stem, "status": "failed" if error else "passed", "seconds": 2.25, "error": error}
            for path in paths
        ]
        for result in results:
            report(result)
        return results

    monkeypatch.setattr(run_lessons, "run", run)
    done = course("run", "04", "-p", "retrain=true", "-p", "seeds=2", "--jobs", "4")
    assert done.exit_code == status
    assert asked == [({"retrain": True, "seeds": 2}, 4, None)]
    head, row = done.stdout.splitlines()[-2:]
    assert head.split() == ["lesson", "status", "seconds"]
    assert row.split() == ["04_batch_norm_from_scratch", "failed" if error else "passed", "2.2"]
    assert (error or "") in done.stderr


def test_report_says_where_the_page_is(monkeypatch):
    monkeypatch.setattr("helpers.course.report.build", lambda: "build/report.html")
    assert course("report").stdout == "report: build/report.html\n"
    monkeypatch.setattr(
        "helpers.course.report.build", lambda: (_ for _ in ()).throw(RecordError("line 3 is damaged"))
    )
    done = course("report")
    assert (done.exit_code, done.stderr) == (1, "course: line 3 is damaged\n")


def test_doctor_shows_versions_data_lessons_and_studies(monkeypatch):
    absent = ("mnist", "tinyshakespeare")
    for package in (images, texts):
        monkeypatch.setattr(package, "state", lambda name: "absent" if name in absent else "present")
    done = course("doctor")
    assert done.exit_code == 0, done.output
    for text in [
        "torch ",
        "digits ",
        "04_batch_norm_from_scratch",
        "cifar_norms: ",
        "  mnist: course data mnist",
        "  tinyshakespeare: course data tinyshakespeare",
    ]:
        assert text in done.output


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the course in which nothing can be written, and a function that gives it a command."""
    place = tmp_path_factory.mktemp("checkout") / "my course"
    for folder in ("helpers", "notebooks", "data/results"):
        shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "constraints.txt", "README.md", "CITATION.cff", "data/published.json"):
        shutil.copy(ROOT / file, place / file)
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)

    def run(*arguments: str) -> tuple[subprocess.CompletedProcess, Path]:
        done = subprocess.run(
            [*BOUND, sys.executable, "-m", "helpers.course.cli", *arguments],
            cwd=place,
            env=os.environ | {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, place

    yield run
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["run", "02"], "build"),
        (["report"], "build"),
        (["train", "adam_l2_adamw"], "build/results/adam_l2_adamw.jsonl"),
        (["train", "input_scaling", "--record", "--seeds", "9"], "data/results/input_scaling.jsonl"),
        (["publish", "octocat/course"], ""),
    ],
)
def test_a_checkout_that_cannot_be_written_is_told_before_anything_runs(arguments, place, checkout):
    done, course = checkout(*arguments)
    assert done.returncode == (2 if arguments[0] == "publish" else 1)
    assert done.stdout == ""
    assert done.stderr.startswith(f"course: {course / place}")
    assert "cannot be written (Permission denied), so nothing was started. Let its owner give" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_data_and_doctor_tell_a_checkout_that_cannot_be_written(checkout):
    done, course = checkout("data", "mnist")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"course: mnist cannot be stored in {course / 'data'}: {course / 'data'} cannot"
    )
    assert len(done.stderr.splitlines()) == 1
    done, course = checkout("doctor")
    assert f"folder build: {course / 'build'} cannot be written: Permission denied" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG])
@pytest.mark.parametrize("command", [["train", "cifar_norms"], ["run", "02"], ["report"]])
def test_what_the_machine_refuses_in_the_middle_is_told_without_a_traceback(command, number, monkeypatch):
    def refused(*_, **__):
        raise OSError(number, os.strerror(number), "/srv/results.jsonl")

    for name in ("helpers.studies.runs.run", "helpers.course.run_lessons.run", "helpers.course.report.build"):
        monkeypatch.setattr(name, refused)
    done = course(*command)
    assert done.exit_code == 1
    assert done.stderr.startswith(
        f"course: /srv/results.jsonl: {os.strerror(number)}. What had ended is kept"
    )


def test_another_error_of_the_system_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("helpers.course.report.build", lambda: Path("/no/such/file").read_text())
    assert isinstance(course("report").exception, FileNotFoundError)
