"""One recipe, one loop: how every network of the course is trained and evaluated."""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import swa_utils
from tqdm import tqdm

from helpers.images.batches import Batches
from helpers.images.datasets import ImageData
from helpers.nn import modes, penalties
from helpers.nn.separable import matrices
from helpers.training.checks import (
    check_images,
    check_logits,
    check_model,
    check_one,
    classes,
    output,
)
from helpers.training.execution import Execution, keep_freed_memory
from helpers.training.recipe import Recipe

EVALUATION_BATCH = 1000  # images; no gradient is kept, so this is a matter of speed only


@dataclass
class Run:
    """What a training gave: one dict per finished epoch (see fit), how it ended ("done" or "diverged")."""

    epochs: list[dict[str, Any]]
    status: str
    seconds: float
    execution: Execution


def fit(
    model: nn.Module,
    data: ImageData,
    recipe: Recipe,
    seed: int,
    execution: Execution | None = None,
    progress: bool = False,
) -> Run:
    """Trains `model` in place by cross-entropy and evaluates it on the test images after every epoch.

    Each epoch gives epoch (from 1), train_loss and train_accuracy (in training mode, over the augmented
    images as they were trained on), test_loss and test_accuracy, seconds. Accuracies are correct / total, in
    percent.
    The same seed gives the same order of batches and the same augmentation whatever the model, and on one
    machine with as many threads the same bits, whatever grad mode, autocast or default type the caller has
    set. A loss that is not finite ends the run with status "diverged"; that epoch is not listed.

    Modes: a module that the caller put into evaluation mode stays in it for the whole training, so a frozen
    batch norm keeps its running statistics (its gamma and beta are trained, unless they are frozen too). Only
    a model all of whose modules are in evaluation mode is trained as if it were in training mode. Afterwards,
    also after an error, every module has the mode it had before.

    Parameters without gradient, frozen or not used by the forward pass, stay as they are: see Recipe.

    Args:
        execution: where and how to compute; Execution.auto() if None.
        progress: a bar on standard error, for a person.

    Raises:
        ValueError: before the first step, whatever would stop the training then or later, or let it run in
            vain: no image or another shape than (N, C, H, W) uint8 in either part of the data, labels without
            a class or of another type than int64, a model with lazy parameters or without trainable ones, or
            whose output is not a logit for each class, an l1 that penalizes no parameter, a single step in
            all with "one_cycle", a last batch of one image that the model cannot be trained or evaluated on,
            test images of a size that it cannot take.
    """
    execution = execution or Execution.auto()
    _check(model, data, recipe, seed)
    started = time.perf_counter()
    with undisturbed(model, seed, execution), torch.backends.cudnn.flags(enabled=True, deterministic=True):
        epochs, status = _train(model, data, recipe, seed, execution, progress)
    return Run(epochs, status, time.perf_counter() - started, execution)


