"""The loop: deterministic, honest about divergence, equal to a plain loop, the same in bfloat16."""

import dataclasses
import math
import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from helpers.course.one_lesson import BATCH
from helpers.images import datasets
from helpers.images.batches import Augment, Batches
from helpers.nn import layers
from helpers.nn.networks import build
from helpers.training import execution
from helpers.training.execution import Execution
from helpers.training.loop import evaluate, fit, predict
from helpers.training.recipe import Recipe

FLOAT32 = Execution("cpu", "float32", 1)
QUICK = Recipe(epochs=2, batch_size=256, lr=0.05, augment=Augment(pad=1, rotation=5.0))


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def metrics(run):
    return [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in run.epochs]


def test_the_same_seed_gives_the_same_bits_and_leaves_the_random_state_alone(digits):
    results = []
    for noise in (0, 5):
        model = build("batch", digits, 1)
        torch.rand(noise)  # other use of random numbers changes nothing
        before, threads = torch.random.get_rng_state(), torch.get_num_threads()
        run = fit(model, digits, QUICK, seed=1, execution=FLOAT32)
        assert torch.equal(torch.random.get_rng_state(), before)
        assert torch.get_num_threads() == threads
        results.append((weights(model), metrics(run), run.status))
    assert torch.equal(results[0][0], results[1][0])
    assert results[0][1:] == results[1][1:]
    assert results[0][2] == "done"
    other = build("batch", digits, 1)
    assert metrics(fit(other, digits, QUICK, seed=2, execution=FLOAT32)) != results[0][1]


def test_another_process_gives_the_same_bits(digits):
    script = (
        "from helpers.images import datasets; from helpers.images.batches import Augment;"
        "from helpers.nn import networks; from helpers.training import loop;"
        "from helpers.training.recipe import Recipe;"
        "import torch; digits = datasets.load('digits'); model = networks.build('batch', digits, 1);"
        "loop.fit(model, digits, Recipe(epochs=2, batch_size=256, lr=0.05,"
        "augment=Augment(pad=1, rotation=5.0)), 1, loop.Execution('cpu', 'float32', 1));"
        "print(sum(p.double().sum().item() for p in model.parameters()).hex())"
    )
    model = build("batch", digits, 1)
    fit(model, digits, QUICK, 1, FLOAT32)
    here = sum(p.double().sum().item() for p in model.parameters()).hex()
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert there.strip() == here


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["one_cycle", "constant", "linear"])
def test_it_learns_what_a_plain_loop_learns(digits, optimizer, schedule):
    recipe = Recipe(
        epochs=2,
        batch_size=500,
        optimizer=optimizer,
        lr=0.003,
        weight_decay=0.01,
        l1=1e-4,
        label_smoothing=0.1,
        schedule=schedule,
    )
    ours, plain = build("group", digits, 0), build("group", digits, 0)
    for layer in (*ours.modules(), *plain.modules()):
        if isinstance(layer, layers.Dropout):
            layer.p = 0.0
    run = fit(ours, digits, recipe, 0, FLOAT32)

    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    extra = {"momentum": 0.9} if optimizer == "sgd" else {}
    step = kinds[optimizer](plain.parameters(), lr=0.003, weight_decay=0.01, **extra)
    batches = Batches(digits.train_images, digits.train_labels, digits.mean, digits.std, 500, seed=0)
    total = 2 * len(batches)
    cycle = None
    if schedule == "one_cycle":
        cycle = torch.optim.lr_scheduler.OneCycleLR(step, 0.003, total_steps=total)
    if schedule == "linear":
        cycle = torch.optim.lr_scheduler.LambdaLR(step, lambda done: 1 - done / total)
    for _ in range(2):
        losses, correct = [], 0
        for x, y in batches:
            logits = plain(x)
            loss = F.cross_entropy(logits, y, label_smoothing=0.1)
            step.zero_grad()
            (loss + 1e-4 * sum(p.abs().sum() for p in plain.parameters())).backward()
            step.step()
            if cycle:
                cycle.step()
            losses.append(loss.item() * len(y))
            correct += (logits.argmax(1) == y).sum().item()
    # Adam divides small gradients by small numbers, so rounding shows: the whole path is compared.
    start = weights(build("group", digits, 0))
    assert (weights(ours) - weights(plain)).norm() < 0.02 * (weights(plain) - start).norm()
    count = len(digits.train_labels)
    assert run.epochs[-1]["train_loss"] == pytest.approx(sum(losses) / count, rel=1e-4)
    assert run.epochs[-1]["train_accuracy"] == pytest.approx(100 * correct / count, abs=0.2)


