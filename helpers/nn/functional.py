"""Batch, layer, group, instance and RMS norm, forward and backward, equal to `torch.nn.functional`.

They are one formula. What tells the norms apart is which values of x share a mean:

    mean = mean(x)    var = mean((x - mean)^2)    s = sqrt(var + eps)
    x_hat = (x - mean) / s    y = gamma * x_hat + beta

    norm      values that share a mean           gamma, beta: one for each  source
    batch     a channel in all images (N, H, W)  channel                    Ioffe & Szegedy 2015, algorithm 1
    layer     the last axes                      element of those axes      Ba, Kiros & Hinton 2016, eq. 3, 4
    group     C / groups channels of an image    channel                    Wu & He 2018, eq. 1 to 7
    instance  a channel of an image (H, W)       channel                    Ulyanov et al. 2016, eq. 3
    RMS       the last axes, but mean stays 0    element, and no beta       Zhang & Sennrich 2019, eq. 4

The letters are those of lesson 04: m values share a mean, and h is the derivative of the loss by x_hat.
First the formula and its derivative, then a function for each norm. Arguments and errors are PyTorch's.
float16 and bfloat16 are computed in float32, statistics included, and rounded once, at the end.
`helpers.nn.norms` has the modules, `helpers.nn.norm_checks` what is refused.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.forward_ad import _set_fwd_grad_enabled, unpack_dual

from helpers.nn import norm_checks


class _Function(torch.autograd.Function):
    """A derivative by hand that works wherever torch's own do: also under torch.func and torch.compile."""

    generate_vmap_rule = True  # torch.func.vmap runs forward and backward on the whole batch

    @classmethod
    def call(cls, *inputs):
        """The outputs of `forward`; a compiler gets its plain operations, and takes their derivative itself.

        torch.compile refuses a Function with `jvp`, and a trace with a Function in it cannot be saved.
        """
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            return cls.forward(*inputs)
        return cls.apply(*inputs)


class _Normalize(_Function):
    """x -> x_hat, mean, var; values along `axes` share a mean. Ioffe & Szegedy 2015, algorithm 1, 1-3."""

    @staticmethod
    def forward(x, eps, center, *axes):
        mean, deviation = _mean_and_deviation(x, axes) if center else (x.new_zeros(()), x)
        var = deviation.square().mean(axes, keepdim=True)  # not E[x^2] - E[x]^2: big numbers that cancel
        s = torch.sqrt(var + eps)
        return deviation / s, mean, var

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.eps, ctx.center, *ctx.axes = inputs
        x_hat, _, var = output
        ctx.m = max(1, math.prod([x.shape[axis] for axis in ctx.axes]))
        ctx.save_for_backward(x_hat, var)  # outputs, both: so autograd can differentiate backward in its turn
        ctx.save_for_forward(x_hat, var)

    @staticmethod
    def backward(ctx, h, d_mean, d_var):
        """The derivative by x: Ioffe & Szegedy 2015, section 3, tidied up as in lesson 04.

        h, d_mean and d_var are the derivatives by the outputs. In a network the last two are 0; they are not
        when autograd differentiates this backward, which uses var.
        """
        x_hat, var = ctx.saved_tensors
        s = torch.sqrt(var + ctx.eps)
        h_mean = h.mean(ctx.axes, keepdim=True) - d_mean * s / ctx.m
        hx_mean = (h * x_hat).mean(ctx.axes, keepdim=True) - d_var * 2 * s.square() / ctx.m
        return _boxed(h, h_mean, x_hat, hx_mean, s, ctx.center), *[None] * (2 + len(ctx.axes))

    @staticmethod
    def jvp(ctx, t, *_):
        """Forward mode, along a direction t: the boxed formula once more, because its matrix is symmetric."""
        x_hat, var = ctx.saved_tensors
        with _set_fwd_grad_enabled(True):  # else jacfwd of jacfwd is wrong: pytorch#197867
            s = torch.sqrt(var + ctx.eps)
            t_mean = t.mean(ctx.axes, keepdim=True)
            tx_mean = (t * x_hat).mean(ctx.axes, keepdim=True)
            d_mean = t_mean if ctx.center else t.new_zeros(())
            return _boxed(t, t_mean, x_hat, tx_mean, s, ctx.center), d_mean, 2 * s * tx_mean


def _mean_and_deviation(x, axes):
    """mean(x) and x - mean(x), without the rounding of a large mean; 0 exactly where all x are equal."""
    near = x.detach().mean(axes, keepdim=True)
    if x.numel():  # the sum was rounded, and may even be infinite; a mean lies between its numbers
        near = near.clamp(x.detach().amin(axes, keepdim=True), x.detach().amax(axes, keepdim=True))
    x = x - near  # any number may be subtracted first: x - mean(x) stays what it is, and its derivative
    rest = x.mean(axes, keepdim=True)
    return near + rest, x - rest


