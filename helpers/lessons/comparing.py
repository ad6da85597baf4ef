"""What an answer gave compared with what is right: its form, then its numbers, to its own type's rounding."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor

Seen = Mapping[str, object]  # what is compared of one call: its name for the learner -> a value

_ENTRIES = 4  # of a table that are shown to a learner
_ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}  # relative; others: 1e-9


def tensor(value: object) -> Tensor | None:
    """A number, sequence, array or tensor as float64; None for anything else, complex numbers too."""
    if isinstance(value, Iterator):  # which gives its numbers only once
        return None
    if isinstance(value, list | tuple):  # of tensors, perhaps: they keep no graph here
        value = [part.detach() if isinstance(part, Tensor) else part for part in value]
    try:
        found = value.detach() if isinstance(value, Tensor) else torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        try:
            found = torch.stack([torch.as_tensor(part).detach() for part in value])
        except (TypeError, ValueError, RuntimeError):
            return None
    if found.is_complex() or found.is_meta:
        return None
    return found.to_dense().cpu().double()


def rounding(value: object, typed: bool) -> float:
    """The relative rounding that an answer's own type allows; untyped numbers may have been float32."""
    if not typed:
        return _ROUNDING[torch.float32]
    return _ROUNDING.get(value.dtype, 1e-9) if isinstance(value, Tensor) else 1e-9


def close(value: Tensor, right: Tensor, error: float) -> bool:
    """Whether two float64 tensors are the same to a rounding error, relative to the largest number."""
    if value.shape != right.shape:
        return False
    scale = max(right[right.isfinite()].abs().max().item(), 1e-3) if right.isfinite().any() else 1.0
    return torch.allclose(value, right, rtol=10 * error, atol=error * scale, equal_nan=True)


def form(name: str, value: object, right: object, typed: bool) -> str | None:
    """What is wrong with the kind, shape or dtype of one value; None if nothing is."""
    if right is None:
        return None
    if value is None:
        return f"{name} is None: is a `return` missing?"
    if isinstance(right, str | tuple | bool):
        return None
    wanted = torch.as_tensor(right)
    is_tensor = isinstance(value, Tensor)
    if isinstance(value, Iterator):
        what = "tensor" if typed else "list" if wanted.ndim else "number"
        return (
            f"{name} is a {type(value).__name__}, not a {what}: it comes from `yield`, `map`, or round "
            f"brackets about `... for ...`; return a {what}"
        )
    if typed and wanted.ndim and not is_tensor:
        return f"{name} is a {type(value).__name__}, not a tensor"
    if isinstance(value, complex) or (is_tensor and value.is_complex()):
        return f"{name} is complex: a square root of a negative number, or eigvals instead of eigvalsh"
    found = tensor(value)
    if found is None:
        asked = "one number" if not wanted.ndim else f"a {'tensor' if typed else 'list'} of numbers"
        return f"{name} is {value!r}: {asked} is asked for"
    if found.shape != wanted.shape:
        if not wanted.ndim:
            return f"{name} is {plain(value)}: one number is asked for"
        if not found.ndim:
            return f"{name} is one number, {plain(value)}: it should have the shape {tuple(wanted.shape)}"
        return f"{name} has shape {tuple(found.shape)}, it should have {tuple(wanted.shape)}" + _why(
            tuple(found.shape), tuple(wanted.shape)
        )
    if typed and wanted.ndim and value.dtype != wanted.dtype:
        return f"{name} is {value.dtype}, it should be {wanted.dtype}, as the input"
    return None


def _why(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if found != wanted and tuple(n for n in found if n != 1) == tuple(n for n in wanted if n != 1):
        return (
            ": an axis of 1 is too many (keepdim=True keeps it)"
            if len(found) > len(wanted)
            else ": is keepdim missing?"
        )
    return ": that is transposed" if found == wanted[::-1] and len(found) == 2 else ""


def agree(seen: Seen, right: Seen, typed: bool = True, error: float | None = None) -> bool:
    """Whether all that was seen of a call is as it should be, to the rounding of the answer's own types."""
    for name, value in seen.items():
        wanted = right[name]
        if value is None or wanted is None or isinstance(wanted, str | tuple | bool):
            if value is not wanted and (not isinstance(value, type(wanted)) or value != wanted):
                return False
            continue
        found, expected = tensor(value), tensor(wanted)
        allowed = rounding(value, typed) if error is None else error
        if found is None or expected is None or not close(found, expected, allowed):
            return False
    return True


def plain(value: object) -> str:
    """A value for the learner's eyes: numbers to six digits, long tensors by their shape."""
    if isinstance(value, str):
        return repr(str(value))  # also of NumPy's strings
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, tuple) and all(isinstance(part, int) for part in value):
        return repr(value)
    if isinstance(value, Tensor) and value.numel() > 16:
        return f"a tensor of shape {tuple(value.shape)}"
    found = tensor(value)
    if found is None or not found.numel():
        return repr(value)
    if found.ndim == 0:
        return f"{found:.6g}"
    if found.numel() > 16:
        return f"a tensor of shape {tuple(found.shape)}"
    if found.ndim == 1 and isinstance(value, tuple):
        return f"({', '.join(f'{v:.6g}' for v in found)})"
    return _nested(found)


def _nested(values: Tensor) -> str:
    if values.ndim == 0:
        return f"{values:.6g}"
    return f"[{', '.join(map(_nested, values))}]"


def first_difference(seen: Seen, right: Seen, typed: bool) -> str:
    """The first number that is not as it should be: where, what it is, what it should be."""
    for name, value in seen.items():
        wanted = right[name]
        if agree({name: value}, right, typed):
            continue
        found = None if value is None or wanted is None else tensor(value)
        expected = None if wanted is None or isinstance(wanted, str | tuple | bool) else tensor(wanted)
        if found is None or expected is None or found.ndim == 0 or found.numel() <= 3:
            return f"{name} is {plain(value)}, it should be {plain(wanted)}"
        error = rounding(value, typed)
        wrong = ~torch.isclose(found, expected, rtol=10 * error, atol=error * expected.abs().max().item())
        place = (wrong if wrong.any() else torch.ones_like(wrong)).nonzero()[0].tolist()
        at = tuple(place)
        return f"{name}{place} is {found[at]:.6g}, it should be {expected[at]:.6g}"
    return "all of it is right"


def shown(names: Sequence[str], inputs: Sequence[object], function: str) -> str:
    """A call's input in words: as a call if it is all plain, else `x of shape (7, 3), eps = 0.1`."""
    if not any(isinstance(value, Tensor | Mapping) for value in inputs):
        return f"{function}({', '.join(map(_brief, inputs))})"
    return ", ".join(_named(name, value) for name, value in zip(names, inputs, strict=False))


def _named(name: str, value: object) -> str:
    if isinstance(value, Tensor) and value.numel() > 16:
        return f"{name} of shape {tuple(value.shape)}"
    return f"{name} = {_brief(value)}"


def _brief(value: object) -> str:
    if isinstance(value, Tensor):
        return plain(value)
    if callable(value):
        return getattr(value, "__name__", repr(value))
    if isinstance(value, Mapping):
        first = [f"{key!r}: {_brief(item)}" for key, item in islice(value.items(), _ENTRIES)]
        more = [f"... {len(value) - _ENTRIES} more"] if len(value) > _ENTRIES else []
        return f"{{{', '.join(first + more)}}}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value):
        return f"({', '.join(map(_brief, value))})"
    return repr(value)
