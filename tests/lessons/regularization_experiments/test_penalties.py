"""Measures, tables, path and verdicts of lesson 13's studies, on made-up records of one to five seeds."""

import math

import pytest

from helpers.analysis import readings as run_measures
from helpers.lessons import CHOSEN, STUDIES
from helpers.lessons.regularization_experiments import path as sparse_path
from helpers.lessons.regularization_experiments import penalties
from helpers.studies import runs as study_runs
from tests import standin_runs
from tests.lessons.regularization_experiments import standin_penalized as made


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(study_runs, "RECORDED", tmp_path)
    return tmp_path


def test_recorded_runs_are_counted_and_diverged_ones_told(recorded):
    runs = made.regularization(2)
    runs[3] = standin_runs.run("batch L1 + L2", 0, [90.0], "diverged", STUDIES["mnist_regularization"])
    standin_runs.write(recorded, runs)
    standin_runs.write(recorded, runs[:-1])
    found, note = penalties.read(STUDIES["mnist_regularization"], seeds=5)
    assert len(found) == 23
    assert note == "mnist_regularization: 23 of 24 runs, 1 of them diverged."


def test_with_retrain_the_runs_are_trained_even_where_none_is_recorded(recorded, monkeypatch):
    asked = []
    monkeypatch.setattr(study_runs, "run", lambda study, **given: asked.append(given) or made.readings(2))
    found, note = penalties.read(STUDIES["mnist_readings"], retrain=True, seeds=2, device="cpu")
    assert len(found) == 8
    assert (asked[0]["seeds"], asked[0]["device"]) == (2, "cpu")
    assert note == "mnist_readings: 8 of 8 runs, 0 of them diverged."


def test_what_a_run_kept_of_its_end():
    run = made.path(1)[0]
    run["measures"] |= {"test": {"accuracy": 98.0}, "train": {"accuracy": 98.5, "loss": 0.25}}
    sparse = {"weights": 1000, "zeros": 250, "channels": 50, "zero_channels": 5, "below": {"0.001": 400}}
    run["measures"]["sparsity"] |= sparse | {"squared": 4.0}
    run["config"]["recipe"]["lr"] = 0.2
    assert run_measures.tested(run) == 98.0  # not the held-out images of the last epoch
    assert run_measures.gap(run) == pytest.approx(0.5)
    assert (run_measures.zeros(run), run_measures.zero_channels(run)) == (25.0, 10.0)
    assert run_measures.below(0.001)(run) == 40.0
    assert run_measures.effective_rate(run) == pytest.approx(0.05)
    del run["measures"]["test"]
    assert run_measures.tested(run) == run["epochs"][-1]["test_accuracy"]


def test_the_path_goes_from_weak_to_strong_and_leaves_out_diverged_runs():
    runs = made.path(2)[::-1]
    runs[0]["status"] = "diverged"  # proximal 0.01, seed 1
    path = sparse_path.by_seed(runs, "proximal")
    assert {seed: len(found) for seed, found in path.items()} == {0: 7, 1: 6}
    assert [r["arm"] for r in path[1]][:2] == ["proximal 1e-06", "proximal 1e-05"]


def test_accuracy_at_a_share_of_zeros_lies_between_two_runs():
    runs = [r for r in made.path(1) if r["arm"] in ("proximal 0.0001", "proximal 0.0003")]
    for run, (share, accuracy) in zip(runs, ((0.4, 99.5), (0.8, 98.5)), strict=True):
        run["measures"]["test"]["accuracy"] = accuracy
        run["measures"]["sparsity"] |= {"weights": 1000, "zeros": round(1000 * share)}
    assert sparse_path.accuracy_at(runs, 50.0) == {0: pytest.approx(99.25)}
    assert sparse_path.accuracy_at(runs, 90.0) == {}


def verdicts(runs):
    found = zip(standin_runs.judge(runs), standin_runs.words(runs), strict=True)
    return {(f.claim, f.statement): word for f, word in found}


def test_the_claims_of_the_twelve_cells_are_judged_by_their_intervals():
    found = verdicts(made.regularization(5))
    assert found[32, "L1 (0.001) costs accuracy"] == "holds"
    assert found[29, "at the factor 0.001 L2 learns the training images better than L1"] == "holds"
    assert found[31, "without penalty batch norm beats layer norm"] == "holds"
    worse = made.regularization(5)
    for run in worse:
        if run["arm"] in ("batch L1", "layer L2"):
            run["epochs"][-1]["test_accuracy"] += 1 if run["arm"] == "batch L1" else -0.5
    changed = verdicts(worse)
    assert changed[32, "L1 (0.001) costs accuracy"] == "holds when: layer, group"
    assert changed[32, "L2 (0.001) helps layer norm"] == "false"
    assert set(verdicts(made.regularization(1)).values()) == {"undecided"}


def test_the_effective_rate_is_compared_in_doublings():
    runs = made.regularization(5)
    (finding,) = [f for f in standin_runs.judge(runs) if f.claim == 42]
    rates = CHOSEN["mnist_penalty_search"]["batch L2"], CHOSEN["mnist_search"]["batch"]
    sizes = [2 * 0.08**2, 2 * 0.02**2]  # of the made-up weights, without penalty and with L2
    expected = math.log2(rates[0] / rates[1] * sizes[0] / sizes[1])
    assert f"batch: {expected:+.2f} (" in finding.measured


def test_the_claims_of_the_path_are_judged_by_their_intervals():
    runs = made.path(5)
    found = verdicts(runs)
    assert found[26, "L1 (0.01) makes weights exactly zero"] == "holds when: proximal"
    (half,) = [v for (claim, _), v in found.items() if claim == 29]
    assert half == "false"
    for run in runs:
        run["measures"]["test"]["accuracy"] -= 2
    (half,) = [v for (claim, _), v in verdicts(runs).items() if claim == 29]
    assert half == "holds"


def test_the_standins_have_the_measures_that_the_studies_take():
    for runs in (made.regularization(1), made.readings(1), made.path(1)):
        study = STUDIES[runs[0]["study"]]
        assert {r["arm"] for r in runs} == {arm.name for arm in study.arms}
        for run in runs:
            assert set(run["measures"]) == set(study.measures)
            sparse = run["measures"]["sparsity"]
            assert sum(sparse["histogram"]) == pytest.approx(sparse["weights"], abs=30)
            assert math.isfinite(sparse["l1"])
