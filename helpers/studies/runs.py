"""Runs of the course's studies on Dask: what is missing is trained and recorded."""

import dataclasses
import datetime
import threading
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from helpers import files
from helpers.analysis import readings
from helpers.images import datasets, scaling
from helpers.images.datasets import ImageData
from helpers.nn import networks, sequences
from helpers.studies import cluster, records
from helpers.studies.parameters import check_parameters
from helpers.studies.records import RECORDED, REPRODUCED
from helpers.studies.study import Arm, Study
from helpers.text import datasets as texts
from helpers.text.datasets import TextData
from helpers.training import loop, measures, text_loop
from helpers.training.execution import Execution

ONE_RUN_A_PROCESS = threading.Lock()  # the random numbers and threads of PyTorch belong to the process


class StudyError(RuntimeError):
    """A study cannot be trained or shown; the message says which one, why, and what to do."""


def results(
    study: Study,
    retrain: bool = False,
    seeds: int = 5,
    *,
    device: str = "auto",
    jobs: int = 2,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """What a lesson shows: the committed runs or, with `retrain`, runs made here, of `seeds` seeds.

    Never more seeds are trained than the study plans. Committed runs are returned up to the study's last
    look, so that what is shown is what is judged; before the first look all there are. None at all is a
    StudyError.
    """
    check_parameters(retrain, seeds, device)
    if retrain:
        return run(study, seeds=min(seeds, study.seeds), jobs=jobs, device=device, progress=progress)
    found = recorded(study, folder=RECORDED)
    if not found:
        raise StudyError(
            f"no run of {study.name} as it is declared now is recorded in {_file(study, RECORDED)}. "
            f"Set retrain = True, or run `course train {study.name}`, to train it."
        )
    look = study.looked(found)
    return [run for run in found if run["seed"] < look] if look else found


def recorded(study: Study, seeds: int | None = None, folder: Path | str = REPRODUCED) -> list[dict[str, Any]]:
    """The runs in `folder`, seed by seed in the order of the arms, without those of other configurations.

    Of each seed the runs of one place (see readings.place): the one that has most of the arms. What was made
    elsewhere cannot be paired with them. A sweep, which chooses a rate, takes from there what it lacks.

    To each is added what the study says of it: where in a grid its arm is (`at`), and `mixed`.
    """
    there = records.read(_file(study, folder))
    found = []
    for seed in range(study.seeds if seeds is None else seeds):
        places = list(_by_place(study, seed, there).values())
        if not (study.sweep or study.mixed):
            places = places[-1:]
        runs = {arm: run for place in places for arm, run in place.items()}
        found += [runs[arm.name] | study.said_of(arm) for arm in study.arms_of(seed) if arm.name in runs]
    return found


def lacking(study: Study, folder: Path | str = REPRODUCED) -> dict[int, list[str]]:
    """Seed -> the arms without a run at the place of the others, for every seed that has been begun."""
    arms: dict[int, set[str]] = {}
    for run in recorded(study, folder=folder):
        arms.setdefault(run["seed"], set()).add(run["arm"])
    missing = {
        seed: [arm.name for arm in study.arms_of(seed) if arm.name not in there]
        for seed, there in arms.items()
    }
    return {seed: names for seed, names in missing.items() if names}


def _by_place(study: Study, seed: int, there: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Place -> arm -> the run of that arm and seed; the place that has most of the arms comes last."""
    wanted = {records.key(study.config(arm), seed): arm.name for arm in study.arms_of(seed)}
    places: dict[str, dict[str, dict[str, Any]]] = {}
    for record in there:
        if record["key"] in wanted:
            places.setdefault(readings.place(record), {})[wanted[record["key"]]] = record
    return dict(sorted(places.items(), key=lambda place: len(place[1])))


def run(
    study: Study,
    *,
    seeds: int | None = None,
    jobs: int = 2,
    scheduler: str | None = None,
    folder: Path | str = REPRODUCED,
    device: str = "auto",
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Trains the runs that `folder` lacks and returns all of them, seed by seed (study.seeds seeds if None).

    All arms of a seed are trained on one machine: of a seed that was begun at another place (see
    readings.place) every arm is trained again. Seeds are begun in order, so that a study that is interrupted
    holds complete pairs. Each run is recorded by this process when it ends, so another call goes on from
    there. `jobs` local processes train at once (one thread each; all cores if it is one); with `scheduler`
    (an address like "tcp://host:8786") the workers of that Dask cluster do, one run at a time each, with as
    many threads as the worker has. They need this course and its data sets.

    A run whose worker is lost is given out again. If a run raises an error, the others still finish;
    StudyError then names study, arm, seed and error of each. KeyboardInterrupt says how much is recorded.
    """
    seeds = study.seeds if seeds is None else seeds
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    path = _file(study, folder)
    total = sum(len(study.arms_of(seed)) for seed in range(seeds))
    done = len(recorded(study, seeds, folder))
    if done == total:
        return recorded(study, seeds, folder)
    files.require_writable(path, Path(f"{path}.lock"))
    if scheduler is None:
        package = texts if study.of_text else datasets
        if package.state(study.dataset) not in ("built in", "present"):
            package.load(study.dataset)  # says at once, and once, what is wrong with the data
        if not study.of_text:
            Execution.auto(device)  # decides the precision before the workers share the processor
    failures: dict[str, str] = {}
    bar = tqdm(desc=study.name, total=total, unit="run") if progress else tqdm(disable=True)

    def report(task: str, record: dict[str, Any] | None, error: BaseException | None) -> None:
        if error is None:
            records.append(path, record)
        else:
            failures[task] = f"{type(error).__name__}: {error}"
        bar.update(len(recorded(study, seeds, folder)) + len(failures) - bar.n)

    # At least two: of a seed that was begun elsewhere more runs are trained than are lacking.
    processes, threads = min(jobs, max(total - done, 2)), cluster.threads_of(jobs)
    try:
        with bar, cluster.cluster(processes, threads, scheduler) as client:
            bar.update(done)
            handout = _Handout(study, seeds, path, device, client)
            cluster.work(client, train, handout, report)
    except KeyboardInterrupt:
        done = len(recorded(study, seeds, folder))
        raise KeyboardInterrupt(
            f"{study.name}: interrupted. {done} of {total} runs are recorded in {path}; "
            "the same command goes on from there."
        ) from None
    if failures:
        lines = "\n".join(f"  {task}: {error}" for task, error in failures.items())
        raise StudyError(
            f"{len(failures)} of {total} runs failed; the others are recorded in {path}, "
            f"and the same command tries these again:\n{lines}"
        )
    return recorded(study, seeds, folder)


class _Handout:
    """The next run for a worker: all arms of a seed go to the machine that began it."""

    def __init__(self, study: Study, seeds: int, path: Path, device: str, client: Any) -> None:
        self.study, self.seeds, self.path, self.device, self.client = study, seeds, path, device, client
        self.machine_of: dict[int, str] = {}  # seed -> the machine that has it
        self.place_of: dict[str, str] = {}  # machine -> the place of its runs
        self.given: set[tuple[int, str]] = set()  # seeds and arms that were handed out

    def __call__(self, worker: str) -> tuple[str, tuple] | None:
        machine = cluster.machine(worker)
        if machine not in self.place_of:
            job = self.client.submit(_place, self.study, self.device, workers=[worker], pure=False)
            self.place_of[machine] = job.result()
        there = records.read(self.path)  # asked when a worker is free: another command may have been at it
        for seed in range(self.seeds):
            if self.machine_of.get(seed, machine) != machine:
                continue
            arms = self.study.arms_of(seed)
            places = _by_place(self.study, seed, there)
            if any(len(runs) == len(arms) for runs in places.values()):
                continue
            here = places.get(self.place_of[machine], {})
            for arm in arms:
                if arm.name not in here and (seed, arm.name) not in self.given:
                    self.machine_of[seed] = machine
                    self.given.add((seed, arm.name))
                    key = records.key(self.study.config(arm), seed)
                    task = f"{self.study.name} / {arm.name} / seed {seed} on {self.device} ({key})"
                    return task, (self.study, arm, seed, self.device)
        return None


def _place(study: Study, device: str) -> str:
    """The place of the runs of the worker that it runs on."""
    return records.place_here(_execution(study, device))


def _file(study: Study, folder: Path | str) -> Path:
    return Path(folder) / f"{study.name}.jsonl"


def train(study: Study, arm: Arm, seed: int, device: str = "auto") -> dict[str, Any]:
    """Trains one run on a Dask worker and returns its record; a diverged run is a result, not an error."""
    with ONE_RUN_A_PROCESS:
        model, data = prepare(study, arm, seed)
        fit = text_loop.fit if study.of_text else loop.fit
        run = fit(model, data, arm.recipe, seed, _execution(study, device))
        return record(study, arm, seed, run, (model, data))


def prepare(study: Study, arm: Arm, seed: int) -> tuple[nn.Module, ImageData | TextData]:
    """The untrained network of a run, and what it is trained and tested on: images scaled as the arm says."""
    if study.of_text:
        text, options = texts.load(study.dataset), arm.options or {}
        return sequences.build(arm.norm, len(text.alphabet), arm.recipe.length, seed, **options), text
    data = datasets.load(study.dataset)  # kept by datasets for the worker's next runs
    if study.validation is not None:
        data = data.validation_split(study.validation, seed=None if study.first else 0)
    if study.images is not None:
        data = data.subset(study.images)
    if arm.scaling is not None:
        data = scaling.scaled(data, arm.scaling)
    model = networks.build(arm.norm, data, seed, network=arm.network or "cifar_net", **(arm.options or {}))
    if arm.scaling == "per_image":
        model = nn.Sequential(scaling.PerImage(), model)
    return model, data


def record(
    study: Study,
    arm: Arm,
    seed: int,
    run: loop.Run,
    trained: tuple[nn.Module, ImageData | TextData] | None = None,
) -> dict[str, Any]:
    """A run that ended in this process just now, as the record of it.

    The study's measures are taken of `trained`, its network and the data it was trained on; none are of a run
    that diverged.
    """
    config = study.config(arm)
    found = {
        "key": records.key(config, seed),
        "study": study.name,
        "arm": arm.name,
        "seed": seed,
        "config": config,
        "status": run.status,
        "epochs": run.epochs,
        "seconds": run.seconds,
        "execution": dataclasses.asdict(run.execution),
        "environment": records.environment(),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if study.measures and trained is not None and run.status == "done":
        model, data = trained
        real = _on_real_test_images(study, arm, data)
        found["measures"] = {
            name: measures.MEASURES[name](model, real, run.execution) for name in study.measures
        }
    return found


def _on_real_test_images(study: Study, arm: Arm, data: ImageData) -> ImageData:
    """The data of a run, but tested on the real test images, also where training held others out."""
    if study.validation is None:
        return data
    whole = datasets.load(study.dataset)
    if arm.scaling is not None:
        whole = scaling.scaled(whole, arm.scaling)
    return dataclasses.replace(data, test_images=whole.test_images, test_labels=whole.test_labels)


def _execution(study: Study, device: str) -> Execution:
    """How the runs of a study are executed: the one place that decides it."""
    how = Execution.float32 if study.of_text else Execution.auto
    return how(device, threads=cluster.worker_threads())
