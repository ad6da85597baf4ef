"""Runs as JSON lines: one finished run is one line of `<folder>/<study>.jsonl`, added whole or not at all."""

import dataclasses
import functools
import hashlib
import json
import math
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers import ROOT, clean, files
from helpers.analysis.readings import place
from helpers.training.execution import Execution, processor

RECORDED = ROOT / "data" / "results"  # committed; lessons read it
REPRODUCED = ROOT / "build" / "results"  # what this machine trained


class RecordError(RuntimeError):
    """A results file or a record in it cannot be used; the message says which one and what to do."""


def key(config: dict[str, Any], seed: int) -> str:
    """Name of a run: 16 hexadecimal digits of the SHA-256 of its configuration and seed as canonical JSON.

    The order of the settings does not matter, 1 and 1.0 are one number, and a setting that is None is left
    out: a setting added to the course later defaults to None, so that the runs recorded before keep their
    names.
    """
    text = json.dumps(_canonical({"config": config, "seed": seed}), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(path: Path | str) -> list[dict[str, Any]]:
    """All records of a results file, in the order in which they were added; none if there is no such file.

    A half line at the end, left by a crash, is not a record and is passed over. Raises RecordError, with file
    and line, where anything else is not a JSON object.
    """
    path = Path(path)
    content = path.read_bytes() if path.exists() else b""
    return _parse(content[: _whole(content)], path)


def place_here(how: Execution) -> str:
    """The place of runs that this process makes in this way."""
    return place({"environment": environment(), "execution": dataclasses.asdict(how)})


def append(path: Path | str, record: dict[str, Any]) -> bool:
    """Adds one record to a results file; False if a record with its key and place was there already.

    It is on the disk when this returns. Safe with several processes on one file (a lock stands beside it) and
    with a crash at any moment: the next call cuts off a half line. NaN and infinities, which a diverged run
    has, are stored as null: JSON has no word for them.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(_without_nan(record), allow_nan=False).encode() + b"\n"
    with files.lock(f"{path}.lock"), open(path, "a+b", buffering=0) as file:
        file.seek(0)
        content = file.read()
        whole = _whole(content)
        there = [old for old in _parse(content[:whole], path) if old["key"] == record["key"]]
        if any(place(old) == place(record) for old in there):
            return False
        if content[whole - 1 : whole] not in (b"", b"\n"):  # a whole last line that only lacks its end
            line = b"\n" + line
        file.truncate(whole)
        try:
            if file.write(line) < len(line):
                raise RecordError(f"{path}: the disk took only a part of a record; make room and start again")
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(whole)
            raise
        return True


@functools.lru_cache(maxsize=1)
def environment() -> dict[str, str | None]:
    """Where a run was made: versions, processor, GPU (None without one) and the commit of the code.

    `commit` ends in "+changes" if anything in helpers/ differed from it, and is None outside a git checkout
    of this course.
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "processor": processor(),
        "device_name": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "commit": _commit(),
    }


def _whole(content: bytes) -> int:
    """How many bytes of a results file are whole lines.

    A last line that is a JSON object and only lacks its newline is whole.
    """
    end = content.rfind(b"\n") + 1
    try:
        complete = isinstance(json.loads(content[end:]), dict)
    except ValueError:
        complete = False
    return len(content) if complete else end


def _parse(content: bytes, path: Path) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            reason = str(error)
        else:
            if isinstance(record, dict) and "key" in record:
                records.append(record)
                continue
            reason = 'expected a JSON object with a "key"'
        raise RecordError(
            f"{path}, line {number} is not a record ({reason}). "
            "Take that line out, or move the file away, and the missing runs are trained again."
        )
    return records


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _commit() -> str | None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(
            command, env=clean.git(), capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return None  # unpacked inside somebody else's repository
        commit = git("rev-parse", "HEAD")
        # Also files that are new, whatever status.showUntrackedFiles says
        changes = git("status", "--porcelain", "--untracked-files=normal", "--", "helpers")
        return commit + "+changes" if changes else commit
    except (OSError, subprocess.SubprocessError):  # no git, no checkout, or no commit yet
        return None
