"""What lesson 14 says in words of its recorded runs is so."""

import math

import numpy as np
import pytest

from helpers.analysis import comparison
from helpers.course.readme import recorded
from helpers.lessons import findings
from helpers.lessons.norms_for_sequences import claims, studies
from helpers.lessons.norms_for_sequences.claims import UNIGRAM
from helpers.text import brackets
from helpers.text.batches import Batches


def mean(values):
    return sum(values.values()) / len(values)


def means(runs, kind, condition, value=claims.loss):
    return {rate: mean(values) for rate, values in claims.by_rate(runs, kind, condition, value).items()}


def finding(study, claim, part):
    [found] = [f for f in findings(recorded(study)) if f.claim == claim and part in f.statement]
    return found


@pytest.mark.parametrize("init", studies.INITS)
def test_no_norm_is_lowest_at_its_best_rate_and_learns_nothing_at_large_ones(init):
    runs = recorded("sequences_rates")
    lowest = {kind: min(means(runs, kind, init).values()) for kind in ("none", "pre", "rms", "batch")}
    assert min(lowest, key=lowest.get) == "none"
    assert all(means(runs, "none", init)[rate] == UNIGRAM for rate in (0.03, 0.1))
    assert all(max(means(runs, kind, init).values()) < 3 for kind in ("pre", "rms", "batch"))
    for rate in (0.003, 0.01):
        at = {kind: means(runs, kind, init)[rate] for kind in ("none", "pre", "rms", "batch")}
        assert min(at, key=at.get) == "none"


@pytest.mark.parametrize("init", studies.INITS)
def test_layer_and_rms_norm_coincide_and_batch_norm_is_lower_at_one_rate(init):
    runs = recorded("sequences_rates")
    layer, rms, batch = (means(runs, kind, init) for kind in ("pre", "rms", "batch"))
    assert all(abs(layer[rate] - rms[rate]) < studies.MATTERS for rate in studies.RATES)
    assert 0.2 < layer[0.03] - batch[0.03] < 0.35
    within = finding("sequences_rates", 36, "RMS").intervals[init]
    assert max(-within.low, within.high) < 0.035


def test_six_intervals_on_claim_33_share_the_error_level():
    found = [f for f in findings(recorded("sequences_rates")) if f.claim == 33]
    assert sum(len(f.intervals) for f in found) == 6
    assert {round(100 * (1 - f.error), 1) for f in found} == {99.4}


@pytest.mark.parametrize("init", studies.INITS)
def test_post_norm_trains_at_the_two_small_rates_alone_and_pre_norm_gains_from_warm_up(init):
    runs = recorded("sequences_rates")
    for kind in ("post", "post, warm-up"):
        assert all(means(runs, kind, init)[rate] > 3.3 for rate in (0.03, 0.1))
    assert all(
        means(runs, "pre, warm-up", init)[rate] < means(runs, "pre", init)[rate] - 0.1 for rate in (0.03, 0.1)
    )
    lowest = {kind: min(means(runs, kind, init).values()) for kind in ("pre, warm-up", "post, warm-up")}
    assert lowest["pre, warm-up"] <= lowest["post, warm-up"]
    if init == "fan-in":
        at_best = (min(means(runs, kind, init).values()) for kind in ("pre", "pre, warm-up"))
        assert [f"{loss:.2f}" for loss in at_best] == ["2.22", "2.15"]


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
    young, old = (finding("sequences_rates", 39, f"after {step} steps") for step in (50, 400))
    assert young.verdict.startswith("undecided")
    assert min(item.high for item in young.intervals.values()) > studies.MATTERS
    assert min(item.low for item in old.intervals.values()) > -studies.MATTERS
    assert old.intervals["fan-in"].high < 0 < old.intervals["small"].high


def test_query_key_norm_has_the_smallest_sensitivity_and_no_norm_one_of_the_largest():
    runs = recorded("sequences_rates")
    kinds = ("none", "pre", "rms", "batch", "post", "query-key")
    spread = sorted(kinds, key=lambda kind: mean(claims.sensitivity(runs, kind, "fan-in")))
    assert spread[0] == "query-key"
    assert set(spread[-2:]) == {"none", "post"}
    none, post = (mean(claims.sensitivity(runs, kind, "fan-in")) for kind in ("none", "post"))
    assert none == pytest.approx(post, abs=0.03)


