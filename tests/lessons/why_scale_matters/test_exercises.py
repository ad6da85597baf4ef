"""Exercises of lesson 02: right answers pass, mistakes as learners write them are named."""

import numpy as np
import pytest
import torch

from helpers.lessons.why_scale_matters import exercises


def covariance(x):
    return torch.cov(x.T, correction=0)


def cholesky(x):  # whitens, and is neither PCA nor ZCA
    return torch.linalg.inv(torch.linalg.cholesky(covariance(x))).T


def zca(x):
    eigenvalues, vectors = torch.linalg.eigh(covariance(x))
    return vectors @ torch.diag(1 / eigenvalues.sqrt()) @ vectors.T


def svd(x):
    _, s, vh = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False)
    return vh.T / s * len(x) ** 0.5


def with_eps(x):
    eigenvalues, vectors = torch.linalg.eigh(covariance(x))
    return vectors / torch.sqrt(eigenvalues + 1e-5)


def unbiased(x):
    eigenvalues, vectors = torch.linalg.eigh(torch.cov(x.T))
    return -vectors.flip(1) / eigenvalues.flip(0).sqrt()


def first(losses, goal):  # the first step at or below the goal, of the rates that get there
    return torch.stack([torch.nonzero(row <= goal)[0, 0] for row in losses if (row <= goal).any()])


def by_hand(slow, fast, goal):
    fewest = []
    for losses in (slow, fast):
        steps = [[i for i, loss in enumerate(row.tolist()) if loss <= goal] for row in losses]
        fewest.append(min(found[0] for found in steps if found))
    return fewest[0] / fewest[1]


RIGHT = [
    (
        "best_learning_rate",
        lambda h: 2 / (torch.linalg.eigvals(h).real.max() + torch.linalg.eigvals(h).real.min()),
    ),
    ("best_learning_rate", lambda h: float(2 / np.linalg.eigvalsh(h.numpy())[[0, -1]].sum())),
    *(("whitening_matrix", answer) for answer in (cholesky, zca, svd, with_eps, unbiased)),
    ("speedup", by_hand),
    ("speedup", lambda slow, fast, goal: first(slow, goal).min() / first(fast, goal).min()),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def h_of(hessian):
    return torch.linalg.eigvalsh(hessian)


def pca(x, power=-0.5, rows=False):
    eigenvalues, vectors = torch.linalg.eigh(covariance(x))
    return vectors * (eigenvalues**power).view(-1, 1 if rows else x.shape[1])


AS_LEARNERS_WRITE_THEM = [
    ("best_learning_rate", lambda h: 2 / h_of(h).max(), "any larger rate diverges"),
    ("best_learning_rate", lambda h: 1 / h_of(h).max(), "safe, but not the best"),
    ("best_learning_rate", lambda h: 1 / (h_of(h).max() + h_of(h).min()), "a factor of 2 is missing"),
    ("best_learning_rate", lambda h: 2 / torch.trace(h), "the trace"),
    ("best_learning_rate", lambda h: 2 / h_of(h).min(), "far too large"),
    ("best_learning_rate", lambda h: 2 / (h_of(h).max() - h_of(h).min()), "it should be their sum"),
    ("best_learning_rate", lambda h: 2 / (h.diag().max() + h.diag().min()), "the diagonal is taken"),
    ("best_learning_rate", lambda h: 1 - 2 * h_of(h)[0] / (h_of(h)[0] + h_of(h)[-1]), "multiplies the error"),
    ("whitening_matrix", lambda x: pca(x, -1), "the square root is forgotten"),
    ("whitening_matrix", lambda x: pca(x, 0.5), "are not inverted"),
    ("whitening_matrix", lambda x: pca(x, 1), "multiplied by the variances"),
    ("whitening_matrix", lambda x: pca(x, 0), "only rotated"),
    ("whitening_matrix", lambda x: pca(x).T, "rows and columns are swapped"),
    ("whitening_matrix", lambda x: pca(x, rows=True), "each eigenvector is a column"),
    ("whitening_matrix", lambda x: torch.diag(1 / x.std(0, correction=0)), "only standardized"),
    ("whitening_matrix", lambda x: pca(x) / len(x) ** 0.5, "not divided by the number of rows"),
    ("speedup", lambda a, b, goal: first(a, goal).max() / first(b, goal).max(), "the slowest rate"),
    ("speedup", lambda a, b, goal: first(b, goal).min() / first(a, goal).min(), "upside down"),
    ("speedup", lambda a, b, goal: first(a, goal).min() - first(b, goal).min(), "the steps saved"),
    ("speedup", lambda a, b, goal: first(a, goal)[0] / first(b, goal)[0], "the first rate that gets there"),
    (
        "speedup",
        lambda a, b, goal: (
            (a[a[:, -1].argmin()] <= goal).double().argmax()
            / (b[b[:, -1].argmin()] <= goal).double().argmax()
        ),
        "the smallest last loss",
    ),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


def zca_of_uncentred(x):
    eigenvalues, vectors = torch.linalg.eigh(x.T @ x / len(x))
    return vectors @ torch.diag(eigenvalues**-0.5) @ vectors.T


def zca_without_root(x):
    eigenvalues, vectors = torch.linalg.eigh(covariance(x))
    return vectors @ torch.diag(1 / eigenvalues) @ vectors.T


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("whitening_matrix", zca_of_uncentred, "the mean is not subtracted"),
        ("whitening_matrix", zca_without_root, "the square root is forgotten"),
        ("whitening_matrix", lambda x: torch.linalg.cholesky(covariance(x)), "are not inverted"),
        ("whitening_matrix", lambda x: x.new_ones(x.shape[1], x.shape[1]), "it should be 1"),
        ("whitening_matrix", lambda x: (x - x.mean(0)) @ exercises.whitening_matrix(x), "has shape (50, 3)"),
        ("whitening_matrix", lambda x: x.new_full((x.shape[1],) * 2, torch.nan), "is nan"),
        ("best_learning_rate", lambda h: 0.1, "it is 0.1 for every input that was tried"),
        ("best_learning_rate", lambda h: h, "one number is asked for"),
        ("best_learning_rate", lambda h: None, "is a `return` missing"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output
