"""Exercises of lesson 05: a log that tells a momentum, statistics of many batches, a layer to be fixed."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers.lessons.comparing import Seen
from helpers.lessons.diagnosis import Exercise, Mistaken, Mistakes, returned_as
from helpers.lessons.forward import EPS, EVERYTHING, FIXED, NO_EPS, NO_ROOT, OUTSIDE, random_values


def momentum_of(batch_means, running_means):
    moved = running_means[1] - running_means[0]
    left = batch_means[1] - running_means[0]  # how far the second batch's mean was from the running one
    return moved / left


def _momentum_of_last(batch_means, running_means):
    return (running_means[-1] - running_means[-2]) / (batch_means[-1] - running_means[-2])


def pooled_statistics(means, variances):
    mean = means.mean(0)
    within = variances.mean(0)  # how far values are from the mean of their batch
    between = (means - mean).square().mean(0)  # how far the batches' means are from each other
    return mean, within + between


def _pooled_by_var(means, variances):
    return means.mean(0), variances.mean(0) + means.var(0, correction=0)


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


_FAR = (10_000 + random_values(5, 3, 2, 3)).float()

_SHARE = "return moved / left"
_OF_TWO_LINES: Mistakes = {
    _SHARE: {
        "return 1 - moved / left": "that is the share of the old value: PyTorch's momentum is the new one's",
        "return running_means[1] / batch_means[1]": (
            "right only if the running mean was 0 before: the log may begin in the middle of training"
        ),
        "return running_means[0] / batch_means[0]": (
            "right only if the running mean was 0 before the first line: the log may begin in the middle of "
            "training"
        ),
        "return left / moved": "upside down: the share is how far it moved, divided by how far it was away",
        "return moved / batch_means[1]": (
            "divided by the batch's mean: divide by its distance from the running mean"
        ),
        "return moved": "how far it moved, not which share of the distance",
        "return abs(moved)": "how far it moved, not which share of the distance",
        "return running_means[1] / running_means[0]": (
            "the ratio of two running means says nothing without the batch's mean"
        ),
        "return moved / batch_means[1] - moved / running_means[0]": (
            "a fraction is taken apart: divide by the difference as a whole, (mean - old)"
        ),
        "return (abs(moved / left)) ** 0.5": "no square root is taken: the share is moved / left",
    },
    "left = batch_means[1]": {
        "left = batch_means[0]": (
            "the wrong batch: the running mean of a line has already seen that line's batch"
        ),
    },
    "left = batch_means[1] - running_means[0]": {
        "left = batch_means[1] - running_means[1]": (
            "the distance after the move: take the one before it, from the running mean of the line above"
        ),
        "left = batch_means[1] - batch_means[0]": (
            "the distance between two batches: take the one from the running mean to the new batch's"
        ),
        "left = batch_means[1] + running_means[0]": (
            "the running mean is added: the distance is the batch's mean minus the running mean"
        ),
        "left = batch_means[0] - running_means[1]": (
            "the wrong batch and the wrong running mean: take the second batch's mean and the first running "
            "mean"
        ),
    },
}
_LAST_TWO = "running_means):\n    batch_means, running_means = batch_means[-2:], running_means[-2:]"
MOMENTUM: Mistakes = {
    **_OF_TWO_LINES,
    **{  # the same of the last two lines of the log
        ("running_means):", right): {(_LAST_TWO, wrong): words for wrong, words in table.items()}
        for right, table in _OF_TWO_LINES.items()
    },
    "    " + _SHARE: {
        "    return 1 / len(running_means)": (
            "the mean of all batches so far has that share: momentum is the same for every line, take it "
            "from how far the running mean moved"
        ),
        "    return 100 * moved / left": "this is in percent: PyTorch's momentum is a share",
        "    return 1 / (len(running_means) + 1)": (
            "the mean of all batches so far has that share: momentum is the same for every line, take it "
            "from how far the running mean moved"
        ),
    },
}

POOLED: Mistakes = {
    "return mean, within + between": {
        "return mean, within": "the means of the batches differ too: their variance has to be added",
        "return mean, between": "the values differ within each batch too: add the average variance",
        "return mean, (within + between).sqrt()": "that is the standard deviation: the variance is asked for",
        "return mean, within - between": "the variance of the means is subtracted: add it",
        "return mean, within * between": "the two parts are multiplied: add them",
        "return within + between, mean": "the two results are swapped: mean, then variance",
        "return means.sum(0), variances.sum(0) + between": "sums are taken over the batches: average them",
        "return mean, within * 32 / 31 + between": (
            "the variances are multiplied by 32 / 31: they are biased ones as they are, and no batch size "
            "is known"
        ),
        "return mean, within + means.square().mean(0) - mean": (
            "the mean itself is subtracted from the mean of the squares: its square should be"
        ),
        "return mean, within + between + within * between": "the two parts are multiplied as well: add them",
        "return mean, within * between.sqrt()": "the two parts are multiplied: add them",
        "return mean, means.var(0)": (
            "that is the unbiased variance of the means alone: take the biased one, and add the average "
            "variance"
        ),
        "m, v = means[0], variances[0]\n"
        "    for other, variance in zip(means[1:], variances[1:], strict=True):\n"
        "        m, v = (m + other) / 2, (v + variance) / 2 + (m - other) ** 2 / 4\n"
        "    return m, v": (
            "the batches are pooled one by one with weight 1/2 each, so that the last ones count most: all "
            "count the same"
        ),
        "m, v = means[0], variances[0]\n"
        "    for other, variance in zip(means[1:], variances[1:], strict=True):\n"
        "        m, v = 0.9 * m + 0.1 * other, 0.9 * v + 0.1 * variance\n"
        "    return m, v": (
            "that is a running average, in which the batches have different weights: all count the same, "
            "take the mean of them"
        ),
        "return mean, (within + between) / 2": "the two parts are averaged: add them",
    },
    ".square().mean(0)": {
        ".square().sum(0) / (len(means) - 1)": (
            "the variance of the means is the unbiased one: all batches are known, divide by their number"
        ),
        ".abs().mean(0)": "the average distance of the means is added: their variance is asked for",
        ".square().mean(0).sqrt()": "the standard deviation of the means is added: add their variance",
        ".square().sum(0)": "the squares of the means' deviations are summed: average them",
    },
    "between = (means - mean).square().mean(0)": {
        "between = (means - mean).square().mean(0) / len(means)": (
            "the variance of the means is divided by the number of batches once more: that is a standard "
            "error"
        ),
        "between = (means - mean).square().sum(0) / (len(means) - 1) / len(means)": (
            "the variance of the means is divided by the number of batches once more: that is a standard "
            "error"
        ),
        "between = (variances - within).square().mean(0)": (
            "the variance of the variances is added: that of the means should be"
        ),
        "between = (means[1:] - means[:-1]).square().mean(0)": (
            "the differences of neighbouring batches are squared: take the distances from the pooled mean"
        ),
        "between = (means.amax(0) - means.amin(0)).square()": (
            "the range of the means is squared: take the mean of the squared distances from the pooled mean"
        ),
    },
    "(means - mean)": {
        "means": "the mean is not subtracted before squaring: that is E[mean²], not a variance"
    },
    "variances.mean(0)": {
        "variances.sum(0)": "the variances are summed: average them",
        "variances.sqrt().mean(0).square()": "the standard deviations are averaged: average the variances",
        "variances.amax(0)": "the largest variance is taken: average them",
        "variances.median(0).values": "the median of the variances is taken: average them",
    },
    "mean = means.mean(0)": {
        "mean = means.mean()": "averaged over the channels as well: give a mean for each channel",
        "mean = means.sum(0)": "the means are summed: average them",
        "mean = means.median(0).values": "the median of the means is taken: average them",
    },
}

_BUFFERS = "(register_buffer: saved in state_dict, moved by .to(device), not trained)"
_PLAIN = "the running statistics are plain attributes: make them buffers " + _BUFFERS
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
        ): _PLAIN,
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
        (
            ".copy_(mean)",
            ".copy_(unb",
        ): "the running statistics are replaced by the batch's: momentum is the share of the new value",
    },
    (
        "self.eps, self.momentum = eps, momentum",
        "unbiased = x.var(axes, correction=1)",
        ".mul_(1 - self.momentum).add_(self.momentum * mean)",
        ".mul_(1 - self.momentum).add_(self.momentum * unb",
    ): {
        (
            "self.eps, self.seen = eps, 0",
            "unbiased = x.var(axes, correction=1)\n            self.seen += 1",
            ".mul_(1 - 1 / self.seen).add_(mean / self.seen)",
            ".mul_(1 - 1 / self.seen).add_(1 / self.seen * unb",
        ): "the running statistics are the plain average of all batches: momentum is the new value's share",
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
        "(torch.sqrt(var.view(shape)) + self.eps)": OUTSIDE,
        "torch.sqrt(var.view(shape))": NO_EPS,
        "torch.sqrt(var.view(shape) + 1e-5)": FIXED,
        "(var.view(shape) + self.eps)": NO_ROOT,
    },
    ("mean.view(shape)", "var.view(shape)"): {
        ("mean", "var"): "mean and variance run along the last axis: is keepdim=True, or a view, missing?",
    },
    "self.weight.view(shape) * x_hat + self.bias.view(shape)": {
        "x_hat": "weight and bias are not used",
        "self.weight * x_hat + self.bias": "weight and bias run along the last axis, not along the channels",
    },
    "[0, *range(2, x.ndim)]": {"list(range(x.ndim))": EVERYTHING},
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


_STATE = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}  # name -> value at the start


def _made(layer: nn.Module, channels: int) -> None:
    """Raises Mistaken in words where a new layer is not as PyTorch's."""
    if not layer.training:
        raise Mistaken("a new layer is in evaluation mode: leave it in training mode, as PyTorch does")
    names = {name for name, _ in layer.named_parameters()} | {name for name, _ in layer.named_buffers()}
    counter = {name for name, _ in layer.named_buffers()} & {"num_batches_tracked"}
    for name in _STATE:
        if not isinstance(getattr(layer, name, None), Tensor):
            raise Mistaken(
                f"the layer has no tensor called {name}: PyTorch's names let state_dicts be exchanged"
            )
    for name in sorted(names - _STATE.keys() - counter):
        raise Mistaken(
            f"the layer has a parameter or buffer too many, {name}: then no state_dict of PyTorch's fits"
        )
    if not {"running_mean", "running_var"} <= names:
        raise Mistaken(_PLAIN)  # said even where other mistakes hide it
    for name, start in _STATE.items():
        tensor = getattr(layer, name).detach()
        if tensor.shape != (channels,):
            raise Mistaken(
                f"{name} has shape {tuple(tensor.shape)}: it should be ({channels},), one for each channel"
            )
        if tensor.dtype not in (torch.float32, torch.get_default_dtype()):
            raise Mistaken(f"{name} is {tensor.dtype}: leave its type to torch.ones and torch.zeros")
        if name in names and name not in layer.state_dict():
            raise Mistaken(f"{name} is not in the state_dict: leave persistent=False out, or it is not saved")
        other = tensor[tensor != start]
        if name != "running_var" and len(other):  # that has words of its own
            raise Mistaken(f"{name} starts at {other[0].item():.6g}: it should start at {start}")
    for name, parameter in layer.named_parameters():
        if name in ("weight", "bias") and not parameter.requires_grad:
            raise Mistaken(f"{name} has requires_grad=False: no optimizer would move it")


