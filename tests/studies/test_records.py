"""A results file keeps every whole record, whatever ends the process that writes it."""

import json
import math
import multiprocessing
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch

from helpers import ROOT
from helpers.analysis import comparison
from helpers.analysis.published import published
from helpers.studies import records
from tests.standin_runs import EPOCH


def run(name: str, **changes) -> dict:
    record = {
        "key": name,
        "study": "toy",
        "arm": "batch",
        "seed": 0,
        "config": {},
        "status": "done",
        "epochs": [EPOCH],
        "execution": {"device": "cpu", "precision": "float32", "threads": 1},
        "environment": {"processor": "a processor", "device_name": None},
    }
    return record | changes


def keys(path) -> list[str]:
    return [record["key"] for record in records.read(path)]


def test_append_then_read(tmp_path):
    path = tmp_path / "new" / "toy.jsonl"
    assert records.read(path) == []
    assert records.append(path, run("a"))
    assert records.append(path, run("b", arm="läyer"))
    assert records.read(path) == [run("a"), run("b", arm="läyer")]
    assert path.read_bytes().count(b"\n") == 2
    assert path.read_bytes().endswith(b"\n")


def test_a_key_is_recorded_once_and_the_first_stays(tmp_path):
    path = tmp_path / "toy.jsonl"
    assert records.append(path, run("a", seconds=1.0))
    assert not records.append(path, run("a", seconds=2.0))
    assert records.read(path) == [run("a", seconds=1.0)]


def test_a_crash_at_any_byte_loses_no_whole_record(tmp_path):
    path = tmp_path / "toy.jsonl"
    for name in "ab":
        records.append(path, run(name, arm="größe"))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        expected = ["a"] * (cut >= first - 1) + ["b"] * (cut >= len(whole) - 1)
        assert keys(path) == expected, cut
        assert records.append(path, run("c"))
        assert keys(path) == [*expected, "c"], cut
        for line in path.read_text(encoding="utf-8").splitlines():
            json.loads(line)


def test_zeros_after_a_power_cut_are_a_half_line(tmp_path):
    path = tmp_path / "toy.jsonl"
    records.append(path, run("a"))
    with path.open("ab") as file:
        file.write(bytes(512))
    assert keys(path) == ["a"]
    assert records.append(path, run("b"))
    assert keys(path) == ["a", "b"]


