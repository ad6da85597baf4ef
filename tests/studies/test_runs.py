"""Studies lose no finished run and record none twice, whatever is killed, and go on with what is missing.

The toy runs take a moment and note their start and end in a log. As a program, this file is the
command that the tests kill: test_studies.py FOLDER [SCHEDULER].
"""

import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import cloudpickle
import psutil
import pytest
import torch
from distributed import SpecCluster
from distributed.core import Status

from helpers import ROOT, files
from helpers.analysis import sweeps
from helpers.analysis.published import published
from helpers.files import FilesError
from helpers.images import datasets
from helpers.images.batches import Augment, Batches
from helpers.images.scaling import SCALINGS, equalize, per_image
from helpers.lessons import CHOSEN, STUDIES
from helpers.nn import networks
from helpers.studies import cluster as jobs
from helpers.studies import records
from helpers.studies import runs as study_runs
from helpers.studies.runs import StudyError
from helpers.studies.study import Arm, Study
from helpers.training import loop
from helpers.training.execution import Execution
from helpers.training.loop import Run
from helpers.training.recipe import Recipe
from tests.standin_runs import EPOCH
from tests.tools import kill_studies

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests

SEEDS = 3


def toy(*names: str) -> Study:
    arms = tuple(Arm(name, name, Recipe(epochs=1, lr=0.1 + i)) for i, name in enumerate(names or "abcd"))
    return Study(name="toy", dataset="digits", arms=arms, title="A toy", lesson="00_toy")


def toy_train(study, arm, seed, device):
    """In the place of runs.train."""
    log = Path(os.environ["TOY_LOG"])

    def note(event):
        with log.open("a") as file:
            file.write(f"{event} {arm.name} {seed} {os.getpid()}\n")

    with study_runs.ONE_RUN_A_PROCESS:
        note("start")
        if arm.norm == "broken":
            raise ZeroDivisionError("no such thing")
        stop = time.monotonic() + 60
        while arm.norm == "waiting" and not log.with_name("go on").exists():
            assert time.monotonic() < stop, "waited too long"
        stop = time.monotonic() + float(os.environ.get("TOY_SECONDS", "0.3"))
        while time.monotonic() < stop:
            pass  # busy, as training is
        status = "diverged" if arm.norm == "diverging" else "done"
        run = Run([EPOCH | {"train_loss": float("nan")}], status, 0.3, Execution.auto(device, 1))
        note("end")
    return study_runs.record(study, arm, seed, run)


