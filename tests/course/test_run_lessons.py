"""What the runner guarantees, each shown on a small notebook that papermill alone would pass or misreport."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from papermill import PapermillExecutionError, cli, execute_notebook

from helpers import ROOT, clean
from helpers.course import one_lesson, run_lessons
from tests.own_settings import own_settings

FIXTURES = ROOT / "tests" / "fixtures"
RUN = ["good", "settings", "failing_cell", "dead_kernel", "exits_early", "quits", "hangs"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """All fixture notebooks run at once, where another environment owns the kernel "python3" and a person has
    own settings.
    """
    folder = tmp_path_factory.mktemp("runner")
    foreign = folder / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["false", "{connection_file}"], "display_name": "another", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    before = {name: (FIXTURES / f"{name}.ipynb").read_bytes() for name in RUN}
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        for name, value in own_settings(folder / "own").items():
            patch.setenv(name, value)
        results = run_lessons.run(
            [FIXTURES / f"{name}.ipynb" for name in RUN],
            {"x": 2},
            workers=2,
            cell_timeout=15,
            build=folder / "build",
            report=seen.append,
        )
    assert before == {name: (FIXTURES / f"{name}.ipynb").read_bytes() for name in RUN}, "a lesson was changed"
    return {"results": {run["lesson"]: run for run in results}, "seen": seen, "build": folder / "build"}


def test_a_good_lesson_passes_in_this_python_whatever_kernel_is_installed(ran):
    assert ran["results"]["good"]["error"] is None
    assert ran["results"]["good"]["status"] == "passed"


def test_a_person_s_own_settings_change_nothing(ran):
    assert ran["results"]["settings"]["error"] is None
    executed = nbformat.read(ran["build"] / "lessons" / "settings.ipynb", as_version=4)
    expected = nbformat.read(FIXTURES / "settings.ipynb", as_version=4)
    outputs = [
        [output.get("text") or output.data["text/plain"] for output in cell.outputs]
        for notebook in (executed, expected)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.outputs
    ]
    assert outputs[:3] == outputs[3:]


@pytest.mark.parametrize(
    ("lesson", "cell", "error"),
    [
        ("failing_cell", "cell 6 (1 / (x - 2))", "ZeroDivisionError: division by zero"),
        ("dead_kernel", "cell 6 (import os)", "DeadKernelError: Kernel died"),
        ("exits_early", "cell 6 (import sys)", "the lesson ended here, before its last cell, SystemExit: "),
        ("quits", "cell ", "Kernel died"),  # the kernel stops a tenth of a second after exit()
        ("hangs", "cell 6 (import os)", "CellTimeoutError: A cell timed out"),
    ],
)
def test_a_lesson_that_does_not_reach_its_end_fails_with_section_cell_and_error(ran, lesson, cell, error):
    result = ran["results"][lesson]
    assert result["status"] == "failed"
    assert result["error"].startswith(f'section "2 · Products", {cell}')
    assert error in result["error"]


def test_every_lesson_is_run_reported_and_remembered(ran):
    assert {run["lesson"] for run in ran["seen"]} == set(RUN)
    assert run_lessons.runs(ran["build"] / "runs.json") == sorted(ran["seen"], key=lambda run: run["lesson"])
    assert all(0 < run["seconds"] < 300 and run["parameters"] == {"x": 2} for run in ran["seen"])
    executed = nbformat.read(ran["build"] / "lessons" / "good.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "product 6\n"


def test_papermill_alone_passes_a_lesson_that_exits_early(tmp_path):
    # If this fails, papermill has learnt it, and find_fault may become simpler.
    done = execute_notebook(FIXTURES / "exits_early.ipynb", tmp_path / "out.ipynb", progress_bar=False)
    assert done.cells[-1].execution_count is None


def result(lesson: str, status: str) -> dict:
    return {
        "lesson": lesson, "status": status, "seconds": 1.5, "error": None, "parameters": {},
        "finished": "2026-11-28T01:00:00+00:00",
    }  # fmt: skip


FOREIGN = ["", "{", "null", "1", '{"lesson": "01"}', "[1, null]", '[{"lesson": 1}]', "\0", "[" * 100_000]


@pytest.mark.parametrize("content", [*FOREIGN, b"\xff\xfe"], ids=range(len(FOREIGN) + 1))
def test_a_list_of_results_that_is_broken_costs_no_lesson_its_result(content, tmp_path):
    """It was read when a lesson of minutes had ended, and the result was lost in a traceback."""
    path = tmp_path / "runs.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert run_lessons.runs(path) == []
    run_lessons._remember(result("02", "passed"), path)
    assert run_lessons.runs(path) == [result("02", "passed")]


def test_two_commands_that_end_at_once_are_both_remembered(tmp_path):
    path, names = tmp_path / "build" / "runs.json", [f"{i:02}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: run_lessons._remember(result(name, "passed"), path), names))
    assert [run["lesson"] for run in run_lessons.runs(path)] == names


def test_a_value_too_deep_for_python_is_a_text():
    assert run_lessons.typed("1" + "+1" * 5000).startswith("1+1")


def test_a_later_run_of_one_lesson_keeps_the_results_of_others(tmp_path):
    run_lessons._remember(result("02", "failed"), tmp_path / "runs.json")
    run_lessons._remember(result("01", "passed"), tmp_path / "runs.json")
    run_lessons._remember(result("02", "passed"), tmp_path / "runs.json")
    remembered = run_lessons.runs(tmp_path / "runs.json")
    assert [(run["lesson"], run["status"]) for run in remembered] == [("01", "passed"), ("02", "passed")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retrian": True}, r"good has no parameter 'retrian'. It has: x = 2, name = 'two'."),
        ({"x": "three"}, r"good: the parameter x must be of type int, like 2, but was given 'three'"),
        ({"x": True}, r"must be of type int"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_starts(values, message, tmp_path, monkeypatch):
    monkeypatch.setattr(run_lessons.cluster, "cluster", lambda *_: pytest.fail("something was started"))
    with pytest.raises(run_lessons.RunnerError, match=message):
        run_lessons.run([FIXTURES / "good.ipynb"], values, build=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["True", "False", "3", "-2", "1e-3", "0.5", "auto", "cuda:0", "", "nan"])
def test_values_have_the_types_that_papermill_gives_them(text):
    assert repr(run_lessons.typed(text)) == repr(cli._resolve_type(text))


def test_true_and_false_are_understood_in_any_case():
    assert run_lessons.typed("false") is False
    assert run_lessons.typed("TRUE") is True


@pytest.fixture
def learners(tmp_path: Path) -> Path:
    """A notebooks folder in which somebody has worked: the lessons, copies of them, and other notebooks."""
    folder = tmp_path / "notebooks"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    others = [
        "04_batch_norm_from_scratch-Copy1",
        "04_batch_norm_from_scratch_mine",
        "03_a",
        "00_try",
        "Notes",
    ]
    for name in [*run_lessons.NAMES, *others]:
        (folder / f"{name}.ipynb").touch()
    (folder / ".ipynb_checkpoints" / "04_batch_norm_from_scratch-checkpoint.ipynb").touch()
    return folder


def test_lessons_are_found_by_number_name_and_path_among_a_learner_s_copies(learners, monkeypatch):
    assert list(run_lessons.lessons(learners)) == list(run_lessons.NAMES)
    assert run_lessons.choose([], learners) == [learners / f"{name}.ipynb" for name in run_lessons.NAMES]
    monkeypatch.chdir(learners.parent)
    lesson = learners / "04_batch_norm_from_scratch.ipynb"
    for name in (
        "04",
        lesson.stem,
        lesson.name,
        f"notebooks/{lesson.name}",
        str(lesson),
        f"./notebooks/{lesson.stem}.ipynb",
    ):
        assert run_lessons.choose([name], learners) == [lesson], name
    assert run_lessons.choose(["06", "04", "04", lesson.name], learners) == [
        learners / "06_layer_group_instance_rms_norm.ipynb",
        lesson,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "04_batch_norm_from_scratch-Copy1",
        "notebooks/04_batch_norm_from_scratch-Copy1.ipynb",
        "04_batch_norm_from_scratch_mine",
        "03_a",
        "3",
        "0",
        "00",
        "Notes",
        "",
        ".",
        "*",
    ],
)
def test_a_copy_is_not_a_lesson(name, learners):
    with pytest.raises(run_lessons.RunnerError, match="is 08_batch_norm_before_and_after in this edition"):
        run_lessons.choose(["05_batch_norm_before_and_after"], learners)
    with pytest.raises(run_lessons.RunnerError, match="is 06_layer_group_instance_rms_norm in this edition"):
        run_lessons.choose(["notebooks/04_layer_group_instance_norm.ipynb"], learners)
    with pytest.raises(run_lessons.RunnerError, match=r"there is no lesson .* The lessons are: 01_data_norm"):
        run_lessons.choose([name], learners)
    with pytest.raises(run_lessons.RunnerError, match=r"Did you mean 04_batch_norm_from_scratch\?"):
        run_lessons.choose(["04_batch_norm_from_scratch-Copy1"], learners)


def test_the_path_of_another_notebook_of_that_name_is_not_the_lesson(learners, tmp_path, monkeypatch):
    other = tmp_path / "other" / "04_batch_norm_from_scratch.ipynb"
    other.parent.mkdir()
    other.touch()
    monkeypatch.chdir(tmp_path)
    for path in (
        other,
        "other/04_batch_norm_from_scratch.ipynb",
        "x/04",
        "./04_batch_norm_from_scratch.ipynb",
    ):
        with pytest.raises(
            run_lessons.RunnerError, match=r"is not the lesson, which is .*notebooks/04_batch"
        ):
            run_lessons.choose([str(path)], learners)


def test_a_lesson_that_is_missing_is_named(learners, tmp_path):
    (learners / "08_batch_norm_before_and_after.ipynb").unlink()
    for wanted in ([], ["08"], ["04", "08"]):
        with pytest.raises(
            run_lessons.RunnerError, match=r"missing: .*08_batch_norm_before_and_after.ipynb\. Run"
        ):
            run_lessons.choose(wanted, learners)
    assert len(run_lessons.choose(["04"], learners)) == 1
    with pytest.raises(run_lessons.RunnerError, match="Run the course from its own folder"):
        run_lessons.choose([], tmp_path / "nowhere")


def test_a_failing_cell_is_found_by_papermill_too(tmp_path):
    with pytest.raises(PapermillExecutionError):
        execute_notebook(FIXTURES / "failing_cell.ipynb", tmp_path / "out.ipynb", progress_bar=False)
    fault = one_lesson.find_fault(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert fault == 'section "2 · Products", cell 6 (1 / (x - 2)): ZeroDivisionError: division by zero'


def test_nothing_goes_on_when_the_command_is_gone(tmp_path):
    note = tmp_path / "kernel"
    paths = [str(FIXTURES / "hangs.ipynb"), str(tmp_path / "out.ipynb"), str(tmp_path / "error")]
    child = subprocess.Popen(
        [sys.executable, "-m", "helpers.course.one_lesson"],
        cwd=ROOT,
        env=clean.kernel(tmp_path / "profile"),
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        child.stdin.write(json.dumps([*paths, {"name": str(note)}, None]) + "\n")
        child.stdin.flush()
        kernel = int(_eventually(lambda: note.is_file() and note.read_text(), 120))
        child.stdin.close()  # what the system does when the command is killed
        child.wait(timeout=60)
        _eventually(lambda: not _alive(kernel), 60)
    finally:
        child.kill()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def _eventually(condition, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.2)
    return pytest.fail(f"not within {seconds} seconds")
