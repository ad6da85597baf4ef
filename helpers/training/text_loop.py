"""The loop for texts: how every transformer of the course is trained and evaluated."""

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from helpers.nn import modes
from helpers.text.batches import Batches
from helpers.text.datasets import TextData
from helpers.training.execution import Execution
from helpers.training.loop import Run, undisturbed
from helpers.training.recipe import TextRecipe

EVALUATION_BATCH = 64  # windows


def fit(
    model: nn.Module,
    data: TextData,
    recipe: TextRecipe,
    seed: int,
    execution: Execution | None = None,
    progress: bool = False,
) -> Run:
    """Trains `model` in place to predict the next character, and evaluates it on the validation text.

    Each evaluation is an entry of Run.epochs: epoch (which one it is, from 1), step, train_loss (mean of the
    steps since the one before, in training mode), test_loss (of the whole validation text, in evaluation
    mode), seconds; with batch norm also batch_loss, which is test_loss by the statistics of batches as large
    as those of the training in the place of the running ones. Losses are in nats per character.
    The same seed gives the same windows whatever the model, and on one machine with as many threads the same
    bits. A loss that is not finite ends the run with status "diverged".

    Args:
        execution: where and how to compute; in float32 if None: a transformer this small gains nothing from
            bfloat16.
        progress: a bar on standard error, for a person.

    Raises:
        ValueError: windows longer than the text or the model.
    """
    execution = execution or Execution.float32()
    text = data.train[: recipe.characters]
    batches = Batches(text, recipe.batch_size, recipe.length, seed=seed, device=execution.device)
    started = time.perf_counter()
    with undisturbed(model, seed, execution):
        model.to(execution.device)
        entries, status = _train(model, data.validation, recipe, batches, execution, progress)
    return Run(entries, status, time.perf_counter() - started, execution)


def _train(
    model: nn.Module,
    validation: Tensor,
    recipe: TextRecipe,
    batches: Batches,
    execution: Execution,
    progress: bool,
) -> tuple[list[dict[str, Any]], str]:
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=recipe.betas, weight_decay=0.0, fused=True)
    entries: list[dict[str, Any]] = []
    windows, losses, started = _endless(batches), [], time.perf_counter()
    for step in tqdm(range(recipe.steps), unit="batch", disable=not progress):
        x, y = next(windows)
        with execution.autocast():
            logits = model(x).float()
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            return entries, "diverged"
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        optimizer.step()
        if step + 1 in (*recipe.evaluations, recipe.steps):
            entry = {
                "epoch": len(entries) + 1,
                "step": step + 1,
                "train_loss": sum(losses) / len(losses),
                "test_loss": evaluate(model, validation, recipe.length, execution),
            }
            if modes.running_norms(model):
                size = recipe.batch_size * recipe.length
                whole = validation[: 1 + (len(validation) - 1) // size * size]  # in batches of that size
                with modes.batch_statistics(model):
                    entry["batch_loss"] = evaluate(model, whole, recipe.length, execution, recipe.batch_size)
            entry["seconds"] = time.perf_counter() - started
            if not math.isfinite(entry["test_loss"]):
                return entries, "diverged"
            entries.append(entry)
            losses, started = [], time.perf_counter()
    return entries, "done"


def _endless(batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from batches


def evaluate(
    model: nn.Module,
    tokens: Tensor,
    length: int,
    execution: Execution | None = None,
    batch_size: int = EVALUATION_BATCH,
) -> float:
    """Mean loss over a text (N,) uint8 in evaluation mode, in nats per character.

    The text is cut into windows of `length`; in each, the network predicts every character from those of the
    window before it. Each character but the first counts once.
    """
    execution = execution or Execution.float32()
    total = 0.0
    with modes.evaluation(model), torch.no_grad():
        for x, y in Batches(tokens, batch_size, length, device=execution.device):
            with execution.autocast():
                logits = model(x).float()
            total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
    return total / (len(tokens) - 1)
