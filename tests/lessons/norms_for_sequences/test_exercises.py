"""Exercises of lesson 14: right answers pass, mistakes as learners write them are named."""

import pytest
import torch
from torch import nn

from helpers.lessons.norms_for_sequences import exercises


def handed_on_by_autograd(x, i, j):
    x = x.clone().requires_grad_()
    x_hat = (x - x.mean()) / (x - x.mean()).square().mean().sqrt()
    return torch.autograd.grad(x_hat[i], x)[0][j].item()


def by_torch(x, mask, eps):
    y = torch.zeros_like(x)
    y[mask] = nn.BatchNorm1d(x.shape[-1], eps=eps, affine=False, dtype=x.dtype)(x[mask])
    return y


def by_sums(x, mask, eps):
    weight = mask.unsqueeze(-1).to(x.dtype)
    mean = (x * weight).sum(dim=(0, 1)) / weight.sum()
    var = ((x - mean).square() * weight).sum(dim=(0, 1)) / weight.sum()
    return (x - mean) / torch.sqrt(var + eps) * weight


def by_tensor(losses, limit):
    capped = torch.tensor([[limit if v is None else v for v in runs] for runs in losses.values()])
    means = capped.double().clamp(max=limit).mean(dim=1)
    return (means.mean() - means.min()).item()


RIGHT = [
    ("handed_on", handed_on_by_autograd),
    ("masked_batch_norm", by_torch),
    ("masked_batch_norm", by_sums),
    ("rate_sensitivity", by_tensor),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def without_the_spread(x, i, j):
    return -1 / (len(x) * x.std(correction=0))


def with_padding(x, mask, eps):
    return by_sums(x, torch.ones_like(mask), eps) * mask.unsqueeze(-1)


def padding_left_in(x, mask, eps):
    kept = x[mask]
    return (x - kept.mean(dim=0)) / (kept.var(dim=0, correction=0) + eps).sqrt()


def without_the_diverged(losses, limit):
    finished = {rate: [min(v, limit) for v in runs if v is not None] for rate, runs in losses.items()}
    means = [sum(runs) / len(runs) for runs in finished.values() if runs]
    return sum(means) / len(means) - min(means)


def diverged_is_the_limit(losses, limit):
    means = [sum(limit if v is None else v for v in runs) / len(runs) for runs in losses.values()]
    return sum(means) / len(means) - min(means)


AS_LEARNERS_WRITE_THEM = [
    ("handed_on", without_the_spread, "only the mean is differentiated"),
    ("handed_on", lambda x, i, j: -exercises.handed_on(x, i, j), "the sign is wrong"),
    ("masked_batch_norm", with_padding, "the statistics include the padding"),
    ("masked_batch_norm", padding_left_in, "the padding comes out as something other than 0"),
    ("rate_sensitivity", diverged_is_the_limit, "are not capped"),
]


@pytest.mark.parametrize(("name", "answer", "words"), AS_LEARNERS_WRITE_THEM)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


def test_runs_that_diverged_may_not_be_left_out(said):
    assert "correct" not in said("rate_sensitivity", without_the_diverged)


def test_what_is_handed_on_is_the_derivative():
    x = torch.randn(7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for i, j in ((0, 1), (5, 2)):
        assert exercises.handed_on(x, i, j).item() == pytest.approx(handed_on_by_autograd(x, i, j))
