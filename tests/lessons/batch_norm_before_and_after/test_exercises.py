"""Exercises of lesson 08: right answers pass, mistakes as learners write them are named, the rest is told."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from helpers.images import datasets
from helpers.lessons.batch_norm_before_and_after import exercises
from helpers.nn import networks


def counted_in_torch(widths, norm, input_norm):
    layers = [nn.BatchNorm1d(widths[0])] * input_norm
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(n_in, n_out))
        if norm and i < len(widths) - 2:
            layers.append(nn.BatchNorm1d(n_out))
    net = nn.Sequential(*layers)
    kept = [b for name, b in net.named_buffers() if "num_batches" not in name]
    return [sum(t.numel() for t in tensors) for tensors in (net.parameters(), kept)]


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


RIGHT = [
    ("count_numbers", counted_in_torch),
    ("count_numbers", lambda *case: torch.tensor(exercises.count_numbers(*case))),
    ("fold", folded_by_torch),
    ("fold", by_diagonal),
    ("main_effect", by_array),
    ("main_effect", lambda a, f: sum(v if k[f] else -v for k, v in a.items()) * 2 / len(a)),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_answers_written_otherwise_pass(name, answer, said):
    assert said(name, answer).startswith(f"{name}: correct.")


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("input_norm", [True, False])
def test_the_count_is_that_of_the_lessons_network(norm, input_norm):
    net = networks.build(norm, datasets.load("digits"), 0, network="mlp", input_norm=input_norm)
    kept = [b.numel() for name, b in net.named_buffers() if not name.endswith("num_batches_tracked")]
    found = sum(p.numel() for p in net.parameters()), sum(kept)
    assert exercises.count_numbers((64, 300, 100, 10), norm == "batch", input_norm) == found


def without_biases(widths, norm, input_norm):
    trained, kept = exercises.count_numbers(widths, norm, input_norm)
    return trained - sum(widths[1:]), kept


def all_trained(widths, norm, input_norm):
    return sum(exercises.count_numbers(widths, norm, input_norm)), 0


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
        ("count_numbers", without_biases, "the biases of the linear layers are missing"),
        ("count_numbers", all_trained, "no gradient moves them"),
        (
            "count_numbers",
            lambda w, n, i: exercises.count_numbers(w, n, False),
            "the input batch norm is missing",
        ),
        ("fold", at_columns, "a unit is a row"),
        ("fold", eps_outside, "eps is outside"),
        ("fold", beta_inside, "it is added after it"),
        ("main_effect", the_published_pair, "everything on minus everything off"),
        ("main_effect", first_pair, "one pair only, all other factors off"),
        ("main_effect", lambda a, f: -exercises.main_effect(a, f), "the sign is wrong"),
    ],
)
def test_a_mistake_as_a_learner_writes_it_is_named(name, answer, words, said):
    output = said(name, answer)
    assert words in output
    assert output.count("  - ") == 1


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("count_numbers", lambda w, n, i: 5, "it should return 2 things"),
        ("count_numbers", lambda w, n, i: None, "is a `return` missing"),
        ("count_numbers", lambda w, n, i: (1, 2), "it is 1, 2 for every input"),
        ("fold", lambda *case: case[0], "it should return 2 things, the new weight, the new bias"),
        ("fold", lambda *case: (case[0][:1], case[1]), "has shape (1, 3), it should have (3, 3)"),
        ("fold", in_place, "it changes weight itself"),
        ("fold", lambda *case: (case[0].cos(), case[1]), "has no name for"),
        ("main_effect", lambda a, f: 0.0, "it is 0 for every input"),
        ("main_effect", lambda a, f: [1.0, 2.0], "one number is asked for"),
        ("main_effect", lambda a, f: a["batch norm"], "it stops with KeyError"),
    ],
)
def test_other_wrong_answers_are_told_what_is_wrong(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output


def test_two_mistakes_at_once_are_both_named(said):
    def answer(weight, bias, gamma, beta, mean, var, eps):
        factor = gamma / torch.sqrt(var)
        return weight * factor[:, None], factor * (bias - mean)

    output = said("fold", answer)
    assert "eps is missing" in output
    assert "beta is missing" in output


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
