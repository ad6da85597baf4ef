"""What is said of made-up runs of lesson norms_for_sequences, for which a claim holds and for which not."""

import pytest

from helpers.lessons import STUDIES
from helpers.lessons.norms_for_sequences import claims, studies
from helpers.lessons.norms_for_sequences.claims import UNIGRAM
from helpers.text import datasets
from tests import standin_runs

SEEDS = 4


def text_run(study, arm, seed, loss, cost=0.0):
    """That final loss, or None for a diverged run; running statistics cost `cost` after 50 steps."""
    record = standin_runs.run(arm.name, seed, [], "diverged" if loss is None else "done", study)
    steps = (*arm.recipe.evaluations, arm.recipe.steps) if loss is not None else ()
    record["epochs"] = [
        {"epoch": i, "step": step, "train_loss": 2.0, "test_loss": loss + cost * (step == 50), "seconds": 1.0}
        | ({"batch_loss": loss} if arm.norm == "batch" else {})
        for i, step in enumerate(steps, start=1)
    ]
    return record


def text_runs(study, loss, cost=0.0):
    """All arms, with loss(arm, rate) and little chance."""
    return [
        text_run(study, arm, seed, None if value is None else value + 0.001 * (seed * (place + 1) % 5), cost)
        for seed in range(SEEDS)
        for place, arm in enumerate(study.arms)
        for value in [loss(arm, arm.recipe.lr)]
    ]


def verdicts(found):
    return {(f.claim, f.statement): f.verdict for f in standin_runs.judge(found)}


def said(found, claim, part):
    [verdict] = [v for (number, text), v in verdicts(found).items() if number == claim and part in text]
    return verdict


RATES, DEPTH = STUDIES["sequences_rates"], STUDIES["sequences_depth"]


def as_claimed(arm, rate):
    """No norm diverges above 0.003; post-norm fails there without warm-up; batch norm is worse by 0.1."""
    if arm.norm == "none" and rate > 0.003:
        return None
    post, warm = (arm.options or {}).get("place") == "post", arm.recipe.warmup
    if post and not warm and rate > 0.003:
        return 3.3
    best = {"none": 2.5, "batch": 2.3}.get(arm.norm, 2.2)
    steep = 0.1 if (arm.options or {}).get("norm_queries") else 0.4
    return best + steep * (rate > 0.01) - 0.05 * (post and bool(warm))


def test_claims_about_rates_hold_on_runs_that_are_as_they_say():
    found = text_runs(RATES, as_claimed, cost=0.5)
    assert said(found, 33, "below batch norm") == "holds"
    assert said(found, 33, "each at its best rate, layer norm ends below no norm") == "holds"
    assert said(found, 33, "over all rates") == "holds"
    assert said(found, 36, "RMS") == "no difference that matters"
    assert said(found, 38, "by more than") == "holds"
    assert said(found, 38, "warm-up lowers pre-norm's loss") == "no difference that matters"
    assert said(found, 38, "ends below pre-norm") == "holds"
    assert said(found, 39, "after 50 steps") == "holds"
    assert "holds" not in said(found, 39, "after 400 steps")
    assert said(found, 39, "still ends above") == "holds"
    assert said(found, 47, "depends less") == "holds"


def test_claims_about_rates_do_not_hold_where_nothing_differs_or_all_is_the_other_way_round():
    def turned(arm, rate):
        return 2.0 if arm.norm in ("none", "batch") else 2.5 + 0.1 * bool(arm.recipe.warmup)

    found = text_runs(RATES, turned)
    assert said(found, 33, "below batch norm") == "false"
    assert said(found, 33, "over all rates") == "false"
    assert said(found, 38, "warm-up lowers pre-norm's loss") == "false"
    assert said(found, 39, "still ends above") == "false"
    assert "holds" not in said(found, 47, "depends less")
    assert "holds" not in said(found, 38, "by more than")


