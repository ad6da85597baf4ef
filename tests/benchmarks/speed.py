"""How fast the course trains, beside the loop that tutorials show, on this machine.

    python tests/benchmarks/speed.py [--rounds 5] [--steps 8]

Both train CifarNet with batch norm at batch 512 under the published recipe for the same number of epochs. The
tutorial's loop: torchvision data set, PIL transforms, DataLoader with the better of 0 and 2 workers, float32,
torch's default optimizer and dropout, all cores. The course's, as `course train` does it: a one-thread run on
each core. They alternate, all in fresh processes, after one epoch that is not counted; medians are compared.
The images are noise, which costs the same as photographs. Exit status 1 if a target is missed.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets as tv_datasets
from torchvision import transforms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from helpers.images.batches import Augment, Batches  # noqa: E402
from helpers.images.datasets import ImageData  # noqa: E402
from helpers.lessons import STUDIES  # noqa: E402
from helpers.nn import layers, networks  # noqa: E402
from helpers.training import loop  # noqa: E402

BATCH, EPOCHS = 512, 2
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
TARGETS = {"training step": 4.0, "batches alone": 12.0}  # times the tutorial's images per second
WAITING = 5.0  # percent of a step, at most
RECIPE = dataclasses.replace(STUDIES["cifar_norms"].arms[1].recipe, epochs=EPOCHS)


def pixels(count: int) -> tuple[np.ndarray, list[int]]:
    """Noise images (count, 32, 32, 3) uint8 and labels."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, count).tolist()


def tutorial_loader(count: int, workers: int) -> DataLoader:
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    data = tv_datasets.CIFAR10.__new__(tv_datasets.CIFAR10)  # its own __getitem__, without the files
    data.data, data.targets = pixels(count)
    data.target_transform = None
    data.transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(15),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    return DataLoader(data, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)


def tutorial_step(count: int, workers: int) -> Iterator[float]:
    model = networks.CifarNet("batch")
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, layers.Dropout):
                setattr(module, name, nn.Dropout(child.p))
    loader = tutorial_loader(count, workers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=EPOCHS * len(loader))
    for _ in range(EPOCHS):
        started = time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
        yield time.perf_counter() - started


def tutorial_batches(count: int, workers: int) -> Iterator[float]:
    loader = tutorial_loader(count, workers)
    for _ in range(EPOCHS):
        started = time.perf_counter()
        for _x, _y in loader:
            pass
        yield time.perf_counter() - started


def course_data(count: int) -> ImageData:
    images, labels = pixels(count)
    tensor, target = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)
    names = tuple("0123456789")
    half = torch.full((3,), 0.5)
    return ImageData("noise", tensor, target, tensor[:8], target[:8], names, half, half / 2)


class TimedBatches(Batches):
    """Batches that add up how long the loop waited for them."""

    waited = 0.0

    def __iter__(self) -> Iterator:
        epoch = super().__iter__()
        while True:
            started = time.perf_counter()
            batch = next(epoch, None)
            TimedBatches.waited += time.perf_counter() - started
            if batch is None:
                return
            yield batch


def course_step(count: int) -> Iterator[float]:
    data = course_data(count)
    loop.Batches = TimedBatches
    model = networks.build("batch", data, 0)
    run = loop.fit(model, data, RECIPE, 0, loop.Execution.auto("cpu", torch.get_num_threads()))
    yield from (epoch["seconds"] for epoch in run.epochs)


def course_batches(count: int) -> Iterator[float]:
    data = course_data(count)
    augment: Augment = RECIPE.augment
    batches = Batches(
        data.train_images, data.train_labels, data.mean, data.std, BATCH, seed=0, augment=augment
    )
    for _ in range(EPOCHS):
        started = time.perf_counter()
        for _x, _y in batches:
            pass
        yield time.perf_counter() - started


def child(kind: str, count: int, threads: int) -> None:
    """Runs one loop in this process and prints images per second of its last epoch; waits to be started."""
    torch.set_num_threads(threads)
    side, what, *workers = kind.split("-")
    loops = {
        ("tutorial", "step"): lambda: tutorial_step(count, int(workers[0])),
        ("tutorial", "batches"): lambda: tutorial_batches(count, int(workers[0])),
        ("course", "step"): lambda: course_step(count),
        ("course", "batches"): lambda: course_batches(count),
    }
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = list(loops[side, what]())
    waiting = 100 * TimedBatches.waited / sum(seconds)
    print(json.dumps({"images_per_second": count / seconds[-1], "waiting": waiting}))


def measure(kind: str, count: int) -> tuple[float, float]:
    """Images per second of the whole machine, and the percentage of a step spent waiting for batches."""
    processes = CORES if kind.startswith("course") else 1
    command = [sys.executable, __file__, "--child", kind, "--count", str(count)]
    command += ["--threads", str(CORES // processes)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    results = [json.loads(process.communicate()[0]) for process in running]
    return sum(r["images_per_second"] for r in results), max(r["waiting"] for r in results)


def compare(rounds: int, steps: int) -> dict[str, float]:
    """Medians over alternating rounds: images per second of each loop, their ratios, and the waiting."""
    sizes = {"step": steps * BATCH, "batches": 4 * steps * BATCH}
    kinds = [f"{side}-{what}" for what in sizes for side in ("tutorial", "course")]
    kinds = [f"{kind}-{w}" for kind in kinds for w in (0, 2) if kind[0] == "t"] + [
        k for k in kinds if k[0] == "c"
    ]
    speed: dict[str, list[float]] = {kind: [] for kind in kinds}
    waiting = []
    for _ in range(rounds):
        for kind in kinds:
            rate, waited = measure(kind, sizes[kind.split("-")[1]])
            speed[kind].append(rate)
            if kind == "course-step":
                waiting.append(waited)
    result = {kind: statistics.median(rates) for kind, rates in speed.items()}
    for name, what in (("training step", "step"), ("batches alone", "batches")):
        best = max(result[f"tutorial-{what}-{workers}"] for workers in (0, 2))
        result[name] = result[f"course-{what}"] / best
    return result | {"waiting": statistics.median(waiting)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="batches of 512 in an epoch")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child, arguments.count, arguments.threads)
    result = compare(arguments.rounds, arguments.steps)
    missed = []
    for kind in (kind for kind in result if "-" in kind):
        print(f"{kind:22} {result[kind]:9,.0f} images/s")
    for name, target in TARGETS.items():
        print(f"{name:22} {result[name]:9.1f} times the tutorial's, to reach {target:g}")
        missed += [name] * (result[name] < target)
    print(f"{'waiting for batches':22} {result['waiting']:9.1f} % of a step, at most {WAITING:g}")
    missed += ["waiting for batches"] * (result["waiting"] > WAITING)
    print(f"{CORES} cores, {loop.Execution.auto('cpu').precision}, torch {torch.__version__}")
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")
    return None


if __name__ == "__main__":
    main()
