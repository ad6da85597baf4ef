"""Exercises of lesson 04: batch norm forward, its running statistics, its backward, and the module."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes, returned_as, with_gradients
from helpers.lessons.forward import SCALE_AND_SHIFT, UNBIASED, VARIANCE


def batch_norm_forward(x, weight, bias, eps=1e-5):
    axes = [0, *range(2, x.ndim)]  # all but the channels: [0] for (N, C), [0, 2, 3] for images
    shape = [1, -1] + [1] * (x.ndim - 2)  # (1, C) or (1, C, 1, 1)
    mean = x.mean(axes, keepdim=True)
    var = x.var(axes, correction=0, keepdim=True)  # biased: divide by m
    x_hat = (x - mean) / torch.sqrt(var + eps)
    return weight.view(shape) * x_hat + bias.view(shape)


def update_running_statistics(x, running_mean, running_var, momentum=0.1):
    axes = [0, *range(2, x.ndim)]
    with torch.no_grad():  # the statistics are not a part of the loss
        mean, var = x.mean(axes), x.var(axes, correction=1)  # unbiased: divide by m - 1
        running_mean.mul_(1 - momentum).add_(momentum * mean)
        running_var.mul_(1 - momentum).add_(momentum * var)


def batch_norm_backward(grad_y, x, weight, eps=1e-5):
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)

    def mean(values):  # over each channel
        return values.mean(axes, keepdim=True)

    deviation = x - mean(x)
    s = torch.sqrt(mean(deviation**2) + eps)
    x_hat = deviation / s
    h = weight.view(shape) * grad_y  # gradient at x_hat
    grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s
    grad_weight, grad_bias = (grad_y * x_hat).sum(axes), grad_y.sum(axes)
    return grad_x, grad_weight, grad_bias


class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        axes = [0, *range(2, x.ndim)]
        shape = [1, -1] + [1] * (x.ndim - 2)
        if self.training:  # set by train() and eval()
            mean, var = x.mean(axes), x.var(axes, correction=0)
            unbiased = x.var(axes, correction=1)
            with torch.no_grad():
                self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)
                self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased)
        else:
            mean, var = self.running_mean, self.running_var
        x_hat = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return self.weight.view(shape) * x_hat + self.bias.view(shape)


# What is tried. C = W: a parameter along the wrong axis then broadcasts silently, and is found.
_EPS = 0.1  # large, so that its place shows


def _values(*shape: int, seed: int = 3) -> Tensor:
    """Values in float64: no mean is 0, no variance is 1, no two channels are alike."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x + 1.5) * torch.linspace(0.5, 2, x.numel(), dtype=torch.float64).view(shape)


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


_SMALL = _numbers(1, 2, 5, 4, 3, -6).view(3, 2)  # feature vectors small enough to be shown
_FAR = (10_000 + _values(5, 3, 2, 3)).float()
_WEIGHT, _BIAS = _numbers(2.2, -1.4, 3.1), _numbers(-0.3, -1.9, 0.8)

_AXES = "averaged over the wrong axes: over "
_WRONG_AXES = {
    "[0]": _AXES + "the images only, so that each pixel has a mean of its own",
    "list(range(2, x.ndim)) or [1]": _AXES + "each image on its own (that is instance norm)",
    "list(range(1, x.ndim))": _AXES + "channels and pixels of each image (that is layer norm)",
    "[1]": _AXES + "the channels",
    "list(range(x.ndim))": _AXES + "everything, so that the channels share one mean",
}
_OUTSIDE, _NO_EPS = "eps is outside the square root", "eps is missing"
_FIXED = "eps is always 1e-5: the argument eps is not used"
_NO_ROOT = "divided by the variance, not by its square root"

