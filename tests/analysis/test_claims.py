"""Claims are judged by intervals that hold together, in pairs of one place, and say what decides them."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from helpers.analysis import comparison, readings
from helpers.analysis.claims import Finding, greater, judged, larger
from helpers.analysis.comparison import PlaceError
from helpers.analysis.stats import Interval, interval, power, runs_to_decide
from helpers.lessons import STUDIES, findings
from tests import standin_runs


def differences(mean: float, deviation: float = 1.0, seeds: int = 10) -> dict[int, float]:
    """Seed -> difference, with exactly this mean and standard deviation."""
    values = np.linspace(-1, 1, seeds)
    return dict(enumerate((mean + deviation * values / values.std(ddof=1)).tolist()))


def half_width(error: float, seeds: int = 10) -> float:
    return float(scipy_stats.t.ppf(1 - error / 2, seeds - 1)) / math.sqrt(seeds)


def test_the_comparisons_of_a_claim_share_the_error_level_and_other_claims_do_not():
    statements = [
        greater(1, "in both", {"a": differences(2.0), "b": differences(3.0)}),
        greater(1, "and here", {"c": differences(1.0)}),
        greater(2, "another claim", {"d": differences(1.0)}),
    ]
    both, here, other = judged(statements, 0.03)
    low = 2.0 - half_width(0.01)
    assert f"a: +2.00 ({low:+.2f} to" in both.measured
    assert f"c: +1.00 ({1 - half_width(0.01):+.2f} to" in here.measured
    assert f"d: +1.00 ({1 - half_width(0.03):+.2f} to" in other.measured


def test_before_the_first_look_and_without_runs_nothing_is_decided():
    sure = greater(1, "sure", {"a": differences(9.0)})
    assert judged([sure], 0.05)[0].verdict == "holds"
    assert judged([sure], None)[0].verdict == "undecided: before the first look"
    assert judged([greater(1, "none", {"a": {}})], 0.05) == [
        Finding(1, "none", "no run", "undecided: no run")
    ]
    assert judged([greater(1, "one", {"a": {0: 9.0}})], 0.05)[0].verdict == "undecided: one run does not tell"


def test_conditions_that_hold_are_named_and_small_differences_are_called_small():
    some = greater(1, "some", {"here": differences(9.0), "there": differences(0.0)}, matters=0.1)
    assert judged([some], 0.05)[0].verdict == "holds when: here"
    for sign, word in ((1, "holds"), (-1, "false")):
        small = greater(1, "small", {"a": differences(sign * 0.1, deviation=0.05)}, matters=0.5)
        assert judged([small], 0.05)[0].verdict == f"{word}: by less than matters"
    nothing = greater(1, "nothing", {"a": differences(0.01, deviation=0.1)}, matters=0.5)
    assert judged([nothing], 0.05)[0].verdict == "no difference that matters"


def test_what_is_open_says_how_many_runs_would_decide_it():
    statement = greater(1, "open", {"a": differences(0.5)}, matters=0.1)
    (found,) = judged([statement], 0.05)
    needed = runs_to_decide(interval(list(differences(0.5).values())), 0.05, 0.1)
    assert found.verdict == f"undecided: about {needed} runs would decide"
    assert power(0.5, 1.0, needed) >= 0.8 > power(0.5, 1.0, needed - 1)
    hopeless = greater(1, "open", {"a": differences(0.01)}, matters=0.001)
    assert judged([hopeless], 0.05)[0].verdict == "undecided: more than 1,000 runs would decide"


def test_runs_to_decide_are_those_after_which_simulated_studies_are_decided():
    """Of studies with so many runs 80 % or a few more are decided: the larger of two chances is counted."""
    chance = np.random.default_rng(0)
    for mean, matters in ((0.5, 0.2), (0.02, 0.3)):
        seen = interval(list(differences(mean).values()))
        runs = runs_to_decide(seen, 0.05, matters)
        values = chance.normal(mean, 1.0, size=(2000, runs))
        half = half_width(0.05, runs) * values.std(axis=1, ddof=1)
        low, high = values.mean(axis=1) - half, values.mean(axis=1) + half
        decided = (low > 0) | (high < 0) | ((low > -matters) & (high < matters))
        assert 0.77 <= decided.mean() <= 0.9
    assert runs_to_decide(Interval(1.0, math.nan, math.nan, 1)) is None


def test_the_larger_of_two_effects_is_told_by_their_difference_and_sum_not_by_mean_sizes():
    def verdict(a: float, b: float, deviation: float = 0.05) -> str:
        values = np.roll(list(differences(b, deviation).values()), 3)  # not in step with those of a
        pair = (("a", differences(a, deviation)), ("b", dict(enumerate(values.tolist()))))
        return judged([larger(35, "a is larger", *pair, 0.5)], 0.05)[0].verdict

    for sign_a in (1, -1):
        for sign_b in (1, -1):
            assert verdict(sign_a * 3, sign_b * 1) == "holds"
            assert verdict(sign_a * 1, sign_b * 3) == "false"
            assert verdict(sign_a * 2, sign_b * 2.0, 0.2) == "no difference that matters"
    noisy, still = differences(0.0, 5.0), differences(1.0, 0.01)
    assert np.mean(np.abs(list(noisy.values()))) > 3  # what the mean of sizes would take for an effect
    (found,) = judged([larger(35, "noise is larger", ("noise", noisy), ("b", still), 0.5)], 0.05)
    assert found.verdict.startswith("undecided")


def test_the_interval_of_the_larger_effect_covers_it():
    """|a| - |b| of true effects 1 and -2 in 1,000 simulated studies of 8 seeds."""
    chance = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        a, b = (dict(enumerate(chance.normal(effect, 0.7, 8).tolist())) for effect in (1.0, -2.0))
        (evidence,) = larger(35, "", ("a", a), ("b", b), None).evidence.values()
        found = evidence(0.05)
        covered += found.low <= -1.0 <= found.high
    assert covered >= 950


def test_pairs_across_machines_are_refused_and_named():
    runs = standin_runs.runs(2)
    other = next(run for run in runs if (run["arm"], run["seed"]) == ("layer", 1))
    other["execution"] = other["execution"] | {"precision": "float32"}
    message = (
        r"seed 1 of cifar_norms / batch was run on A <processor> & more, bfloat16, of cifar_norms / layer on "
        r"A <processor> & more, float32: they are no pair"
    )
    with pytest.raises(PlaceError, match=message):
        comparison.difference(runs, "batch", "layer")
    assert comparison.difference(runs, "batch", "group").n == 2  # the others are pairs
    other["execution"] = other["execution"] | {"precision": "bfloat16", "device": "cuda"}
    other["environment"] = other["environment"] | {"device_name": "A GPU"}
    assert readings.place(other) == "A GPU, bfloat16"
    with pytest.raises(PlaceError, match="on A GPU, bfloat16"):
        comparison.difference(runs, "batch", "layer")


def test_a_study_is_judged_by_the_seeds_of_its_last_look():
    study = STUDIES["cifar_norms"]
    seven = standin_runs.runs(7)
    assert study.looked(seven) == 5
    assert study.looked(seven[:-1]) == 5
    assert study.looked(standin_runs.runs(4)) == 0
    assert findings(seven)[0] == findings(standin_runs.runs(5))[0]
    assert findings(standin_runs.runs(4))[0].verdict == "undecided: before the first look"
    fewer = [run for run in standin_runs.runs(10) if run["arm"] != "none" or run["seed"] < 5]
    assert study.looked(fewer) == 10  # the arm without norm is planned for five seeds
