"""What moves by which rate: matrices by Muon, biases, all else; and the average of the weights."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from helpers.images import datasets
from helpers.images.batches import Batches
from helpers.nn.networks import build
from helpers.nn.separable import matrices
from helpers.training import loop
from helpers.training.execution import Execution
from helpers.training.measures import flipped
from helpers.training.recipe import Recipe

FLOAT32 = Execution("cpu", "float32", 1)
DIGITS = datasets.load("digits").subset(60)
RECIPE = Recipe(
    epochs=2, batch_size=25, optimizer="muon", lr=0.05, matrix_lr=0.02, momentum=0.7, weight_decay=0.03,
    schedule="linear", bias_factor=4.0, penalized="weights",
)  # fmt: skip
SIZES = {"widths": (4, 6), "blocks": (1, 1)}


def network(**options):
    return build("batch", DIGITS, 0, network="separable_net", **SIZES, **options)


def states_by_hand(recipe):
    """The network's state after each step, with an optimizer for each parameter by its name."""
    model, states = network(), []
    optimizers = []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        decays = recipe.penalized is None or (name.endswith("weight") and p.dim() > 1)
        decay = recipe.weight_decay if decays else 0.0
        if p.dim() == 2 and name != "classifier.weight" and recipe.optimizer == "muon":
            optimizer = torch.optim.Muon(
                [p],
                lr=recipe.matrix_lr,
                momentum=recipe.momentum,
                weight_decay=decay if recipe.matrix_decay is None else recipe.matrix_decay,
            )
        else:
            rate = recipe.lr * ((recipe.bias_factor or 1) if name.endswith("bias") else 1)
            optimizer = torch.optim.SGD([p], lr=rate, momentum=recipe.momentum, weight_decay=decay)
        optimizers.append((optimizer, optimizer.param_groups[0]["lr"]))
    assert len({type(optimizer) for optimizer, _ in optimizers}) == (2 if recipe.optimizer == "muon" else 1)
    batches = Batches(
        DIGITS.train_images, DIGITS.train_labels, DIGITS.mean, DIGITS.std, recipe.batch_size, seed=0
    )
    for x, y in [batch for _ in range(recipe.epochs) for batch in batches]:
        loss = F.cross_entropy(model(x), y)
        model.zero_grad()
        loss.backward()
        for optimizer, rate in optimizers:
            optimizer.param_groups[0]["lr"] = rate * (1 - len(states) / 6)
            optimizer.step()
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    assert len(states) == 6
    return states


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias_factor": None},
        {"matrix_decay": 2.0},
        {"penalized": None, "weight_decay": 0.3},
        {"optimizer": "sgd", "matrix_lr": None},
    ],
)
def test_matrices_biases_and_the_rest_have_an_optimizer_and_a_rate_each(changes):
    recipe = dataclasses.replace(RECIPE, **changes)
    model = network()
    loop.fit(model, DIGITS, recipe, 0, FLOAT32)
    # Muon computes in bfloat16: what rounding changes is little beside a step
    torch.testing.assert_close(dict(model.state_dict()), states_by_hand(recipe)[-1], rtol=2e-3, atol=2e-4)


def test_each_rate_goes_through_the_cycle():
    model = network()
    recipe = dataclasses.replace(RECIPE, schedule="one_cycle")
    optimizer, scheduler = loop._optimizer(model, recipe, 50)
    sgd, muon = optimizer.parts
    rates = {"muon": muon, "sgd": sgd}
    seen = {name: [] for name in rates}
    for _ in range(100):
        for name, part in rates.items():
            seen[name].append([group["lr"] for group in part.param_groups if group["params"]])
        optimizer.step()
        scheduler.step() if _ < 99 else None
    peaks = {name: torch.tensor(values).amax(0).tolist() for name, values in seen.items()}
    assert peaks["muon"] == pytest.approx([0.02])
    assert sorted(peaks["sgd"]) == pytest.approx([0.05, 0.05, 0.2])
    assert seen["muon"][0] == pytest.approx([0.02 / 25])
    moved = {id(p) for part in rates.values() for group in part.param_groups for p in group["params"]}
    assert moved == {id(p) for p in model.parameters() if p.requires_grad}
    assert {id(p) for group in muon.param_groups for p in group["params"]} == {id(p) for p in matrices(model)}


def test_the_average_is_evaluated_and_kept():
    recipe, model = dataclasses.replace(RECIPE, average=0.8), network()
    run = loop.fit(model, DIGITS, recipe, 0, FLOAT32)
    first, *others = states_by_hand(recipe)
    for state in others:
        first = {
            name: 0.8 * first[name] + 0.2 * value if value.is_floating_point() else value
            for name, value in state.items()
        }
    averaged = dict(model.state_dict())
    numbers = [name for name, value in averaged.items() if value.is_floating_point()]
    assert any("running_var" in name for name in numbers)
    for name in numbers:
        torch.testing.assert_close(averaged[name], first[name], rtol=2e-3, atol=2e-4)
    assert run.epochs[-1]["test_loss"] == loop.evaluate(model, DIGITS, FLOAT32)["loss"]
    plain = loop.fit(network(), DIGITS, RECIPE, 0, FLOAT32)
    for ours, theirs in zip(run.epochs, plain.epochs, strict=True):
        assert ours["train_loss"] == theirs["train_loss"]  # what is trained is not the average
        assert ours["test_loss"] != theirs["test_loss"]


def test_muon_needs_matrices_and_its_rate():
    with pytest.raises(ValueError, match="the model has no MatrixConv2d"):
        loop.fit(build("batch", DIGITS, 0), DIGITS, RECIPE, 0, FLOAT32)
    with pytest.raises(ValueError, match='"muon" has a matrix_lr, the others have none'):
        Recipe(optimizer="muon")
    with pytest.raises(ValueError, match="the others have none"):
        Recipe(matrix_lr=0.1)
    with pytest.raises(ValueError, match=r"matrix_decay=0\.1 with optimizer='sgd'"):
        Recipe(matrix_decay=0.1)
    for settings in ({"bias_factor": 0.0}, {"average": 1.0}, {"average": -0.5}, {"bias_factor": torch.inf}):
        with pytest.raises(ValueError, match=r"give a number above 0 and below"):
            Recipe(**settings)


class LeftHalf(torch.nn.Module):
    """Class 0 by the brightness of the left half, class 1 by half that of the right one."""

    def forward(self, x):
        return torch.stack([x[..., :4].mean((1, 2, 3)), 0.5 * x[..., 4:].mean((1, 2, 3))], dim=1)


def test_flipped_adds_the_logits_of_the_mirror_image():
    images = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)
    images[0, ..., :4] = images[1, ..., 4:] = 200
    images[2], images[3, ..., 4:], images[4, ..., 4:] = 100, 100, 50
    labels, grey = torch.tensor([0, 0, 0, 1, 0]), {"mean": torch.zeros(1), "std": torch.ones(1)}
    data = dataclasses.replace(DIGITS, test_images=images, test_labels=labels, **grey)
    model = LeftHalf()
    assert loop.evaluate(model, data, FLOAT32)["accuracy"] == 60  # bright on the right is class 1
    assert flipped(model, data, FLOAT32)["accuracy"] == 80  # sides count no more: all are class 0