FORWARD: Mistakes = {
    "[0, *range(2, x.ndim)]": _WRONG_AXES,
    **VARIANCE,
    "torch.sqrt(var + eps)": {
        "(torch.sqrt(var) + eps)": _OUTSIDE,
        "torch.sqrt(var)": _NO_EPS,
        "torch.sqrt(var + 1e-5)": _FIXED,
        "(var + eps)": _NO_ROOT,
        "torch.sqrt(var + eps**2)": "eps is squared: it is added to the variance as it is",
        "(x.amax(axes, keepdim=True) - x.amin(axes, keepdim=True) + eps)": (
            "divided by the range, not by the standard deviation"
        ),
    },
    **SCALE_AND_SHIFT,
    "x.var(axes, correction=0, keepdim=True)": {
        "(x**2).mean(axes, keepdim=True)": (
            "the mean of the squares stands for the variance: the squares of x - mean are averaged"
        ),
    },
    "[1, -1] + [1] * (x.ndim - 2)": {
        "[1] * (x.ndim - 1) + [-1]": (
            "weight and bias run along the last axis (the columns), not along the channels"
        ),
    },
    ("x.mean(", "x.var("): {
        ("x.detach().mean(", "x.var("): (
            "the mean is treated as a constant: its gradient is lost (detach or no_grad)"
        ),
        ("x.mean(", "x.detach().var("): (
            "the variance is treated as a constant: its gradient is lost (detach or no_grad)"
        ),
        ("x.detach().mean(", "x.detach().var("): (
            "mean and variance are treated as constants: their gradients are lost (detach or no_grad)"
        ),
    },
    "x_hat = (x - mean) /": {
        "x_hat = x - mean /": "operator precedence: x - mean / s divides the mean only; write (x - mean) / s",
        "x_hat = x /": "the mean is not subtracted",
        "x_hat = (x + mean) /": "the mean is added: subtract it",
        "x_hat = (x - x.amin(axes, keepdim=True)) /": "the minimum is subtracted, not the mean",
        "x_hat = (x.detach() - mean) /": "x itself is detached: the direct path of its gradient is lost",
    },
    "x_hat = (x - mean) / torch.sqrt(var + eps)": {
        "mean, var = mean.flatten(), var.flatten()\n    x_hat = (x - mean) / torch.sqrt(var + eps)": (
            "mean and variance run along the last axis: is keepdim=True missing?"
        ),
        "low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)\n"
        "    x_hat = (x - low) / (high - low + eps)": (
            "minimum and range are used: that is min-max scaling, not standardization"
        ),
    },
    "    x_hat = (x - mean) / torch.sqrt(var + eps)\n"
    "    return weight.view(shape) * x_hat + bias.view(shape)": {
        "    flat = x.reshape(-1, x.shape[1])\n"
        "    flat = (flat - flat.mean(0)) / torch.sqrt(flat.var(0, correction=0) + eps)\n"
        "    return (weight * flat + bias).reshape(x.shape)": (
            "reshape(-1, C) mixes the channels: axis 1 has to be the last one first (movedim)"
        ),
        "    flat = x.reshape(-1, x.shape[1])\n"
        "    x_hat = ((flat - flat.mean(0)) / torch.sqrt(flat.var(0, correction=0) + eps)).reshape(x.shape)\n"
        "    return weight.view(shape) * x_hat + bias.view(shape)": (
            "reshape(-1, C) mixes the channels: axis 1 has to be the last one first (movedim), and to go "
            "back after"
        ),
    },
    "eps=1e-5):": {
        "eps=1e-5):\n    x = x.detach()": "x is detached: no gradient reaches it",
        "eps=1e-5):\n    weight, bias = weight.detach(), bias.detach()": (
            "weight and bias are detached: they would never learn"
        ),
    },
}

