"""The made-up language: its brackets agree, its entropy is the computed one, it is the same everywhere."""

import hashlib
import math

import numpy as np
import pytest
import torch

from helpers.text import brackets

LENGTH = 400_000
STACKS = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1)]  # kinds that are open, the innermost last


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return brackets.generate(LENGTH, seed=3)


def standard_error(values: torch.Tensor) -> float:
    """Of the mean of (N,), whose neighbours depend on each other: from the means of blocks of 1,000."""
    blocks = values.view(-1, 1000).mean(1)
    return (blocks.std() / len(blocks) ** 0.5).item()


def chain() -> tuple[np.ndarray, np.ndarray]:
    """The source as a Markov chain, written down from the description: 7 stacks x 64 pairs of letters.

    Returns the probabilities of each of the twelve characters in each state, (448, 12), and the stationary
    distribution (448,).
    """
    shares = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 16, *[1 / 64] * 4])
    orders = brackets._orders()
    states = [(stack, a, b) for stack in STACKS for a in range(8) for b in range(8)]
    number = {state: n for n, state in enumerate(states)}
    emitted, moves = np.zeros((448, 12)), np.zeros((448, 448))
    for (stack, a, b), state in number.items():
        targets = {}
        if len(stack) < 2:
            for kind in (0, 1):
                targets[8 + 2 * kind] = (1 / 16, ((*stack, kind), a, b))
        if stack:
            targets[9 + 2 * stack[-1]] = (1 / 8, (stack[:-1], a, b))
        left = 1 - sum(p for p, _ in targets.values())
        for share, letter in zip(shares, orders[a, b], strict=True):
            targets[int(letter)] = (left * share, (stack, b, int(letter)))
        for character, (p, target) in targets.items():
            emitted[state, character] += p
            moves[state, number[target]] += p
    stationary = np.full(448, 1 / 448)
    for _ in range(2000):
        stationary = stationary @ moves
    assert np.abs(stationary @ moves - stationary).max() < 1e-15
    return emitted, stationary


def entropies(probabilities: np.ndarray) -> np.ndarray:
    logs = np.log(np.where(probabilities > 0, probabilities, 1))
    return -(probabilities * logs).sum(-1)


def test_brackets_agree_and_at_most_two_are_open(tokens):
    text = "".join(brackets.ALPHABET[token] for token in tokens)
    unclosed, deepest = [], 0
    for character in text:
        if character in "([":
            unclosed.append(character)
        elif character in ")]":
            assert unclosed.pop() + character in ("()", "[]")
        deepest = max(deepest, len(unclosed))
    assert deepest == 2
    assert set(text) == set("abcdefgh()[]")


def test_the_entropy_rate_is_that_of_the_whole_markov_chain():
    emitted, stationary = chain()
    assert brackets.entropy_rate() == pytest.approx(stationary @ entropies(emitted), abs=1e-12)
    assert brackets.entropy_rate() == pytest.approx(1.7094, abs=5e-5)


@pytest.mark.parametrize("seed", range(4))
def test_with_the_true_state_known_a_long_text_costs_the_entropy_rate(seed):
    cost = brackets.nats(brackets.generate(LENGTH, seed))
    error = standard_error(cost)
    assert error < 0.002
    assert abs(cost.mean().item() - brackets.entropy_rate()) < 3 * error


def test_each_character_costs_what_the_chain_gives_it(tokens):
    emitted, _ = chain()
    stack, a, b = (), 0, 0
    wanted = []
    for token in tokens[:3000].tolist():
        wanted.append(-math.log(emitted[64 * STACKS.index(stack) + 8 * a + b, token]))
        if token < 8:
            a, b = b, token
        else:
            stack = stack[:-1] if token % 2 else (*stack, token // 2 - 4)
    torch.testing.assert_close(brackets.nats(tokens[:3000]), torch.tensor(wanted, dtype=torch.float64))


def test_a_predictor_that_ignores_the_brackets_pays_the_computed_amount(tokens):
    """The best one that knows the last two letters alone: the chain's mean over what is open."""
    emitted, stationary = chain()
    weights = stationary.reshape(7, 64, 1)
    mixed = (weights * emitted.reshape(7, 64, 12)).sum(0) / weights.sum(0)
    exact = stationary.reshape(7, 64).sum(0) @ entropies(mixed) - stationary @ entropies(emitted)
    assert brackets.worth_of_brackets() == pytest.approx(exact, abs=1e-12)
    assert brackets.worth_of_brackets() == pytest.approx(0.1275, abs=5e-5)

    letters = torch.cat([torch.zeros(2, dtype=torch.long), tokens[tokens < 8].long()])
    seen = (tokens < 8).long().cumsum(0) - (tokens < 8).long()  # letters before each character
    pair = 8 * letters[seen] + letters[seen + 1]
    more = -torch.from_numpy(mixed)[pair, tokens.long()].log() - brackets.nats(tokens)
    assert abs(more.mean().item() - brackets.worth_of_brackets()) < 3 * standard_error(more)


def test_letters_need_both_of_the_last_two():
    """By the last letter alone, or the last but one, a letter is much less certain than its 2 ln 2."""
    emitted, stationary = chain()
    joint = (stationary[:, None] * emitted).reshape(7, 8, 8, 12)[..., :8].sum(0)  # pair and next letter
    joint /= joint.sum()
    assert (
        joint.sum(2, keepdims=True) * entropies(joint / joint.sum(2, keepdims=True))[..., None]
    ).sum() == (pytest.approx(2 * math.log(2)))
    for known in (joint.sum(0), joint.sum(1)):
        weight = known.sum(1)
        assert weight @ entropies(known / weight[:, None]) > 2 * math.log(2) + 0.3


def test_the_text_is_the_same_on_every_platform_and_begins_alike_whatever_its_length():
    text = brackets.generate(10_000, seed=0)
    assert text.dtype == torch.uint8
    assert "".join(brackets.ALPHABET[token] for token in text[:24]) == "ccgbbebc(beagg[fhdgcceg]"
    digest = "b1f504aeb0d8cc244edd5e5722532b3ad037d050bb11a61b5a4df47768a80742"
    assert hashlib.sha256(text.numpy().tobytes()).hexdigest() == digest
    assert torch.equal(brackets.generate(20_000, seed=0)[:10_000], text)
    assert not torch.equal(text, brackets.generate(10_000, seed=1))
