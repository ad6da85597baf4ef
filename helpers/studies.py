"""Runs of the course's studies on Dask: what is missing is trained and recorded."""

import dataclasses
import datetime
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from helpers import datasets, files, measures, models, records, scaling, training
from helpers import jobs as jobs_on_dask
from helpers.datasets import ImageData
from helpers.experiments import Arm, Study
from helpers.parameters import check_parameters
from helpers.records import RECORDED, REPRODUCED
from helpers.training import Execution

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
    """What a lesson shows: the committed runs of the first `seeds` seeds or, with `retrain`, runs made here.

    Never more seeds than the study plans. Fewer committed runs than asked for are returned as they are, none
    at all is a StudyError.
    """
    check_parameters(retrain, seeds, device)
    seeds = min(seeds, study.seeds)
    if retrain:
        return run(study, seeds=seeds, jobs=jobs, device=device, progress=progress)
    found = recorded(study, seeds, RECORDED)
    if not found:
        raise StudyError(
            f"no run of {study.name} as it is declared now is recorded in {_file(study, RECORDED)}. "
            f"Set retrain = True, or run `course train {study.name}`, to train it."
        )
    return found


def recorded(study: Study, seeds: int = 5, folder: Path | str = REPRODUCED) -> list[dict[str, Any]]:
    """The runs in `folder`, seed by seed in the order of the arms, without those of other configurations."""
    there = {record["key"]: record for record in records.read(_file(study, folder))}
    return [there[name] for name, _, _ in _plan(study, seeds) if name in there]


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

    All arms of seed 0 come first, then those of seed 1, and so on: a study that is interrupted holds complete
    pairs. Each run is recorded by this process when it ends, so another call goes on from there. `jobs` local
    processes train at once (one thread each; all cores if it is one); with `scheduler` (an address like
    "tcp://host:8786") the workers of that Dask cluster do, one run at a time each, with as many threads as
    the worker has. They need this course and its data sets.

    A run whose worker is lost is given out again. If a run raises an error, the others still finish;
    StudyError then names study, arm, seed and error of each. KeyboardInterrupt says how much is recorded.
    """
    seeds = study.seeds if seeds is None else seeds
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    path = _file(study, folder)
    plan = _plan(study, seeds)
    missing = _missing(plan, path)
    if not missing:
        return recorded(study, seeds, folder)
    files.require_writable(path, Path(f"{path}.lock"))
    if scheduler is None and datasets.state(study.dataset) not in ("built in", "present"):
        datasets.load(study.dataset)  # says at once, and once, what is wrong with the data
    failures: dict[str, str] = {}
    done = len(plan) - len(missing)
    bar = tqdm(desc=study.name, total=len(plan), initial=done, unit="run") if progress else tqdm(disable=True)

    def tasks() -> Iterator[tuple[str, tuple]]:
        for item in missing:
            if _missing([item], path):  # asked when a worker is free: another command may have been at it
                name, arm, seed = item
                task = f"{study.name} / {arm.name} / seed {seed} on {device} ({name})"
                yield task, (study, arm, seed, device)
            else:
                bar.update()

    def report(task: str, record: dict[str, Any] | None, error: BaseException | None) -> None:
        if error is None:
            records.append(path, record)
        else:
            failures[task] = f"{type(error).__name__}: {error}"
        bar.update()

    try:
        with bar, jobs_on_dask.cluster(min(jobs, len(missing)), scheduler) as client:
            jobs_on_dask.work(client, train, tasks(), report)
    except KeyboardInterrupt:
        done = len(plan) - len(_missing(plan, path))
        raise KeyboardInterrupt(
            f"{study.name}: interrupted. {done} of {len(plan)} runs are recorded in {path}; "
            "the same command goes on from there."
        ) from None
    if failures:
        lines = "\n".join(f"  {task}: {error}" for task, error in failures.items())
        raise StudyError(
            f"{len(failures)} of {len(plan)} runs failed; the others are recorded in {path}, "
            f"and the same command tries these again:\n{lines}"
        )
    return recorded(study, seeds, folder)


def _file(study: Study, folder: Path | str) -> Path:
    return Path(folder) / f"{study.name}.jsonl"


def _plan(study: Study, seeds: int) -> list[tuple[str, Arm, int]]:
    """Key, arm and seed of every run, all arms of one seed together."""
    return [(records.key(study.config(arm), seed), arm, seed) for seed in range(seeds) for arm in study.arms]


def _missing(plan: list[tuple[str, Arm, int]], path: Path) -> list[tuple[str, Arm, int]]:
    there = {record["key"] for record in records.read(path)}
    return [item for item in plan if item[0] not in there]


def train(study: Study, arm: Arm, seed: int, device: str = "auto") -> dict[str, Any]:
    """Trains one run on a Dask worker and returns its record; a diverged run is a result, not an error."""
    with ONE_RUN_A_PROCESS:
        model, data = prepare(study, arm, seed)
        run = training.fit(model, data, arm.recipe, seed, _execution(device))
        return record(study, arm, seed, run, (model, data))


def prepare(study: Study, arm: Arm, seed: int) -> tuple[nn.Module, ImageData]:
    """The untrained network of a run, and the images it is trained and tested on, scaled as the arm says."""
    data = datasets.load(study.dataset)  # kept by datasets for the worker's next runs
    if study.validation is not None:
        data = data.validation_split(study.validation, seed=None if study.first else 0)
    if study.images is not None:
        data = data.subset(study.images)
    if arm.scaling is not None:
        data = scaling.scaled(data, arm.scaling)
    model = models.build(arm.norm, data, seed, network=arm.network or "cifar_net", **(arm.options or {}))
    if arm.scaling == "per_image":
        model = nn.Sequential(scaling.PerImage(), model)
    return model, data


def record(
    study: Study,
    arm: Arm,
    seed: int,
    run: training.Run,
    trained: tuple[nn.Module, ImageData] | None = None,
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


def _execution(device: str) -> Execution:
    """How the runs of studies are executed: the one place that decides it."""
    return Execution.auto(device, threads=jobs_on_dask.worker_threads())