def _boxed(h, h_mean, x_hat, hx_mean, s, center):
    """From h, the derivative of the loss by x_hat, to the one by x."""
    if not center:  # RMS norm subtracts no mean, so nothing goes through one
        return (h - x_hat * hx_mean) / s
    # The boxed formula of lesson 04:  d_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s
    return (h - h_mean - x_hat * hx_mean) / s


class _ScaleAndShift(_Function):
    """y = gamma * x_hat + beta (line 4), where gamma and beta broadcast against x_hat."""

    @staticmethod
    def forward(x_hat, gamma, beta):
        return torch.addcmul(beta, gamma, x_hat)  # beta + gamma * x_hat, in one go

    @staticmethod
    def setup_context(ctx, inputs, output):
        x_hat, gamma, beta = inputs
        ctx.beta_shape = beta.shape
        ctx.save_for_backward(x_hat, gamma)
        ctx.save_for_forward(x_hat, gamma)

    @staticmethod
    def backward(ctx, d_y):
        """One gamma serves many elements, so its derivative is the sum over all of them; beta's likewise."""
        x_hat, gamma = ctx.saved_tensors
        x_hat_needs, gamma_needs, beta_needs = ctx.needs_input_grad
        h = gamma * d_y if x_hat_needs else None
        d_gamma = (d_y * x_hat).sum_to_size(gamma.shape) if gamma_needs else None
        d_beta = d_y.sum_to_size(ctx.beta_shape) if beta_needs else None
        return h, d_gamma, d_beta

    @staticmethod
    def jvp(ctx, t_x_hat, t_gamma, t_beta):
        with _set_fwd_grad_enabled(True):
            # Saved were inputs, with their directions t: these are not asked for.
            x_hat, gamma = (unpack_dual(saved).primal for saved in ctx.saved_tensors)
            return gamma * t_x_hat + t_gamma * x_hat + t_beta


class _MoveRunning(_Function):
    """running <- (1 - momentum) * running + momentum * new, in place. No derivative goes through it.

    A Function, because torch.func allows only in there to change a tensor that comes from outside.
    """

    @staticmethod
    def forward(running, new, momentum):
        moved = (1 - momentum) * running + momentum * new
        running.copy_(moved)
        return moved

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass


