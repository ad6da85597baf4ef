"""Batch, layer, group, instance and RMS norm as modules, with the arguments and the state of `torch.nn`'s.

A module holds what stays from batch to batch: gamma and beta (`weight`, `bias`) and the running statistics.
What it computes is in the function of its name in `helpers.nn.functional`.

Batch and instance norm have torch's class as a second base. None of its arithmetic is used: ours comes first.
But tools of torch ask for it by `isinstance`, and leave out a layer that is not one: swa_utils.update_bn,
SyncBatchNorm.convert_sync_batchnorm, func.replace_all_batch_norm_modules_, FSDP. And it can read the
state_dicts of old versions. No tool of torch asks for the classes of the other norms.
"""

import numbers
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from helpers.nn.functional import batch_norm, group_norm, instance_norm, layer_norm, normalize, rms_norm

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "normalize", "rms_norm"]
__all__ += [
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "RMSNorm",
]


class _Norm(nn.Module):
    """gamma and beta, under torch's names `weight` and `bias`. They start as 1 and 0: y = x_hat."""

    def __call__(self, x: Tensor) -> Tensor:
        if isinstance(x, fx.Proxy):
            return _one_call(self, x)
        return super().__call__(x)

    def __init__(self) -> None:
        nn.Module.__init__(self)  # not super(): torch's class, if it is a base, would make parameters too

    def _add_parameters(self, shape: int | Sequence[int], weight: bool, bias: bool, device, dtype) -> None:
        for name, wanted in (("weight", weight), ("bias", weight and bias)):
            value = nn.Parameter(torch.empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)

    def reset_parameters(self) -> None:
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class _RunningNorm(_Norm):
    """What batch and instance norm share: gamma and beta for each channel, running statistics as buffers."""

    dims: tuple[int, ...]  # how many axes an input may have

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._add_parameters(num_features, affine, bias, device, dtype)
        for name in ("running_mean", "running_var"):
            empty = torch.empty(num_features, device=device, dtype=dtype) if track_running_stats else None
            self.register_buffer(name, empty)
        self.register_buffer(
            "num_batches_tracked", torch.tensor(0, device=device) if track_running_stats else None
        )
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _check_input_dim(self, x: Tensor) -> None:
        if x.dim() not in self.dims:
            expected = " or ".join(f"{dim}D" for dim in self.dims)
            raise ValueError(f"{type(self).__name__} expected {expected} input (got {x.dim()}D input).")


class _BatchNorm(_RunningNorm, nn.modules.batchnorm._BatchNorm):
    def forward(self, x: Tensor) -> Tensor:
        self._check_input_dim(x)
        mean, var, momentum = self.running_mean, self.running_var, self.momentum
        if self.training and not self.track_running_stats:
            mean = var = None
        elif self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:  # the plain average of all batches so far
                momentum = 1 / float(self.num_batches_tracked)
        by_batch = self.training or (mean is None and var is None)
        return batch_norm(x, mean, var, self.weight, self.bias, by_batch, momentum or 0.0, self.eps)


class BatchNorm1d(_BatchNorm):
    """`torch.nn.BatchNorm1d`, written out: (N, C) or (N, C, L), in and out. See `batch_norm`."""

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`torch.nn.BatchNorm2d`, written out: (N, C, H, W), in and out. See `batch_norm`."""

    dims = (4,)


class _InstanceNorm(_RunningNorm, nn.modules.instancenorm._InstanceNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        self._check_input_dim(x)
        channels = x.dim() - min(self.dims)  # axis 1, or 0 for one image without the batch axis
        if x.shape[channels] != self.num_features:
            message = (
                f"expected {self.num_features} channels at dim={channels}, got input size {tuple(x.shape)}."
            )
            if self.affine:
                raise ValueError(message)
            warnings.warn(f"{message} num_features is not used, because affine=False.", stacklevel=2)
        batch = x if channels == 1 else x.unsqueeze(0)
        mean, var, momentum = self.running_mean, self.running_var, self.momentum
        by_image = self.training or not self.track_running_stats
        y = instance_norm(batch, mean, var, self.weight, self.bias, by_image, momentum or 0.0, self.eps)
        return y if channels == 1 else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """`torch.nn.InstanceNorm1d`, written out: (N, C, L) or (C, L), in and out. See `instance_norm`."""

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """`torch.nn.InstanceNorm2d`, written out: (N, C, H, W) or (C, H, W), in and out. See `instance_norm`."""

    dims = (3, 4)


class GroupNorm(_Norm):
    """`torch.nn.GroupNorm`, written out: (N, C, ...), in and out. See `group_norm`."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device=None,
        dtype=None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups}).")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._add_parameters(num_channels, affine, bias, device, dtype)
        self.reset_parameters()

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={bias}"

    def forward(self, x: Tensor) -> Tensor:
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class LayerNorm(_Norm):
    """`torch.nn.LayerNorm`, written out: (..., *normalized_shape), in and out. See `layer_norm`."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._add_parameters(self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def extra_repr(self) -> str:
        affine, bias = self.elementwise_affine, self.bias is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}, bias={bias}"

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(_Norm):
    """`torch.nn.RMSNorm`, written out: (..., *normalized_shape), in and out. See `rms_norm`."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._add_parameters(self.normalized_shape, elementwise_affine, False, device, dtype)
        self.reset_parameters()

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)


def _one_call(module: nn.Module, x: fx.Proxy) -> fx.Proxy:
    """What a tracer of torch.fx notes of a norm: that it is called, as of a layer of torch.nn."""
    tracer = x.tracer

    def call(x: fx.Proxy) -> fx.Proxy:
        return tracer.create_proxy("call_module", tracer.path_of_module(module), (x,), {})

    return tracer.call_module(module, call, (x,), {})


def _as_tuple(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, numbers.Integral) else tuple(normalized_shape)