def test_a_run_that_diverged_or_lost_itself_counts_as_the_frequencies_of_characters():
    arm = RATES.arms[0]
    assert claims.loss(text_run(RATES, arm, 0, None)) == UNIGRAM
    assert claims.loss(text_run(RATES, arm, 0, 9.0)) == UNIGRAM
    assert claims.loss(text_run(RATES, arm, 0, 2.25)) == 2.25
    found = text_runs(RATES, as_claimed)
    tried = claims.by_rate(found, "none", "small")
    assert list(tried) == list(studies.RATES)
    assert tried[0.1] == dict.fromkeys(range(SEEDS), UNIGRAM)
    assert claims.best_rate(found, ["none"], "small") == ("none", 0.003)
    assert claims.over_rates(found, "none", "small")[0] == pytest.approx((2.5 + 3 * UNIGRAM) / 4)
    assert claims.sensitivity(found, "none", "small")[0] == pytest.approx(0.75 * (UNIGRAM - 2.5))


def test_what_eight_layers_of_post_norm_say():
    dead = text_runs(
        DEPTH, lambda arm, rate: UNIGRAM if arm.options.get("place") else 2.2 + (arm.norm == "none")
    )
    assert said(dead, 33, "no norm in 8 layers") == "holds"
    assert "holds" not in said(dead, 38, "learns more")
    alive = text_runs(DEPTH, lambda arm, rate: 2.4 - 0.1 * bool(arm.recipe.warmup))
    assert said(alive, 38, "learns more") == "holds"
    assert said(alive, 38, "warm-up lowers") == "holds"


def test_tanh_has_its_best_alpha_for_each_amount_of_text():
    study = STUDIES["dynamic_tanh_text"]

    def loss(arm, rate):
        alpha = arm.options.get("alpha")
        if alpha is None:
            return 2.2
        return 2.2 + (0.1 if arm.recipe.characters is None else 0.0) + abs(alpha - 1.0) + (rate > 0.003)

    found = text_runs(study, loss)
    assert claims.best_rate(found, ["tanh 0.5", "tanh 1"], "all") == ("tanh 1", 0.003)
    assert said(found, 37, "ends below") == "holds when: all"
    assert said(found, 37, "grows") == "holds"
    assert studies.AMOUNTS == {"1/16": 1_003_854 // 16, "1/4": 1_003_854 // 4, "all": None}


def lstm_runs(points):
    study = STUDIES["lstm_rows"]
    return [
        standin_runs.run(
            arm.name,
            seed,
            [value],
            study=study,
            measures={"batch_statistics": {"accuracy": value + 2, "loss": 1.0}},
        )
        for seed in range(SEEDS)
        for place, arm in enumerate(study.arms)
        for value in [90 + points(arm) - (arm.recipe.lr > 0.002) + 0.01 * (seed * (place + 1) % 5)]
    ]


def test_an_lstm_with_batch_norm_gains_most_on_permuted_pixels():
    def points(arm):
        started = (arm.options or {}).get("gamma")
        permuted = (arm.options or {})["permuted"]
        return {"none": 0, "layer": 3}.get(arm.norm, (1 + permuted) * (1 if started == 0.1 else 0.5))

    found = lstm_runs(points)
    assert said(found, 33, "beats batch norm") == "holds"
    assert said(found, 40, "beats no norm") == "holds"
    assert said(found, 40, "gains most") == "holds"
    assert said(found, 40, "0.1 than at 1") == "holds"
    assert said(found, 40, "evaluated by batch") == "holds"
    turned = lstm_runs(lambda arm: -points(arm))
    assert said(turned, 33, "beats no norm") == "false"
    assert said(turned, 40, "gains most") == "false"


@pytest.mark.skipif(datasets.state("tinyshakespeare") != "present", reason="course data tinyshakespeare")
def test_what_a_lost_run_counts_as_is_the_loss_of_the_frequencies():
    text = datasets.load("tinyshakespeare")
    counts = text.train.long().bincount(minlength=len(text.alphabet)).double()
    losses = -(counts / counts.sum()).log()[text.validation[1:].long()]
    assert losses.mean().item() == pytest.approx(UNIGRAM, abs=5e-4)
    assert len(text.train) == 1_003_854