STATISTICS: Mistakes = {
    "[0, *range(2, x.ndim)]": {"list(range(x.ndim))": _WRONG_AXES["list(range(x.ndim))"]},
    "correction=1)": {
        "correction=0)": (
            "the variance that is kept is the biased one: keep the unbiased one, divided by m - 1"
        ),
        "correction=1) if x.ndim == 2 else x.var((2, 3)).mean(0)": (
            "the variances of single images are averaged: take the variance over images and pixels at once"
        ),
        "correction=0) * (len(x) / (len(x) - 1))": (
            "the variance is multiplied by N / (N - 1), with N images: it should be m / (m - 1), with the m "
            "values of a channel"
        ),
    },
    "momentum=0.1):": {
        "momentum=0.1):\n    momentum = 1 - momentum": (
            "momentum is the share of the new value, not of the old one"
        ),
        "momentum=0.1):\n    momentum = 0.1": "momentum is always 0.1: the argument momentum is not used",
        "momentum=0.1):\n    momentum = 1.0": "the old value is forgotten: keep (1 - momentum) of it",
        "momentum=0.1):\n    momentum = 1 - (1 - momentum) ** 2": (
            "the statistics are moved twice for one batch"
        ),
    },
    "momentum * var)": {
        "momentum * var.sqrt())": "the standard deviation is kept, not the variance",
        "momentum * (x.movedim(1, -1) - running_mean).square().flatten(0, -2).sum(0)\n"
        "                                / (x[:, 0].numel() - 1))": (
            "the variance is taken about running_mean: take it about the batch's own mean"
        ),
    },
    (".mul_(1 - momentum).add_(momentum * mean)", ".mul_(1 - momentum).add_(momentum * var)"): {
        (
            ".add_(momentum * mean)",
            ".add_(momentum * var)",
        ): "the old value is not multiplied by 1 - momentum",
        (".add_(momentum * mean).mul_(1 - momentum)", ".add_(momentum * var).mul_(1 - momentum)"): (
            "the new value is multiplied by 1 - momentum as well: first mul_, then add_"
        ),
        (".mul_(1 - momentum).add_(mean)", ".mul_(1 - momentum).add_(var)"): (
            "the new value is not multiplied by momentum"
        ),
    },
    "running_mean.mul_(1 - momentum).add_(momentum * mean)": {"pass": "running_mean is not updated in place"},
    "running_var.mul_(1 - momentum).add_(momentum * var)": {"pass": "running_var is not updated in place"},
    "with torch.no_grad():": {
        "if True:": "running_mean and running_var keep the graph alive: update them under torch.no_grad()",
    },
    ("with torch.no_grad():", "= x.mean(axes), x.var"): {
        ("if True:", "= x.mean(axes), x.detach().var"): (
            "the running mean keeps the graph alive: update it under torch.no_grad()"
        ),
        ("if True:", "= x.detach().mean(axes), x.var"): (
            "the running variance keeps the graph alive: update it under torch.no_grad()"
        ),
    },
}

BACKWARD: Mistakes = {
    "values.mean(axes,": {f"values.mean({axes},": words for axes, words in _WRONG_AXES.items()},
    "mean(deviation**2)": {
        "mean(deviation**2) / (1 - mean(x).numel() / x.numel())": UNBIASED,
    },
    "torch.sqrt(mean(deviation**2) + eps)": {
        "(torch.sqrt(mean(deviation**2)) + eps)": _OUTSIDE,
        "torch.sqrt(mean(deviation**2))": _NO_EPS,
        "torch.sqrt(mean(deviation**2) + 1e-5)": _FIXED,
        "(mean(deviation**2) + eps)": _NO_ROOT,
    },
    " - mean(h)": {
        "": "the mean is treated as a constant: the term - mean(h) is missing",
        " + mean(h)": "the term mean(h) has the wrong sign",
    },
    " - x_hat * mean(h * x_hat)": {
        "": "the variance is treated as a constant: the term - x_hat * mean(h * x_hat) is missing",
        " + x_hat * mean(h * x_hat)": "the term x_hat * mean(h * x_hat) has the wrong sign",
        " - mean(h * x_hat)": "the last term lacks its factor x_hat: x_hat * mean(h * x_hat)",
        " - x_hat * mean(h * x)": "the last term averages h * x: it should be h * x_hat",
    },
    "    grad_x = ": {
        "    average, m = mean, x.numel() / s.numel()\n"
        "    mean = lambda values: m * average(values)\n"
        "    grad_x = ": "the two terms in grad_x are sums: they should be means, divided by m",
        "    average, m = mean, x.numel() / s.numel()\n"
        "    mean = lambda values: m / len(x) * average(values)\n"
        "    grad_x = ": (
            "the two sums in grad_x are divided by N, the number of images: divide by m, the number of "
            "values of a channel"
        ),
    },
    "weight.view(shape) * grad_y": {"grad_y": "weight is missing in grad_x: h = weight * grad_y"},
    "(h * x_hat)) / s": {
        "(h * x_hat))": "grad_x is not divided by s = sqrt(var + eps)",
        "(h * x_hat)) / s**2": "grad_x is divided by var + eps: divide by s = sqrt(var + eps)",
        "(h * x_hat)) / s * weight.view(shape)": "the weight multiplies grad_x twice: h has it already",
    },
    "(grad_y * x_hat)": {
        "(grad_y * x)": "grad_weight uses x: it should use x_hat",
        "(grad_y * deviation)": "grad_weight uses x - mean: it should use x_hat",
        "(h * x_hat)": "grad_weight uses h, which holds the weight already: it should use grad_y",
    },
    ".sum(axes), grad_y.sum(axes)": {
        ".mean(axes), grad_y.mean(axes)": (
            "grad_weight and grad_bias are means: they should be sums over all m values"
        ),
        ".sum(axes) * weight, h.sum(axes)": (
            "grad_weight and grad_bias are multiplied by weight: they should not be"
        ),
        ".sum(axes), h.sum(axes)": "grad_bias is multiplied by weight: it should not be",
    },
    "grad_x, grad_weight, grad_bias": {
        "grad_x, grad_bias, grad_weight": "grad_weight and grad_bias are swapped",
    },
    "    grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s": {
        "    grad_x = h": "grad_x is h alone: it has to pass through the normalization",
    },
}

