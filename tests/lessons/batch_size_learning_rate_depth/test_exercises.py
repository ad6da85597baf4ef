"""Exercises of lesson 09: right answers pass, mistakes as learners write them are named."""

import numpy as np
import pytest
import torch


def by_numpy(sizes, differences):
    for i in range(len(sizes) - 1):
        if differences[i] < 0 and differences[i + 1] >= 0:
            return 2 ** np.interp(0.0, differences[i : i + 2], np.log2(sizes[i : i + 2]))
    return None


def over_sizes(sizes, differences):
    for i in range(len(sizes) - 1):
        if differences[i] < 0 <= differences[i + 1]:
            return np.interp(0.0, differences[i : i + 2], sizes[i : i + 2])
    return None


def first_ahead(sizes, differences):
    behind = False
    for size, difference in zip(sizes, differences, strict=True):
        if behind and difference >= 0:
            return size
        behind = difference < 0
    return None


def by_formula(std, images, pixels, rho):
    return std * np.sqrt((1 + (pixels - 1) * rho) / (images * pixels))


def by_matrix(std, images, pixels, rho):
    """The variance of the mean as the mean over all pairs of the covariance matrix."""
    of_image = torch.full((pixels, pixels), rho, dtype=torch.float64).fill_diagonal_(1.0) * std**2
    return (of_image.mean() / images).clamp(min=0).sqrt()


RIGHT = [
    ("noise_of_the_mean", by_formula),
    ("noise_of_the_mean", by_matrix),
    ("crossing_point", by_numpy),
    ("train_test_gap", lambda a, n, b, m: (a / n - b / m) * 100),
    ("train_test_gap", lambda a, n, b, m: torch.tensor(100 * a / n - 100 * b / m, dtype=torch.float64)),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


WRONG = [
    ("noise_of_the_mean", lambda s, b, p, r: s / (b * p) ** 0.5, "rho makes no difference"),
    ("noise_of_the_mean", lambda s, b, p, r: by_formula(s, b, p, r) ** 2, "square root is asked for"),
    ("noise_of_the_mean", lambda s, b, p, r: by_formula(s, 1, p, r), "the number of images makes no"),
    ("noise_of_the_mean", lambda s, b, p, r: by_formula(s, b * b, p, r), "square root of the number"),
    ("noise_of_the_mean", lambda s, b, p, r: by_formula(s, b, p, r / 2), "every covariance stands twice"),
    ("noise_of_the_mean", lambda s, b, p, r: by_formula(s, b, p, r) * p, "divide by their number"),
    ("crossing_point", over_sizes, "draw it over its logarithm"),
    ("crossing_point", first_ahead, "the first batch size after the crossing"),
    ("crossing_point", lambda s, d: by_numpy(s, d) and np.log2(by_numpy(s, d)), "raise 2 to it"),
    ("crossing_point", lambda s, d: by_numpy(s, [-v for v in d]), "falls through 0"),
    ("crossing_point", lambda s, d: by_numpy(s, d) or 0, "return None, not 0"),
    ("crossing_point", lambda s, d: None, "is a `return` missing"),
    ("crossing_point", lambda s, d: s.missing, "it stops with AttributeError"),
    ("train_test_gap", lambda a, n, b, m: 100 * (b / m - a / n), "the sign is wrong"),
    ("train_test_gap", lambda a, n, b, m: a / n - b / m, "points are percent"),
    ("train_test_gap", lambda a, n, b, m: a - b, "counts of right answers"),
    ("train_test_gap", lambda a, n, b, m: "30", "one number is asked for"),
]


@pytest.mark.parametrize(("name", "answer", "words"), WRONG)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)
