"""What a check says where no table lists the mistake: an operation, a default, a parameter, an order."""

import pytest
import torch

from helpers.lessons import EXERCISES
from helpers.lessons.operations import mistaken_operations
from helpers.lessons.relations import relation


def test_a_wrong_or_missing_operation_is_found_in_each_place():
    found = dict(mistaken_operations("def f(x, low):\n    return x * 2 + low"))
    body = {source.split("return ")[1]: words for source, words in found.items()}
    assert body["x * 2 - low"] == "`low` is subtracted: it should be added"
    assert body["x * 2"] == "`low` is not added"
    assert body["x / 2 + low"] == "divided by `2`: it should be multiplied by it"
    assert body["x + low"] == "the factor `2` is missing"
    assert body["x * 2 + low ** 2"] == "`low` is squared: it should not be"


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("return (a - b) / n", "return a - b / n", "brackets are missing: it should be `(a - b) / n`"),
        ("return (a / n) ** 0.5", "return a ** 0.5 / n", "`n` stands outside the square root: it should"),
        ("return a ** 0.5 / n", "return (a / n) ** 0.5", "`n` stands inside the square root: it should"),
        ("return a - b", "return abs(a - b)", "the sign is lost: `a - b` may be negative"),
        ("return a / b", "return b / a", "upside down: it should be `a / b`"),
        ("return a * n + b", "return b * n + a", "`a` and `b` are exchanged"),
        ("return a * n + b", "return a * b + b", "`b` stands where `n` should"),
        ("return a / n", "return a / (n - 1)", "`n - 1` is taken: it should be `n`"),
        ("return a.mean(0)", "return a.mean(1)", "taken along axis 1: it should be axis 0"),
        ("return a.mean(0)", "return a.sum(0)", "a sum is taken: it should be the mean"),
        ("return a[1] - b[0]", "return a[1] - b[1]", "`b[1]` is taken: it should be `b[0]`"),
        ("return a < b", "return a <= b", "`a <= b` is asked: it should be `a < b`; they differ where"),
        ("return a < b and b < n", "return a < b or b < n", "it should be `and`"),
        ("return a < b and b < n", "return a < b", "`b < n` is not asked for"),
        (
            "c = a * b\n    return (c + n).exp()",
            "c = a * b\n    return c",
            "that is only a step on the way, `a * b`",
        ),
    ],
)
def test_kinds_of_mistakes(right, wrong, words):
    head = "def f(a, b, n):\n    "
    assert mistaken_operations(head + right)[0][0] != head + right
    assert words in dict(mistaken_operations(head + right))[head + wrong]


def test_questions_in_another_order_are_found():
    first, second = "    if a:\n        return 'x'\n", "    if b:\n        return 'y'\n"
    found = dict(mistaken_operations(f"def f(a, b):\n{first}{second}    return 'z'"))
    assert found[f"def f(a, b):\n{second}{first}    return 'z'"] == "the order: ask `a` before `b`"
    assert found[f"def f(a, b):\n{second}    return 'z'"] == "the case `a` is left out"


@pytest.mark.parametrize(
    "exercise", [e for lesson in EXERCISES.values() for e in lesson if e.forms], ids=lambda e: e.name
)
def test_other_forms_of_an_answer_are_right(exercise):
    for form in exercise.forms:
        assert exercise.diagnose(form) == []


def test_a_word_that_is_not_asked_for_is_told_with_those_that_are(said):
    def what_happened(std, between, gradient):
        return "Alive"

    for answer in (what_happened, lambda s, b, g: True, lambda s, b, g: ["alive"]):
        out = said("what_happened", answer)
        assert "return one of these words exactly, as a string: " in out
        assert '"inputs alike"' in out


def test_a_generator_is_told(said):
    assert "is a generator, not a list" in said(
        "penalty_effect", lambda plain, penalized: (a for a in [1.0, 2.0, 3.0])
    )


def test_what_an_answer_does_to_its_input_comes_before_numbers_without_a_name(said):
    def pooled_statistics(means, variances):
        means -= means.mean(0).clone()
        return means.sin().mean(0), variances.cos().sum(0)

    first, second = said("pooled_statistics", pooled_statistics).split("\n")[1:3]
    assert "it changes means itself" in first
    assert "it should be" in second


def test_an_argument_that_makes_a_difference_is_not_said_to_make_none(said):
    def two_gaps(accuracy, a, b):  # blind to the order of the rates and to a factor of all accuracies
        share = accuracy / accuracy.sum()
        return (share[:, a].max() - share[:, b].mean()).sin(), share[:, a].std()

    assert "accuracy makes no difference" not in said("two_gaps", two_gaps)


def test_a_result_drawn_at_random_is_told(said):
    assert "drawn at random" in said(
        "equilibrium", lambda lr, decay, g: lr * g - decay + torch.rand(1).item()
    )


def test_a_factor_is_told_by_the_argument_or_length_that_it_is():
    right = [{"the result": torch.tensor([0.3, 1.7]).double() * n} for n in (1.0, 2.0)]
    sizes = [{"len(x)": 5, "k": 3.0}, {"len(x)": 9, "k": 7.0}]
    for factor, words in (
        (lambda s: s["k"], "each number is k times"),
        (lambda s: s["k"] ** -0.5, "1 / the square root of k times"),
        (lambda s: s["len(x)"] / (s["len(x)"] - 1), "len(x) / (len(x) - 1) times"),
        (lambda s: s["k"] * s["len(x)"], "(len(x) * k) times"),
        (lambda s: 2**0.5, "each number is the square root of 2 times"),
    ):
        seen = [
            {"the result": one["the result"] * factor(size)} for one, size in zip(right, sizes, strict=True)
        ]
        assert words in relation(seen, right, True, sizes)


@pytest.mark.parametrize(
    ("eps", "momentum", "words"), [(1e-5, 0.9, "momentum is 0.9;"), (0.0, 0.1, "eps is 0;")]
)
def test_another_default_of_a_layer_is_told(eps, momentum, words, said):
    right = next(e.answer for e in EXERCISES["05"] if e.name == "BatchNorm")

    class BatchNorm(right):
        def __init__(self, num_features, eps=eps, momentum=momentum):
            super().__init__(num_features, eps, momentum)

    out = said("BatchNorm", BatchNorm)
    assert f"another default than the exercise's: {words}" in out
    assert "eps is 1e-05, momentum is 0.1" in out


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
