"""Training on texts: the same seed the same run, whatever the rate a result, losses as defined."""

import copy
import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.nn import sequences
from helpers.text import brackets
from helpers.text.datasets import TextData
from helpers.training import text_loop
from helpers.training.execution import Execution
from helpers.training.recipe import TextRecipe

TOKENS = brackets.generate(3_000, seed=1)
DATA = TextData("brackets", TOKENS[:2_500], TOKENS[2_500:], brackets.ALPHABET, brackets.entropy_rate())
RECIPE = TextRecipe(steps=30, batch_size=8, length=16, lr=0.01, evaluations=(10,))
EXECUTION = Execution("cpu", "float32", 1)


def made(norm: str = "layer", **options) -> nn.Module:
    options = {"depth": 1, "heads": 2, "width": 16} | options
    return sequences.build(norm, len(DATA.alphabet), RECIPE.length, 0, **options)


def fitted(recipe: TextRecipe = RECIPE, seed: int = 0, model: nn.Module | None = None, data: TextData = DATA):
    return text_loop.fit(model or made(), data, recipe, seed, EXECUTION)


def losses(run) -> list[tuple[float, float]]:
    return [(entry["train_loss"], entry["test_loss"]) for entry in run.epochs]


def test_it_learns_and_says_where_it_stood():
    model = made()
    run = fitted(model=model)
    assert (run.status, run.execution) == ("done", EXECUTION)
    assert [(entry["epoch"], entry["step"]) for entry in run.epochs] == [(1, 10), (2, 30)]
    assert math.log(12) > run.epochs[0]["test_loss"] > run.epochs[1]["test_loss"] > DATA.floor
    assert all("batch_loss" not in entry for entry in run.epochs)
    assert run.epochs[-1]["test_loss"] == text_loop.evaluate(model, DATA.validation, 16, EXECUTION)


def test_the_seed_alone_decides():
    torch.manual_seed(5)
    first = fitted()
    torch.rand(3)
    assert losses(first) == losses(fitted())
    assert losses(first) != losses(fitted(seed=1))


def test_a_step_is_that_of_adamw_with_decay_on_matrices_at_the_clipped_gradient():
    recipe = TextRecipe(steps=1, batch_size=4, length=16, lr=0.02, weight_decay=0.5, clip=1e-3)
    model, theirs = made(), made()
    fitted(recipe, 3, model)
    [(x, y), *_] = text_loop.Batches(DATA.train, 4, 16, seed=3)
    F.cross_entropy(theirs(x).flatten(0, 1), y.flatten()).backward()
    norm = torch.cat([p.grad.flatten() for p in theirs.parameters()]).norm()
    assert norm > 1e-3
    for parameter in theirs.parameters():
        parameter.grad *= 1e-3 / norm
        decay = 0.5 if parameter.dim() == 2 else 0.0
        torch.optim.AdamW([parameter], lr=0.002, betas=(0.9, 0.99), weight_decay=decay).step()
    for (name, ours), other in zip(model.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-3, atol=1e-6, msg=name)


def test_the_rate_warms_up_and_falls_to_a_tenth():
    recipe = TextRecipe(steps=11, lr=1.0, warmup=4)
    assert [recipe.rate(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert [recipe.rate(step) for step in (7, 10)] == pytest.approx([0.55, 0.1])
    assert TextRecipe(steps=3, lr=1.0).rate(0) == 1.0


@pytest.mark.parametrize("place", sequences.PLACES)
@pytest.mark.parametrize("norm", sequences.SEQUENCE_NORMS)
def test_any_rate_ends_in_a_result(norm, place):
    for rate in (1e-6, 1.0, 1e3, 1e30):
        run = fitted(dataclasses.replace(RECIPE, lr=rate), model=made(norm, place=place))
        assert run.status in ("done", "diverged")
        assert all(math.isfinite(entry["test_loss"]) for entry in run.epochs)
        assert (len(run.epochs) == 2) == (run.status == "done")


def test_a_loss_that_is_not_finite_ends_the_run():
    model = made()
    with torch.no_grad():
        model.last.weight.fill_(math.inf)
    run = fitted(model=model)
    assert (run.status, run.epochs) == ("diverged", [])


def test_evaluation_counts_each_character_once_and_changes_nothing():
    model = made("batch").train()
    before = copy.deepcopy(model.state_dict())
    text = DATA.validation[:83]  # five windows of 16 in batches of 2, and a shorter one
    found = text_loop.evaluate(model, text, 16, EXECUTION, batch_size=2)
    assert model.training
    torch.testing.assert_close(model.state_dict(), before)
    model.eval()
    with torch.no_grad():
        windows = [text[start : start + 17].long() for start in range(0, 82, 16)]
        total = sum(F.cross_entropy(model(w[None, :-1])[0], w[1:], reduction="sum").item() for w in windows)
    assert sum(len(w) - 1 for w in windows) == 82
    assert found == pytest.approx(total / 82, rel=1e-5)


@pytest.mark.parametrize("norm", ["batch", "batch by position"])
def test_batch_norm_is_evaluated_by_both_statistics(norm):
    model = made(norm)
    run = fitted(model=model)
    first, last = run.epochs
    assert first["test_loss"] != first["batch_loss"]
    whole = DATA.validation[: 1 + 3 * 8 * 16]  # as many batches of the training's size as there are
    by_hand = []
    with torch.no_grad():
        for x, y in text_loop.Batches(whole, 8, 16):
            by_hand.append(F.cross_entropy(model.train()(x).flatten(0, 1), y.flatten()).item())
    assert last["batch_loss"] == pytest.approx(sum(by_hand) / 3, rel=1e-5)


def test_fewer_characters_are_the_first_of_the_text():
    short = dataclasses.replace(DATA, train=DATA.train[:200])
    assert losses(fitted(dataclasses.replace(RECIPE, characters=200))) == losses(fitted(data=short))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"length": 1.5},
        {"characters": 0},
        {"lr": 0.0},
        {"clip": math.inf},
        {"weight_decay": -0.1},
        {"betas": (0.9, 1.0)},
        {"warmup": 400},
        {"evaluations": (400,)},
        {"evaluations": (20, 10)},
    ],
)
def test_recipes_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        TextRecipe(**wrong)
