"""A lesson refuses parameters that it cannot run with, and says what they may be, whoever sets them."""

import nbformat
import papermill
import papermill.cli
import pytest
import torch
from typer.testing import CliRunner

from helpers.course import cli, run_lessons
from helpers.lessons import STUDIES
from helpers.studies import runs as study_runs
from helpers.studies.parameters import DEVICES, MOST_SEEDS, check_parameters, fault
from helpers.training import execution
from helpers.training.execution import Execution

GOOD = {"retrain": False, "seeds": 5, "device": "cpu"}
WRONG = [
    ("retrain", "false", r"retrain is 'false' \(a text; .*\); it must be True or False"),
    ("retrain", "False", "retrain is 'False' "),
    ("retrain", "no", "retrain is 'no' "),
    ("retrain", 0, "retrain is 0; it must be True or False"),
    ("retrain", None, "retrain is None; "),
    ("seeds", 0, f"seeds is 0; it must be a whole number from 1 to {MOST_SEEDS}"),
    ("seeds", -1, "seeds is -1; "),
    ("seeds", "3", "seeds is '3'; "),
    ("seeds", 3.0, "seeds is 3.0; "),
    ("seeds", float("nan"), "seeds is nan; "),
    ("seeds", True, "seeds is True; "),
    ("seeds", None, "seeds is None; "),
    ("seeds", MOST_SEEDS + 1, "seeds is 1001; "),
    ("device", "gpu", 'device is \'gpu\'; it must be one of "auto", "cpu", "cuda"'),
    ("device", "CPU", "device is 'CPU'; "),
    ("device", "cuda:0", "device is 'cuda:0'; "),
    ("device", "", "device is ''; "),
    ("device", None, "device is None; "),
    ("device", torch.device("cpu"), "device is device"),
    ("device", ["cpu"], r"device is \['cpu'\]; "),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_wrong_value_is_refused_with_what_is_allowed(name, value, message, monkeypatch):
    with pytest.raises(ValueError, match=message):
        check_parameters(**GOOD | {name: value})
    monkeypatch.setattr(study_runs, "run", lambda *_, **__: pytest.fail("something was trained"))
    with pytest.raises(ValueError, match=message):  # where the cell of the parameters alone was run again
        study_runs.results(STUDIES["cifar_norms"], **GOOD | {name: value})


def test_the_values_of_a_lesson_and_the_ends_of_the_ranges_are_accepted():
    assert check_parameters(False, 5, "auto") is None
    assert check_parameters(True, 1, "cpu") is None
    assert check_parameters(retrain=True, seeds=MOST_SEEDS, device="auto") is None
    assert max(study.seeds for study in STUDIES.values()) < MOST_SEEDS


def test_a_gpu_that_is_not_here_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="torch sees no GPU here"):
        check_parameters(False, 5, "cuda")
    assert fault("device", "cuda") is None  # for a lesson that runs elsewhere


def test_the_devices_are_those_that_runs_are_executed_on(monkeypatch):
    for device in DEVICES:
        try:
            Execution.auto(device)
        except ValueError as error:
            assert "choose" in str(error) and "no GPU here" in str(error)  # noqa: PT017, PT018
    with pytest.raises(ValueError, match=", ".join(f'"{device}"' for device in DEVICES[:2])):
        Execution.auto("tpu")


@pytest.mark.parametrize("given", ["retrain=no", "seeds=0", "seeds=-3", "seeds=1e1", "device=gpu"])
def test_the_command_refuses_before_anything_starts(given, monkeypatch):
    monkeypatch.setattr(run_lessons.cluster, "cluster", lambda *_: pytest.fail("something was started"))
    done = CliRunner().invoke(cli.app, ["run", "06", "-p", given])
    name, _, value = given.partition("=")
    assert done.exit_code == 2
    assert "06_layer_group_instance_rms_norm: " in done.stderr
    assert name in done.stderr
    assert str(run_lessons.typed(value)) in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("value", ["false", "0"])
def test_plain_papermill_stops_in_the_lesson_before_it_computes(value, tmp_path):
    """As `papermill lesson.ipynb out.ipynb -p retrain false`, whose "false" is a text, and so is true."""
    given = papermill.cli._resolve_type(value)
    assert bool(given) or given == 0
    lesson = run_lessons.lessons()["06_layer_group_instance_rms_norm"]
    with pytest.raises(papermill.PapermillExecutionError, match=f"ValueError: retrain is {given!r}"):
        papermill.execute_notebook(
            lesson, tmp_path / "out.ipynb", {"retrain": given}, cwd=lesson.parent, progress_bar=False
        )
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    counted = [cell.execution_count for cell in cells if cell.cell_type == "code" and cell.execution_count]
    assert counted[-1] == 4  # set-up, parameters, those injected, and the cell that checks them


def test_to_check_the_parameters_nothing_is_timed(monkeypatch):
    monkeypatch.setattr(execution, "timing", lambda: pytest.fail("a step was timed at the start of a lesson"))
    check_parameters(False, 5, "auto")
