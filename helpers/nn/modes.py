"""What a helper sets for a while and then puts back: the modes of a model's modules, the random numbers."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def kept(model: nn.Module) -> Iterator[None]:
    """Afterwards, also after an error, every module of `model` has the mode (`training`) it had before.

    Module by module: `model.train()` would put a batch norm that was frozen by `eval()` into training mode.
    """
    before = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in before:  # parents first; by train(), because some modules do more there
            if module.training != mode:
                module.train(mode)
        for module, mode in before:  # train() also reached modules below, which may stand below two parents
            module.training = mode


@contextlib.contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """All of `model` in evaluation mode; afterwards each module has the mode it had before."""
    with kept(model):
        model.eval()
        yield


@contextlib.contextmanager
def training(model: nn.Module) -> Iterator[None]:
    """`model` in training mode, without the modules that were put into evaluation mode one by one before.

    Those stay in evaluation mode: a frozen batch norm keeps its running statistics, a frozen dropout drops
    nothing. Only a model with all of its modules in evaluation mode, as `model.eval()` leaves it, is put into
    training mode as a whole. Afterwards each module has the mode it had before.
    """
    modes = [(module, module.training) for module in model.modules()]
    with kept(model):
        model.train()  # a module's own train() may keep parts of it in evaluation mode
        if any(mode for _, mode in modes):
            for module, mode in modes:
                module.training = module.training and mode
        yield


def running_norms(model: nn.Module) -> list[nn.Module]:
    """The layers that keep running statistics for evaluation, such as batch norm."""
    return [module for module in model.modules() if getattr(module, "running_mean", None) is not None]


@contextlib.contextmanager
def batch_statistics(model: nn.Module) -> Iterator[None]:
    """Batch norm in evaluation mode takes the statistics of each batch, as in training.

    Afterwards it takes the running ones again, which have not moved. All else, such as dropout, is as in
    evaluation.
    """
    kept = [(module, module.running_mean, module.running_var) for module in running_norms(model)]
    try:
        for module, _, _ in kept:
            module.running_mean = module.running_var = None  # torch's rule: without any, the batch's own
        yield
    finally:
        for module, mean, var in kept:
            module.running_mean, module.running_var = mean, var


@contextlib.contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """The CPU's random numbers from this seed and, for device "cuda", those of the current GPU as well.

    Afterwards both go on from where they were. The generator of any other device is not touched, which
    `torch.manual_seed` would seed too.
    """
    gpus = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        if gpus:
            torch.cuda.manual_seed(seed)
        yield
