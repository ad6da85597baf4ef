"""Files between users and processes: locks that others can open, texts at one stroke, refusals told early."""

import errno
import os
import stat
from pathlib import Path

import pytest
import torch

from helpers import downloads
from helpers import files as helpers_files
from helpers.images import datasets
from helpers.images import files as images_files
from helpers.studies import records
from tests.images.fake_data import FakeCifar10, Server, good
from tests.standin_runs import EPOCH
from tests.users import (
    ANNA,
    AS_ROOT,
    BEN,
    acting_as,
    shared,  # noqa: F401  (a fixture)
)

pytestmark = pytest.mark.filterwarnings("ignore:.*fork")  # the children only read and write files


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_lock_can_be_opened_by_all_whatever_the_umask(umask, tmp_path):
    with helpers_files.lock(tmp_path / "x.lock"):
        assert mode(tmp_path / "x.lock") == 0o666


def test_a_text_has_the_permissions_of_any_new_file_and_leaves_nothing_else(umask, tmp_path):
    path = tmp_path / "new" / "page.html"
    helpers_files.write(path, "one")
    helpers_files.write(path, "zwölf")
    assert path.read_text("utf-8") == "zwölf"
    assert mode(path) == 0o666 & ~umask
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["replace", "write"])
def test_a_text_that_cannot_be_written_leaves_the_old_one(failing, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "page.html"
    path.write_text("old")
    if failing == "replace":
        monkeypatch.setattr(os, "replace", full)
    else:
        monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        helpers_files.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_drafts_have_names_that_nobody_can_know_before(tmp_path, monkeypatch):
    seen, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda draft, path: (seen.append(draft), replace(draft, path)))
    for _ in range(2):
        helpers_files.write(tmp_path / "page.html", "text")
    first, second = (Path(draft).parent for draft in seen)
    assert first != second
    assert first.parent == second.parent == tmp_path  # the same disk: replaced at one stroke