@pytest.fixture
def log(tmp_path, monkeypatch) -> Path:
    """Has studies train toys, and gives the log that they keep."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("TOY_LOG", str(path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(study_runs, "train", toy_train)
    return path


def events(log: Path, kind: str) -> list[tuple[str, int]]:
    lines = [line.split() for line in log.read_text().splitlines()]
    return [(arm, int(seed)) for event, arm, seed, _ in lines if event == kind]


def command(*arguments) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition, seconds=300):
    stop = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < stop, "waited too long"
        time.sleep(0.02)


def whole_records(folder: Path) -> list[dict]:
    """Every line of the file, each a record, no key twice."""
    path = folder / "toy.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    assert len({record["key"] for record in found}) == len(found)
    return found


def order(found: list[dict]) -> list[tuple[str, int]]:
    return [(record["arm"], record["seed"]) for record in found]


FULL = [(arm, seed) for seed in range(SEEDS) for arm in "abcd"]


def test_runs_go_seed_by_seed_and_a_failing_one_is_named_while_the_others_finish(log, tmp_path):
    study = toy("a", "broken", "diverging")
    with pytest.raises(StudyError) as caught:
        study_runs.run(study, seeds=2, jobs=1, folder=tmp_path)
    message = str(caught.value)
    assert message.startswith("2 of 6 runs failed")
    assert str(tmp_path / "toy.jsonl") in message
    for seed in (0, 1):
        assert re.search(rf"toy / broken / seed {seed} .*: ZeroDivisionError: no such thing", message)
    expected = [(arm, seed) for seed in (0, 1) for arm in ("a", "broken", "diverging")]
    assert events(log, "start") == expected
    found = whole_records(tmp_path)
    assert order(found) == [("a", 0), ("diverging", 0), ("a", 1), ("diverging", 1)]
    assert [record["status"] for record in found] == ["done", "diverged"] * 2
    assert found[1]["epochs"][0]["train_loss"] is None
    assert found[0]["config"]["recipe"]["lr"] == 0.1
    assert found[0]["environment"]["processor"]

    # What is there is not trained again, and nothing is started for it.
    whole = dataclasses.replace(study, arms=(study.arms[0], study.arms[2]))
    assert order(study_runs.run(whole, seeds=2, folder=tmp_path)) == order(found)
    assert order(study_runs.run(whole, seeds=1, folder=tmp_path)) == order(found)[:2]
    assert len(events(log, "start")) == 6


def test_a_run_is_recorded_at_once_though_an_earlier_one_still_runs(log, tmp_path):
    def go_on():
        wait_until(lambda: ("a", 0) in order(whole_records(tmp_path)))
        (tmp_path / "go on").touch()

    threading.Thread(target=go_on, daemon=True).start()
    study_runs.run(toy("waiting", "a"), seeds=1, jobs=2, folder=tmp_path)
    assert order(whole_records(tmp_path)) == [("a", 0), ("waiting", 0)]


def test_killed_workers_lose_nothing(log, tmp_path):
    killed = []

    def kill_some():
        chance = random.Random(0)
        for _ in range(4):
            time.sleep(chance.uniform(0.2, 1.0))
            before = len(log.read_text())
            wait_until(lambda before=before: len(log.read_text()) > before)
            victim = int(log.read_text().split()[-1])
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    killer = threading.Thread(target=kill_some)
    killer.start()
    found = study_runs.run(toy(), seeds=SEEDS, jobs=2, folder=tmp_path)
    killer.join()
    assert len(killed) == 4
    assert order(found) == FULL
    assert len(whole_records(tmp_path)) == len(FULL)
    assert len(events(log, "end")) <= len(FULL) + 4  # a run may have ended and not yet been handed over


def test_the_only_worker_may_be_killed(log, tmp_path):
    """Its job goes to the worker that is started in its place, which has another address."""
    victims = []

    def kill_it():
        wait_until(lambda: len(log.read_text().split()) >= 4)
        victims.append(int(log.read_text().split()[-1]))
        os.kill(victims[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_it)
    killer.start()
    found = study_runs.run(toy("a", "b"), seeds=1, jobs=1, folder=tmp_path)
    killer.join()
    assert len(victims) == 1
    assert order(found) == [("a", 0), ("b", 0)]


def test_a_machine_that_is_gone_with_its_job_is_told(monkeypatch):
    monkeypatch.setattr(jobs, "LOST_SECONDS", 5.0)
    now = time.monotonic()
    jobs._check_machines({"10.0.0.1"}, {"10.0.0.1": now - 1, "10.0.0.2": now - 60})
    with pytest.raises(jobs.JobsError, match=r"10\.0\.0\.2 has had no worker for 5 s"):
        jobs._check_machines({"10.0.0.1", "10.0.0.2"}, {"10.0.0.1": now, "10.0.0.2": now - 60})


def test_a_killed_command_loses_nothing_and_leaves_nothing_running(log, tmp_path):
    chance = random.Random(1)
    for _ in range(4):
        kept = whole_records(tmp_path)
        process = command(tmp_path)
        wait_until(lambda: len(whole_records(tmp_path)) > len(kept))  # noqa: B023
        time.sleep(chance.uniform(0, 0.6))
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.kill()
        process.communicate()
        _, alive = psutil.wait_procs(children, timeout=15)
        assert not alive
        assert order(whole_records(tmp_path))[: len(kept)] == order(kept)
    process = command(tmp_path)
    assert process.communicate(timeout=300)[0] == "12 runs\n"
    found = whole_records(tmp_path)
    assert sorted(order(found)) == sorted(FULL)
    # Seed by seed: two workers, so a run is at most one place early or late at each start
    assert all(abs(FULL.index(run) - place) <= 2 for place, run in enumerate(order(found)))
    # Only what was in flight, at most two runs a kill, was trained twice
    assert len(events(log, "start")) <= len(FULL) + 2 * 4


@pytest.mark.timeout(1800)
def test_a_storm_of_kills_changes_nothing_but_the_time(tmp_path):
    """A short form of tests/tools/kill_studies.py, which kills 200 times."""
    counts = kill_studies.storm(6, 3, tmp_path)
    assert counts["kills"] == 6
    assert counts["worker killed"] >= 1
    assert counts["command killed"] >= 1
    assert counts["studies complete"] >= 1


def test_the_storm_sees_what_is_lost_written_twice_or_left(tmp_path):
    path = tmp_path / "killed.jsonl"
    line = json.dumps({"key": "a"}).encode() + b"\n"
    path.write_bytes(line + b'{"ke')
    assert kill_studies.look(tmp_path, line, writing=False) == (line, True)
    assert kill_studies.look(tmp_path, line, writing=True) == (line, False)
    for content, kept, message in [
        (b"", line, "lost or changed"),
        (b'{"key": "b"}\n' + line, line, "lost or changed"),
        (line + line, line, "twice"),
    ]:
        path.write_bytes(content)
        with pytest.raises(kill_studies.Fault, match=message):
            kill_studies.look(tmp_path, kept, writing=False)
    with pytest.raises(kill_studies.Fault, match="1 runs are recorded, 32 are planned"):
        kill_studies.numbers(json.dumps({"key": "a", "epochs": []}).encode())


def children(command: subprocess.Popen) -> list[psutil.Process]:
    """The processes for the runs, from their first moment on."""
    return [
        child
        for child in psutil.Process(command.pid).children(recursive=True)
        if any("spawn_main" in part for part in child.cmdline())
    ]


def test_a_worker_that_is_killed_while_it_starts_does_not_end_the_command(log, tmp_path):
    process = command(tmp_path)
    wait_until(lambda: children(process))
    children(process)[0].kill()
    output, error = process.communicate(timeout=300)
    assert (output, process.returncode) == ("12 runs\n", 0), error
    assert sorted(order(whole_records(tmp_path))) == sorted(FULL)


def test_workers_that_never_start_are_told_in_a_paragraph(log, tmp_path, monkeypatch):
    def never(**_):
        tried.append(1)
        raise RuntimeError("Nanny failed to start.")

    tried = []
    monkeypatch.setattr("distributed.LocalCluster", never)
    with pytest.raises(jobs.JobsError, match=r"2 processes .* were started 3 times, .* such as --jobs 1"):
        study_runs.run(toy(), folder=tmp_path)
    assert len(tried) == 3


def test_a_worker_that_dask_gave_up_is_replaced(log, tmp_path, monkeypatch):
    """One that is killed again while Dask starts it: without any worker the command would wait forever."""
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.2)
    given_up = []

    def give_up():
        wait_until(lambda: len(events(log, "end")) >= 2)
        [cluster] = [one for one in SpecCluster._instances if one.status == Status.running]
        for worker in list(cluster.workers.values()):
            cluster.sync(worker.close)
            given_up.append(worker)

    other = threading.Thread(target=give_up)
    other.start()
    found = study_runs.run(toy(), seeds=SEEDS, jobs=2, folder=tmp_path)
    other.join()
    assert len(given_up) == 2
    assert order(found) == FULL


@pytest.mark.parametrize("closed", ["toy.jsonl", "toy.jsonl.lock"])
def test_results_that_cannot_be_written_are_told_before_anything_starts(closed, log, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "cluster", lambda *_: pytest.fail("something was started"))
    monkeypatch.setattr(files, "refusal", lambda path: "not yours" if path.name == closed else None)
    with pytest.raises(FilesError, match=rf"{closed} cannot be written \(not yours\)"):
        study_runs.run(toy(), folder=tmp_path)
    assert not log.read_text()


def test_ctrl_c_says_what_is_kept(log, tmp_path):
    process = command(tmp_path)
    wait_until(lambda: len(whole_records(tmp_path)) >= 2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    kept = len(whole_records(tmp_path))
    assert process.returncode == 130
    assert error == (
        f"toy: interrupted. {kept} of 12 runs are recorded in {tmp_path / 'toy.jsonl'}; "
        "the same command goes on from there.\n"
    )
    assert 2 <= kept < 12
    assert not psutil.wait_procs(children, timeout=15)[1]


def test_two_commands_on_one_file_share_the_work(log, tmp_path):
    both = [command(tmp_path), command(tmp_path)]
    assert [process.communicate(timeout=300)[0] for process in both] == ["12 runs\n"] * 2
    assert sorted(order(whole_records(tmp_path))) == sorted(FULL)


def test_what_another_command_recorded_meanwhile_is_not_handed_out(log, tmp_path):
    study = toy()
    everything = [
        study_runs.record(study, arm, 0, Run([EPOCH], "done", 1.0, Execution.auto(threads=1)))
        for arm in study.arms
    ]

    def other_command():
        wait_until(lambda: events(log, "start"))
        for record in everything[2:]:
            records.append(tmp_path / "toy.jsonl", record)

    other = threading.Thread(target=other_command)
    other.start()
    assert order(study_runs.run(study, seeds=1, jobs=1, folder=tmp_path)) == [(arm, 0) for arm in "abcd"]
    other.join()
    assert events(log, "start") == [("a", 0), ("b", 0)]


@pytest.fixture
def dask_processes(log, tmp_path):
    """A function that starts `dask NAME ...` as a process of its own."""
    started = []

    def start(*arguments) -> subprocess.Popen:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        output = (tmp_path / f"dask{len(started)}.txt").open("w")
        line = [sys.executable, "-m", "dask", *map(str, arguments)]
        started.append(subprocess.Popen(line, env=environment, stdout=output, stderr=subprocess.STDOUT))
        output.close()
        return started[-1]

    yield start
    children = [
        child
        for process in started
        if process.poll() is None
        for child in psutil.Process(process.pid).children(True)
    ]
    for process in (*started, *children):
        process.kill()
    for process in started:
        process.wait()


def test_a_real_scheduler_whose_worker_is_killed_half_way(dask_processes, log, tmp_path, monkeypatch):
    """Two commands share its runs, a killed worker's run goes to the other; then the scheduler is lost."""
    address_file = tmp_path / "scheduler.json"
    scheduler = dask_processes(
        "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", address_file
    )
    wait_until(address_file.exists)
    wait_until(address_file.read_text)
    address = json.loads(address_file.read_text())["address"]
    workers = [
        dask_processes("worker", address, "--nthreads", n, "--no-nanny", "--no-dashboard") for n in (1, 2)
    ]
    both = [command(tmp_path, address), command(tmp_path, address)]
    wait_until(lambda: len(whole_records(tmp_path)) >= 4)
    wait_until(lambda: log.read_text().splitlines()[-1].startswith("start"))
    workers[1].kill()
    assert [process.communicate(timeout=300)[0] for process in both] == ["12 runs\n"] * 2
    assert sorted(order(whole_records(tmp_path))) == sorted(FULL)
    # One was killed; a few start again if a command asks for a run while the other is writing it down
    started = len(events(log, "start"))
    assert started <= len(FULL) + 5

    monkeypatch.setenv("TOY_SECONDS", "20")
    waiting = command(tmp_path / "other", address)
    wait_until(lambda: len(events(log, "start")) > started or waiting.poll() is not None)
    scheduler.kill()
    _, error = waiting.communicate(timeout=300)
    assert "the Dask scheduler was lost" in error.splitlines()[-1]


