"""The proofs of the training loop can fail: each subtle mistake here, made in its source, is found by one."""

import copy
import dataclasses
import types
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.images import batches, datasets
from helpers.images.batches import Augment
from helpers.training import loop
from helpers.training.execution import Execution
from helpers.training.recipe import Recipe
from tests.mutants import mutated

FLOAT32 = Execution("cpu", "float32", 1)
DIGITS = datasets.load("digits").subset(60)
EPOCHS, BATCH = 3, 25  # batches of 25, 25 and 10 images


class Linear(nn.Module):
    """Logits, and all batches that it was given in training mode."""

    def __init__(self, scale: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.drop, self.seen = nn.Linear(64, 10), nn.Dropout(dropout), []
        self.layer.weight.data.mul_(scale)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen.append(x)
        return self.layer(self.drop(x.flatten(1)))


def numbered() -> datasets.ImageData:
    """60 images, each of one grey value: its number. An image is known whatever augmentation does to it."""
    images = torch.arange(60, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone()
    return dataclasses.replace(DIGITS, train_images=images, mean=torch.zeros(1), std=torch.ones(1) / 255)


def order(module: types.ModuleType, seed: int = 0, **changes: object) -> list[list[int]]:
    """The numbers of the images, epoch by epoch, in the order in which they are trained on."""
    model = Linear()
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH, lr=1e-3, **changes)
    module.fit(model, numbered(), recipe, seed, FLOAT32)
    numbers = torch.cat([x[:, 0, 4, 4] for x in model.seen]).round().long()
    return numbers.view(EPOCHS, 60).tolist()


# The rate of step t of T, for each schedule that is a formula.
RATES = {"constant": lambda t, steps: 1.0, "linear": lambda t, steps: 1 - t / steps}


def same_as_by_hand(module: types.ModuleType, schedule: str = "linear", **changes: object) -> None:
    """SGD with momentum written out, on the batches that the model was given; the weights of the last step.

    Weights are large enough for gradients of norm above 1, and the penalties act on them, not on the bias.
    """
    recipe = Recipe(
        epochs=EPOCHS, batch_size=BATCH, lr=0.02, momentum=0.5, weight_decay=0.2, label_smoothing=0.2,
        schedule=schedule, penalized="weights", **changes,
    )  # fmt: skip
    model = Linear(scale=20.0)
    by_hand = copy.deepcopy(model.layer).double()
    run = module.fit(model, DIGITS, recipe, 0, FLOAT32)
    steps = len(model.seen)
    assert steps == EPOCHS * 3
    labels = dict(zip(map(_bytes, _scaled(DIGITS)), DIGITS.train_labels, strict=True))
    velocity, losses = {}, []
    for t, x in enumerate(model.seen):
        y = torch.stack([labels[_bytes(image)] for image in x])
        loss = F.cross_entropy(by_hand(x.flatten(1).double()), y, label_smoothing=recipe.label_smoothing)
        losses.append(loss.item() * len(y))
        gradients = torch.autograd.grad(loss, list(by_hand.parameters()))
        rate = recipe.lr * RATES[schedule](t, steps)
        with torch.no_grad():
            for name, g, p in zip(("weight", "bias"), gradients, by_hand.parameters(), strict=True):
                if name == "weight":
                    g = g + recipe.weight_decay * p
                    g = g + recipe.l1 * p.sign() if recipe.l1_step != "proximal" else g
                velocity[name] = recipe.momentum * velocity.get(name, 0) + g
                p -= rate * velocity[name]
                if name == "weight" and recipe.l1_step == "proximal":
                    limit = rate * recipe.l1 / (1 - recipe.momentum)
                    p.copy_(p.sign() * (p.abs() - limit).clamp(min=0))
    for ours, expected in zip(model.layer.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-5)
    assert run.epochs[-1]["train_loss"] == pytest.approx(sum(losses[-3:]) / 60, rel=1e-4)


def _scaled(data: datasets.ImageData) -> Tensor:
    return next(iter(batches.Batches(data.train_images, data.train_labels, data.mean, data.std, 60)))[0]


def _bytes(image: Tensor) -> bytes:
    return image.contiguous().numpy().tobytes()


def every_epoch_is_listed_as_it_was(module: types.ModuleType) -> None:
    """A rate so large that the accuracy falls at times: no epoch is left out, chosen, or the best so far."""
    recipe = Recipe(epochs=6, batch_size=BATCH, lr=2.0, schedule="constant")
    listed = module.fit(Linear(), DIGITS, recipe, 0, FLOAT32).epochs
    accuracies = [epoch["test_accuracy"] for epoch in listed]
    assert sorted(accuracies) != accuracies
    for count in range(1, 7):
        model = Linear()
        module.fit(model, DIGITS, dataclasses.replace(recipe, epochs=count), 0, FLOAT32)
        found = loop.evaluate(model, DIGITS, FLOAT32)
        assert found["accuracy"] == listed[count - 1]["test_accuracy"]
        assert found["loss"] == listed[count - 1]["test_loss"]


def each_epoch_has_its_own_order(module: types.ModuleType) -> None:
    epochs = order(module)
    assert all(sorted(epoch) == list(range(60)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == EPOCHS
    assert not set(map(tuple, epochs)) & set(map(tuple, order(module, seed=1)))


def arms_share_the_order(module: types.ModuleType) -> None:
    """Whatever the augmentation and the optimizer: arms with one seed are paired."""
    expected = order(module)
    for augment in (Augment(pad=2), Augment(flip=True), Augment(rotation=5.0), Augment(2, True, 5.0)):
        assert order(module, augment=augment) == expected
    assert order(module, optimizer="adamw", l1=0.1) == expected


def images_are_augmented_anew(module: types.ModuleType) -> None:
    """Which images are mirrored: about half, others in each epoch and in each batch."""
    images = numbered().train_images
    images[..., 4:] += 100  # the right half is brighter
    data, model = dataclasses.replace(numbered(), train_images=images), Linear()
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH, lr=1e-3, augment=Augment(flip=True))
    module.fit(model, data, recipe, 0, FLOAT32)
    x = torch.cat([batch[:, 0, 0] for batch in model.seen]).round().view(EPOCHS, 60, 8)
    mirrored = x[..., 0] > x[..., -1]
    assert len({tuple(batch) for batch in mirrored[:, : 2 * BATCH].reshape(-1, BATCH).tolist()}) == 2 * EPOCHS
    number = x.amin(dim=-1).long()
    by_image = torch.stack([m[n.argsort()] for m, n in zip(mirrored, number, strict=True)])
    assert 15 < by_image.float().sum(dim=1).mean() < 45
    assert all(10 < (by_image[i] != by_image[i - 1]).sum() < 50 for i in range(EPOCHS))


def dropout_is_of_the_seed(module: types.ModuleType) -> None:
    """Images and labels that are all alike: seeds differ in what is dropped alone."""
    alike = dataclasses.replace(
        DIGITS,
        train_images=DIGITS.train_images[:1].repeat(60, 1, 1, 1),
        train_labels=DIGITS.train_labels[:1].repeat(60),
    )
    recipe = Recipe(epochs=1, batch_size=BATCH, lr=0.05)
    losses = [
        module.fit(Linear(dropout=0.5), alike, recipe, seed, FLOAT32).epochs[0]["train_loss"]
        for seed in (0, 0, 1, 2)
    ]
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


class OnlyInTraining(Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.training else super().forward(x) + torch.inf


def an_infinite_test_loss_ends_the_run(module: types.ModuleType) -> None:
    run = module.fit(OnlyInTraining(), DIGITS, Recipe(epochs=EPOCHS, batch_size=BATCH), 0, FLOAT32)
    assert (run.status, run.epochs) == ("diverged", [])


PROOFS: dict[str, Callable[[types.ModuleType], None]] = {
    "by hand": same_as_by_hand,
    "by hand, constant": lambda module: same_as_by_hand(module, "constant"),
    "by hand, L1": lambda module: same_as_by_hand(module, l1=0.05),
    "by hand, proximal": lambda module: same_as_by_hand(module, l1=0.05, l1_step="proximal"),
    "epochs": every_epoch_is_listed_as_it_was,
    "order": each_epoch_has_its_own_order,
    "pairs": arms_share_the_order,
    "augmentation": images_are_augmented_anew,
    "dropout": dropout_is_of_the_seed,
    "diverged": an_infinite_test_loss_ends_the_run,
}

EPOCH = "            started = time.perf_counter()\n            loss_sum"
THRESHOLD = (
    '                if recipe.l1 and recipe.l1_step == "proximal":\n'
    "                    _threshold(penalized, recipe.l1, optimizer.param_groups[0])\n"
)
STEP = "                scheduler.step()\n"
LISTED = "            epochs.append(\n"
SMOOTHED = "F.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)"
# What the mistake is, the source as it is, the source with the mistake, and the proof that finds it.
MUTANTS = [
    (
        "momentum starts anew each epoch",
        EPOCH,
        EPOCH.replace("loss_sum", "optimizer.state.clear(); loss_sum"),
        "by hand",
    ),
    ("the rate falls by epoch", STEP, "", "by hand"),
    ("the rate falls a step too late", STEP, STEP.replace("scheduler", "seen and scheduler"), "by hand"),
    (
        "the rate falls over a step too many",
        "recipe.epochs * steps_per_epoch",
        "recipe.epochs * steps_per_epoch + 1",
        "by hand",
    ),
    ("the last rate is not lr / steps", "1.0, 0.0, total_iters", "1.0, 0.01, total_iters", "by hand"),
    (
        "a third of the rate at first",
        "ConstantLR(optimizer, factor=1.0)",
        "ConstantLR(optimizer)",
        "by hand, constant",
    ),
    ("another momentum", "momentum=recipe.momentum, **common", "momentum=0.9, **common", "by hand"),
    (
        "Nesterov",
        "momentum=recipe.momentum, **common",
        "momentum=recipe.momentum, nesterov=True, **common",
        "by hand",
    ),
    (
        "gradients are clipped",
        "                optimizer.step()\n",
        "                nn.utils.clip_grad_norm_(model.parameters(), 1.0), optimizer.step()\n",
        "by hand",
    ),
    ("gradients add up", "                optimizer.zero_grad()\n", "", "by hand"),
    (
        "a short batch counts less",
        "loss.backward()",
        "(loss * len(y) / recipe.batch_size).backward()",
        "by hand",
    ),
    ("labels are not smoothed", SMOOTHED, "F.cross_entropy(logits, y)", "by hand"),
    ("the bias decays", 'if recipe.penalized not in (None, "all"):', "if False:", "by hand"),
    (
        "the loss is a mean of batches",
        "loss_sum += loss.item() * len(y)",
        "loss_sum += loss.item() * 20",
        "by hand",
    ),
    ("half of L1", "alpha=recipe.l1)", "alpha=recipe.l1 / 2)", "by hand, L1"),
    ("L1 of the bias", 'recipe.penalized or "all")', '"all")', "by hand, L1"),
    ("the threshold forgets momentum", ' / (1 - group["momentum"])', "", "by hand, proximal"),
    ("the threshold has the next step's rate", THRESHOLD + STEP, STEP + THRESHOLD, "by hand, proximal"),
    (
        "the last epochs are not looked at",
        "test = evaluate(",
        "test = epoch > 3 and test or evaluate(",
        "epochs",
    ),
    (
        "the best epoch so far",
        LISTED,
        '            test["accuracy"] = max([test["accuracy"], *(e["test_accuracy"] for e in epochs)])\n'
        + LISTED,
        "epochs",
    ),
    (
        "the network of the best epoch",
        '    return epochs, "done"',
        '    return sorted(epochs, key=lambda e: e["test_accuracy"]), "done"',
        "epochs",
    ),
    ("one order for all seeds", "        seed=seed,\n", "        seed=0,\n", "order"),
    (
        "dropout is one for all seeds",
        "modes.seeded(seed, execution.device),  # of",
        "modes.seeded(0, execution.device),  # of",
        "dropout",
    ),
    ("a test loss of nothing", 'if not math.isfinite(test["loss"]):', "if False:", "diverged"),
]
# The same in the batches' source.
BATCH_MUTANTS = [
    (
        "one order for all epochs",
        "order = torch.randperm(self.count, generator=self.generator)",
        "order = torch.randperm(self.count, generator=torch.Generator().manual_seed(0))",
        "order",
    ),
    (
        "a short batch is left out",
        "order.split(self.batch_size)",
        "order[: 50].split(self.batch_size)",
        "by hand",
    ),
    (
        "plain images draw nothing",
        "                self.augment.draw(len(ids), self.generator)\n",
        "                pass\n",
        "pairs",
    ),
    (
        "what is not mirrored draws less",
        "mirrored = (uniform() < 0.5) & self.flip",
        "mirrored = (uniform() < 0.5) if self.flip else torch.zeros(count, 1, dtype=torch.bool)",
        "pairs",
    ),
    (
        "augmented alike in each epoch",
        "        def uniform() -> Tensor:",
        "        generator = torch.Generator().manual_seed(count)\n\n        def uniform() -> Tensor:",
        "augmentation",
    ),
]
FOUND = (AssertionError, RuntimeError, KeyError, ValueError)  # not equal, or the loop breaks


@pytest.mark.parametrize("proof", PROOFS)
def test_the_loop_without_a_mistake(proof):
    PROOFS[proof](loop)


@pytest.mark.parametrize(("right", "wrong", "proof"), [pytest.param(*m[1:], id=m[0]) for m in MUTANTS])
def test_mistakes_in_the_loop_are_found(right, wrong, proof):
    mutant = mutated(loop, right, wrong)
    with pytest.raises(FOUND):
        PROOFS[proof](mutant)


@pytest.mark.parametrize(("right", "wrong", "proof"), [pytest.param(*m[1:], id=m[0]) for m in BATCH_MUTANTS])
def test_mistakes_in_the_batches_are_found(right, wrong, proof, monkeypatch):
    mutant = mutated(batches, right, wrong)
    monkeypatch.setattr(batches.Augment, "draw", mutant.Augment.draw)  # of recipes, too
    monkeypatch.setattr(loop, "Batches", mutant.Batches)
    with pytest.raises(FOUND):
        PROOFS[proof](loop)
