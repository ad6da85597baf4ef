"""Where and how the arithmetic is done: device, precision, threads, memory."""

import ctypes
import functools
import platform
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Execution:
    """Where and how the arithmetic is done: recorded with a run, no part of its recipe."""

    device: str
    precision: str
    threads: int

    @classmethod
    def auto(cls, device: str = "auto", threads: int | None = None) -> "Execution":
        """A GPU where there is one, bfloat16 where the processor multiplies it, `threads` for the CPU's part.

        Raises ValueError for a device other than "auto", "cpu", "cuda", or "cuda" where there is none.
        """
        if device not in ("auto", "cpu", "cuda"):
            raise ValueError(f'device={device!r}; choose "auto", "cpu" or "cuda"')
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError('device="cuda", but torch sees no GPU here; choose "auto" or "cpu"')
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        fast = torch.cuda.is_bf16_supported(False) if device == "cuda" else _cpu_has_bfloat16()
        return cls(device, "bfloat16" if fast else "float32", threads or torch.get_num_threads())

    def autocast(self) -> torch.autocast:
        """The context in which a model's forward pass has this precision."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")


def _cpu_has_bfloat16() -> bool:
    """Whether the processor has matrix units for bfloat16 (AMX); elsewhere float32 is quicker.

    AVX512-BF16 alone is no gain: a step takes 844 milliseconds with it and 688 without (CifarNet, batch norm,
    512 images), 18 and 14 (MnistNet, 64 images).
    """
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


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
