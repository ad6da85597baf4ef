"""Exercises of lesson 11: right answers pass, mistakes as learners write them are named."""

import math

import pytest
import torch
from sklearn.linear_model import Lasso, Ridge
from torch.nn import functional as F

from helpers.lessons.l1_l2_from_scratch import exercises


def by_relu(w, t):
    return F.relu(w - t) - F.relu(-w - t)


def by_where(w, t):
    return torch.where(w > t, w - t, torch.where(w < -t, w + t, torch.zeros_like(w)))


def ridge_by_sklearn(x, y, penalty):
    fitted = Ridge(alpha=len(x) * penalty, tol=1e-12).fit(x.numpy(), y.numpy())
    return torch.from_numpy(fitted.coef_), float(fitted.intercept_)


def ridge_by_a_free_column(x, y, penalty):
    rows = torch.cat([torch.ones(len(x), 1).double(), x], dim=1)
    free = torch.eye(rows.shape[1]).double()
    free[0, 0] = 0
    found = torch.linalg.solve(rows.T @ rows + len(x) * penalty * free, rows.T @ y)
    return [found[1:], found[0]]


def coordinate_by_gram(x, y, w, j, penalty):
    gram, b = x.T @ x / len(x), x.T @ y / len(x)
    c = b[j] - gram[j] @ w + gram[j, j] * w[j]
    return math.copysign(max(abs(c) - penalty, 0), c) / gram[j, j].item()


def coordinate_in_place(x, y, w, j, penalty):
    w[j] = 0
    c = x[:, j] @ (y - x @ w) / len(x)
    w[j] = F.softshrink(c[None], penalty)[0] / x[:, j].square().mean()
    return w[j]


def coordinate_by_sklearn(x, y, w, j, penalty):
    left = y - x @ w + x[:, j] * w[j]
    one = Lasso(alpha=penalty, fit_intercept=False, tol=1e-14).fit(x[:, [j]].numpy(), left.numpy())
    return torch.tensor(one.coef_[0])


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