def elsewhere(record: dict) -> dict:
    """The record as another kind of processor would have made it."""
    return record | {"environment": record["environment"] | {"processor": "another kind"}}


def made_here(study: Study, arm: int, seed: int) -> dict:
    return study_runs.record(
        study, study.arms[arm], seed, Run([EPOCH], "done", 1.0, Execution.auto(threads=1))
    )


def test_a_seed_that_was_begun_elsewhere_is_trained_here_with_all_its_arms(log, tmp_path):
    study, path = toy("a", "b"), tmp_path / "toy.jsonl"
    for arm, seed in ((0, 0), (1, 0), (0, 1)):  # seed 0 is complete there, seed 1 is not
        records.append(path, elsewhere(made_here(study, arm, seed)))
    assert study_runs.lacking(study, tmp_path) == {1: ["b"]}
    found = study_runs.run(study, seeds=2, jobs=1, folder=tmp_path)
    assert events(log, "start") == [("a", 1), ("b", 1)]
    assert order(found) == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert [r["environment"]["processor"] == "another kind" for r in found] == [True, True, False, False]
    assert len(records.read(path)) == 5  # the run from elsewhere is kept
    assert study_runs.lacking(study, tmp_path) == {}


def test_of_each_seed_the_place_with_most_arms_is_read_and_a_sweep_takes_the_rest_too(tmp_path):
    study, path = toy("a", "b", "c"), tmp_path / "toy.jsonl"
    for record in (elsewhere(made_here(study, 0, 0)), made_here(study, 1, 0), made_here(study, 2, 0)):
        records.append(path, record)
    assert order(study_runs.recorded(study, 1, tmp_path)) == [("b", 0), ("c", 0)]
    assert study_runs.lacking(study, tmp_path) == {0: ["a"]}
    search = dataclasses.replace(study, sweep=True)
    assert order(study_runs.recorded(search, 1, tmp_path)) == [("a", 0), ("b", 0), ("c", 0)]


