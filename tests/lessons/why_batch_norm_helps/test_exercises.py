"""Exercises of lesson 10: right answers pass, mistakes as learners write them are named."""

import pytest
import torch

RIGHT = [
    ("share_left", lambda none, batch, noisy: (none / noisy).log().sum() / (none / batch).log().sum()),
    (
        "fixed_norm_step",
        lambda w, g, lr: torch.renorm((w - lr * g) * 1e9, 2, 0, 1.0) * w.norm(dim=1)[:, None],
    ),
    ("equilibrium", lambda lr, decay, g: (lr * g * g / (2 * decay - lr * decay**2)) ** 0.5),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


WRONG = [
    ("share_left", lambda none, batch, noisy: (none - noisy).mean() / (none - batch).mean(), "logarithms"),
    (
        "share_left",
        lambda none, batch, noisy: (noisy / batch).log().mean() / (none / batch).log().mean(),
        "left",
    ),
    ("fixed_norm_step", lambda w, g, lr: w - lr * g, "the norm has grown"),
    ("equilibrium", lambda lr, decay, g: g * (lr / (2 * decay)) ** 0.5, "only the first term"),
    ("equilibrium", lambda lr, decay, g: lr**2 * g**2 / (1 - (1 - lr * decay) ** 2), "fourth power"),
    ("equilibrium", lambda lr, decay, g: None, "is a `return` missing"),
]


@pytest.mark.parametrize(("name", "answer", "words"), WRONG)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


def test_two_mistakes_at_once_are_both_named(said):
    output = said("equilibrium", lambda lr, decay, g: (lr * g / (1 - (1 - decay) ** 2) ** 0.5) ** 0.5)
    assert "lr is missing in the decay" in output
    assert "this is the norm" in output


def test_the_equilibrium_is_where_a_step_leaves_the_norm():
    """By the lesson's own step, with a gradient of norm g / |w| that is perpendicular to the weights."""
    from helpers.lessons.why_batch_norm_helps.exercises import equilibrium

    lr, decay, g = 0.3, 0.7, 1.9
    norm = equilibrium(lr, decay, g) ** 0.5
    w, gradient = torch.tensor([norm, 0.0]), torch.tensor([0.0, g / norm])
    assert ((1 - lr * decay) * w - lr * gradient).norm().item() == pytest.approx(norm)