_BUFFERS = "(register_buffer: saved in state_dict, moved by .to(device), not trained)"
_MODE = (
    "the mode is not that of self.training, which train() and eval() set: in evaluation use the running "
    "statistics, in training the batch's"
)
MODULE: Mistakes = {
    "if self.training:": {
        "if torch.is_grad_enabled():": (
            "the mode is decided by torch.is_grad_enabled(): use self.training, which train() and eval() set"
        ),
        "if not self.training:": "the two modes are swapped: the batch's statistics belong to training",
        "if True:": _MODE + " (here: always the batch's)",
        "if False:": _MODE + " (here: always the running ones)",
    },
    "else:\n            mean, var = self.running_mean, self.running_var": {
        "else:\n            mean, var = x.mean(axes), x.var(axes, correction=0)": (
            "in evaluation the batch's own mean and variance are used: there take the running ones"
        ),
        "if True:\n            mean, var = self.running_mean.clone(), self.running_var.clone()": (
            "the running statistics normalize in training, too: there take the batch's own mean and variance"
        ),
    },
    (
        'self.register_buffer("running_mean", torch.zeros(num_features))',
        'self.register_buffer("running_var", torch.ones(num_features))',
    ): {
        (
            "self.running_mean = torch.zeros(num_features)",
            "self.running_var = torch.ones(num_features)",
        ): "the running statistics are plain attributes: make them buffers " + _BUFFERS,
        (
            "self.running_mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)",
            "self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)",
        ): "the running statistics are parameters: make them buffers " + _BUFFERS,
    },
    "torch.ones(num_features))\n\n": {
        "torch.zeros(num_features))\n\n": (
            "running_var starts at 0: it should start at 1, or eval mode before any training divides by "
            "sqrt(eps)"
        ),
    },
    ("nn.Parameter(torch.ones(num_features))", "nn.Parameter(torch.zeros(num_features))"): {
        (
            "torch.ones(num_features)",
            "torch.zeros(num_features)",
        ): "weight and bias are no parameters: no optimizer finds them; use nn.Parameter",
    },
    "unbiased = x.var(axes, correction=1)": {
        "unbiased = var": "running_var keeps the biased variance: keep the unbiased one, divided by m - 1",
        "unbiased = var * len(x) / (len(x) - 1)": (
            "running_var is multiplied by N / (N - 1), with N images: it should be m / (m - 1), with the m "
            "values of a channel"
        ),
        "unbiased = x.std(axes)": "running_var keeps the standard deviation: keep the variance",
    },
    "x.mean(axes), x.var(axes, correction=0)": {
        "x.mean(axes), x.var(axes, correction=1)": (
            "in training the batch is normalized by the unbiased variance: divide by m (correction=0)"
        ),
        "x.detach().mean(axes), x.detach().var(axes, correction=0)": (
            "in training mean and variance are treated as constants: their gradients are lost"
        ),
    },
    (
        ".mul_(1 - self.momentum).add_(self.momentum * mean)",
        ".mul_(1 - self.momentum).add_(self.momentum * unb",
    ): {
        (
            ".mul_(self.momentum).add_((1 - self.momentum) * mean)",
            ".mul_(self.momentum).add_((1 - self.momentum) * unb",
        ): "momentum is the wrong way round: in PyTorch it is the share of the new value",
        (
            ".mul_(0.9).add_(0.1 * mean)",
            ".mul_(0.9).add_(0.1 * unb",
        ): "momentum is always 0.1: the argument is not used",
        (".mul_(1).add_(0 * mean)", ".mul_(1).add_(0 * unb"): "the running statistics are never updated",
    },
    "with torch.no_grad():": {
        "if True:": "the running statistics keep the graph alive: update them under torch.no_grad()",
    },
    (
        "with torch.no_grad():",
        "self.running_mean.mul_(1 - self.momentum).add_(self.momentum * mean)",
        "self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased)",
        "correction=1)",
    ): {
        (
            "if True:",
            "self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean",
            "self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased",
            "correction=1)",
        ): "the running statistics keep the graph alive: update them under torch.no_grad()",
    },
    "torch.sqrt(var.view(shape) + self.eps)": {
        "(torch.sqrt(var.view(shape)) + self.eps)": _OUTSIDE,
        "torch.sqrt(var.view(shape))": _NO_EPS,
        "torch.sqrt(var.view(shape) + 1e-5)": _FIXED,
        "(var.view(shape) + self.eps)": _NO_ROOT,
    },
    ("mean.view(shape)", "var.view(shape)"): {
        ("mean", "var"): "mean and variance run along the last axis: is keepdim=True, or a view, missing?",
    },
    "self.weight.view(shape) * x_hat + self.bias.view(shape)": {
        "x_hat": "weight and bias are not used",
        "self.weight * x_hat + self.bias": "weight and bias run along the last axis, not along the channels",
    },
    "[0, *range(2, x.ndim)]": {"list(range(x.ndim))": _WRONG_AXES["list(range(x.ndim))"]},
    (
        "        if self.training:  # set by train() and eval()\n            mean, var",
        "            unbiased = x.var",
        "            with torch.no_grad():\n                self.running_mean",
        "                self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased)\n        "
        "else:",
    ): {
        (
            "        if True:\n            mean, var",
            "            unbiased = x.var",
            "            with torch.no_grad():\n                self.running_mean",
            "                self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased)\n"
            "        if not self.training:",
        ): "the running statistics move in eval mode as well: update them in training only",
    },
}


