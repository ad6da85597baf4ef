"""Exercises of lesson 11: right answers pass, mistakes as learners write them are named."""

import math

import pytest
import torch
from sklearn.linear_model import Lasso
from torch.nn import functional as F

from helpers.lessons.l1_l2_from_scratch import exercises


def by_relu(w, t):
    return F.relu(w - t) - F.relu(-w - t)


def by_where(w, t):
    return torch.where(w > t, w - t, torch.where(w < -t, w + t, torch.zeros_like(w)))


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


def one_error_by_sorting(penalties, errors):
    mean, error = errors.mean(dim=1), errors.std(dim=1) / math.sqrt(errors.shape[1])
    best = min(range(len(mean)), key=lambda i: mean[i])
    return max(p for p, m in zip(penalties.tolist(), mean, strict=True) if m <= mean[best] + error[best])


def one_error(allowed):
    def answer(penalties, errors):
        mean = errors.mean(dim=1)
        return penalties[mean <= mean.min() + allowed(errors[mean.argmin()])].max()

    return answer


RIGHT = [
    *(("soft_threshold", answer) for answer in (by_relu, by_where, F.softshrink)),
    ("one_standard_error", one_error_by_sorting),
    *(("lasso_coordinate", answer) for answer in (coordinate_by_gram, coordinate_by_sklearn)),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


@pytest.mark.parametrize(
    ("name", "answer", "changed"),
    [
        ("lasso_coordinate", coordinate_in_place, "w itself"),
    ],
)
def test_right_numbers_that_change_the_input_are_told(name, answer, changed, said):
    assert f"the numbers are right, but it changes {changed}" in said(name, answer)


def coordinate(change):
    def answer(x, y, w, j, penalty):
        return change(x, y, w, j, penalty, len(x), x[:, j], y - x @ w + x[:, j] * w[j])

    return answer


def shrink(c, t):
    return c.sign() * (c.abs() - t).clamp(min=0)


AS_LEARNERS_WRITE_THEM = [
    ("soft_threshold", lambda w, t: w - t, "pulls towards 0, from either side"),
    ("soft_threshold", lambda w, t: torch.where(w.abs() < t, 0.0, w), "are kept as they are"),
    ("soft_threshold", lambda w, t: w - t * torch.sign(w), "small weights cross zero"),
    ("soft_threshold", lambda w, t: torch.relu(w - t), "negative weights all become 0"),
    ("soft_threshold", lambda w, t: torch.relu(w.abs() - t), "the sign of negative weights is lost"),
    ("soft_threshold", lambda w, t: w.clamp(-t, t), "this limits weights"),
    ("soft_threshold", lambda w, t: w / (1 + t), "as L2 does"),
    ("one_standard_error", lambda p, e: p[e.mean(dim=1).argmin()], "the smallest mean error"),
    ("one_standard_error", one_error(lambda e: e.std()), "not divided by the square root"),
    ("one_standard_error", one_error(lambda e: e.std() / len(e)), "divide by its square root"),
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
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("soft_threshold", lambda w, t: None, "is a `return` missing"),
        ("soft_threshold", lambda w, t: by_relu(w, t).float(), "is torch.float32"),
        ("soft_threshold", lambda w, t: w.sin() * (1 + t), "has no name for"),
        ("soft_threshold", lambda w, t: t * w / 0, "holds NaN"),
        ("soft_threshold", lambda w, t: w.missing, "it stops with AttributeError on weights"),
        ("one_standard_error", lambda p, e: e, "one number is asked for"),
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
    w = torch.tensor([0.3, -0.2, 0.5]).double()
    torch.testing.assert_close(
        exercises.lasso_coordinate(x, y, w, 1, 0.1), coordinate_by_sklearn(x, y, w, 1, 0.1)
    )
