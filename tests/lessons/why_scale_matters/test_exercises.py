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


RIGHT = [
    (
        "best_learning_rate",
        lambda h: 2 / (torch.linalg.eigvals(h).real.max() + torch.linalg.eigvals(h).real.min()),
    ),
    ("best_learning_rate", lambda h: float(2 / np.linalg.eigvalsh(h.numpy())[[0, -1]].sum())),
    *(("whitening_matrix", answer) for answer in (cholesky, zca, svd, with_eps, unbiased)),
    ("he_std", lambda fan_in, fan_out, gain=2**0.5: (gain**2 / fan_in) ** 0.5),
    ("he_std", lambda fan_in, fan_out, gain=2**0.5: gain * torch.tensor(fan_in, dtype=torch.float64).rsqrt()),
    ("dead_units", lambda h: int((h.abs().sum(0) == 0).sum())),
    ("dead_units", lambda h: sum(not column.any() for column in h.T)),
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
    ("he_std", lambda fan_in, fan_out, gain=1.0: gain / fan_out**0.5, "fan_out is used"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: gain * (2 / (fan_in + fan_out)) ** 0.5, "Xavier's"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: gain, "fan_in is not used"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: gain**2 / fan_in, "this is the variance"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: gain / fan_in, "root of fan_in is forgotten"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: (2 / fan_in) ** 0.5, "gain is not used"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: fan_in**-0.5, "the gain is missing"),
    ("he_std", lambda fan_in, fan_out, gain=1.0: (gain / fan_in) ** 0.5, "without being squared"),
    ("dead_units", lambda h: (h == 0).any(dim=0).sum(), "for one input is not dead"),
    ("dead_units", lambda h: (h == 0).all(dim=1).sum(), "rows and columns are swapped"),
    ("dead_units", lambda h: (h == 0).sum(), "this counts zeros"),
    ("dead_units", lambda h: (h.sum(dim=0) == 0).sum(), "positive and negative activations cancel"),
    ("dead_units", lambda h: (h == 0).all(dim=0).double().mean(), "the share of dead units"),
    ("dead_units", lambda h: h.any(dim=0).sum(), "units that are alive"),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, said):
    output = said(name, answer)
    assert words in output
    assert output.count("  - ") == 1


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
        ("whitening_matrix", lambda x: x.new_full((x.shape[1],) * 2, torch.nan), "holds NaN"),
        ("best_learning_rate", lambda h: 0.1, "it is 0.1 for every input"),
        ("best_learning_rate", lambda h: h, "one number is asked for"),
        ("best_learning_rate", lambda h: None, "is a `return` missing"),
        ("dead_units", lambda h: h.missing, "it stops with AttributeError"),
        ("he_std", lambda fan_in, fan_out, gain=1: gain**2 / fan_out, "fan_out is used"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    output = said("he_std", lambda fan_in, fan_out, gain=1: 1 / fan_in)
    assert "take its square root" in output or "square root of fan_in is forgotten" in output
    assert "the gain is missing" in output