def _updated(answer: Callable, x: Tensor, mean: Tensor, var: Tensor, *momentum: float) -> Seen:
    """The running statistics after the call, and whether they hold a graph."""
    before = mean.clone(), var.clone()
    answer(x.requires_grad_(), mean, var, *momentum)
    if torch.equal(mean, before[0]) and torch.equal(var, before[1]):
        raise Mistaken(
            "running_mean and running_var have not changed: update them in place (mul_, add_, copy_)"
        )
    return {
        "running_mean": mean.detach(),
        "running_var": var.detach(),
        "running_mean's place in a graph": mean.requires_grad,
        "running_var's place in a graph": var.requires_grad,
    }


def _backward(answer: Callable, *inputs: object) -> Seen:
    with torch.no_grad():  # as inside torch.autograd.Function: autograd cannot be asked
        return returned_as("grad_x", "grad_weight", "grad_bias")(answer, *inputs)


def _layer(answer: Callable, first: Tensor, second: Tensor, eps: float, momentum: float) -> Seen:
    """A life of the layer: two batches in training, one in evaluation, one under no_grad."""
    layer = answer(first.shape[1], eps=eps, momentum=momentum)
    kept = {name for name, _ in layer.named_buffers() if name != "num_batches_tracked"}
    seen = {
        "its parameters": tuple(sorted(name for name, _ in layer.named_parameters())),
        "its buffers": tuple(sorted(kept)),
    }
    for name in ("weight", "bias", "running_mean", "running_var"):
        if not isinstance(getattr(layer, name, None), Tensor):
            raise Mistaken(
                f"the layer has no tensor called {name}: PyTorch's names let state_dicts be exchanged"
            )
    for name, start in (("weight", 1), ("bias", 0)):
        first_value = getattr(layer, name).detach().flatten()[:1]
        if not (getattr(layer, name) == start).all():
            raise Mistaken(f"{name} starts at {first_value.item():.6g}: it should start at {start}")
    layer.eval()
    seen["its first output in evaluation"] = layer(first.clone())
    layer.train()
    x = first.clone().requires_grad_()
    y = layer(x)
    seen["the output in training"] = y
    if isinstance(y, Tensor) and y.requires_grad and y.shape == x.shape:
        target = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape) ** 2
        seen["the gradient of x"] = torch.autograd.grad((y * target).sum(), x, retain_graph=True)[0]
    seen["running_mean after a batch"] = layer.running_mean.detach().clone()
    seen["running_var after a batch"] = layer.running_var.detach().clone()
    seen["a graph held by running_mean"] = layer.running_mean.requires_grad
    seen["a graph held by running_var"] = layer.running_var.requires_grad
    with torch.no_grad():
        layer.running_mean.detach_(), layer.running_var.detach_()
        layer.weight.mul_(torch.linspace(2, 3, layer.weight.numel())).add_(0.5)
        layer.bias.sub_(torch.linspace(1, 2, layer.bias.numel()))
        layer(second.clone())
    seen["running_mean after two batches"] = layer.running_mean.detach().clone()
    layer.eval()
    seen["the output in evaluation"] = layer(second.clone())
    seen["running_mean after evaluation"] = layer.running_mean.detach().clone()
    return seen


