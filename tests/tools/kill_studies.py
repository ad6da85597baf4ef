"""Kills a command that trains a study, or one of its workers, at random moments, and looks at what is left.

    python tests/tools/kill_studies.py [--kills 200] [--seed 0]

The study is one of tiny real runs on digits. After every SIGKILL: what was recorded is still there, no run is
there twice, nothing but the last line can be a half one, and of a killed command no process is left. When a
study is complete, each of its runs is there once, with the very numbers of a study that nobody disturbed; the
next one begins. The exit status is 1 at the first thing that is not so. Some 40 minutes on two
cores that do nothing else.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from helpers.studies import records  # noqa: E402
from helpers.studies import runs as study_runs  # noqa: E402
from helpers.studies.study import Arm, Study  # noqa: E402
from helpers.training.recipe import Recipe  # noqa: E402

SEEDS = 8
STUDY = Study(
    name="killed",
    dataset="digits",
    arms=tuple(
        Arm(name, name, Recipe(epochs=8), "small_cnn") for name in ("none", "batch", "layer", "group")
    ),
    title="Runs of a second or less",
    lesson="00_none",
    looks=(SEEDS,),
)
LIMIT = 1800.0  # seconds without a new run after which a command is stuck, also on a busy machine
MARK = "KILL_STUDIES"  # environment variable that every process of one command has


class Fault(AssertionError):
    """Something is not as promised."""


def storm(
    kills: int, seed: int, folder: Path, report: Callable[[Counter], None] = lambda counts: None
) -> Counter:
    """Kills so many times, then lets the last study end; counts what was killed and seen."""
    chance, counts, command = random.Random(seed), Counter(), None
    started = time.monotonic()
    undisturbed = numbers(trained(folder / "undisturbed"))
    longest = time.monotonic() - started  # of a start, on this machine as busy as it is
    place, kept = folder / "study 1", b""
    while counts["kills"] < kills or command is not None:
        if command is None:
            command = start(place)
            counts["commands"] += 1
        over = counts["kills"] >= kills
        new, seconds = (chance.randint(1, 4), 1.5) if chance.random() < 0.8 else (0, longest)
        if over:
            command.wait(LIMIT)
        else:  # at a random moment between two runs, or of the start
            wait_for(command, place, lines(kept) + new)
            time.sleep(chance.uniform(0, seconds))
        ended = command.poll() is not None
        if ended and command.returncode != 0:
            raise Fault(f"the command ended with {command.returncode}: {errors(place)}")
        if not ended and chance.random() < 1 / 3:
            command.kill()
            command.wait()
            counts.update(["kills", "command killed"])
        elif not ended:
            workers = [child for child in marked(command) if "spawn_main" in " ".join(told(child))]
            if workers:
                kill(chance.choice(workers))
                counts.update(["kills", "worker killed"])
        kept, half = look(place, kept, writing=command.returncode is None)
        counts["half lines"] += half
        report(counts)
        if command.returncode is None:
            continue
        left = [told(child) for child in psutil.wait_procs(marked(command), timeout=longest)[1]]
        if left:
            raise Fault(f"processes are left: {left}")
        command = None
        if ended:
            found = numbers(kept)
            other = [key for key in undisturbed if found[key] != undisturbed[key]]
            if other:
                runs = {run["key"]: run for run in map(json.loads, kept.splitlines())}
                first = runs[other[0]]
                raise Fault(
                    f"{len(other)} of {len(found)} runs are not those of an undisturbed study; the first is "
                    f"{first['arm']}, seed {first['seed']}, {first['execution']}: {found[other[0]]} instead "
                    f"of {undisturbed[other[0]]}"
                )
            counts["runs recorded"] += len(undisturbed)
            counts["studies complete"] += 1
            place, kept = folder / f"study {counts['studies complete'] + 1}", b""
    return counts


def lines(content: bytes) -> int:
    return content.count(b"\n")


def wait_for(command: subprocess.Popen, place: Path, wanted: int) -> None:
    """Returns when so many runs are recorded or the command has ended; it is a Fault if neither happens."""
    path, stop = place / f"{STUDY.name}.jsonl", time.monotonic() + LIMIT
    while command.poll() is None and wanted > (lines(path.read_bytes()) if path.exists() else 0):
        if time.monotonic() > stop:
            raise Fault("the command does not go on")
        time.sleep(0.02)


def start(place: Path) -> subprocess.Popen:
    """The command, as a process of its own; all that it starts has its mark."""
    place.mkdir(exist_ok=True)
    mark = {MARK: f"{place} {time.time_ns()}", "PYTHONPATH": str(ROOT), "TMPDIR": str(place.parent)}
    with open(place / "errors.txt", "w") as file:
        command = subprocess.Popen(
            [sys.executable, __file__, "--train", str(place)], env=os.environ | mark, stdout=file, stderr=file
        )
    command.mark = mark[MARK]
    return command


def errors(place: Path) -> str:
    """The end of what the last command in that folder said."""
    return (place / "errors.txt").read_text()[-3000:]


def marked(command: subprocess.Popen) -> list[psutil.Process]:
    """All processes that the command started, directly or not, and that are alive."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.pid != command.pid and process.environ().get(MARK) == command.mark
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # ended meanwhile
            continue
    return found


def told(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def look(place: Path, kept: bytes, writing: bool) -> tuple[bytes, bool]:
    """What is whole in the file of results, which begins with what was kept, and whether a half line follows.

    While the command goes on `writing`, half a line may be seen and is none.
    """
    path = place / f"{STUDY.name}.jsonl"
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if not whole.startswith(kept):
        raise Fault(f"records were lost or changed in {path}")
    keys = [json.loads(line)["key"] for line in whole.splitlines()]
    if len(set(keys)) < len(keys):
        raise Fault(f"a run is recorded twice in {path}")
    return whole, len(content) > len(whole) and not writing


def numbers(content: bytes) -> dict[str, Any]:
    """What each run gave, but for the seconds, by key; every run of the study, or it is a fault."""
    runs = [json.loads(line) for line in content.splitlines()]
    wanted = {records.key(STUDY.config(arm), seed) for arm in STUDY.arms for seed in range(SEEDS)}
    if sorted(run["key"] for run in runs) != sorted(wanted):
        raise Fault(f"{len(runs)} runs are recorded, {len(wanted)} are planned")
    return {
        run["key"]: [
            {name: value for name, value in epoch.items() if name != "seconds"} for epoch in run["epochs"]
        ]
        for run in runs
    }


def trained(place: Path) -> bytes:
    """The file of results of a study that nobody disturbs."""
    command = start(place)
    if command.wait(LIMIT):
        raise Fault(f"the command fails by itself: {errors(place)}")
    return (place / f"{STUDY.name}.jsonl").read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)  # the command that is killed
    given = parser.parse_args()
    if given.train:
        study_runs.run(STUDY, jobs=2, folder=given.train)
        return
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        started = time.monotonic()
        try:
            counts = storm(
                given.kills, given.seed, Path(folder), report=lambda so_far: print(dict(so_far), flush=True)
            )
        except Fault as fault:
            sys.exit(f"FAULT: {fault}")
        print(f"no fault in {time.monotonic() - started:.0f} s: {dict(counts)}")


if __name__ == "__main__":
    main()
