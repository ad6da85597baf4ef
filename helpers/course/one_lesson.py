"""Runs one lesson with papermill in a process of its own, and finds what kept it from its last cell."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nbformat

from helpers import ROOT, clean
from helpers.studies import cluster

LESSONS = ROOT / "notebooks"
START_TIMEOUT = 60  # seconds until a kernel must answer
GRACE = 15  # seconds that a lesson has to stop when the command that runs it is gone
BATCH = {"TQDM_DISABLE": "1"}  # progress bars are for a person
EARLY = "the lesson ended here, before its last cell"


def run_lesson(notebook: str, values: dict[str, Any], limit: int | None) -> tuple[float, str | None, str]:
    """On a Dask worker: runs a notebook (its text) with these parameters in a process of its own.

    A cell may take `limit` seconds. Returns seconds, None or what went wrong and in which cell, and the text
    of the executed notebook, "" if there is none.

    papermill changes the directory of the whole process and lives in its main thread, so it gets a process.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        source, output, error = (Path(folder, name) for name in ("source.ipynb", "output.ipynb", "error.txt"))
        source.write_text(notebook, "utf-8")
        with subprocess.Popen(
            [sys.executable, "-m", "helpers.course.one_lesson"],
            cwd=ROOT,
            env=clean.kernel(Path(folder, "profile"))
            | BATCH
            | {"OMP_NUM_THREADS": str(cluster.worker_threads())},
            stdin=subprocess.PIPE,  # stays open: when this process is gone, the child reads its end and stops
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            process.stdin.write(json.dumps([str(source), str(output), str(error), values, limit]) + "\n")
            process.stdin.flush()
            said = process.stdout.read()
        broken = error.read_text("utf-8") if error.is_file() else None
        if process.returncode != 0:
            broken = f"the lesson's process ended with status {process.returncode}: {said.strip()[-1000:]}"
        executed = output.read_text("utf-8") if output.is_file() else ""
    fault = find_fault(nbformat.reads(executed, as_version=4), broken) if executed else broken
    return time.perf_counter() - started, fault, executed


def find_fault(notebook: Any, error: str | None = None) -> str | None:
    """What kept an executed notebook from its last cell, and in which cell, or None if it ran through.

    papermill marks every cell completed after a dead kernel or an exit(); only the execution counts tell.
    """
    heading, number, counted, where = "the beginning", 0, 0, "before the first cell"
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "papermill-error-cell-tag" in tags:
            continue
        number += "injected-parameters" not in tags  # as in the lesson itself
        if cell.cell_type == "markdown":
            titles = [line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")]
            heading = titles[-1] if titles else heading
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        counted += 1
        here = f'section "{heading}", cell {number} ({cell.source.strip().splitlines()[0]})'
        if cell.execution_count != counted:
            if cell.metadata.get("papermill", {}).get("start_time"):  # sent to the kernel, which said nothing
                return f"{here}: {error or EARLY} (here, or by exit() in the cell before)"
            return f"{where}: {error or EARLY}"
        where = here
        raised = next((output for output in cell.outputs if output.output_type == "error"), None)
        if raised is not None and "raises-exception" not in tags:
            if raised.ename == "KeyboardInterrupt" and error:
                return f"{where}: {error}"  # papermill interrupts a cell that takes too long
            early = f"{EARLY}, " if raised.ename == "SystemExit" else ""
            return f"{where}: {early}{raised.ename}: {raised.evalue}"
    return f"{where}: {error}" if error else None


def _child() -> None:
    """The process of one lesson: reads its order, runs it, leaves the first line of an error."""
    from papermill import execute_notebook

    source, output, note, values, limit = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        execute_notebook(
            source,
            output,
            values,
            cwd=LESSONS,
            kernel_name="python3",
            progress_bar=False,
            start_timeout=START_TIMEOUT,
            execution_timeout=limit,
        )
    except Exception as error:  # of any kind: find_fault says where, the caller goes on with other lessons
        message = str(error).strip() or "no message"
        Path(note).write_text(f"{type(error).__name__}: {message.splitlines()[0]}", "utf-8")


def _stop_with_parent() -> None:
    sys.stdin.read()  # returns when the parent closes it or is gone
    os.kill(os.getpid(), signal.SIGINT)  # papermill then stops its kernel, or else
    time.sleep(GRACE)
    os._exit(1)  # the kernel, which watches its parent, stops by itself


if __name__ == "__main__":
    _child()
