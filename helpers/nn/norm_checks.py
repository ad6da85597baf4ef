"""What the norms refuse: PyTorch's types of error, with what to do instead. For `helpers.nn.functional`."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def floating_point(x: Tensor) -> None:
    """Raise NotImplementedError for integers."""
    if not x.is_floating_point():
        raise NotImplementedError(
            f"not implemented for {x.dtype}: pass floating-point numbers, as x.float()."
        )


def types(x: Tensor, **tensors: Tensor | None) -> None:
    """Raise RuntimeError if one of the tensors, by its name, has a type that does not go with that of `x`.

    They share the type of `x`; with float16 and bfloat16 they may all be float32. None always fits, and on
    meta, without numbers, every type does. Raises NotImplementedError for integers.
    """
    floating_point(x)
    given = {name: tensor.dtype for name, tensor in tensors.items() if tensor is not None}
    if (
        x.is_meta
        or set(given.values()) <= {x.dtype}
        or (x.dtype.itemsize == 2 and set(given.values()) == {torch.float32})
    ):
        return
    beside = ", ".join(f"{name} {dtype}" for name, dtype in given.items())
    raise RuntimeError(
        f"mixed dtype: the input is {x.dtype}, {beside}. Convert the input, as x.to(module.weight.dtype), or "
        "the module, as module.double(); only float32 parameters also go with float16 and bfloat16."
    )


def more_than_one(count: int, what: str, x: Tensor) -> None:
    """Raise ValueError if `count` is 1: a value alone is its own mean, and the output beta whatever it is."""
    if count == 1:
        raise ValueError(
            f"Expected more than 1 {what} when training, got input size {tuple(x.shape)}: pass more at once, "
            "or call eval() on a module that has running statistics."
        )


def positive_eps(eps: float, training: bool) -> None:
    """Raise ValueError if `eps` is negative, or 0 in training, where a variance may be 0."""
    if eps < 0 or (training and eps == 0):
        raise ValueError(f"eps must be positive (or 0 in evaluation), got {eps}; the default is 1e-5.")


def running_statistics(x: Tensor, mean: Tensor | None, var: Tensor | None, needed: bool) -> None:
    """Raise RuntimeError if one is missing but needed, or not of shape (C,) for `x` (N, C, ...).

    Raises ValueError if one of them is given without the other.
    """
    if needed and (mean is None or var is None):
        raise RuntimeError("running_mean and running_var must be defined to normalize by them: give both.")
    if (mean is None) != (var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None.")
    shapes((x.shape[1],), running_mean=mean, running_var=var)


def shapes(shape: Sequence[int], **tensors: Tensor | None) -> None:
    """Raise RuntimeError if one of the tensors, by its name, is not of `shape`; None always fits."""
    for name, tensor in tensors.items():
        if tensor is not None and tensor.shape != tuple(shape):
            raise RuntimeError(
                f"{name} should have shape {list(shape)} to fit the input, got {list(tensor.shape)}."
            )


def groups(x: Tensor, num_groups: int) -> None:
    """Raise RuntimeError unless `x` is (N, C, ...), has channels and pixels, and `num_groups` divides C.

    Raises ValueError for a single value in all: a group of one value is its own mean.
    """
    if x.dim() < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {x.dim()}: (N, C, ...)."
        )
    n, c, *pixels = x.shape
    more_than_one(n * c // num_groups * math.prod(pixels), "value per channel", x)
    if c % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(x.shape)} and num_groups={num_groups}."
        )
    for what, number in (("number of channels", c), ("HxW", math.prod(pixels))):
        if number == 0:
            raise RuntimeError(f"Expected {what} to be greater than 0, got input of shape {list(x.shape)}.")


def last_axes(x: Tensor, normalized_shape: Sequence[int], **parameters: Tensor | None) -> None:
    """Raise RuntimeError if the size of `x` does not end in `normalized_shape`, or that is empty.

    Also if one of the parameters, by its name, is not of `normalized_shape`; None always fits.
    """
    if len(normalized_shape) == 0:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional: name an axis, got none.")
    if tuple(x.shape[-len(normalized_shape) :]) != tuple(normalized_shape):
        sizes = ", ".join(map(str, normalized_shape))
        raise RuntimeError(
            f"Given normalized_shape=[{sizes}], expected input with shape [*, {sizes}], "
            f"but got input of size {list(x.shape)}."
        )
    for name, tensor in parameters.items():
        if tensor is not None and tensor.shape != tuple(normalized_shape):
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, "
                f"but got {list(tensor.shape)} and {list(normalized_shape)}."
            )
