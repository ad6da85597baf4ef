"""A learner's function called without harm: within a time, on known settings, with its inputs watched."""

import ctypes
import inspect
import linecache
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

SECONDS = 10.0  # for one call; a right answer takes milliseconds

# What a check needs, and sets: words for "leaves ...", how to read it, how to set it.
_SETTINGS: Sequence[tuple[str, Callable[[], object], Callable[[object], object], object]] = (
    (
        "gradients switched off for all that follows: write `with torch.no_grad():`",
        torch.is_grad_enabled,
        torch.set_grad_enabled,
        True,
    ),
    ("another default dtype", torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    ("another default device", torch.get_default_device, torch.set_default_device, torch.device("cpu")),
    (
        "deterministic algorithms switched on",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        False,
    ),
)


class TooLong(BaseException):
    """An answer did not end in time. Not an Exception: no `except Exception` of the answer swallows it."""


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an error at its next step in Python; None takes back one that waits."""
    pending = ctypes.py_object(error) if error else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)


def _importing(thread: int) -> bool:
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def within(seconds: float, function: Callable, *inputs: object) -> object:
    """What the function returns; it runs in this thread and is stopped after `seconds`.

    A second thread waits, and when the time is over has this one raise TooLong at its next step in Python; so
    it works in a notebook's main thread and in any other, and nothing is left running. Its limit: one call
    that stays in C (`sum(itertools.count())`, `time.sleep`) is stopped only when it comes back to Python. An
    import is never stopped, as it would leave half a module.

    Raises:
        TooLong: the function did not end in time.
    """
    ended, thread = threading.Event(), threading.get_ident()

    def watch() -> None:
        wait = seconds
        while not ended.wait(wait):
            if not _importing(thread):
                _raise_in(thread, TooLong)
            wait = 0.5  # once more, should a bare `except:` have caught it

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return function(*inputs)
    finally:
        while True:
            try:
                ended.set()
                watcher.join()
                break
            except TooLong:  # raised a moment after the function had ended
                continue
        _raise_in(thread, None)


@contextmanager
def settings(dtype: torch.dtype = torch.float64) -> Iterator[Callable[[], list[str]]]:
    """Gradients on, `dtype` as the default, the CPU, a fixed seed; all as it was before when it is left.

    Gives a function that says what has been changed since it was called last, and sets that again.
    """
    needed = [dtype if isinstance(value, torch.dtype) else value for *_, value in _SETTINGS]
    before = [read() for _, read, *_ in _SETTINGS]
    random = torch.get_rng_state()

    def put(values: Sequence[object]) -> list[str]:
        changed = [
            (words, write, value)
            for (words, read, write, _), value in zip(_SETTINGS, values, strict=True)
            if read() != value
        ]
        for _, write, value in changed:
            write(value)
        return [f"it leaves {words}" for words, *_ in changed]

    try:
        with torch.inference_mode(False), torch.autocast("cpu", enabled=False):
            put(needed)
            torch.manual_seed(0)
            yield lambda: put(needed)
    finally:
        put(before)
        torch.set_rng_state(random)


def copied(value: object) -> object:
    """A copy that shares no memory; tensors keep requires_grad, containers their type."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(item) for item in value)
    return value


def _unchanged(value: object, before: object) -> bool:
    if isinstance(before, Tensor):
        same_form = isinstance(value, Tensor) and value.shape == before.shape and value.dtype == before.dtype
        if not same_form:
            return False
        value, before = value.detach(), before.detach()
        return torch.equal(value, before) or torch.allclose(value, before, rtol=0, atol=0, equal_nan=True)
    if isinstance(before, Mapping):
        return list(value) == list(before) and all(_unchanged(value[key], before[key]) for key in before)
    if isinstance(before, list | tuple):
        return len(value) == len(before) and all(map(_unchanged, value, before))
    return type(value) is type(before) and (value == before or value != value)  # NaN is not itself


def _holds_gradient(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_gradient, value.values()))
    return isinstance(value, Tensor) and value.is_leaf and value.grad is not None


class Watched:
    """A function that notes which of its arguments it changes and what it leaves switched.

    Args:
        function: what is called.
        names: its arguments' names, in order.
        changes: the arguments that it is asked to change.
        left: says what has been switched since it was called last (see `settings`).
    """

    def __init__(
        self,
        function: Callable,
        names: Sequence[str],
        changes: Sequence[str],
        left: Callable[[], list[str]],
    ) -> None:
        self.function, self.names, self.changes, self.left = function, names, changes, left
        self.changed: list[str] = []
        self.words: list[str] = []

    def __call__(self, *inputs: object, **named: object) -> object:
        before = copied(inputs)
        grads = torch.is_grad_enabled()  # off in some exercises on purpose
        try:
            return self.function(*inputs, **named)
        finally:
            same_grads = torch.is_grad_enabled() == grads
            self.words += [words for words in self.left() if not (same_grads and "gradients" in words)]
            torch.set_grad_enabled(grads)
            for name, value, was in zip(self.names, inputs, before, strict=False):
                if name in self.changes:
                    continue
                if not _unchanged(value, was):
                    self.changed.append(name)
                elif _holds_gradient(value):
                    self.words.append(
                        f"it leaves gradients in {name}: torch.autograd.grad returns them instead"
                    )

    def noted(self) -> list[str]:
        """What the function did beside its work, in words, each thing once."""
        names = list(dict.fromkeys(self.changed))
        itself = "itself" if len(names) == 1 else "themselves"
        changed = f"it changes {', '.join(names)} {itself}: leave the input as it is, and compute new values"
        return [changed] * bool(names) + list(dict.fromkeys(self.words))


def stopped(error: BaseException, answer: Callable, where: str) -> str:
    """In words: with which error an answer stopped, on what input, and in which line of the learner's own."""
    file = getattr(getattr(inspect.unwrap(answer), "__code__", None), "co_filename", None)
    if inspect.isclass(answer):
        own = [part for part in vars(answer).values() if inspect.isfunction(part)]
        file = own[0].__code__.co_filename if own else None
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    line = ""
    if frames:
        text = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
        line = f", in `{text}`" if text else f", in line {frames[-1].lineno}"
    if isinstance(error, TooLong):
        return f"it does not end: stopped after {SECONDS:g} seconds on {where}{line}"
    if isinstance(error, NotImplementedError) and not error.args:
        return f"it still raises NotImplementedError{line}: put your lines in its place"
    message = str(error).strip().split("\n")[0]
    return f"it stops with {type(error).__name__} on {where}{line}: {message}"


def is_stub(answer: object) -> bool:
    """Whether an answer is a lesson's stub: all its functions do is `raise NotImplementedError`."""

    def stub() -> None:
        raise NotImplementedError

    if inspect.isclass(answer):
        parts = [part for part in vars(answer).values() if inspect.isfunction(part)]
        return bool(parts) and all(map(is_stub, parts))
    code = getattr(answer, "__code__", None)
    return (
        code is not None
        and code.co_code == stub.__code__.co_code
        and code.co_names == ("NotImplementedError",)
    )
