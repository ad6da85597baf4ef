"""Batch, layer, group, instance and RMS norm, forward and backward, equal to `torch.nn.functional`.

They are one formula. What tells the norms apart is which values of x share a mean:

    mu = mean(x)    var = mean((x - mu)^2)    x_hat = (x - mu) / sqrt(var + eps)    y = gamma * x_hat + beta

    norm      values that share a mean           gamma, beta: one for each  source
    batch     a channel in all images (N, H, W)  channel                    Ioffe & Szegedy 2015, algorithm 1
    layer     the last axes                      element of those axes      Ba, Kiros & Hinton 2016, eq. 3, 4
    group     C / groups channels of an image    channel                    Wu & He 2018, eq. 1 to 7
    instance  a channel of an image (H, W)       channel                    Ulyanov et al. 2016, eq. 3
    RMS       the last axes, but mu stays 0      element, and no beta       Zhang & Sennrich 2019, eq. 4

First the formula and its derivative, then a function for each norm. Arguments and errors are PyTorch's.
float16 and bfloat16 are computed in float32, statistics included, and rounded once, at the end.
`helpers.norms` has the modules.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class _Normalize(torch.autograd.Function):
    """x -> x_hat, mu, var; values along `axes` share a mean. Ioffe & Szegedy 2015, algorithm 1, 1-3."""

    @staticmethod
    def forward(x, axes, eps, center):
        mu = x.mean(axes, keepdim=True) if center else x.new_zeros(())
        deviation = x - mu if center else x
        var = deviation.square().mean(axes, keepdim=True)  # not E[x^2] - E[x]^2: big numbers that cancel
        return deviation * torch.rsqrt(var + eps), mu, var

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.axes, ctx.eps, ctx.center = inputs
        x_hat, _, var = output
        ctx.n = max(1, math.prod([x.shape[axis] for axis in ctx.axes]))  # how many values share a mean
        ctx.save_for_backward(x_hat, var)  # outputs, both: so autograd can differentiate backward in its turn

    @staticmethod
    def backward(ctx, d_x_hat, d_mu, d_var):
        """Ioffe & Szegedy 2015, section 3. x acts on the loss in three ways: itself, through var, through mu.

        d_y is the derivative of the loss by y. d_mu and d_var arrive as what the loss takes from
        mu and var past x_hat: nothing in a network, something when autograd differentiates a second time.
        """
        x_hat, var = ctx.saved_tensors
        r = torch.rsqrt(var + ctx.eps)  # 1 / sigma, so that x - mu = x_hat / r
        d_var = d_var - r.square() / 2 * (d_x_hat * x_hat).sum(ctx.axes, keepdim=True)
        # The paper's other term of d_mu is a multiple of sum(x - mu), which is zero. In RMS norm mu is fixed.
        d_mu = d_mu - r * d_x_hat.sum(ctx.axes, keepdim=True) if ctx.center else torch.zeros_like(d_mu)
        # d_x = r * d_x_hat + d_var * 2 (x - mu) / n + d_mu / n; addcmul(a, b, c) is a + b * c in one go
        d_x = torch.addcmul(d_mu / ctx.n, r, d_x_hat)
        d_x = torch.addcmul(d_x, 2 / ctx.n * d_var / r, x_hat)
        return d_x, None, None, None


class _ScaleAndShift(torch.autograd.Function):
    """y = gamma * x_hat + beta (line 4), where gamma and beta broadcast against x_hat."""

    @staticmethod
    def forward(x_hat, gamma, beta):
        return torch.addcmul(beta, gamma, x_hat)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x_hat, gamma, beta = inputs
        ctx.beta_shape = beta.shape
        ctx.save_for_backward(x_hat, gamma)

    @staticmethod
    def backward(ctx, d_y):
        """One gamma serves many elements, so its derivative is the sum over all of them; beta's likewise."""
        x_hat, gamma = ctx.saved_tensors
        x_hat_needs, gamma_needs, beta_needs = ctx.needs_input_grad
        d_x_hat = d_y * gamma if x_hat_needs else None
        d_gamma = (d_y * x_hat).sum_to_size(gamma.shape) if gamma_needs else None
        d_beta = d_y.sum_to_size(ctx.beta_shape) if beta_needs else None
        return d_x_hat, d_gamma, d_beta