@pytest.mark.parametrize("damage", ["{half", "[1, 2]", '{"no": "key"}', "\x00\x00"])
def test_a_corrupt_line_in_the_middle_is_named_and_nothing_is_changed(tmp_path, damage):
    path = tmp_path / "toy.jsonl"
    path.write_text("\n".join([json.dumps(run("a")), damage, json.dumps(run("b"))]) + "\n")
    before = path.read_bytes()
    for action in (lambda: records.read(path), lambda: records.append(path, run("c"))):
        with pytest.raises(records.RecordError, match=r"toy\.jsonl, line 2 is not a record") as caught:
            action()
        assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    path = tmp_path / "toy.jsonl"
    records.append(path, run("a"))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(records.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            records.append(path, run("b"))
    assert path.read_bytes() == before
    assert records.append(path, run("b"))


FILL = """
import errno, json, resource, signal, sys
from helpers.studies import records

path, run, limit = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
if limit:  # no file may grow beyond it: a write that does not fit is cut off, as on a full disk
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
written = 0
try:
    while written < 1000:
        records.append(path, run | {"key": str(written)})
        written += 1
except OSError as error:
    assert error.errno in (errno.ENOSPC, errno.EFBIG), error
except records.RecordError as error:
    assert "make room and start again" in str(error), error
print(written)
"""


def full(place, limit=0, prefix=()):
    """How many records were written to a file below `place` until there was no room, and the file."""
    path = place / "toy.jsonl"
    record = json.dumps(run("", epochs=[EPOCH] * 7))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [*prefix, sys.executable, "-c", FILL, str(path), record, str(limit)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout), path


@pytest.mark.parametrize("limit", [5000, 5001, 5700, 6144])
def test_what_does_not_fit_leaves_every_record_before_it_and_no_half_line(limit, tmp_path):
    written, path = full(tmp_path, limit)
    assert 1 < written < 10
    assert limit - len(path.read_bytes()) < len(path.read_bytes()) / written + 8  # it was full
    assert path.read_bytes().endswith(b"}\n")
    assert keys(path) == [str(number) for number in range(written)]
    assert records.append(path, run("later"))  # now there is room
    assert keys(path) == [*(str(number) for number in range(written)), "later"]


def test_a_disk_that_is_really_full_leaves_every_record(tmp_path):
    """On a disk in memory of 64 kB, which a process in its own namespace mounts where this is allowed."""
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    mounted = f'mount -t tmpfs -o size=64k none {tmp_path} && "$@" && cp {tmp_path}/toy.jsonl {tmp_path}.copy'
    prefix = [*own, "sh", "-c", mounted, "sh"]
    if subprocess.run(
        [*prefix, "touch", f"{tmp_path}/toy.jsonl"], check=False, capture_output=True
    ).returncode:
        pytest.skip("a process may not mount here")
    written, path = full(tmp_path, prefix=prefix)
    copy = path.parent.with_name(path.parent.name + ".copy")
    assert 30 < written < 100
    assert copy.stat().st_size > 60_000
    assert keys(copy) == [str(number) for number in range(written)]
    assert copy.read_bytes().endswith(b"}\n")


def write_many(path, start, names):
    start.wait()
    for name in names:
        records.append(path, run(name, epochs=[EPOCH] * 20))


@pytest.mark.filterwarnings("ignore:.*fork")  # the children only write files
def test_processes_that_write_at_once_do_not_spoil_the_file(tmp_path):
    path = tmp_path / "toy.jsonl"
    context = multiprocessing.get_context(
        "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    )
    start = context.Barrier(4)
    shared = [f"shared {i}" for i in range(20)]
    writers = [
        context.Process(target=write_many, args=(path, start, [*shared, *(f"{who} {i}" for i in range(20))]))
        for who in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert sorted(keys(path)) == sorted(shared + [f"{who} {i}" for who in range(4) for i in range(20)])


def test_what_diverged_is_stored_as_null_and_read_as_nan(tmp_path):
    path = tmp_path / "toy.jsonl"
    epochs = [EPOCH, EPOCH | {"epoch": 2, "train_loss": math.nan, "test_loss": math.inf}]
    records.append(path, run("a", status="diverged", epochs=epochs))
    assert "NaN" not in path.read_text()
    assert "Infinity" not in path.read_text()
    table = comparison.frame(records.read(path))
    assert table.train_loss.isna().tolist() == [False, True]
    assert table.test_loss.isna().tolist() == [
        False,
        True,
    ]
    assert table.status.tolist() == ["diverged", "diverged"]


def test_frame_has_a_row_per_arm_seed_and_epoch():
    runs = [
        run("a", epochs=[EPOCH, EPOCH | {"epoch": 2, "test_accuracy": 45.5}]),
        run("b", arm="layer", seed=1),
    ]
    table = comparison.frame(runs)
    assert list(table.columns) == list(comparison.COLUMNS)
    assert table[["arm", "seed", "epoch", "test_accuracy"]].values.tolist() == [
        ["batch", 0, 1, 38.0],
        ["batch", 0, 2, 45.5],
        ["layer", 1, 1, 38.0],
    ]
    assert pd.api.types.is_float_dtype(table.test_loss)
    assert pd.api.types.is_integer_dtype(table.seed)
    empty = comparison.frame([])
    assert list(empty.columns) == list(comparison.COLUMNS)
    assert len(empty) == 0


def test_key_is_made_of_what_determines_a_run():
    config = {"dataset": "digits", "recipe": {"lr": 0.1, "epochs": 20, "augment": {"pad": 4}}}
    name = records.key(config, 0)
    assert name == "4fb74ac95aaaf668"  # a change here would orphan every recorded run
    same = {
        "recipe": {"augment": {"pad": 4.0}, "epochs": 20, "lr": 0.1, "added later": None},
        "dataset": "digits",
    }
    assert records.key(same, 0) == name
    others = [
        records.key(config, 1),
        records.key(config | {"dataset": "mnist"}, 0),
        records.key({"dataset": "digits", "recipe": {"lr": 0.1, "epochs": 20, "augment": {"pad": 3}}}, 0),
        records.key({"dataset": "digits", "recipe": {"lr": 0.1, "epochs": 20, "augment": {"pad": False}}}, 0),
    ]
    assert len({name, *others}) == 5
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.key({"lr": math.nan}, 0)


def test_recorded_runs_have_the_keys_of_their_configurations():
    for path in records.RECORDED.glob("*.jsonl"):
        for record in records.read(path):
            assert record["key"] == records.key(record["config"], record["seed"]), path.name


def test_published_figures():
    assert published()["cifar10_norms"]["batch_norm"]["final"] == 73.27


def test_environment_says_where_a_run_was_made():
    found = records.environment()
    assert set(found) == {"python", "torch", "numpy", "processor", "device_name", "commit"}
    assert found["torch"] == torch.__version__
    assert len(found["processor"]) > 2
    assert (found["device_name"] is None) == (not torch.cuda.is_available())


def test_commit_of_the_code(tmp_path, monkeypatch):
    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    monkeypatch.setattr(records, "ROOT", tmp_path.resolve())
    assert records._commit() is None  # not a checkout
    code = tmp_path / "helpers" / "code.py"
    code.parent.mkdir()
    code.write_text("1")
    git("init")
    assert records._commit() is None  # no commit yet
    git("add", ".")
    git("commit", "-m", "first")
    clean = records._commit()
    assert len(clean) == 40
    (tmp_path / "data.txt").write_text("no code")
    assert records._commit() == clean
    code.write_text("2")
    assert records._commit() == clean + "+changes"
    monkeypatch.setattr(records, "ROOT", code.parent.resolve())
    assert records._commit() is None  # inside somebody else's repository
    monkeypatch.setattr(records, "ROOT", ROOT)
    monkeypatch.setenv("PATH", "")
    assert records._commit() is None  # no git
