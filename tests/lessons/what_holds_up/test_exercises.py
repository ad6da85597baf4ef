"""Exercises of lesson 16: the share that is caught, verdicts together, three claims as the runs have them."""

import numpy as np
import pytest
from scipy.stats import t as student_t

from helpers.analysis import comparison, readings
from helpers.lessons.entries import recorded
from helpers.lessons.what_holds_up import exercises


@pytest.mark.parametrize(("n", "m"), [(3, 5), (5, 5), (10, 4)])
def test_the_share_that_is_caught_is_that_of_simulated_studies(n, m):
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(100_000, n)), rng.normal(size=(100_000, m)).mean(1)
    half = student_t.ppf(0.975, n - 1) * old.std(1, ddof=1) / n**0.5
    caught = np.mean(np.abs(old.mean(1) - new) <= half)
    assert exercises.captured(n, m) == pytest.approx(caught, abs=0.005)


def differences(study: str, a: str, b: str, measure: readings.Measure = readings.tested) -> list[float]:
    return list(comparison.by_seed(recorded(study), a, b, measure).values())


def test_the_three_words_are_those_of_the_recorded_runs():
    factors = {run["arm"].split()[1] for run in recorded("l1_path")}
    claims = [
        ({"": differences("input_scaling", "per_image", "min_max", readings.final)}, 0.3),
        ({f: differences("l1_path", f"proximal {f}", f"subgradient {f}") for f in factors}, 0.1),
        ({"": differences("fashion_mlp_tuned", "relu after input", "leaky none")}, 0.3),
    ]
    words = tuple(exercises.judge_together(*claim) for claim in claims)
    assert words == tuple(exercises.new_verdict(claim) for claim in (1, 2, 3))


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("captured", lambda n, m: 0.95, "varies as well"),
        ("captured", lambda n, m: exercises.captured(m, n), "exchanged"),
        ("new_verdict", lambda claim: "holds when" if claim == 2 else "holds", "the mean decides nothing"),
        ("new_verdict", lambda claim: "holds" if claim < 3 else "undecided", "of every factor"),
        ("new_verdict", lambda claim: ("holds", "holds when", "undecided"), "return one of holds"),
    ],
)
def test_mistakes_are_named(name, answer, words, said):
    output = said(name, answer)
    assert output.startswith(f"{name}: not yet.")
    assert words in output