def normalize(
    x: Tensor, axes: Sequence[int], eps: float, center: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Return x_hat, mu and the biased var of `x`, whose values along `axes` (counted from 0) share a mean.

    `center=False` leaves the mean in (mu = 0). float16 and bfloat16 come back as float32.
    Raises NotImplementedError for integers, as PyTorch does.
    """
    return _Normalize.apply(_widen(x), tuple(axes), eps, center)


def scale_and_shift(x_hat: Tensor, gamma: Tensor | None, beta: Tensor | None, shape: Sequence[int]) -> Tensor:
    """Return gamma * x_hat + beta, with gamma and beta viewed as `shape`; None leaves its half out."""
    if gamma is None and beta is None:
        return x_hat
    gamma = x_hat.new_ones(()) if gamma is None else gamma.to(x_hat.dtype).view(shape)
    beta = x_hat.new_zeros(()) if beta is None else beta.to(x_hat.dtype).view(shape)
    return _ScaleAndShift.apply(x_hat, gamma, beta)


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of `x` (N, C, ...) over the batch; all else is (C,). Ioffe & Szegedy 2015.

    In training: by the batch's own statistics; running statistics, if given, move towards them (algorithm 1).
    Otherwise: by the running statistics, which must then be given (algorithm 2, line 11).
    Raises ValueError for a single value per channel in training, RuntimeError for vectors that do not fit.
    """
    if training:
        _check_more_than_one(x.numel() // max(1, x.shape[1]), "value per channel", x)
    if eps < 0 or (training and eps == 0):
        raise ValueError(f"eps must be positive (or 0 in evaluation), got {eps}; the default is 1e-5.")
    _check_running_statistics(x, running_mean, running_var, needed=not training)
    _check_shapes((x.shape[1],), weight=weight, bias=bias)
    if not training:
        return _by_running_statistics(x, running_mean, running_var, weight, bias, eps)
    x_hat, mu, var = normalize(x, (0, *range(2, x.dim())), eps)  # mu, var: (1, C, 1, 1)
    _move_running_statistics(running_mean, running_var, mu, var, x, momentum)
    return scale_and_shift(x_hat, weight, bias, _per_channel(x)).to(x.dtype)


def instance_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each image of `x` (N, C, ...); all else is (C,). Ulyanov et al. 2016, eq. 3.

    Running statistics, if given, move towards the images' statistics, averaged over the batch. With
    `use_input_stats=False` they must be given, and are used as batch norm uses them.
    Raises ValueError for a single pixel per channel, RuntimeError for vectors that do not fit `x`.
    """
    if use_input_stats:
        _check_more_than_one(math.prod(x.shape[2:]), "spatial element", x)
    _check_running_statistics(x, running_mean, running_var, needed=not use_input_stats)
    _check_shapes((x.shape[1],), weight=weight, bias=bias)
    if not use_input_stats:
        return _by_running_statistics(x, running_mean, running_var, weight, bias, eps)
    x_hat, mu, var = normalize(x, range(2, x.dim()), eps)  # mu, var: (N, C, 1, 1)
    _move_running_statistics(running_mean, running_var, mu, var, x, momentum)
    return scale_and_shift(x_hat, weight, bias, _per_channel(x)).to(x.dtype)


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each image of `x` (N, C, ...) in `num_groups` groups of channels. Wu & He 2018, eq. 7.

    `weight` and `bias` are (C,). C groups make it instance norm; one, layer norm but for gamma and beta.
    Raises RuntimeError for channels that cannot be divided so, ValueError for a single value in all.
    """
    if x.dim() < 2:
        raise RuntimeError(f"expected at least 2 dimensions (N, C, ...), got {x.dim()}.")
    n, c, *pixels = x.shape
    _check_more_than_one(n * c // num_groups * math.prod(pixels), "value per channel", x)
    if c % num_groups:
        raise RuntimeError(f"channels must be divisible by num_groups, got {c} and {num_groups}.")
    if 0 in pixels:
        raise RuntimeError(f"expected images of at least one pixel, got input of size {tuple(x.shape)}.")
    _check_shapes((c,), weight=weight, bias=bias)
    grouped = x.unflatten(1, (num_groups, c // num_groups))  # (N, G, C / G, H, W)
    x_hat, _, _ = normalize(grouped, range(2, grouped.dim()), eps)
    return scale_and_shift(x_hat.flatten(1, 2), weight, bias, _per_channel(x)).to(x.dtype)


def layer_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last axes of `x` (..., *normalized_shape). Ba, Kiros & Hinton 2016, eq. 3 and 4.

    `weight` and `bias` are of `normalized_shape`. Raises RuntimeError for any other shape.
    """
    axes = _last_axes(x, normalized_shape)
    _check_shapes(normalized_shape, weight=weight, bias=bias)
    x_hat, _, _ = normalize(x, axes, eps)
    return scale_and_shift(x_hat, weight, bias, normalized_shape).to(x.dtype)


def rms_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root mean square over the last axes of `x`. Zhang & Sennrich 2019, eq. 4.

    `x` is (..., *normalized_shape), `weight` of that shape; RuntimeError for any other. `eps=None` is the
    machine epsilon of the type computed in: float64's for float64, float32's for all others.
    """
    axes = _last_axes(x, normalized_shape)
    _check_shapes(normalized_shape, weight=weight)
    if eps is None:
        eps = torch.finfo(_wide(x.dtype)).eps
    x_hat, _, _ = normalize(x, axes, eps, center=False)
    return scale_and_shift(x_hat, weight, None, normalized_shape).to(x.dtype)


def _by_running_statistics(x, running_mean, running_var, weight, bias, eps):
    """Fixed statistics make the norm a straight line: y = (gamma / sigma) * (x - mean) + beta."""
    deviation = _widen(x) - running_mean.view(_per_channel(x))
    scale = torch.rsqrt(running_var.to(deviation.dtype) + eps)
    if weight is not None:
        scale = weight.to(scale.dtype) * scale
    return scale_and_shift(deviation, scale, bias, _per_channel(x)).to(x.dtype)


def _move_running_statistics(running_mean, running_var, mu, var, x, momentum):
    """In place: running <- (1 - momentum) * running + momentum * new.

    Normalizing took the biased variance; this is the unbiased one, an estimate for images yet to come.
    """
    if running_mean is None or x.numel() == 0:  # an empty batch tells nothing
        return
    n = x.numel() // mu.numel()
    for running, new in ((running_mean, mu), (running_var, var * (n / (n - 1)))):
        new = new.detach().mean(0).flatten()  # detached: else each batch's graph would hang on the one before
        running.copy_((1 - momentum) * running + momentum * new)


def _per_channel(x: Tensor) -> tuple[int, ...]:
    return (1, -1) + (1,) * (x.dim() - 2)  # (C,) viewed like this broadcasts against (N, C, H, W)


def _last_axes(x: Tensor, normalized_shape: Sequence[int]) -> range:
    first = x.dim() - len(normalized_shape)
    if len(normalized_shape) == 0:
        raise RuntimeError("normalized_shape must name at least one axis, got none.")
    if first < 0 or x.shape[first:] != tuple(normalized_shape):
        raise RuntimeError(
            f"given normalized_shape={list(normalized_shape)}, expected an input whose size ends in it, "
            f"but got input of size {list(x.shape)}."
        )
    return range(first, x.dim())


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _widen(x: Tensor) -> Tensor:
    if not x.is_floating_point():
        raise NotImplementedError(
            f"not implemented for {x.dtype}: pass floating-point numbers, as x.float()."
        )
    return x.to(_wide(x.dtype))


def _check_more_than_one(count: int, what: str, x: Tensor) -> None:
    if count == 1:  # a value alone is its own mean: the output would be beta, whatever the input
        raise ValueError(
            f"Expected more than 1 {what} when training, got input size {tuple(x.shape)}: pass more at once, "
            "or call eval() on a module that has running statistics."
        )


def _check_running_statistics(x: Tensor, mean: Tensor | None, var: Tensor | None, needed: bool) -> None:
    if needed and (mean is None or var is None):
        raise RuntimeError("running_mean and running_var must be defined to normalize by them: give both.")
    if (mean is None) != (var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None.")
    _check_shapes((x.shape[1],), running_mean=mean, running_var=var)


def _check_shapes(shape: Sequence[int], **tensors: Tensor | None) -> None:
    for name, tensor in tensors.items():
        if tensor is not None and tensor.shape != tuple(shape):
            raise RuntimeError(
                f"{name} should have shape {list(shape)} to fit the input, got {list(tensor.shape)}."
            )
