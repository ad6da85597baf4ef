"""Windows: each with the characters that follow, drawn by the seed alone, or one after the other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.text.batches import Batches

TEXT = torch.arange(200, dtype=torch.uint8)  # each character says where it stands


@pytest.mark.parametrize("seed", [None, 0])
def test_the_next_character_is_what_follows_in_the_text(seed):
    for x, y in Batches(TEXT, 4, 10, seed=seed):
        assert x.dtype == y.dtype == torch.int64
        assert x.shape == y.shape
        assert torch.equal(y, x + 1)
        assert torch.equal(x[:, 1:], y[:, :-1])


@given(st.integers(2, 200), st.integers(1, 9), st.integers(1, 60))
def test_without_a_seed_each_character_but_the_first_is_predicted_once_in_order(count, batch_size, length):
    length = min(length, count - 1)
    batches = Batches(TEXT[:count], batch_size, length)
    parts = list(batches)
    assert len(parts) == len(batches)
    assert torch.cat([y.flatten() for _, y in parts]).tolist() == list(range(1, count))
    assert all(len(x) <= batch_size and x.shape[1] <= length for x, _ in parts)
    assert sum(x.shape[1] < length for x, _ in parts) <= 1


def test_a_seed_gives_the_same_epochs_whatever_else_draws_random_numbers():
    first, second, other = (Batches(TEXT, 4, 10, seed=seed) for seed in (1, 1, 2))
    state = torch.random.get_rng_state()
    epochs = [[torch.cat([x for x, _ in first]) for _ in range(2)]]
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    epochs.append([torch.cat([x for x, _ in second]) for _ in range(2)])
    assert torch.equal(torch.stack(epochs[0]), torch.stack(epochs[1]))
    assert not torch.equal(epochs[0][0], epochs[0][1])
    assert not torch.equal(torch.cat([x for x, _ in other]), epochs[0][0])


def test_recorded_runs_depend_on_these_very_windows():
    assert [x[:, 0].tolist() for x, _ in Batches(TEXT, 2, 10, seed=0)][:3] == [[172, 47], [117, 67], [103, 9]]


def test_an_epoch_has_as_many_batches_as_fit_and_at_least_one():
    for count, batches in ((200, 4), (161, 4), (160, 3), (12, 1)):
        drawn = Batches(TEXT[:count], 4, 10, seed=0)
        assert len(drawn) == len(list(drawn)) == batches
        assert all(x.shape == (4, 10) for x, _ in drawn)


def test_windows_begin_everywhere_equally_often():
    starts = torch.cat([x[:, 0] for _ in range(500) for x, _ in DRAWN])
    counts = starts.bincount(minlength=14)
    assert counts.shape == (14,)  # 0 to 13: the last window ends with the last character but one
    expected = len(starts) / 14
    assert ((counts - expected).square() / expected).sum() < 34.5  # chi-squared, 13 degrees of freedom: 0.1 %


DRAWN = Batches(TEXT[:24], 2, 10, seed=0)


@pytest.mark.parametrize(
    ("tokens", "batch_size", "length", "message"),
    [
        (TEXT.long(), 4, 10, r"tokens are torch.int64 \(200,\); wanted uint8"),
        (TEXT.view(2, 100), 4, 10, r"tokens are torch.uint8 \(2, 100\); wanted uint8"),
        (TEXT, 0, 10, "batch_size is 0; it must be at least 1"),
        (TEXT, 4, 0, "length is 0; a text of 200 characters has windows of 1 to 199"),
        (TEXT, 4, 200, "length is 200; a text of 200 characters has windows of 1 to 199"),
    ],
)
def test_what_cannot_be_cut_into_windows_is_refused(tokens, batch_size, length, message):
    with pytest.raises(ValueError, match=message):
        Batches(tokens, batch_size, length)