EXERCISES = [
    Exercise(
        batch_norm_forward,
        cases=[
            (_values(5, 3, 2, 3), _WEIGHT, _BIAS, _EPS),
            (_values(7, 3), _WEIGHT, _BIAS, _EPS),
            (_SMALL, _numbers(2, -1), _numbers(1, 0.5), 0.5),
        ],
        far=(_FAR, _WEIGHT.float(), _BIAS.float(), _EPS),
        look=with_gradients,
        mistakes=FORWARD,
        hints=(
            "Pool all axes but axis 1, and let keepdim=True keep their places, so that the results broadcast "
            "against x.",
            "x.mean and x.var take a list of axes. The variance here divides by m: which argument of x.var "
            "says so? And weight, (C,), has to stand along axis 1: give it the shape (1, C, 1, 1) for "
            "images, (1, C) for feature vectors.",
            "axes = [0, *range(2, x.ndim)] are the axes, [1, -1] + [1] * (x.ndim - 2) is the shape; what is "
            "left are the four lines of the algorithm, eps inside the square root.",
        ),
        praise="It gives torch's output and gradients, on images and on feature vectors.",
    ),
    Exercise(
        update_running_statistics,
        cases=[
            (_values(5, 3, 2, 3), _BIAS, _WEIGHT.abs(), 0.3),
            (_values(7, 3), _BIAS, _WEIGHT.abs(), 0.3),
            (_SMALL, _numbers(1, 0.5), _numbers(2, 1), 0.25),
        ],
        far=(_FAR, _BIAS.float(), _WEIGHT.abs().float(), 0.3),
        look=_updated,
        changes=("running_mean", "running_var"),
        mistakes=STATISTICS,
        hints=(
            "In place means that the caller's tensors change: running_mean = ... only gives the name to a "
            "new tensor. Which methods of a tensor change the tensor itself?",
            "PyTorch's momentum is the share of the new value. And the variance that is kept is the unbiased "
            "one.",
            "Under torch.no_grad(): running_mean.mul_(1 - momentum).add_(momentum * mean of the batch); the "
            "same with the variance, correction=1.",
        ),
        praise="It keeps what torch keeps, in place and outside the graph.",
    ),
    Exercise(
        batch_norm_backward,
        cases=[
            (_values(5, 3, 2, 3, seed=4), _values(5, 3, 2, 3), _WEIGHT, _EPS),
            (_values(7, 3, seed=4), _values(7, 3), _WEIGHT, _EPS),
            (_numbers(1, 0, -1, 2, 0, 1).view(3, 2), _SMALL, _numbers(2, -1), 0.5),
        ],
        far=(_values(5, 3, 2, 3, seed=4).float(), _FAR, _WEIGHT.float(), _EPS),
        look=_backward,
        mistakes=BACKWARD,
        hints=(
            "Compute x_hat and s = sqrt(var + eps) as in exercise 1. The gradient at x_hat is h = weight * "
            "grad_y.",
            "Two of the three are sums over the pooled axes: what does y = weight * x_hat + bias give for "
            "weight, and for bias?",
            "grad_x = (h - mean(h) - x_hat * mean(h * x_hat)) / s, with means over the pooled axes "
            "(keepdim=True).",
        ),
        praise="All three gradients are torch's, on images and on feature vectors.",
    ),
    Exercise(
        BatchNorm,
        cases=[
            (_values(5, 3, 2, 3), _values(4, 3, 2, 3, seed=5), _EPS, 0.3),
            (_values(7, 3), _values(4, 3, seed=5), _EPS, 0.3),
        ],
        look=_layer,
        inputs=("the first batch", "the second batch", "eps", "momentum"),
        mistakes=MODULE,
        hints=(
            "Three kinds of state: weight and bias are trained (nn.Parameter); running_mean and running_var "
            "are kept, saved and moved to the GPU, but not trained (register_buffer); eps and momentum are "
            "plain numbers.",
            "forward has two branches. self.training, which train() and eval() set, chooses between the "
            "batch's own mean and variance and the running ones.",
            "In training: normalize by the biased variance, then update both buffers as in exercise 2, under "
            "torch.no_grad(). After the two branches: the last two lines of exercise 1.",
        ),
        praise="Modes, buffers, outputs and gradients are those of torch's layer.",
    ),
]
