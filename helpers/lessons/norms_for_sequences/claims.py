"""What the studies of lesson norms_for_sequences say."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from helpers.analysis import comparison
from helpers.analysis.claims import Differences, Statement, greater
from helpers.analysis.readings import CHANCE, Runs, final
from helpers.lessons.norms_for_sequences.studies import (
    AMOUNTS,
    DEEP_INITS,
    INITS,
    INSTEAD,
    ORDERS,
    named,
)

UNIGRAM = 3.347  # nats: what the validation text costs whoever knows how frequent each character is, no more
Reached = Callable[[Mapping[str, Any]], float]


def loss(run: Mapping[str, Any]) -> float:
    """Final loss; at most UNIGRAM, which is also what a run that diverged counts as."""
    return min(final(run), UNIGRAM) if run["status"] == "done" else UNIGRAM


def accuracy(run: Mapping[str, Any]) -> float:
    """Final accuracy in percent; chance for a run that diverged."""
    return final(run) if run["status"] == "done" else CHANCE


def by_rate(runs: Runs, kind: str, condition: str, value: Reached = loss) -> dict[float, dict[int, float]]:
    """Rate -> seed -> value, of the arms of a kind in one condition, diverged runs among them."""
    found: dict[float, dict[int, float]] = {}
    for run in runs:
        rate = run["config"]["recipe"]["lr"]
        if run["arm"] == named(kind, condition, rate):
            found.setdefault(rate, {})[run["seed"]] = value(run)
    return dict(sorted(found.items()))


def best_rate(
    runs: Runs, kinds: Iterable[str], condition: str, value: Reached = loss
) -> tuple[str, float] | None:
    """Of some kinds, the one and its rate with the best mean over the seeds: the least loss, or the highest
    accuracy. None without runs.
    """
    sign = 1 if value is loss else -1
    means = {
        (kind, rate): sign * float(np.mean(list(values.values())))
        for kind in kinds
        for rate, values in by_rate(runs, kind, condition, value).items()
    }
    return min(means, key=means.get) if means else None


def at_best(
    runs: Runs, kinds: str | Iterable[str], condition: str, value: Reached = loss
) -> dict[int, float]:
    """Seed -> value at the best rate of a kind, or of the best of several kinds."""
    chosen = best_rate(runs, [kinds] if isinstance(kinds, str) else kinds, condition, value)
    return {} if chosen is None else by_rate(runs, chosen[0], condition, value)[chosen[1]]


def over_rates(runs: Runs, kind: str, condition: str) -> dict[int, float]:
    """Seed -> mean loss over the rates, of the seeds that have them all; one that fails counts as UNIGRAM."""
    tried = list(by_rate(runs, kind, condition).values())
    shared = set.intersection(*map(set, tried)) if tried else set()
    return {seed: float(np.mean([values[seed] for values in tried])) for seed in sorted(shared)}


def sensitivity(runs: Runs, kind: str, condition: str) -> dict[int, float]:
    """Seed -> mean loss over the rates less that of the best: the sensitivity of Wortsman et al. 2023."""
    best = at_best(runs, kind, condition)
    return {seed: value - best[seed] for seed, value in over_rates(runs, kind, condition).items()}


def less(runs: Runs, a: Mapping[int, float], b: Mapping[int, float]) -> dict[int, float]:
    """Seed -> b - a: by how much a is less than b."""
    return comparison.pairs(runs, b, a)


def _each(of: Callable[[str], Differences], conditions: Iterable[str] = INITS) -> dict[str, Differences]:
    return {name: of(name) for name in conditions}


def _ahead(
    runs: Runs, a: str, b: str | Iterable[str], conditions: Iterable[str] = INITS
) -> dict[str, Differences]:
    """Condition -> seed -> by how much a is less than b, each at its best rate."""
    return _each(lambda one: less(runs, at_best(runs, a, one), at_best(runs, b, one)), conditions)


def _warmup_helps(runs: Runs, kind: str, init: str) -> Differences:
    return less(runs, over_rates(runs, f"{kind}, warm-up", init), over_rates(runs, kind, init))


def _cost_of_running(runs: Runs, step: int, init: str) -> dict[int, float]:
    """Seed -> loss by running less that by batch statistics after so many steps, at the best rate."""
    chosen = best_rate(runs, ["batch"], init)
    if chosen is None:
        return {}
    ours = [run for run in runs if run["arm"] == named("batch", init, chosen[1])]
    entries = {run["seed"]: entry for run in ours for entry in run["epochs"] if entry["step"] == step}
    return {seed: entry["test_loss"] - entry["batch_loss"] for seed, entry in sorted(entries.items())}


def _by_batch(run: Mapping[str, Any]) -> float:
    return min(run["epochs"][-1]["batch_loss"], UNIGRAM) if run["status"] == "done" else UNIGRAM


def sequences_rates(runs: Runs, matters: float | None) -> list[Statement]:
    said = partial(greater, unit="nats", matters=matters)

    ahead = partial(_ahead, runs)

    def batch_by_batch(init: str) -> Differences:
        chosen = best_rate(runs, ["batch"], init)
        mine = by_rate(runs, "batch", init, _by_batch)[chosen[1]] if chosen else {}
        return less(runs, at_best(runs, "pre", init), mine)

    return [
        said(33, "each at its best rate, layer norm ends below batch norm", ahead("pre", "batch")),
        said(33, "each at its best rate, layer norm ends below no norm", ahead("pre", "none")),
        said(
            33,
            "over all rates, layer norm's mean loss is below that of no norm",
            _each(lambda init: less(runs, over_rates(runs, "pre", init), over_rates(runs, "none", init))),
        ),
        said(36, "layer norm, which re-centres, ends below RMS norm", ahead("pre", "rms")),
        said(
            38,
            "over all rates, warm-up lowers post-norm's loss by more than pre-norm's",
            _each(
                lambda init: less(runs, _warmup_helps(runs, "pre", init), _warmup_helps(runs, "post", init))
            ),
        ),
        said(
            38,
            "over all rates, warm-up lowers pre-norm's loss",
            _each(lambda init: _warmup_helps(runs, "pre", init)),
        ),
        said(
            38,
            "each at its best rate, post-norm with warm-up ends below pre-norm without",
            ahead("post, warm-up", "pre"),
        ),
        *(
            said(
                39,
                f"after {step} steps evaluation by running statistics costs batch norm something",
                _each(lambda init, step=step: _cost_of_running(runs, step, init)),
            )
            for step in (50, 400)
        ),
        said(
            39, "evaluated by batch statistics, batch norm still ends above layer norm", _each(batch_by_batch)
        ),
        said(
            47,
            "with query-key norm the loss depends less on the rate",
            _each(
                lambda init: less(runs, sensitivity(runs, "query-key", init), sensitivity(runs, "pre", init))
            ),
        ),
    ]


def sequences_depth(runs: Runs, matters: float | None) -> list[Statement]:
    said = partial(greater, unit="nats", matters=matters)

    ahead = _ahead(runs, "pre", "none", DEEP_INITS)

    def learned(init: str) -> Differences:
        return {seed: UNIGRAM - value for seed, value in at_best(runs, "post", init).items()}

    return [
        said(33, "each at its best rate, layer norm ends below no norm in 8 layers", ahead),
        said(
            38,
            "post-norm of 8 layers learns more than how frequent each character is",
            _each(learned, DEEP_INITS),
        ),
        said(
            38,
            "over the rates, warm-up lowers the loss of 8 layers with post-norm",
            _each(lambda init: _warmup_helps(runs, "post", init), DEEP_INITS),
        ),
    ]


def dynamic_tanh_text(runs: Runs, matters: float | None) -> list[Statement]:
    tanhs = [kind for kind in INSTEAD if kind != "layer"]
    apart = _ahead(runs, "layer", tanhs, AMOUNTS)
    grows = {"all - 1/16": comparison.pairs(runs, apart["all"], apart["1/16"])}
    said = partial(greater, unit="nats", matters=matters)
    return [
        said(37, "each at its best rate and alpha, layer norm ends below tanh(alpha x)", apart),
        said(37, "its lead grows with the amount of text", grows),
    ]


def lstm_rows(runs: Runs, matters: float | None) -> list[Statement]:
    said = partial(greater, unit="points", matters=matters)

    def at(kind: str, order: str) -> dict[int, float]:
        return at_best(runs, kind, order, accuracy)

    def ahead(a: str, b: str) -> dict[str, Differences]:
        return _each(lambda order: comparison.pairs(runs, at(a, order), at(b, order)), ORDERS)

    def by_batch(order: str) -> Differences:
        chosen = best_rate(runs, ["batch 0.1"], order, accuracy)
        ours = [run for run in runs if chosen and run["arm"] == named("batch 0.1", order, chosen[1])]
        return {
            run["seed"]: run["measures"]["batch_statistics"]["accuracy"] - final(run)
            for run in ours
            if run["status"] == "done"
        }

    gains = ahead("batch 0.1", "none")
    return [
        said(
            33,
            "in an LSTM layer norm, gamma from 1, beats batch norm, gamma from 0.1",
            ahead("layer 1", "batch 0.1"),
        ),
        said(33, "in an LSTM layer norm beats no norm", ahead("layer 1", "none")),
        said(40, "batch norm for each step, gamma from 0.1, beats no norm", gains),
        said(
            40,
            "it gains most on permuted pixels",
            {"permuted - in order": comparison.pairs(runs, gains["permuted"], gains["in order"])},
        ),
        said(40, "gamma is better started at 0.1 than at 1", ahead("batch 0.1", "batch 1")),
        said(40, "evaluated by batch statistics it would be better", _each(by_batch, ORDERS)),
    ]