def test_an_arm_with_fewer_seeds_is_not_missed(log, tmp_path):
    study = toy("a", "b")
    study = dataclasses.replace(study, arms=(study.arms[0], dataclasses.replace(study.arms[1], seeds=1)))
    found = study_runs.run(study, seeds=2, jobs=1, folder=tmp_path)
    assert order(found) == [("a", 0), ("b", 0), ("a", 1)]
    assert study_runs.lacking(study, tmp_path) == {}


class TwoMachines:
    """A Dask client whose workers stand on two machines of different kinds."""

    PLACES: ClassVar = {"10.0.0.1": "kind one", "10.0.0.2": "kind two"}

    def submit(self, function, study, device, workers, pure):
        (address,) = workers
        return SimpleNamespace(result=lambda: self.PLACES[address.split("//")[1].split(":")[0]])


def test_all_arms_of_a_seed_go_to_one_machine(tmp_path):
    study = toy("a", "b")
    handout = study_runs._Handout(study, 3, tmp_path / "toy.jsonl", "cpu", TwoMachines())
    one, other, first_again = "tcp://10.0.0.1:5", "tcp://10.0.0.2:5", "tcp://10.0.0.1:6"
    given = []
    for worker in (one, other, first_again, one, other, other, one):
        task = handout(worker)
        given.append(task and (worker, task[1][1].name, task[1][2]))
    assert given == [
        (one, "a", 0),
        (other, "a", 1),
        (first_again, "b", 0),
        (one, "a", 2),
        (other, "b", 1),
        None,  # what is left, b of seed 2, is for the machine that has its other arm
        (one, "b", 2),
    ]


