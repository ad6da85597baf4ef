"""What lesson 14 says in words of its recorded runs is so."""

import math

import pytest

from helpers.analysis import comparison
from helpers.course.readme import recorded
from helpers.lessons.norms_for_sequences import claims, studies
from helpers.lessons.norms_for_sequences.claims import UNIGRAM


def mean(values):
    return sum(values.values()) / len(values)


def means(runs, kind, condition, value=claims.loss):
    return {rate: mean(values) for rate, values in claims.by_rate(runs, kind, condition, value).items()}


@pytest.mark.parametrize("init", studies.INITS)
def test_no_norm_is_lowest_at_its_best_rate_and_learns_nothing_at_large_ones(init):
    runs = recorded("sequences_rates")
    lowest = {kind: min(means(runs, kind, init).values()) for kind in ("none", "pre", "rms", "batch")}
    assert min(lowest, key=lowest.get) == "none"
    assert all(means(runs, "none", init)[rate] == UNIGRAM for rate in (0.03, 0.1))
    assert all(max(means(runs, kind, init).values()) < 3 for kind in ("pre", "rms", "batch"))


@pytest.mark.parametrize("init", studies.INITS)
def test_post_norm_trains_at_the_two_small_rates_alone_and_pre_norm_gains_from_warm_up(init):
    runs = recorded("sequences_rates")
    for kind in ("post", "post, warm-up"):
        assert all(means(runs, kind, init)[rate] > 3.3 for rate in (0.03, 0.1))
    assert all(
        means(runs, "pre, warm-up", init)[rate] < means(runs, "pre", init)[rate] - 0.1 for rate in (0.03, 0.1)
    )


def test_warm_up_rescues_post_norm_from_one_start_and_ruins_it_from_the_other():
    runs = recorded("sequences_rates")
    assert all(loss < 2.3 for loss in claims.by_rate(runs, "post, warm-up", "fan-in")[0.01].values())
    losses = claims.by_rate(runs, "post, warm-up", "small")[0.01].values()
    assert sum(loss > 3.3 for loss in losses) > len(losses) / 2


def learned(kind, init, rate):
    losses = claims.by_rate(recorded("sequences_depth"), kind, init)[rate].values()
    return sum(loss < 3.3 for loss in losses) / len(losses)


def test_in_eight_blocks_unscaled_weights_need_warm_up_after_and_a_norm_before():
    for rate in studies.DEEP_RATES:
        assert learned("post", "unscaled", rate) == learned("none", "unscaled", rate) == 0
        assert all(learned(kind, init, rate) == 1 for kind in ("none", "pre") for init in studies.INITS)
    assert learned("post, warm-up", "unscaled", 0.003) > 0.5 > learned("post, warm-up", "unscaled", 0.01)
    assert learned("post", "fan-in", 0.01) == 0 < learned("post, warm-up", "fan-in", 0.01) == 1
    runs = recorded("sequences_depth")
    for init in studies.INITS:
        none, pre = (min(means(runs, kind, init).values()) for kind in ("none", "pre"))
        assert none < pre


def test_running_and_batch_statistics_differ_by_a_hundredth_of_a_nat():
    for init in studies.INITS:
        runs = recorded("sequences_rates")
        _, rate = claims.best_rate(runs, ["batch"], init)
        for step in (50, 400):
            entries = [
                entry
                for run in runs
                if run["arm"] == studies.named("batch", init, rate)
                for entry in run["epochs"]
                if entry["step"] == step
            ]
            cost = sum(entry["test_loss"] - entry["batch_loss"] for entry in entries) / len(entries)
            assert abs(cost) < 0.015
            assert step == 50 or cost < 0


def test_query_key_norm_has_the_smallest_sensitivity_and_no_norm_one_of_the_largest():
    runs = recorded("sequences_rates")
    kinds = ("none", "pre", "rms", "batch", "post", "query-key")
    spread = sorted(kinds, key=lambda kind: mean(claims.sensitivity(runs, kind, "fan-in")))
    assert spread[0] == "query-key"
    assert set(spread[-2:]) == {"none", "post"}


def test_layer_norm_ends_below_tanh_on_each_amount_of_text_at_the_larger_rate():
    runs = recorded("dynamic_tanh_text")
    for amount in studies.AMOUNTS:
        lowest = {kind: min(means(runs, kind, amount).values()) for kind in studies.INSTEAD}
        assert min(lowest, key=lowest.get) == "layer"
        assert {claims.best_rate(runs, [kind], amount)[1] for kind in studies.INSTEAD} == {
            max(studies.TANH_RATES)
        }


def test_the_lstm_with_batch_norm_fails_on_rows_in_order_and_not_on_permuted_ones():
    runs = recorded("lstm_rows")
    at = {
        (kind, order): mean(claims.at_best(runs, kind, order, claims.accuracy))
        for kind in studies.CELLS
        for order in studies.ORDERS
    }
    assert at["batch 0.1", "in order"] < min(at["none", "in order"], at["layer 1", "in order"]) - 20
    three = [at[kind, "permuted"] for kind in ("none", "layer 1", "batch 0.1")]
    assert max(three) - min(three) < 1
    assert min(three) == at["layer 1", "permuted"]
    assert math.isclose(at["batch 0.1", "permuted"], at["none", "permuted"], abs_tol=0.3)


def test_the_published_loss_is_that_of_the_untied_network_and_batch_norm_ends_higher_there():
    runs = recorded("sequences_published")
    ends = {arm: mean(comparison.values(runs, arm)) for arm in (*studies.OPEN, "batch norm")}
    assert round(ends["untied"], 2) == 1.88 < round(ends["published"], 2)
    assert ends["batch norm"] - ends["published"] > studies.MATTERS
    tied, norm = ends["published"] - ends["untied"], ends["batch norm"] - ends["published"]
    assert tied == pytest.approx(norm, abs=studies.MATTERS)