def normalize(
    x: Tensor, axes: Sequence[int], eps: float, center: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Return x_hat, mean and the biased var of `x`, whose values along `axes` (counted from 0) share a mean.

    mean and var have the shape of `x` with length 1 along `axes`. `center=False` leaves the mean in: mean is
    then 0, and var the mean square. float16 and bfloat16 come back as float32. Backward needs x_hat and var:
    do not overwrite them. Raises NotImplementedError for integers, as PyTorch does.
    """
    norm_checks.floating_point(x)
    return _Normalize.call(x.to(_wide(x.dtype)), eps, center, *axes)


def scale_and_shift(x_hat: Tensor, gamma: Tensor | None, beta: Tensor | None, shape: Sequence[int]) -> Tensor:
    """Return gamma * x_hat + beta, with gamma and beta viewed as `shape`; None leaves its half out.

    Always a new tensor, which nobody keeps: whoever gets it may overwrite it, as ReLU(inplace=True) does.
    """
    if gamma is None and beta is None:
        return x_hat.clone()
    gamma = x_hat.new_ones(()) if gamma is None else gamma.to(x_hat.dtype).view(shape)
    beta = x_hat.new_zeros(()) if beta is None else beta.to(x_hat.dtype).view(shape)
    return _ScaleAndShift.call(x_hat, gamma, beta)


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

    In training: by the batch's own statistics (algorithm 1); running statistics, if given, move towards them.
    Otherwise: by the running statistics, which must then be given (algorithm 2, line 11).
    Raises ValueError for a single value per channel in training, RuntimeError for vectors that do not fit.
    """
    if training:
        norm_checks.more_than_one(x.numel() // max(1, x.shape[1]), "value per channel", x)
    norm_checks.positive_eps(eps, training)
    norm_checks.running_statistics(x, running_mean, running_var, needed=not training)
    norm_checks.shapes((x.shape[1],), weight=weight, bias=bias)
    norm_checks.types(x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training:
        return _as_x(_by_running_statistics(x, running_mean, running_var, weight, bias, eps), x)
    x_hat, mean, var = normalize(x, (0, *range(2, x.dim())), eps)  # mean, var: (1, C, 1, 1)
    _move_running_statistics(running_mean, running_var, mean, var, x, momentum)
    return _as_x(scale_and_shift(x_hat, weight, bias, _per_channel(x)), x)


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
    `use_input_stats=False` they must be given, and are used as batch norm uses them. channels_last stays so,
    for the convolution behind it; torch's instance norm gives contiguous memory.
    Raises ValueError for a single pixel per channel, RuntimeError for vectors that do not fit `x`.
    """
    if use_input_stats:
        norm_checks.more_than_one(math.prod(x.shape[2:]), "spatial element", x)
    norm_checks.running_statistics(x, running_mean, running_var, needed=not use_input_stats)
    norm_checks.shapes((x.shape[1],), weight=weight, bias=bias)
    norm_checks.types(x, weight=weight, bias=bias)
    if not use_input_stats:
        return _as_x(_by_running_statistics(x, running_mean, running_var, weight, bias, eps), x)
    x_hat, mean, var = normalize(x, range(2, x.dim()), eps)  # mean, var: (N, C, 1, 1)
    _move_running_statistics(running_mean, running_var, mean, var, x, momentum)
    return _as_x(scale_and_shift(x_hat, weight, bias, _per_channel(x)), x)


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each image of `x` (N, C, ...) in `num_groups` groups of channels. Wu & He 2018, eq. 7.

    `weight` and `bias` are (C,). C groups make it instance norm; one, layer norm but for gamma and beta.
    Raises RuntimeError for channels that cannot be divided so, ValueError for a single value in all.
    """
    norm_checks.groups(x, num_groups)
    norm_checks.shapes((x.shape[1],), weight=weight, bias=bias)
    norm_checks.types(x, weight=weight, bias=bias)
    grouped = x.unflatten(1, (num_groups, x.shape[1] // num_groups))  # (N, G, C / G, H, W)
    x_hat, _, _ = normalize(grouped, range(2, grouped.dim()), eps)
    return _as_x(scale_and_shift(x_hat.flatten(1, 2), weight, bias, _per_channel(x)), x)


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
    norm_checks.last_axes(x, normalized_shape, weight=weight, bias=bias)
    norm_checks.types(x, weight=weight, bias=bias)
    x_hat, _, _ = normalize(x, _last_axes(x, normalized_shape), eps)
    return _as_x(scale_and_shift(x_hat, weight, bias, normalized_shape), x).contiguous()


def rms_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root mean square over the last axes of `x`. Zhang & Sennrich 2019, eq. 4.

    `x` is (..., *normalized_shape), `weight` of that shape; RuntimeError for any other. `eps=None` is the
    machine epsilon of the type computed in: float64's for float64, float32's for all others.
    """
    norm_checks.last_axes(x, normalized_shape, weight=weight)
    if eps is None:
        eps = torch.finfo(_wide(x.dtype)).eps
    x_hat, _, _ = normalize(x, _last_axes(x, normalized_shape), eps, center=False)
    return _as_x(scale_and_shift(x_hat, weight, None, normalized_shape), x)


def _by_running_statistics(x, running_mean, running_var, weight, bias, eps):
    """Fixed statistics make the norm a straight line: y = (gamma / s) * (x - mean) + beta."""
    deviation = x.to(_wide(x.dtype)) - running_mean.view(_per_channel(x))
    s = torch.sqrt(running_var.to(deviation.dtype) + eps)
    scale = 1 / s if weight is None else weight.to(s.dtype) / s
    return scale_and_shift(deviation, scale, bias, _per_channel(x))


def _move_running_statistics(running_mean, running_var, mean, var, x, momentum):
    """What evaluation will normalize by: moving averages, Ioffe & Szegedy 2015, section 3.1.

    Normalizing took the biased variance; this is the unbiased one (there: algorithm 2, line 10), an estimate
    for images yet to come.
    """
    if running_mean is None or x.numel() == 0:  # an empty batch tells nothing
        return
    m = x.numel() // mean.numel()
    for running, new in ((running_mean, mean), (running_var, var * (m / (m - 1)))):
        new = new.detach().mean(0).flatten()  # detached: else each batch's graph would hang on the one before
        _MoveRunning.call(running, new, momentum)


def _as_x(y: Tensor, x: Tensor) -> Tensor:
    """Y in the type of x, and in memory channels_last if x is, else contiguous: view() may come next."""
    channels_last = x.dim() > 3 and x.movedim(1, -1).is_contiguous()
    return y.to(x.dtype) if channels_last else y.to(x.dtype).contiguous()


def _per_channel(x: Tensor) -> tuple[int, ...]:
    return (1, -1) + (1,) * (x.dim() - 2)  # (C,) viewed like this broadcasts against (N, C, H, W)


def _last_axes(x: Tensor, normalized_shape: Sequence[int]) -> range:
    return range(x.dim() - len(normalized_shape), x.dim())


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