@contextlib.contextmanager
def undisturbed(model: nn.Module, seed: int, execution: Execution) -> Iterator[None]:
    """What a training has about it, whatever the caller has set: its seed, mode, gradients and threads."""
    keep_freed_memory()
    threads = torch.get_num_threads()
    with (
        modes.seeded(seed, execution.device),  # of dropout; the batches have a generator of their own
        modes.training(model),
        torch.inference_mode(False),  # gradients are on again, whatever the caller turned off
        # The caller's autocast would reach backward, and keep the weights of the first step in its cache
        torch.autocast(execution.device, enabled=False, cache_enabled=False),
    ):
        torch.set_num_threads(execution.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _train(
    model: nn.Module, data: ImageData, recipe: Recipe, seed: int, execution: Execution, progress: bool
) -> tuple[list[dict[str, Any]], str]:
    model.to(execution.device, memory_format=torch.channels_last)
    batches = Batches(
        data.train_images,
        data.train_labels,
        data.mean,
        data.std,
        recipe.batch_size,
        seed=seed,
        augment=recipe.augment,
        device=execution.device,
    )
    with modes.seeded(seed, execution.device):  # what it draws is not drawn from the training
        check_one(model, data, "train", recipe.batch_size, execution)
        with modes.evaluation(model):
            check_one(model, data, "test", EVALUATION_BATCH, execution)
    optimizer, scheduler = _optimizer(model, recipe, len(batches))
    penalized, needed = _penalized(model, recipe), classes(data)
    averaged = None
    if recipe.average is not None:
        ema = swa_utils.get_ema_multi_avg_fn(recipe.average)
        averaged = swa_utils.AveragedModel(model, multi_avg_fn=ema, use_buffers=True)
    epochs: list[dict[str, Any]] = []
    bar = tqdm(total=recipe.epochs * len(batches), unit="batch") if progress else tqdm(disable=True)
    with bar:
        for epoch in range(1, recipe.epochs + 1):
            started = time.perf_counter()
            loss_sum = correct = seen = 0.0
            for x, y in batches:
                with execution.autocast():
                    logits = output(model, x)
                check_logits(logits, len(x), needed)
                if not logits.requires_grad:
                    raise ValueError("the model's output depends on no parameter that can be trained")
                loss = F.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)
                if not math.isfinite(loss.item()):
                    return epochs, "diverged"
                optimizer.zero_grad()
                loss.backward()
                if recipe.l1 and recipe.l1_step != "proximal":
                    for weight in penalized:
                        if weight.grad is not None:
                            weight.grad.add_(weight.detach().sign(), alpha=recipe.l1)
                optimizer.step()
                if recipe.l1 and recipe.l1_step == "proximal":
                    _threshold(penalized, recipe.l1, optimizer.param_groups[0])
                scheduler.step()
                if averaged is not None:
                    averaged.update_parameters(model)
                loss_sum += loss.item() * len(y)
                correct += (logits.argmax(1) == y).sum().item()
                seen += len(y)
                bar.update()
            test = evaluate(model if averaged is None else averaged.module, data, execution)
            if not math.isfinite(test["loss"]):
                return epochs, "diverged"
            epochs.append(
                {
                    "epoch": epoch,
                    "train_loss": loss_sum / seen,
                    "train_accuracy": 100 * correct / seen,
                    "test_loss": test["loss"],
                    "test_accuracy": test["accuracy"],
                    "seconds": time.perf_counter() - started,
                }
            )
            bar.set_postfix(test_accuracy=f"{test['accuracy']:.2f} %")
    if averaged is not None:
        model.load_state_dict(averaged.module.state_dict())
    return epochs, "done"


def _check(model: nn.Module, data: ImageData, recipe: Recipe, seed: int) -> None:
    """Raises ValueError for what is known to go wrong, or to be in vain, before anything is computed."""
    if type(seed) is not int or not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed is {seed!r}; give a whole number that torch.manual_seed takes, from 0 on")
    check_images(data, "train")
    check_images(data, "test")
    check_model(model)
    if recipe.l1 and not _penalized(model, recipe):
        raise ValueError(
            f"l1={recipe.l1} with penalized={recipe.penalized!r} penalizes nothing: the model has no such "
            'parameter that can be trained; choose l1=0.0 or penalized="all"'
        )
    if recipe.optimizer == "muon" and not matrices(model):
        raise ValueError('optimizer="muon": the model has no MatrixConv2d, whose weights it is for')
    images = len(data.train_images)
    if recipe.schedule == "one_cycle" and recipe.epochs == 1 and recipe.batch_size >= images:
        raise ValueError(
            f"epochs=1 and batch_size={recipe.batch_size} for {images} images is one step, and the last of "
            '"one_cycle" is nearly 0: choose more epochs, a smaller batch_size, or schedule="constant"'
        )


def _penalized(model: nn.Module, recipe: Recipe) -> list[nn.Parameter]:
    return [p for p in penalties.penalized(model, recipe.penalized or "all") if p.requires_grad]


