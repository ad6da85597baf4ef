"""What a check says where no table lists the mistake: an operation, a default, a parameter, an order."""

import torch

from helpers.lessons.operations import mistaken_operations


def test_a_wrong_or_missing_operation_is_found_in_each_place():
    found = dict(mistaken_operations("def f(x, low):\n    return x * 2 + low"))
    body = {source.split("return ")[1]: words for source, words in found.items()}
    assert body["x * 2 - low"] == "`low` is subtracted: it should be added"
    assert body["x * 2"] == "`low` is not added"
    assert body["x / 2 + low"] == "divided by `2`: it should be multiplied by it"
    assert body["x + low"] == "the factor `2` is missing"
    assert body["x * 2 + low ** 2"] == "`low` is squared: it should not be"


def test_an_operation_that_no_table_lists_is_named(said):
    def fold(weight, bias, gamma, beta, mean, var, eps):
        factor = gamma / torch.sqrt(var + eps)
        return factor.view(-1, 1) * weight, factor * (bias - mean) - beta

    assert "the new bias: `beta` is subtracted: it should be added" in said("fold", fold)


def test_a_forgotten_and_a_changed_default_are_told(said):
    for answer in (
        lambda d, s, reach: -((-((reach * s / d) ** 2)) // 1),
        lambda d, s, reach=2: _runs(d, s, reach),
    ):
        assert "reach is 2.8" in said("runs_needed", answer)


def _runs(difference, deviation, reach):
    return -(-((reach * deviation / difference) ** 2) // 1)


def test_a_parameter_that_makes_no_difference_is_told(said):
    def fixed_norm_step(weight, gradient, lr):
        stepped = weight - 7.3 * gradient
        return stepped * weight.norm(dim=1, keepdim=True) / stepped.norm(dim=1, keepdim=True)

    assert "the argument lr is not used" in said("fixed_norm_step", fixed_norm_step)


def test_parameters_and_results_in_another_order_are_told(said):
    def train_test_gap(train_right, test_right, train_all, test_all):
        return 100 * (train_right / train_all - test_right / test_all)

    assert "the parameters are in another order" in said("train_test_gap", train_test_gap)

    def fold(weight, bias, gamma, beta, mean, var, eps):
        factor = gamma / torch.sqrt(var + eps)
        return factor * (bias - mean) + beta, factor.view(-1, 1) * weight

    assert "another order: it should be the new weight, the new bias" in said("fold", fold)


def test_what_sets_the_case_apart_that_stops_is_told(said):
    assert "weight has 2 axes here, not 4" in said(
        "silent_channels", lambda w: (w == 0).all(3).all(2).all(1).sum()
    )