def test_a_scheduler_that_does_not_answer_is_named(log, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(jobs.JobsError, match=f"no Dask scheduler answers at {address}"):
            study_runs.run(toy(), folder=tmp_path, scheduler=address)


def test_absent_data_is_said_before_anything_starts(log, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "empty"))
    with pytest.raises(datasets.DataError, match="cifar10"):
        study_runs.run(STUDIES["cifar_norms"], folder=tmp_path)
    assert not log.read_text()


@pytest.mark.parametrize("wrong", [{"seeds": 0}, {"jobs": 0}])
def test_counts_start_at_one(wrong, tmp_path):
    with pytest.raises(ValueError, match="must be at least 1"):
        study_runs.run(toy(), folder=tmp_path, **wrong)


def test_real_runs_on_the_local_cluster_are_those_of_fit(tmp_path):
    recipe = Recipe(epochs=1, batch_size=256, augment=Augment(pad=1))
    study = Study("real", "digits", (Arm("batch", "batch", recipe),), "Real", "00_real")
    [found] = study_runs.run(study, seeds=1, jobs=1, folder=tmp_path)
    assert found["execution"]["threads"] == jobs.cores()
    data = datasets.load("digits")
    execution = Execution.auto(threads=jobs.cores())
    here = loop.fit(networks.build("batch", data, 0), data, recipe, 0, execution)
    assert {k: v for k, v in found["epochs"][0].items() if k != "seconds"} == {
        k: v for k, v in here.epochs[0].items() if k != "seconds"
    }
    assert found["execution"] == dataclasses.asdict(execution)


@pytest.mark.parametrize(("asked_for", "processes", "threads"), [(1, 1, 8), (2, 2, 1), (5, 2, 1)])
def test_the_only_run_that_is_left_has_the_threads_of_the_jobs_asked_for(
    asked_for, processes, threads, tmp_path, monkeypatch
):
    started = []

    def cluster(*how):
        started.append(how)
        raise jobs.JobsError

    monkeypatch.setattr(jobs, "cluster", cluster)
    monkeypatch.setattr(jobs, "cores", lambda: 8)
    with pytest.raises(jobs.JobsError):
        study_runs.run(toy("a"), seeds=1, jobs=asked_for, folder=tmp_path)
    assert started == [(processes, threads, None)]


