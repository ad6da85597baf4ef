"""Effects of factors: equal to a linear model's coefficients, exact on made-up cells, paired by seed."""

import math
from itertools import combinations, product

import numpy as np
import pytest

from helpers.analysis import comparison
from helpers.analysis.stats import Interval
from helpers.lessons import STUDIES
from helpers.lessons.batch_norm_before_and_after import factorial
from helpers.lessons.batch_norm_before_and_after.factorial import Design
from helpers.lessons.batch_norm_before_and_after.studies import BATCH_NORM, PLACE, mlp_name
from tests.standin_runs import run

STUDY = STUDIES["fashion_mlp"]
A, B, C = BATCH_NORM.factors


def made(value, seeds=3, **more):
    """Records of all cells of BATCH_NORM: value(levels, seed) is the final accuracy."""
    return [
        run(arm, seed, [10.0, value(levels, seed)], study=STUDY, **more)
        for seed in range(seeds)
        for levels, arm in BATCH_NORM.arms.items()
    ]


def effects(runs):
    """The means of all main effects and interactions, by their factors."""
    chosen = [factors for count in (1, 2, 3) for factors in combinations(BATCH_NORM.factors, count)]
    return {factors: factorial.effect(runs, BATCH_NORM, factors).mean for factors in chosen}


def noisy(levels, seed):
    return 80 + np.random.default_rng([seed, *levels]).normal(0, 1)


def test_the_cells_are_arms_of_the_study_and_the_published_pair_is_at_the_ends():
    arms = {arm.name: arm for arm in STUDY.arms}
    assert BATCH_NORM.arms[False, False, False] == "leaky none"
    assert BATCH_NORM.arms[True, True, True] == "relu after input"
    for design, kinds in ((BATCH_NORM, ("none", "batch")), (PLACE, ("batch", "batch"))):
        for (relu, norm, pixels), name in design.arms.items():
            arm = arms[name]
            assert arm.options["activation"] == ("relu" if relu else "leaky_relu")
            assert arm.norm == kinds[norm]
            assert arm.options["input_norm"] == pixels
            assert arm.options.get("before", False) == (design is PLACE and norm)


def test_effects_are_twice_the_coefficients_of_a_linear_model_with_signs():
    runs = made(noisy)
    a, b, c = np.array([[1 if on else -1 for on in levels] for levels in BATCH_NORM.arms]).T
    model = np.column_stack([np.ones(8), a, b, c, a * b, a * c, b * c, a * b * c])
    y = np.array([comparison.mean(runs, arm).mean for arm in BATCH_NORM.arms.values()])
    coefficients = np.linalg.lstsq(model, y, rcond=None)[0]
    assert list(effects(runs).values()) == pytest.approx(2 * coefficients[1:])


def test_a_main_effect_is_the_mean_of_the_matched_pairs_with_a_paired_interval():
    runs = made(noisy, seeds=4)
    pairs = [(arm, BATCH_NORM.arms[a, True, c]) for (a, b, c), arm in BATCH_NORM.arms.items() if not b]
    per_seed = [
        np.mean([comparison.values(runs, on)[seed] - comparison.values(runs, off)[seed] for off, on in pairs])
        for seed in range(4)
    ]
    found = factorial.effect(runs, BATCH_NORM, [B])
    assert factorial.contrast(runs, BATCH_NORM, [B]) == pytest.approx(dict(enumerate(per_seed)))
    assert found.mean == pytest.approx(np.mean(per_seed))
    half = 3.182446 * np.std(per_seed, ddof=1) / 2
    assert (found.low, found.high, found.n) == (
        pytest.approx(found.mean - half, abs=1e-5),
        pytest.approx(found.mean + half, abs=1e-5),
        4,
    )


def test_the_seeds_luck_cancels():
    found = factorial.effect(made(lambda levels, seed: 80 + 5 * seed + 2 * levels[1]), BATCH_NORM, [B])
    assert (found.mean, found.low, found.high) == pytest.approx((2, 2, 2))


def test_with_an_interaction_a_factor_does_more_where_the_other_is_on():
    runs = made(lambda levels, _: 80 + 3 * levels[1] + 1 * levels[2] - 2 * (levels[1] and levels[2]))
    found = effects(runs)
    assert found == pytest.approx({(A,): 0, (B,): 2, (C,): 0, (A, B): 0, (A, C): 0, (B, C): -1, (A, B, C): 0})
    simple = factorial.simple_effects(runs, BATCH_NORM, B)
    assert {arm: item.mean for arm, item in simple.items()} == pytest.approx(
        {"leaky none": 3, "leaky none input": 1, "relu none": 3, "relu none input": 1}
    )
    with_other, without = found[B,] + found[B, C], found[B,] - found[B, C]
    assert (with_other, without) == pytest.approx((1, 3))


def test_all_on_minus_all_off_is_the_three_main_effects_and_the_interaction_of_all():
    runs = made(noisy)
    found = effects(runs)
    step = comparison.difference(runs, "relu after input", "leaky none")
    assert found[A,] + found[B,] + found[C,] + found[A, B, C] == pytest.approx(step.mean)


def test_a_seed_that_lacks_a_cell_counts_in_none():
    runs = made(lambda levels, seed: 80 + levels[1] * (1 + seed))
    diverged = [r | {"status": "diverged"} if (r["arm"], r["seed"]) == ("relu none", 2) else r for r in runs]
    found = factorial.effect(diverged, BATCH_NORM, [B])
    assert (found.mean, found.n) == (pytest.approx(1.5), 2)
    assert factorial.effect(made(noisy, seeds=1), BATCH_NORM, [B]).n == 1
    lost = [r for r in runs if r["arm"] != "relu none"]
    assert factorial.effect(lost, BATCH_NORM, [B]) is None


def test_another_measure_is_taken_of_each_run():
    runs = made(noisy)
    assert (
        factorial.effect(runs, BATCH_NORM, [A], lambda r: 7.0 if r["arm"].startswith("relu") else 4.0).mean
        == 3
    )


def test_steps_walk_from_all_off_to_all_on_in_the_order_given():
    runs = made(lambda levels, _: 80 + 3 * levels[1] + 1 * levels[2] - 2 * (levels[1] and levels[2]))
    assert factorial.steps(runs, BATCH_NORM, (C, B, A)) == [
        ("leaky none", 80), ("leaky none input", 81), ("leaky after input", 82), ("relu after input", 82),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="name each of"):
        factorial.steps(runs, BATCH_NORM, (C, B))


def test_percent_more_is_of_the_logarithms():
    more = factorial.as_percent_more(Interval(math.log(1.31), math.log(1.1), math.log(0.9), 5))
    assert (more.mean, more.low, more.high, more.n) == pytest.approx((31, 10, -10, 5))


def test_what_is_no_factor_or_lacks_a_cell_is_refused():
    for factors in ([], ["norm"]):
        with pytest.raises(ValueError, match=r"choose from ReLU \+ Glorot, batch norm, input batch norm"):
            factorial.contrast(made(noisy), BATCH_NORM, factors)
    cells = {levels: mlp_name("relu", "none", levels[0]) for levels in product((False, True), repeat=2)}
    del cells[True, False]
    with pytest.raises(ValueError, match=r"2 factors make 4 cells.*\(True, False\)"):
        Design(("a", "b"), cells)
