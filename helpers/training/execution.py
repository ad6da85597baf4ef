"""Where and how the arithmetic is done: device, precision, threads, memory."""

import ctypes
import functools
import json
import platform
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import nn

from helpers import files
from helpers.nn import modes

DEVICES = ("cpu", "cuda")
PRECISIONS = ("float32", "bfloat16")
GAIN = 1.1  # bfloat16 rounds to 8 bits: it is taken where it is quicker by more than timings wobble


@dataclass(frozen=True)
class Execution:
    """Where and how the arithmetic is done: recorded with a run, no part of its recipe."""

    device: str
    precision: str
    threads: int

    def __post_init__(self) -> None:
        whole = isinstance(self.threads, int) and self.threads >= 1
        if self.device not in DEVICES or self.precision not in PRECISIONS or not whole:
            raise ValueError(
                f"device={self.device!r}, precision={self.precision!r}, threads={self.threads!r}; choose "
                f"device from {', '.join(DEVICES)}, precision from {', '.join(PRECISIONS)}, at least 1 thread"
            )

    @classmethod
    def auto(cls, device: str = "auto", threads: int | None = None) -> "Execution":
        """A GPU where there is one, the precision that is quicker there, `threads` for the CPU's part.

        Raises ValueError for a device other than "auto", "cpu", "cuda", or "cuda" where there is none.
        """
        device = chosen_device(device)
        if device == "cuda":
            precision = "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
        else:
            precision = cpu_precision()
        return cls(device, precision, threads or torch.get_num_threads())

    @classmethod
    def float32(cls, device: str = "auto", threads: int | None = None) -> "Execution":
        """The same without the search for a quicker precision: how texts are trained."""
        return cls(chosen_device(device), "float32", threads or torch.get_num_threads())

    def autocast(self) -> torch.autocast:
        """The context in which a model's forward pass has this precision."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")


def chosen_device(device: str) -> str:
    """The device that is meant, "cpu" or "cuda": "auto" is a GPU where there is one.

    Raises ValueError for a device other than "auto", "cpu", "cuda", or "cuda" where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f'device={device!r}; choose "auto", "cpu" or "cuda"')
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError('device="cuda", but torch sees no GPU here; choose "auto" or "cpu"')
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


_STEPS = ("cpu family", "model")  # of /proc/cpuinfo: which generation of the processor


@functools.cache
def processor() -> str:
    """The kind of processor, such as "AMD EPYC, family 25, model 17": the name alone covers generations."""
    try:  # platform.processor() is empty or "x86_64" on Linux
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or platform.machine()
    return ", ".join([name, *(f"{what.split()[-1]} {facts[what]}" for what in _STEPS if what in facts)])


def precision_file() -> Path:
    """Where the timing that decides the precision on this machine is kept."""
    return platformdirs.user_cache_path("normalization-course") / "precision.json"


def cpu_precision() -> str:
    """The precision in which this processor trains quicker, one of PRECISIONS: timed once, then kept.

    Which it is cannot be read off the processor's flags. An AMD Zen 4, which has bfloat16 instructions and no
    matrix units (AMX), takes 421 milliseconds for a step of CifarNet (batch norm, 512 images) in bfloat16 and
    625 in float32; an Intel processor of that kind took 844 and 688.
    """
    return timing()["precision"]


def timing() -> dict[str, Any]:
    """How the precision was decided: processor, torch, milliseconds of a step by precision, precision."""
    known = {"processor": processor(), "torch": torch.__version__}
    path = precision_file()
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # not timed yet, or cut short
        kept = {}
    if {name: kept.get(name) for name in known} == known and kept.get("precision") in PRECISIONS:
        return kept
    steps = _step_times()
    quicker = "bfloat16" if steps["float32"] > GAIN * steps["bfloat16"] else "float32"
    found = known | {"milliseconds": steps, "precision": quicker}
    _keep(path, json.dumps(found))
    return found


@functools.cache
@torch.enable_grad()
def _step_times() -> dict[str, float]:
    """Milliseconds of a training step of a small convolution network by precision, on one thread.

    The quickest of several, the two in turn, so that whatever else the machine does strikes both.
    """
    threads = torch.get_num_threads()
    with modes.seeded(0):
        model = nn.Sequential(
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Conv2d(32, 32, 3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
        ).to(dtype=torch.float32, memory_format=torch.channels_last)
        images = torch.randn(128, 16, 32, 32, dtype=torch.float32).to(memory_format=torch.channels_last)
    best = dict.fromkeys(PRECISIONS, float("inf"))
    try:
        torch.set_num_threads(1)
        for turn in range(8):
            for precision in PRECISIONS:
                started = time.perf_counter()
                with Execution("cpu", precision, 1).autocast():
                    loss = model(images).float().square().mean()
                loss.backward()
                if turn:  # the first step of each also prepares
                    best[precision] = min(best[precision], 1000 * (time.perf_counter() - started))
    finally:
        torch.set_num_threads(threads)
    return {name: round(value, 1) for name, value in best.items()}


def _keep(path: Path, text: str) -> None:
    """Writes the file at once or, where nothing can be written, not at all: then the next process times."""
    try:
        files.write(path, text)
    except OSError as error:
        warnings.warn(f"the timing of this machine cannot be kept in {path}: {error.strerror}", stacklevel=2)


@functools.cache
def keep_freed_memory() -> None:
    """Has the C library keep large freed blocks of this process for the next tensors, where it is glibc.

    By default it returns them to the system, and each new tensor of a training step is paged in again: 25,000
    page faults and one eighth of the time of a step of CifarNet at batch 512.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL("libc.so.6")
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # of malloc.h
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(mmap_threshold, 2**30)
    libc.mallopt(arena_max, 1)  # other threads, as on a Dask worker, would have arenas of their own