def test_the_last_run_of_a_study_that_was_stopped_has_the_bits_of_one_of_many(tmp_path):
    recipe = Recipe(epochs=1, batch_size=256)
    arms = (Arm("none", "none", recipe, "small_cnn"), Arm("batch", "batch", recipe, "small_cnn"))
    study = Study("real", "digits", arms, "Real", "00_real")
    study_runs.run(study, seeds=1, jobs=2, folder=tmp_path)
    path = tmp_path / "real.jsonl"
    *kept, last = path.read_text().splitlines(keepends=True)
    path.write_text("".join(kept))
    study_runs.run(study, seeds=1, jobs=2, folder=tmp_path)
    last, again = json.loads(last), json.loads(path.read_text().splitlines()[-1])
    assert again["execution"] == last["execution"]
    for run in (last, again):
        del run["epochs"][0]["seconds"]
    assert again["epochs"] == last["epochs"]


def test_lessons_read_the_recorded_runs_or_train_their_own(log, tmp_path, monkeypatch):
    study = toy("a", "b")
    monkeypatch.setattr(study_runs, "RECORDED", tmp_path / "recorded")
    with pytest.raises(StudyError, match=r"no run of toy .* Set retrain = True"):
        study_runs.results(study)
    for seed, arm in ((1, 0), (0, 1), (0, 0), (7, 0)):
        run = Run([EPOCH], "done", 1.0, Execution("cpu", "float32", 1))
        records.append(
            tmp_path / "recorded" / "toy.jsonl", study_runs.record(study, study.arms[arm], seed, run)
        )
    assert order(study_runs.results(study, seeds=1)) == [("a", 0), ("b", 0), ("a", 1)]  # before a look: all
    judged = dataclasses.replace(study, looks=(1, 3))
    assert order(study_runs.results(judged)) == [("a", 0), ("b", 0)]  # what is judged, and no more
    changed = toy("x", "b")  # the recorded runs of another configuration are not its own
    assert order(study_runs.results(changed, seeds=5)) == [("b", 0)]

    asked = {}
    monkeypatch.setattr(study_runs, "run", lambda study, **settings: asked.update(settings) or ["trained"])
    assert study_runs.results(study, retrain=True, seeds=2, device="cpu") == ["trained"]
    assert asked["seeds"] == 2
    assert asked["device"] == "cpu"


def test_arms_must_differ():
    with pytest.raises(ValueError, match="share a name or all settings"):
        toy("a", "a")
    with pytest.raises(ValueError, match="share a name or all settings"):
        Study("toy", "digits", (Arm("a", "batch", Recipe()), Arm("b", "batch", Recipe())), "t", "l")


def test_a_setting_that_an_arm_leaves_open_does_not_change_the_names_of_its_runs():
    arm = STUDIES["cifar_norms"].arms[1]
    assert records.key(STUDIES["cifar_norms"].config(arm), 0) == "85ab8799d4e2cb6e"  # as recorded
    others = [
        STUDIES["cifar_norms"].config(dataclasses.replace(arm, network="small_cnn")),
        STUDIES["cifar_norms"].config(dataclasses.replace(arm, scaling="raw")),
        dataclasses.replace(STUDIES["cifar_norms"], validation=10).config(arm),
    ]
    assert len({records.key(config, 0) for config in others}) == 3


def test_arms_say_network_and_scaling_and_a_search_holds_images_out():
    recipe = Recipe(epochs=1)
    arms = [Arm(name, "none", recipe, "small_cnn", name) for name in SCALINGS]
    study = Study("toy", "digits", tuple(arms), "A toy", "00_toy", validation=100)
    digits = datasets.load("digits")
    held_out = digits.validation_split(100)
    seen = {}
    for arm in arms:
        model, data = study_runs.prepare(study, arm, seed=0)
        assert len(data.test_images) == 100
        assert len(data.train_images) == len(digits.train_images) - 100
        assert torch.equal(data.test_labels, held_out.test_labels)
        [(x, _)] = Batches(data.test_images, data.test_labels, data.mean, data.std, 100)
        inputs = []
        cnn = next(layer for layer in model.modules() if isinstance(layer, networks.SmallCnn))
        cnn.register_forward_pre_hook(lambda _, args, inputs=inputs: inputs.append(args[0]))
        model(x)
        seen[arm.name] = inputs[0]
    pixels = held_out.test_images.float()
    torch.testing.assert_close(seen["raw"], pixels)
    torch.testing.assert_close(seen["min_max"], pixels / 255)
    torch.testing.assert_close(seen["standardized"], (pixels / 255 - held_out.mean) / held_out.std)
    torch.testing.assert_close(seen["per_image"], per_image(pixels / 255))
    equal = equalize(held_out.train_images).float() / 255
    expected = (equalize(held_out.test_images).float() / 255 - equal.mean()) / equal.std(correction=0)
    torch.testing.assert_close(seen["equalized"], expected)


