"""The precision is the quicker one by a timed step, decided once and kept with the machine."""

import json

import pytest
import torch

from helpers.training import execution
from helpers.training.execution import Execution


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file that keeps the timing, absent at first."""
    path = tmp_path / "cache" / "precision.json"
    monkeypatch.setattr(execution, "precision_file", lambda: path)
    return path


def timed(monkeypatch, float32: float, bfloat16: float) -> list[int]:
    """Has a step take so many milliseconds, and gives a list of the calls."""
    calls = []

    def steps():
        calls.append(1)
        return {"float32": float32, "bfloat16": bfloat16}

    monkeypatch.setattr(execution, "_step_times", steps)
    return calls


@pytest.mark.parametrize(
    ("float32", "bfloat16", "expected"),
    [(20.0, 10.0, "bfloat16"), (10.0, 20.0, "float32"), (10.5, 10.0, "float32")],  # a gain of 5 % is none
)
def test_the_quicker_precision_is_taken_and_timed_once(float32, bfloat16, expected, kept, monkeypatch):
    calls = timed(monkeypatch, float32, bfloat16)
    assert Execution.auto("cpu").precision == expected
    assert Execution.auto("cpu").precision == expected
    assert len(calls) == 1
    assert json.loads(kept.read_text())["milliseconds"] == {"float32": float32, "bfloat16": bfloat16}


def test_another_processor_or_torch_and_a_broken_file_are_timed_anew(kept, monkeypatch):
    calls = timed(monkeypatch, 20.0, 10.0)
    execution.cpu_precision()
    for broken in (
        '{"precision": "float16"}',
        "{",
        json.dumps(json.loads(kept.read_text()) | {"torch": "2.0"}),
    ):
        kept.write_text(broken)
        assert execution.cpu_precision() == "bfloat16"
    assert len(calls) == 4
    monkeypatch.setattr(execution, "processor", lambda: "another")
    execution.cpu_precision()
    assert len(calls) == 5


def test_where_nothing_can_be_kept_it_is_said_and_decided_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(execution, "precision_file", lambda: tmp_path / "file" / "precision.json")
    timed(monkeypatch, 20.0, 10.0)
    with pytest.warns(UserWarning, match=r"cannot be kept in .*precision\.json"):
        assert execution.cpu_precision() == "bfloat16"


def test_both_precisions_are_timed_for_real():
    steps = execution._step_times()
    assert set(steps) == {"float32", "bfloat16"}
    assert all(0.1 < milliseconds < 60_000 for milliseconds in steps.values())


def test_the_kind_of_processor_has_its_generation_where_the_system_tells():
    assert len(execution.processor()) > 2
    assert execution.processor() == execution.processor().strip()


def test_a_step_is_timed_whatever_the_caller_has_set(monkeypatch):
    """Under no_grad and with float64 as the default type a lesson may ask for the precision, too."""
    execution._step_times.cache_clear()
    state = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            steps = execution._step_times()
    finally:
        torch.set_default_dtype(torch.float32)
    assert set(steps) == {"float32", "bfloat16"}
    assert torch.equal(torch.get_rng_state(), state)