RIGHT = [
    *(("soft_threshold", answer) for answer in (by_relu, by_where, F.softshrink)),
    *(("ridge_with_intercept", answer) for answer in (ridge_by_sklearn, ridge_by_a_free_column)),
    *(("lasso_coordinate", answer) for answer in (coordinate_by_gram, coordinate_by_sklearn)),
    ("adamw_step", lambda w, g, m, v, *numbers: adamw_by_torch(w.clone(), g, m.clone(), v.clone(), *numbers)),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


@pytest.mark.parametrize(
    ("name", "answer", "changed"),
    [
        ("lasso_coordinate", coordinate_in_place, "w itself"),
        ("adamw_step", adamw_by_torch, "w, m, v themselves"),
        ("adamw_step", adamw_in_place, "w, m, v themselves"),
    ],
)
def test_right_numbers_that_change_the_input_are_told(name, answer, changed, said):
    assert f"the numbers are right, but it changes {changed}" in said(name, answer)


def ridge_with_a_penalized_intercept(x, y, penalty):
    rows = torch.cat([x, torch.ones(len(x), 1).double()], dim=1)
    w = torch.linalg.solve(rows.T @ rows / len(x) + penalty * torch.eye(rows.shape[1]), rows.T @ y / len(x))
    return w[:-1], w[-1]


def coordinate(change):
    def answer(x, y, w, j, penalty):
        return change(x, y, w, j, penalty, len(x), x[:, j], y - x @ w + x[:, j] * w[j])

    return answer


def shrink(c, t):
    return c.sign() * (c.abs() - t).clamp(min=0)


def step(change):
    def answer(w, g, m, v, t, lr, b1, b2, eps, decay):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        return change(w, m, v, m / (1 - b1**t), v / (1 - b2**t), lr, eps, decay), m, v

    return answer


def adam_with_l2(w, g, m, v, t, lr, b1, b2, eps, decay):
    return exercises.adamw_step(w, g + decay * w, m, v, t, lr, b1, b2, eps, 0.0)


AS_LEARNERS_WRITE_THEM = [
    ("soft_threshold", lambda w, t: w - t, "pulls towards 0, from either side"),
    ("soft_threshold", lambda w, t: torch.where(w.abs() < t, 0.0, w), "are kept as they are"),
    ("soft_threshold", lambda w, t: w - t * torch.sign(w), "small weights cross zero"),
    ("soft_threshold", lambda w, t: torch.relu(w - t), "negative weights all become 0"),
    ("soft_threshold", lambda w, t: torch.relu(w.abs() - t), "the sign of negative weights is lost"),
    ("soft_threshold", lambda w, t: w.clamp(-t, t), "this limits weights"),
    ("soft_threshold", lambda w, t: w / (1 + t), "as L2 does"),
    (
        "ridge_with_intercept",
        lambda x, y, p: (exercises.ridge_with_intercept(x, y, p)[0], y.mean()),
        "mean(x)",
    ),
    (
        "ridge_with_intercept",
        lambda x, y, p: exercises.ridge_with_intercept(x, y, p / len(x)),
        "nothing is divided by N",
    ),
    (
        "ridge_with_intercept",
        lambda x, y, p: exercises.ridge_with_intercept(x, y, 2 * p),
        "twice the penalty",
    ),
    (
        "ridge_with_intercept",
        lambda x, y, p: exercises.ridge_with_intercept(x, y, 0.0),
        "this is least squares",
    ),
    (
        "ridge_with_intercept",
        ridge_with_a_penalized_intercept,
        "the intercept is penalized",
    ),
    (
        "lasso_coordinate",
        coordinate(lambda x, y, w, j, p, n, c, r: shrink(c @ r / n, p)),
        "1 for standardized inputs only",
    ),
    (
        "lasso_coordinate",
        coordinate(lambda x, y, w, j, p, n, c, r: shrink(c @ r, p) / (c @ c)),
        "N times too weak",
    ),
    (
        "lasso_coordinate",
        coordinate(lambda x, y, w, j, p, n, c, r: shrink(c @ (y - x @ w) / n, p) / (c @ c / n)),
        "weight j's own share",
    ),
    ("lasso_coordinate", coordinate(lambda x, y, w, j, p, n, c, r: (c @ r) / (c @ c)), "no soft threshold"),
    (
        "lasso_coordinate",
        coordinate(lambda x, y, w, j, p, n, c, r: shrink((c @ r) / (c @ c), p)),
        "after the division",
    ),
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
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, said):
    output = said(name, answer)
    assert words in output
    assert output.count("  - ") == 1


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("soft_threshold", lambda w, t: None, "is a `return` missing"),
        ("soft_threshold", lambda w, t: by_relu(w, t).float(), "is torch.float32"),
        ("soft_threshold", lambda w, t: w.sin(), "has no name for"),
        ("soft_threshold", lambda w, t: w / 0, "holds NaN"),
        ("soft_threshold", lambda w, t: w.missing, "it stops with AttributeError on weights"),
        ("ridge_with_intercept", lambda x, y, p: y.mean(), "2 things, the weights, the intercept"),
        ("ridge_with_intercept", lambda x, y, p: (y, y.mean()), "the weights has shape (12,)"),
        ("adamw_step", lambda w, *rest: w, "3 things, w, m, v"),
        ("lasso_coordinate", lambda x, y, w, j, penalty: w, "one number is asked for"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    output = said("soft_threshold", lambda w, t: torch.relu(w - 2 * t))
    assert "negative weights all become 0" in output
    assert "twice the threshold" in output


def test_the_references_are_what_the_libraries_compute():
    x, y = exercises._regression()
    for found, expected in zip(
        exercises.ridge_with_intercept(x, y, 0.4), ridge_by_sklearn(x, y, 0.4), strict=True
    ):
        torch.testing.assert_close(found, torch.as_tensor(expected, dtype=torch.float64))
    w = torch.tensor([0.3, -0.2, 0.5]).double()
    torch.testing.assert_close(
        exercises.lasso_coordinate(x, y, w, 1, 0.1), coordinate_by_sklearn(x, y, w, 1, 0.1)
    )
    state = [torch.tensor(v).double() for v in ([1.0, -2.0], [0.3, 0.1], [0.2, 0.1], [0.4, 0.5])]
    numbers = (4, 0.01, 0.9, 0.99, 1e-3, 0.2)
    ours = exercises.adamw_step(*(s.clone() for s in state), *numbers)
    torchs = adamw_by_torch(*(s.clone() for s in state), *numbers)
    for found, expected in zip(ours, torchs, strict=True):
        torch.testing.assert_close(found, expected)
