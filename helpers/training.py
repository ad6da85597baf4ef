"""One recipe, one loop: how every network of the course is trained and evaluated."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from helpers import regularizers
from helpers.batches import Augment, Batches
from helpers.datasets import ImageData
from helpers.execution import Execution, keep_freed_memory

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("one_cycle", "constant")
L1_STEPS = ("subgradient", "proximal")
PENALIZED = ("all", "weights")
EVALUATION_BATCH = 1000  # images; no gradient is kept, so this is a matter of speed only


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned, beside network, data and seed.

    lr: the learning rate, for "one_cycle" its peak. With "one_cycle" (torch's OneCycleLR with its defaults)
        the momentum cycles between 0.95 and 0.85 too, so that `momentum` counts for "constant" only.
    weight_decay: for "adam" and "sgd" the gradient of an L2 penalty, for "adamw" decoupled.
    l1: factor of the penalty sum |w|.
    l1_step: how l1 acts: "subgradient" (None too) adds l1 * sign(w) to the gradient; "proximal" soft-
        thresholds the weights after each step of SGD, by lr * l1 / (1 - momentum): same stationary points.
    penalized: what weight_decay and l1 are for: "all" parameters (None too), or "weights" of linear and
        convolution layers only.
    """

    epochs: int = 20
    batch_size: int = 512
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    l1: float = 0.0
    label_smoothing: float = 0.0
    schedule: str = "one_cycle"
    augment: Augment = field(default_factory=Augment)
    l1_step: str | None = None
    penalized: str | None = None

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer={self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule={self.schedule!r}; choose one of {', '.join(SCHEDULES)}")
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"epochs={self.epochs}, batch_size={self.batch_size}; both are at least 1")
        if not self.lr > 0 or min(self.weight_decay, self.l1, self.momentum) < 0:
            raise ValueError(
                f"lr={self.lr}, momentum={self.momentum}, weight_decay={self.weight_decay}, l1={self.l1}; "
                "lr is above 0, the others are at least 0"
            )
        if self.l1_step not in (None, *L1_STEPS) or self.penalized not in (None, *PENALIZED):
            raise ValueError(
                f"l1_step={self.l1_step!r}, penalized={self.penalized!r}; choose l1_step from "
                f"{', '.join(L1_STEPS)} and penalized from {', '.join(PENALIZED)}"
            )
        if self.l1_step == "proximal" and self.optimizer != "sgd":
            raise ValueError(
                f'l1_step="proximal" with optimizer={self.optimizer!r}: the soft threshold is that of a '
                'gradient step; choose optimizer="sgd", or l1_step="subgradient"'
            )


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
    machine with as many threads the same bits. A loss that is not finite ends the run with status "diverged";
    that epoch is not listed.

    Args:
        execution: where and how to compute; Execution.auto() if None.
        progress: a bar on standard error, for a person.
    """
    execution = execution or Execution.auto()
    keep_freed_memory()
    device = execution.device
    cuda = [torch.cuda.current_device()] if device == "cuda" else []
    threads = torch.get_num_threads()
    started = time.perf_counter()
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)  # of dropout; the batches have a generator of their own
        torch.set_num_threads(execution.threads)
        try:
            with torch.backends.cudnn.flags(enabled=True, deterministic=True):
                epochs, status = _train(model, data, recipe, seed, execution, progress)
        finally:
            torch.set_num_threads(threads)
    return Run(epochs, status, time.perf_counter() - started, execution)


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
    optimizer, scheduler = _optimizer(model, recipe, len(batches))
    penalized = regularizers.weights(model) if recipe.penalized == "weights" else list(model.parameters())
    epochs: list[dict[str, Any]] = []
    bar = tqdm(total=recipe.epochs * len(batches), unit="batch") if progress else tqdm(disable=True)
    with bar:
        for epoch in range(1, recipe.epochs + 1):
            started = time.perf_counter()
            model.train()
            loss_sum = correct = seen = 0.0
            for x, y in batches:
                with execution.autocast():
                    logits = model(x).float()
                loss = F.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)
                if not math.isfinite(loss.item()):
                    return epochs, "diverged"
                optimizer.zero_grad()
                loss.backward()
                if recipe.l1 and recipe.l1_step != "proximal":
                    for weight in penalized:
                        weight.grad.add_(weight.detach().sign(), alpha=recipe.l1)
                optimizer.step()
                if recipe.l1 and recipe.l1_step == "proximal":
                    _threshold(penalized, recipe.l1, optimizer.param_groups[0])
                scheduler.step()
                loss_sum += loss.item() * len(y)
                correct += (logits.argmax(1) == y).sum().item()
                seen += len(y)
                bar.update()
            test = evaluate(model, data, execution)
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
    return epochs, "done"


def _optimizer(model: nn.Module, recipe: Recipe, steps_per_epoch: int) -> tuple[Any, Any]:
    common = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "fused": True}
    parameters: Any = model.parameters()
    if recipe.penalized == "weights":
        parameters = regularizers.decay_groups(model, recipe.weight_decay)
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "sgd":
        optimizer = torch.optim.SGD(parameters, momentum=recipe.momentum, **common)
    elif recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(parameters, **common)
    else:
        optimizer = torch.optim.AdamW(parameters, **common)
    if recipe.schedule == "one_cycle":
        steps = recipe.epochs * steps_per_epoch
        return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=steps)
    return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _threshold(penalized: list[nn.Parameter], l1: float, group: dict[str, Any]) -> None:
    """The proximal step that goes with the optimizer's last step: `group` says its rate and momentum.

    With momentum m a constant gradient moves a weight by lr / (1 - m) a step in the long run, and so must the
    penalty, to weigh as much as in the loss.
    """
    threshold = group["lr"] * l1 / (1 - group["momentum"])
    with torch.no_grad():
        for weight in penalized:
            weight.copy_(regularizers.soft_threshold(weight, threshold))


def predict(model: nn.Module, images: Tensor, data: ImageData, execution: Execution | None = None) -> Tensor:
    """Logits (N, classes) float32 on the CPU for uint8 images (N, C, H, W), in evaluation mode.

    `data` gives the mean and standard deviation that the model was trained with. The model's mode is kept.
    """
    execution = execution or Execution.auto()
    labels = torch.zeros(len(images), dtype=torch.int64)
    batches = Batches(images, labels, data.mean, data.std, EVALUATION_BATCH, device=execution.device)
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), execution.autocast():
            return torch.cat([model(x).float().cpu() for x, _ in batches])
    finally:
        model.train(training)


def evaluate(model: nn.Module, data: ImageData, execution: Execution | None = None) -> dict[str, float]:
    """Cross-entropy and accuracy (percent) over all test images: {"loss": ..., "accuracy": ...}."""
    logits = predict(model, data.test_images, data, execution)
    correct = (logits.argmax(1) == data.test_labels).sum().item()
    return {
        "loss": F.cross_entropy(logits, data.test_labels).item(),
        "accuracy": 100 * correct / len(data.test_labels),
    }