@pytest.mark.parametrize("place", ["", "new", "new/and/newer", "file"])
def test_what_can_be_written_is_required_without_a_trace(place, tmp_path):
    (tmp_path / "file").write_text("as it was")
    before = (tmp_path / "file").stat().st_mtime_ns
    helpers_files.require_writable(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").stat().st_mtime_ns == before
    assert (tmp_path / "file").read_text() == "as it was"


def test_a_folder_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(helpers_files.FilesError, match=r"file/build cannot be written \(Not a directory\)"):
        helpers_files.require_writable(tmp_path, tmp_path / "file" / "build")


# Two users and one folder -------------------------------------------------------


@pytest.fixture
def cifar10(shared: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    """The fake data set, whose one source answers, and the shared folder as the data folder."""
    fake, server = FakeCifar10(monkeypatch), Server()
    source = downloads.Source(images_files.CIFAR10_PY, (server.serve("/good.tar.gz", good(fake.archive)),))
    monkeypatch.setitem(images_files.SOURCES, "cifar10", (source,))
    monkeypatch.setenv("COURSE_DATA", str(shared))
    datasets._load.cache_clear()
    yield fake
    server.close()
    datasets._load.cache_clear()


def get() -> str:
    datasets.download("cifar10")
    return datasets.state("cifar10")


def made_by_anna(make, umask: int = 0o022) -> None:
    assert acting_as(ANNA, make, umask) is None


def partial(folder: Path, file: str = "data_batch_1") -> None:
    folder.mkdir(parents=True)
    (folder / file).write_bytes(b"half")


@AS_ROOT
@pytest.mark.parametrize("umask_of_anna", [0o022, 0o027, 0o077], ids=oct)
def test_the_lock_of_one_user_does_not_stop_the_other(umask_of_anna, cifar10, shared):  # noqa: F811
    def took_the_lock_and_found_no_source():
        images_files.SOURCES["cifar10"] = ()
        with pytest.raises(datasets.DataError, match="could not be downloaded"):
            datasets.download("cifar10")

    made_by_anna(took_the_lock_and_found_no_source, umask_of_anna)
    assert (shared / ".cifar10.lock").stat().st_uid == ANNA
    assert acting_as(BEN, get) == "present"


@AS_ROOT
@pytest.mark.parametrize("name", [".cifar10.download", ".cifar10.downloadx1_y2z3", ".cifar10.download.old"])
def test_what_was_left_of_another_user_s_download_does_not_stop_one(name, cifar10, shared):  # noqa: F811
    made_by_anna(lambda: partial(shared / name / images_files.CIFAR10_PY))
    assert acting_as(BEN, get) == "present"
    assert {path.name for path in shared.iterdir()} == {name, ".cifar10.lock", images_files.CIFAR10_PY}


@AS_ROOT
def test_what_one_user_downloads_the_other_reads(cifar10, shared):  # noqa: F811
    assert acting_as(ANNA, get) == "present"
    images = acting_as(BEN, lambda: datasets.load("cifar10").train_images.numpy())
    assert torch.equal(torch.from_numpy(images), torch.from_numpy(cifar10.images[:10]))
    assert (shared / images_files.CIFAR10_PY).stat().st_gid == shared.stat().st_gid


@AS_ROOT
@pytest.mark.parametrize(
    ("left", "place", "reason"),
    [
        (
            lambda folder: partial(folder / images_files.CIFAR10_PY),
            images_files.CIFAR10_PY,
            "Permission denied",
        ),
        (lambda folder: (folder / ".cifar10.lock").touch(0o644), ".cifar10.lock", "Permission denied"),
        (lambda folder: (folder / images_files.CIFAR10_PY).touch(), images_files.CIFAR10_PY, "File exists"),
        (lambda folder: folder.chmod(0o755), "", "Permission denied"),
    ],
    ids=["half a set", "a lock of his own", "a file for the folder", "the folder"],
)
def test_what_one_user_left_for_himself_is_told_to_the_other_in_a_paragraph(
    left,
    place,
    reason,
    cifar10,
    shared,  # noqa: F811
):
    os.chown(shared, ANNA, -1)
    made_by_anna(lambda: left(shared))
    error = acting_as(BEN, get)
    assert isinstance(error, datasets.DataError)
    assert str(error).startswith(f"cifar10 cannot be stored in {shared}: {shared / place}")
    assert f"cannot be written ({reason}). Let its owner give you access, or set COURSE_DATA to" in str(error)
    assert "\n" not in str(error)


@AS_ROOT
@pytest.mark.parametrize("closed", ["the files", "the folder"])
def test_files_that_one_user_keeps_to_himself_are_not_called_absent(closed, cifar10, shared):  # noqa: F811
    def write():
        folder = cifar10.write(shared)
        if closed == "the folder":
            os.chmod(folder, 0o700)

    made_by_anna(write, umask=0o077 if closed == "the files" else 0o022)
    if closed == "the files":
        os.chmod(shared / images_files.CIFAR10_PY, 0o755)
    first = f"{images_files.CIFAR10_PY}/data_batch_1"
    assert acting_as(BEN, lambda: datasets.state("cifar10")) == f"damaged: {first}"
    error = acting_as(BEN, lambda: datasets.load("cifar10") and None)
    assert f"cannot be used: {first} cannot be read (Permission denied)" in str(error)


@AS_ROOT
def test_two_users_record_in_one_file_that_both_may_write(shared):  # noqa: F811
    path = shared / "toy.jsonl"

    def run(name: str) -> dict:
        return {"key": name, "study": "toy", "arm": "a", "seed": 0, "epochs": [EPOCH], "status": "done"}

    def first():
        records.append(path, run("a"))
        path.chmod(0o664)

    made_by_anna(first)
    assert acting_as(BEN, lambda: records.append(path, run("b"))) is True
    assert [record["key"] for record in records.read(path)] == ["a", "b"]
    path.chmod(0o644)
    error = acting_as(BEN, lambda: helpers_files.require_writable(path))
    assert isinstance(error, helpers_files.FilesError)
    assert str(error).startswith(f"{path} cannot be written (Permission denied), so nothing was started.")