def _optimizer(model: nn.Module, recipe: Recipe, steps_per_epoch: int) -> tuple[Any, Any]:
    common = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "fused": True}
    groups: list[dict[str, Any]] = [{"params": list(model.parameters())}]
    if recipe.penalized not in (None, "all"):
        groups = penalties.decay_groups(model, recipe.weight_decay, recipe.penalized)
    parameters = [group | {"params": [p for p in group["params"] if p.requires_grad]} for group in groups]
    if recipe.bias_factor is not None:
        named = model.named_parameters()
        biases, parameters = _apart(parameters, [p for name, p in named if name.endswith("bias")])
        parameters += [group | {"lr": recipe.bias_factor * recipe.lr} for group in biases]
    if recipe.optimizer == "muon":
        muon, parameters = _apart(parameters, matrices(model))
        if recipe.matrix_decay is not None:
            muon = [group | {"weight_decay": recipe.matrix_decay} for group in muon]
    optimizer: Any
    if recipe.optimizer in ("sgd", "muon"):
        optimizer = torch.optim.SGD(parameters, momentum=recipe.momentum, **common)
    elif recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(parameters, **common)
    else:
        optimizer = torch.optim.AdamW(parameters, **common)
    steps = recipe.epochs * steps_per_epoch
    scheduler = _scheduler(optimizer, recipe, steps)
    if recipe.optimizer == "muon":
        rate = {"lr": recipe.matrix_lr, "weight_decay": recipe.weight_decay}
        of_matrices = torch.optim.Muon(muon, momentum=recipe.momentum, **rate)
        scheduler = _Together(scheduler, _scheduler(of_matrices, recipe, steps))
        optimizer = _Together(optimizer, of_matrices)
    return optimizer, scheduler


def _apart(
    groups: list[dict[str, Any]], chosen: list[nn.Parameter]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """An optimizer's parameter groups twice: with the parameters that are chosen, and with the rest."""
    ids = {id(p) for p in chosen}
    mine, rest = (
        [group | {"params": [p for p in group["params"] if (id(p) in ids) == wanted]} for group in groups]
        for wanted in (True, False)
    )
    return mine, rest


def _scheduler(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> Any:
    if recipe.schedule == "one_cycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=steps)
    if recipe.schedule == "linear":
        return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


class _Together:
    """Two optimizers, or their schedulers, that take each step together."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self.parts:
            part.step()


def _threshold(penalized: list[nn.Parameter], l1: float, group: dict[str, Any]) -> None:
    """The proximal step that goes with the optimizer's last step: `group` says its rate and momentum.

    A parameter without gradient was not stepped and is left alone.
    With momentum m a constant gradient moves a weight by lr / (1 - m) a step in the long run, and so must the
    penalty, to weigh as much as in the loss.
    """
    threshold = group["lr"] * l1 / (1 - group["momentum"])
    with torch.no_grad():
        for weight in penalized:
            if weight.grad is None:
                continue
            weight.copy_(penalties.soft_threshold(weight, threshold))


def predict(model: nn.Module, images: Tensor, data: ImageData, execution: Execution | None = None) -> Tensor:
    """Logits (N, classes) float32 on the CPU for uint8 images (N, C, H, W), in evaluation mode.

    They are ordinary tensors without gradient, which can be put into a loss: temperature scaling can learn
    from them. `data` gives the mean and standard deviation that the model was trained with. Afterwards, also
    after an error, every module has the mode it had before.

    Raises:
        ValueError: no image, or images of another type or shape; an output that is no tensor of numbers.
    """
    execution = execution or Execution.auto()
    labels = torch.zeros(len(images), dtype=torch.int64)
    batches = Batches(images, labels, data.mean, data.std, EVALUATION_BATCH, device=execution.device)
    # Not inference_mode: no loss could be made of its tensors, neither the logits nor what a module keeps
    with modes.evaluation(model), torch.no_grad(), execution.autocast():
        return torch.cat([output(model, x).cpu() for x, _ in batches])


def evaluate(model: nn.Module, data: ImageData, execution: Execution | None = None) -> dict[str, float]:
    """Cross-entropy and accuracy (percent) over all test images: {"loss": ..., "accuracy": ...}.

    Raises:
        ValueError: no test image, labels that do not fit, an output that is not a logit for each class.
    """
    check_images(data, "test")
    logits = predict(model, data.test_images, data, execution)
    check_logits(logits, len(data.test_images), 1 + int(data.test_labels.max()))
    correct = (logits.argmax(1) == data.test_labels).sum().item()
    return {
        "loss": F.cross_entropy(logits, data.test_labels).item(),
        "accuracy": 100 * correct / len(data.test_labels),
    }
