"""Whether batch norm narrows the gap at equal training accuracy: made-up studies whose truth is known."""

from collections import Counter

import numpy as np
import pytest

from helpers.analysis.claims import judged
from helpers.lessons import CLAIMS, STUDIES
from helpers.lessons.batch_norm_before_and_after.studies import BATCH_NORM
from tests.standin_runs import ended

STUDY = STUDIES["fashion_mlp_tuned"]
MORE = (2.0, 1.0, 4.0, -0.5)  # points of training accuracy that batch norm adds to the four networks


MADE = {arm.name: ended(STUDY, arm.name, 0, 88.0, train=91.0) for arm in STUDY.arms}


def study(draw, *, seeds=5, more=MORE, narrower=0.0, noise=1.0, costs=0.5):
    """Runs in which a point more of training accuracy adds about `costs` points to the gap, on a curve."""
    found = []
    for seed in range(seeds):
        of_seed = draw.normal(0, 0.4)
        for network, (arm, normed) in enumerate(BATCH_NORM.pairs("batch norm").items()):
            for name, on in ((arm, False), (normed, True)):
                learned = (0.0, 1.0, 1.0, 3.0)[network] + more[network] * on + of_seed
                learned += draw.normal(0, noise) * (network in (0, 2))  # a rate near divergence
                gap = costs * learned + 0.02 * costs * learned**2 + 0.3 * network - narrower * on
                trained = 90 + learned + draw.normal(0, 0.1)
                measures = {"train": {"accuracy": trained}}
                tested = 90 + learned - 3 - gap + draw.normal(0, 0.3)
                found.append(
                    MADE[name] | {"seed": seed, "epochs": [{"test_accuracy": tested}], "measures": measures}
                )
    return found


def verdict(runs):
    (statement,) = (s for s in CLAIMS[STUDY.name](runs, STUDY.matters) if s.claim == 18)
    return judged([statement], 0.05)[0].verdict


@pytest.mark.parametrize(
    "world",
    [
        {},
        {"more": (0.0, 0.0, 0.0, 0.0), "noise": 0.1},
        {"costs": 0.0, "noise": 0.1},
        {"more": (3.0, 0.1, 4.5, 1.2), "costs": 0.3, "noise": 0.2},  # much as all at 0.001
    ],
)
def test_without_an_effect_batch_norm_hardly_ever_narrows_or_widens_the_gap(world):
    # Measured over 400 studies of each: 0 to 1 %. An effect between two bounds is seldom outside of both.
    draw = np.random.default_rng(0)
    seen = Counter(verdict(study(draw, **world)).split(":")[0] for _ in range(80))
    assert seen["holds"] + seen["holds when"] + seen["false"] <= 4, seen


def test_an_effect_is_found_where_it_is_larger_than_what_may_be_due_to_the_training_accuracy():
    draw = np.random.default_rng(0)
    equal = (0.0, 0.0, 0.0, 0.0)
    assert verdict(study(draw, more=equal, narrower=2.0, noise=0.1)) == "holds"
    assert verdict(study(draw, more=equal, narrower=-2.0, noise=0.1)) == "false"
    learns_less = study(draw, more=(-3.0, -3.0, -3.0, -3.0), narrower=0.5, noise=0.1)
    assert verdict(learns_less) == "undecided: these runs cannot tell"


def test_more_runs_are_asked_for_only_where_they_would_decide():
    draw = np.random.default_rng(0)
    assert verdict(study(draw)) == "undecided: these runs cannot tell"
    assert "runs would decide" in verdict(study(draw, more=(0.0,) * 4, narrower=0.3, noise=0.1))
    assert verdict([]) == "undecided: no run"