def test_a_study_has_the_seeds_it_plans(log, tmp_path):
    study = dataclasses.replace(toy("a", "b"), looks=(2,))
    assert order(study_runs.run(study, folder=tmp_path)) == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert order(study_runs.run(study, seeds=1, folder=tmp_path)) == [("a", 0), ("b", 0)]


@pytest.mark.parametrize("name", CHOSEN)
def test_a_search_that_is_recorded_chose_the_rates_of_its_study(name):
    study = STUDIES[name]
    runs = study_runs.recorded(study, study.seeds, records.RECORDED)
    assert len(runs) == study.seeds * len(study.arms)
    assert sweeps.best_rates(runs) == CHOSEN[name]
    assert sweeps.beyond(runs) == []  # no best rate at an end of those tried


def test_what_a_complete_search_found_is_used():
    for name, study in STUDIES.items():
        runs = study_runs.recorded(study, study.seeds, records.RECORDED)
        if name.endswith("_search") and len(runs) == study.seeds * len(study.arms):
            assert name in CHOSEN
    for arm in STUDIES["input_scaling"].arms:
        assert arm.recipe.lr == CHOSEN["input_scaling_search"][arm.name]
    for arm in STUDIES["mnist_regularization"].arms:
        if arm.name.endswith("none"):
            assert arm.recipe.lr == CHOSEN["mnist_search"][arm.norm]
        else:
            assert arm.recipe.lr == CHOSEN["mnist_penalty_search"][arm.name]
    for arm in STUDIES["mnist_other_rates"].arms:  # the same but for the rate
        (same,) = (a for a in STUDIES["mnist_regularization"].arms if a.name == arm.name)
        assert arm.recipe.lr != same.recipe.lr
        assert dataclasses.replace(arm.recipe, lr=same.recipe.lr) == same.recipe
    for arm in STUDIES["mnist_readings"].arms:
        like = "batch L1" if "L1 weights" in arm.name else "batch L2"
        expected = (
            CHOSEN["mnist_search"]["batch"] if "mean" in arm.name else CHOSEN["mnist_penalty_search"][like]
        )
        assert arm.recipe.lr == expected
    assert {arm.recipe.lr for arm in STUDIES["l1_path"].arms} == {CHOSEN["mnist_search"]["batch"]}


def test_cifar_norms_is_the_published_recipe():
    study = STUDIES["cifar_norms"]
    setting = published()["cifar10_norms"]["setting"]
    assert study.dataset == "cifar10"
    assert [arm.name for arm in study.arms] == [
        "none",
        "batch",
        "layer",
        "group",
        "instance",
        "batch_mean_corners",
    ]
    for arm in study.arms:
        assert f"{arm.recipe.epochs} epochs, batch {arm.recipe.batch_size}, SGD" in setting
        assert arm.recipe.optimizer == "sgd"
        assert arm.recipe.momentum == 0.9
        assert arm.recipe.weight_decay == 1e-4
        assert f"OneCycleLR(max_lr={arm.recipe.lr}," in setting
        assert arm.recipe.schedule == "one_cycle"
        assert arm.recipe.l1 == arm.recipe.label_smoothing == 0
        corners = "mean" if arm.name == "batch_mean_corners" else "black"
        assert arm.recipe.augment == Augment(pad=4, flip=True, rotation=15, corners=corners)
    assert study.arms[-1].norm == "batch"
    assert (ROOT / "notebooks" / f"{study.lesson}.ipynb").exists()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    study_runs.train = toy_train
    try:
        result = study_runs.run(
            toy(), seeds=SEEDS, folder=sys.argv[1], scheduler=sys.argv[2] if len(sys.argv) > 2 else None
        )
    except KeyboardInterrupt as stop:
        sys.exit(sys.stderr.write(f"{stop}\n") and 130)
    print(len(result), "runs")
