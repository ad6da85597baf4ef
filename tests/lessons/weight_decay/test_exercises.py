"""Exercises of lesson 12: right answers pass, mistakes as learners write them are named."""

import pytest
import torch

from helpers.lessons.weight_decay import exercises


def adamw_by_torch(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    p = torch.nn.Parameter(w)
    p.grad = g
    optimizer = torch.optim.AdamW([p], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    optimizer.state[p] = {"step": torch.tensor(float(t - 1)), "exp_avg": m, "exp_avg_sq": v}
    optimizer.step()
    return p.detach(), m, v


def adamw_in_place(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    root = (v / (1 - beta2**t)).sqrt().add_(eps)
    w -= lr * decay * w + lr / (1 - beta1**t) * m / root
    return w, m, v


def rates_by_powers(rates, decay):
    kept = torch.cumprod(1 - decay * torch.tensor([0.0, *rates]).double(), dim=0)
    return torch.tensor(rates).double() / (kept[:-1] * kept[1:])


def decay_from_the_first_step(weights, gradients, rate):
    kept = (weights[1] - rate**2 * gradients[0]) / weights[0]
    return (1 - float(kept) ** 0.5) / rate


RIGHT = [
    ("adamw_step", lambda w, g, m, v, *numbers: adamw_by_torch(w.clone(), g, m.clone(), v.clone(), *numbers)),
    ("rates_without_decay", rates_by_powers),
    ("decay_from_log", decay_from_the_first_step),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


@pytest.mark.parametrize("answer", [adamw_by_torch, adamw_in_place])
def test_right_numbers_that_change_the_input_are_told(answer, said):
    assert "the numbers are right, but it changes w, m, v themselves" in said("adamw_step", answer)


def step(change):
    def answer(w, g, m, v, t, lr, b1, b2, eps, decay):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        return change(w, m, v, m / (1 - b1**t), v / (1 - b2**t), lr, eps, decay), m, v

    return answer


def adam_with_l2(w, g, m, v, t, lr, b1, b2, eps, decay):
    return exercises.adamw_step(w, g + decay * w, m, v, t, lr, b1, b2, eps, 0.0)


def grown(power):
    """For a constant rate: rate * (1 - rate * decay) ** power(step)."""
    return lambda rates, decay: [r * (1 - r * decay) ** power(t) for t, r in enumerate(rates)]


AS_LEARNERS_WRITE_THEM = [
    ("adamw_step", adam_with_l2, "Adam with an L2 penalty, not AdamW"),
    (
        "adamw_step",
        step(lambda w, m, v, mh, vh, lr, eps, d: w * (1 - d) - lr * mh / (vh.sqrt() + eps)),
        "is not multiplied by lr",
    ),
    (
        "adamw_step",
        step(lambda w, m, v, mh, vh, lr, eps, d: w - lr * (mh + d * w) / (vh.sqrt() + eps)),
        "divided by the square root of v",
    ),
    (
        "adamw_step",
        step(lambda w, m, v, mh, vh, lr, eps, d: w * (1 - lr * d) - lr * m / (v.sqrt() + eps)),
        "not corrected for starting at 0",
    ),
    (
        "adamw_step",
        step(lambda w, m, v, mh, vh, lr, eps, d: w * (1 - lr * d) - lr * mh / (vh + eps).sqrt()),
        "eps is inside the square root",
    ),
    ("rates_without_decay", lambda rates, decay: rates, "the rates are as they were"),
    (
        "decay_from_log",
        lambda weights, gradients, rate: (1 - (weights[1:] / weights[:-1]).sqrt().mean()) / rate,
        "the step itself makes weights longer",
    ),
    (
        "decay_from_log",
        lambda weights, gradients, rate: rate * gradients.mean() / (2 * weights.mean()),
        "that is the equilibrium",
    ),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


def test_results_of_the_wrong_number_are_told(said):
    assert "3 things, w, m, v" in said("adamw_step", lambda w, *rest: w)


def test_a_constant_rate_grows_exponentially():
    found = exercises.rates_without_decay([0.2] * 5, 0.3)
    assert found == pytest.approx(grown(lambda step: -(2 * step + 1))([0.2] * 5, 0.3))


def test_the_reference_is_what_torch_computes():
    state = [torch.tensor(v).double() for v in ([1.0, -2.0], [0.3, 0.1], [0.2, 0.1], [0.4, 0.5])]
    numbers = (4, 0.01, 0.9, 0.99, 1e-3, 0.2)
    ours = exercises.adamw_step(*(s.clone() for s in state), *numbers)
    torchs = adamw_by_torch(*(s.clone() for s in state), *numbers)
    for found, expected in zip(ours, torchs, strict=True):
        torch.testing.assert_close(found, expected)
