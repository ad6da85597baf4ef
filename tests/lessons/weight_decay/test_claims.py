"""What decay_parts says of made-up runs in which decay acts in a known way."""

from helpers.lessons import STUDIES
from tests import standin_runs
from tests.standin_runs import ended

STUDY = STUDIES["decay_parts"]


def verdicts(ends: dict[str, float], apart: float = 0.01) -> list[tuple[int, str]]:
    runs = [
        ended(STUDY, part, seed, end + apart * ((2, 3, 1, 4)[number] * seed % 5 - 2))
        for seed in range(10)
        for number, (part, end) in enumerate(ends.items())
    ]
    return [(found.claim, found.verdict) for found in standin_runs.judge(runs)]


def test_decay_before_a_norm_that_does_all_of_it():
    ends = {"none": 96.0, "all": 97.0, "convolutions": 97.0, "others": 96.0}
    assert verdicts(ends) == [(42, "holds when: all - none, convolutions - none"), (42, "false")]


def test_decay_that_regularizes_the_other_weights():
    ends = {"none": 96.0, "all": 97.0, "convolutions": 96.0, "others": 97.0}
    assert verdicts(ends) == [(42, "holds when: all - none, others - none"), (42, "holds")]


def test_decay_that_does_nothing():
    ends = dict.fromkeys((arm.name for arm in STUDY.arms), 96.0)
    assert verdicts(ends) == [(42, "no difference that matters")] * 2