def test_layer_norm_ends_below_tanh_on_each_amount_of_text_at_the_larger_rate():
    runs = recorded("dynamic_tanh_text")
    for amount in studies.AMOUNTS:
        lowest = {kind: min(means(runs, kind, amount).values()) for kind in studies.INSTEAD}
        assert min(lowest, key=lowest.get) == "layer"
        assert {claims.best_rate(runs, [kind], amount)[1] for kind in studies.INSTEAD} == {
            max(studies.TANH_RATES)
        }
    assert {run["config"]["recipe"]["warmup"] for run in runs} == {100}


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
    assert min(three) == at["layer 1", "permuted"] > at["batch 1", "permuted"]
    assert finding("lstm_rows", 40, "beats no norm").intervals["permuted"].low > -0.3
    assert finding("lstm_rows", 33, "beats batch norm").intervals["permuted"].high < 0
    assert finding("lstm_rows", 33, "beats no norm").intervals["permuted"].high < 0
    assert {run["execution"]["precision"] for run in runs} == {"bfloat16"}
    assert {run["config"]["recipe"]["schedule"] for run in runs} == {"one_cycle"}
    assert math.isclose(at["batch 0.1", "permuted"], at["none", "permuted"], abs_tol=0.3)


def test_the_published_loss_is_that_of_the_untied_network_and_batch_norm_ends_higher_there():
    runs = recorded("sequences_published")
    ends = {arm: mean(comparison.values(runs, arm)) for arm in (*studies.OPEN, "batch norm")}
    assert (round(ends["untied"], 2), round(ends["published"], 2)) == (1.88, 1.92)
    assert ends["batch norm"] - ends["published"] > studies.MATTERS
    tied, norm = ends["published"] - ends["untied"], ends["batch norm"] - ends["published"]
    assert tied == pytest.approx(norm, abs=studies.MATTERS)


def stationary(step):
    shares = np.full(len(step), 1 / len(step))
    for _ in range(500):
        shares = shares @ step
    return shares


def best_from_windows(text, length):
    """Mean loss of the predictor that knows the source of brackets and sees the window alone, by Bayes' rule.

    What is open and the last two letters are independent, and stay so: which letter it is says nothing of the
    brackets, and a bracket nothing of the letters.
    """
    stacks = ["", "(", "[", "((", "([", "[(", "[["]
    place = {stack: i for i, stack in enumerate(stacks)}
    kinds = ("(", ")", "[", "]", "letter")
    move = np.zeros((len(kinds), len(stacks), len(stacks)))  # kind, open before, open after
    for stack, i in place.items():
        opening, _, closing, letter = brackets._moves(len(stack))
        move[4, i, i] = letter
        for kind, pair in enumerate(brackets.PAIRS):
            if stack + pair[0] in place:
                move[2 * kind, i, place[stack + pair[0]]] = opening
            if stack.endswith(pair[0]):
                move[2 * kind + 1, i, place[stack[:-1]]] = closing
    write = np.zeros((8, 64, 64))  # letter, last two before, last two after
    for before, last in np.ndindex(8, 8):
        for letter, share in zip(brackets._orders()[before, last], brackets.SHARES, strict=True):
            write[letter, 8 * before + last, 8 * last + letter] = share / sum(brackets.SHARES)
    of_stacks, of_pairs = stationary(move.sum(axis=0)), stationary(write.sum(axis=0))

    losses = []
    for x, y in Batches(text, len(text), length):
        for window, answers in zip(x.tolist(), y.tolist(), strict=True):
            unclosed, pair = of_stacks, of_pairs
            for token, answer in zip(window, answers, strict=True):
                unclosed = unclosed @ move[token - 8 if token >= 8 else 4]
                unclosed = unclosed / unclosed.sum()
                if token < 8:
                    pair = pair @ write[token]
                    pair = pair / pair.sum()
                probability = (unclosed @ move[answer - 8 if answer >= 8 else 4]).sum()
                if answer < 8:
                    probability *= (pair @ write[answer]).sum()
                losses.append(-math.log(probability))
    return sum(losses) / len(losses)


def test_from_windows_of_16_characters_the_best_possible_is_011_above_the_floor():
    text = brackets.generate(5_001, seed=1)
    floor = brackets.nats(text)[1:].mean().item()
    assert best_from_windows(text, 5_000) == pytest.approx(floor, abs=0.005)  # sees all: knows the source
    assert best_from_windows(text, 16) - floor == pytest.approx(0.11, abs=0.005)