def _layer(answer: Callable, first: Tensor, second: Tensor, eps: float, momentum: float) -> Seen:
    """A life of the layer: two batches in training, one in evaluation, one under no_grad."""
    layer = answer(first.shape[1], eps=eps, momentum=momentum)
    _made(layer, first.shape[1])
    layer = layer.to(first.dtype)
    kept = {name for name, _ in layer.named_buffers() if name != "num_batches_tracked"}
    seen = {
        "its parameters": tuple(sorted(name for name, _ in layer.named_parameters())),
        "its buffers": tuple(sorted(kept)),
    }
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


def _log(momentum: float, batch_means: list[float], start: float) -> tuple[list[float], list[float]]:
    """Lines of a log: the batches' means, and a running mean that is `start` in the first line."""
    running = [start]
    for mean in batch_means[1:]:
        running.append((1 - momentum) * running[-1] + momentum * mean)
    return batch_means, running


EXERCISES = [
    Exercise(
        momentum_of,
        cases=[
            ([2.0, 3.0], [1.0, 1.5]),
            _log(0.0107, [0.8, -0.4], start=0.3),
            _log(0.1, [12.0, 7.0, 9.5], start=6.0),
            _log(0.213, [-1.5, 2.5], start=-2.5),
            _log(0.37, [0.62, 4.1, -0.9, 2.2], start=0.5),
        ],
        typed=False,
        forms=(_momentum_of_last,),
        mistakes=MOMENTUM,
        hints=(
            "Write down the update for the second line, with the first line's running mean as the old value. "
            "Which of the four numbers is the batch's mean?",
            "new = (1 - momentum) old + momentum mean. Solve it for momentum: bring `old` to the left.",
            "momentum = (new - old) / (mean - old): old = running_means[0], new = running_means[1], and mean "
            "= batch_means[1].",
        ),
        praise="It finds the momentum from any two lines of a log, wherever the log begins.",
    ),
    Exercise(
        pooled_statistics,
        cases=[
            (random_values(7, 3), random_values(7, 3, seed=5).abs()),
            (random_values(4, 2, seed=6), random_values(4, 2, seed=7).abs()),
            (torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[1.0], [1.0]]).double()),
        ],
        look=returned_as("mean", "var"),
        forms=(_pooled_by_var,),
        mistakes=POOLED,
        hints=(
            "Two batches, one of zeros and one of twos: both variances are 0. What is the variance of all "
            "values together, and where does it come from?",
            "A value is away from the pooled mean by (value - its batch's mean) + (its batch's mean - the "
            "pooled mean). Square, average: the mixed term is 0. Two averages are left.",
            "The mean of the means; and the mean of the variances plus the (biased) variance of the means.",
        ),
        praise="Batches of any size give the statistics of all their values, and no batch has to be kept.",
    ),
    Exercise(
        BatchNorm,
        cases=[
            (random_values(5, 3, 2, 3), random_values(4, 3, 2, 3, seed=5), EPS, 0.3),
            (random_values(7, 3), random_values(4, 3, seed=5), EPS, 0.3),
        ],
        far=(_FAR, _FAR.flip(0) + 1, EPS, 0.3),
        look=_layer,
        inputs=("the first batch", "the second batch", "eps", "momentum"),
        mistakes=MODULE,
        hints=(
            "Three kinds of state: weight and bias are trained (nn.Parameter); running_mean and running_var "
            "are kept, saved and moved to the GPU, but not trained (register_buffer); eps and momentum are "
            "plain numbers.",
            "forward has two branches. self.training, which train() and eval() set, chooses between the "
            "batch's own mean and variance and the running ones.",
            "In training: normalize by the biased variance, then update both buffers in place, with the "
            "unbiased one, under torch.no_grad(). After the two branches: x_hat, then weight * x_hat + bias.",
        ),
        praise="Modes, buffers, outputs and gradients are those of torch's layer.",
    ),
]
