"""Exercises of lesson 08: right answers pass, mistakes as learners write them are named, the rest is told."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.lessons.batch_norm_before_and_after import exercises


def folded_by_torch(weight, bias, gamma, beta, mean, var, eps):
    linear = nn.Linear(weight.shape[1], weight.shape[0]).double()
    bn = nn.BatchNorm1d(weight.shape[0], eps=eps).double()
    linear.weight.data, linear.bias.data = weight.clone(), bias.clone()
    bn.weight.data, bn.bias.data = gamma, beta
    bn.running_mean, bn.running_var = mean, var
    both = torch.nn.utils.fusion.fuse_linear_bn_eval(linear.eval(), bn.eval())
    return both.weight, both.bias


def by_diagonal(weight, bias, gamma, beta, mean, var, eps):
    turn = torch.diag(gamma * (var + eps).rsqrt())
    return [turn @ weight, turn @ bias - turn @ mean + beta]


def by_array(accuracy, factor):
    k = len(next(iter(accuracy)))
    grid = np.array([accuracy[levels] for levels in sorted(accuracy)]).reshape([2] * k)
    return np.diff(grid, axis=factor).mean()


def by_table(*arms):
    signs = [1, -1, -1, 1]
    table = pd.DataFrame(dict(enumerate(map(pd.Series, arms)))).dropna() @ signs
    return table.mean(), table.sem()


def by_interval(fixed_with, fixed_without, tuned_with, tuned_without):
    shared = fixed_with.keys() & fixed_without.keys() & tuned_with.keys() & tuned_without.keys()
    arms = [[arm[s] for s in shared] for arm in (fixed_with, fixed_without, tuned_with, tuned_without)]
    a, b, c, d = np.array(arms)
    return np.array([(a - b - c + d).mean(), (a - b - c + d).std(ddof=1) / len(a) ** 0.5])


RIGHT = [
    ("fold", folded_by_torch),
    ("fold", by_diagonal),
    ("main_effect", by_array),
    ("main_effect", lambda a, f: sum(v if k[f] else -v for k, v in a.items()) * 2 / len(a)),
    ("shrinkage", by_table),
    ("shrinkage", by_interval),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


def at_columns(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / torch.sqrt(var + eps)
    return weight * factor, factor * (bias - mean) + beta


def eps_outside(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / (var.sqrt() + eps)
    return weight * factor[:, None], factor * (bias - mean) + beta


def beta_inside(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / torch.sqrt(var + eps)
    return weight * factor[:, None], factor * (bias - mean + beta)


def in_place(weight, bias, gamma, beta, mean, var, eps):
    factor = gamma / torch.sqrt(var + eps)
    weight *= factor.view(-1, 1)
    return weight, factor * (bias - mean) + beta


def by_place(*arms):
    fewest = min(map(len, arms))
    a, b, c, d = np.array([list(arm.values())[:fewest] for arm in arms])
    return (a - b - c + d).mean(), (a - b - c + d).std(ddof=1) / fewest**0.5


def unpaired(*arms):
    shared = set.intersection(*map(set, arms))
    a, b, c, d = np.array([[arm[s] for s in shared] for arm in arms])
    error = sum(v.var(ddof=1) for v in (a, b, c, d)) / len(a)
    return (a - b - c + d).mean(), error**0.5


def all_of_the_first(fixed_with, fixed_without, tuned_with, tuned_without):
    by_seed = [fixed_with[s] - fixed_without[s] - tuned_with[s] + tuned_without[s] for s in fixed_with]
    return np.mean(by_seed), np.std(by_seed, ddof=1) / len(by_seed) ** 0.5


def the_published_pair(accuracy, factor):
    k = len(next(iter(accuracy)))
    return accuracy[(True,) * k] - accuracy[(False,) * k]


def first_pair(accuracy, factor):
    k = len(next(iter(accuracy)))
    on = tuple(i == factor for i in range(k))
    return accuracy[on] - accuracy[(False,) * k]


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("fold", at_columns, "a unit is a row"),
        ("fold", eps_outside, "eps is outside"),
        ("fold", beta_inside, "it is added after it"),
        ("main_effect", the_published_pair, "everything on minus everything off"),
        ("main_effect", first_pair, "one pair only, all other factors off"),
        ("main_effect", lambda a, f: -exercises.main_effect(a, f), "the sign is wrong"),
        ("shrinkage", by_place, "by their place in the dictionaries"),
        ("shrinkage", unpaired, "the errors of the four means are added"),
        ("shrinkage", lambda a, b, c, d: exercises.shrinkage(c, d, a, b), "the sign is wrong"),
    ],
)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, is_named):
    is_named(name, answer, words)


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("fold", lambda *case: case[0], "it should return 2 things, the new weight, the new bias"),
        ("fold", lambda *case: (case[0][:1], case[1]), "has shape (1, 3), it should have (3, 3)"),
        ("fold", in_place, "it changes weight itself"),
        ("fold", lambda *case: (exercises.fold(*case)[0].cos(), exercises.fold(*case)[1]), "has no name for"),
        ("main_effect", lambda a, f: 0.0, "it is 0 for every input that was tried"),
        ("main_effect", lambda a, f: [1.0, 2.0], "one number is asked for"),
        ("main_effect", lambda a, f: a["batch norm"], "it stops with KeyError"),
        ("shrinkage", lambda *arms: 1.0, "it should return 2 things, the mean, the standard error"),
        ("shrinkage", all_of_the_first, "it stops with KeyError"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(weight, bias, gamma, beta, mean, var, eps):
        factor = gamma / (var + eps)
        return weight * factor[:, None], factor * (bias + mean) + beta

    output = said("fold", answer)
    assert "the square root is forgotten" in output
    assert "the running mean is added" in output


def test_a_network_with_its_norm_folded_in_is_the_same_function():
    torch.manual_seed(0)
    linear, bn = nn.Linear(6, 4).double(), nn.BatchNorm1d(4).double()
    nn.init.normal_(bn.weight), nn.init.normal_(bn.bias)
    for _ in range(20):
        bn(linear(torch.randn(8, 6).double()))
    bn.eval()
    x, both = torch.randn(5, 6).double(), copy.deepcopy(linear)
    parts = (linear.weight, linear.bias, bn.weight, bn.bias, bn.running_mean, bn.running_var, bn.eps)
    both.weight.data, both.bias.data = exercises.fold(*parts)
    torch.testing.assert_close(both(x), bn(linear(x)))