def test_epochs_are_listed_with_accuracy_as_correct_over_total(digits):
    model = build("batch", digits, 0)
    run = fit(model, digits, QUICK, 0, FLOAT32)
    assert [epoch["epoch"] for epoch in run.epochs] == [1, 2]
    logits = predict(model, digits.test_images, digits, FLOAT32)
    correct = (logits.argmax(1) == digits.test_labels).sum().item()
    assert run.epochs[-1]["test_accuracy"] == 100 * correct / len(digits.test_labels)
    assert run.epochs[-1]["test_loss"] == pytest.approx(F.cross_entropy(logits, digits.test_labels).item())
    assert evaluate(model, digits, FLOAT32)["accuracy"] == run.epochs[-1]["test_accuracy"]
    assert 0 < sum(epoch["seconds"] for epoch in run.epochs) <= run.seconds
    assert run.epochs[1]["train_loss"] < run.epochs[0]["train_loss"]


@pytest.mark.parametrize("norm", ["batch", "layer", "group"])
def test_normalized_networks_learn_the_digits(digits, norm):
    model = build(norm, digits, 0)
    run = fit(model, digits, Recipe(epochs=4, batch_size=128, lr=0.05), 0, FLOAT32)
    assert run.epochs[-1]["test_accuracy"] > 85


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(digits):
    recipe = dataclasses.replace(QUICK, epochs=3, optimizer="sgd", schedule="constant", lr=1e30)
    run = fit(build("none", digits, 0), digits, recipe, 0, FLOAT32)
    assert run.status == "diverged"
    assert len(run.epochs) < 3
    assert all(math.isfinite(epoch["train_loss"]) for epoch in run.epochs)


def test_predict_keeps_the_mode_and_changes_no_statistics(digits):
    model = build("batch", digits, 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for mode in (True, False):
        model.train(mode)
        logits = predict(model, digits.test_images[:7], digits, FLOAT32)
        assert model.training == mode
        assert logits.shape == (7, 10)
        assert logits.dtype == torch.float32
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("progress", "environment", "shown"),
    [(True, {}, True), (False, {}, False), (True, BATCH, False)],
    ids=["person", "not asked for", "lesson that retrains in batch"],
)
def test_progress_shows_for_a_person_only(progress, environment, shown):
    script = (
        "from helpers.images import datasets; from helpers.nn import networks;"
        "from helpers.training import loop; from helpers.training.recipe import Recipe;"
        "digits = datasets.load('digits');"
        "model = networks.build('none', digits, 0);"
        f"loop.fit(model, digits, Recipe(epochs=1), 0, progress={progress})"
    )
    person = {name: value for name, value in os.environ.items() if name not in BATCH}
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=person | environment, capture_output=True, text=True, check=True)
    assert ("test_accuracy" in run.stderr) == shown
    assert shown or run.stderr == ""


def test_bfloat16_gives_nearly_the_gradients_of_float32(digits):
    gradients = []
    batch = Batches(digits.train_images, digits.train_labels, digits.mean, digits.std, 512)
    x, y = next(iter(batch))
    for precision in ("float32", "bfloat16"):
        model = build("batch", digits, 0)
        for layer in model.modules():
            if isinstance(layer, layers.Dropout):
                layer.p = 0.0
        with Execution("cpu", precision, 1).autocast():
            logits = model(x).float()
        F.cross_entropy(logits, y).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    full, half = gradients
    assert F.cosine_similarity(full, half, dim=0) > 0.98
    assert not torch.equal(full, half)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "lion"}, "optimizer='lion'; choose one of sgd, adam, adamw"),
        ({"schedule": "cosine"}, "choose one of one_cycle, constant, linear"),
        ({"epochs": 0}, "epochs=0"),
        ({"lr": 0.0}, "lr is above 0"),
        ({"l1": -1.0}, "l1=-1.0"),
    ],
)
def test_bad_recipes_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**settings)


def test_the_execution_is_chosen_by_what_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for precision in ("bfloat16", "float32"):
        monkeypatch.setattr(execution, "cpu_precision", lambda precision=precision: precision)
        assert Execution.auto(threads=1) == Execution("cpu", precision, 1)
    with pytest.raises(ValueError, match="sees no GPU"):
        Execution.auto("cuda")
    with pytest.raises(ValueError, match='choose "auto", "cpu" or "cuda"'):
        Execution.auto("tpu")
