"""Data sets: what load gives, what damaged files do, and downloads from sources that misbehave."""

import errno
import gzip
import multiprocessing
import os
import pickle
import re
import socket
import tarfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torchvision import datasets as vision

from helpers import ROOT, downloads
from helpers.downloads import DataError, Source
from helpers.images import datasets, files
from helpers.images.datasets import ImageData
from tests.images import fake_data
from tests.images.fake_data import FakeCifar10, FakeMnist, Server

GENUINE = {  # images, their shape, mean, std as published everywhere
    "mnist": (60_000, (1, 28, 28), [0.1307], [0.3081]),
    "fashion-mnist": (60_000, (1, 28, 28), [0.2860], [0.3530]),
    "cifar10": (50_000, (3, 32, 32), [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder; nothing that was loaded before is remembered."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    datasets._load.cache_clear()
    yield tmp_path / "data"
    datasets._load.cache_clear()


@pytest.fixture
def cifar10(monkeypatch: pytest.MonkeyPatch) -> FakeCifar10:
    return FakeCifar10(monkeypatch)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(downloads, "SILENCE", 3)  # a good answer takes milliseconds, but on a busy machine?
    monkeypatch.setattr(downloads, "WINDOW", 0.5)
    monkeypatch.setattr(downloads, "BRISK", 20_000)
    monkeypatch.setattr(downloads, "LARGEST", 2_000_000)
    server = Server()
    yield server
    server.close()


def sources(monkeypatch: pytest.MonkeyPatch, *urls: str, folder: str = files.CIFAR10_PY) -> None:
    monkeypatch.setitem(files.SOURCES, "cifar10", tuple(Source(folder, (url,)) for url in urls))


# What load gives ------------------------------------------------------------


def test_digits_are_scikit_learns_scaled_to_bytes():
    data = datasets.load("digits")
    images = torch.cat([data.train_images, data.test_images]).flatten(1)
    published = torch.from_numpy((load_digits().data * 255 / 16).round()).to(torch.uint8)
    assert sorted(map(tuple, images.tolist())) == sorted(map(tuple, published.tolist()))
    assert images.max() == 255
    assert data.train_images.shape[1:] == data.test_images.shape[1:] == (1, 8, 8)
    assert data.class_names == tuple("0123456789")
    assert datasets.state("digits") == "built in"
    datasets.download("digits")  # nothing to do
    assert datasets.load() is data


def test_digits_have_a_fixed_stratified_split():
    data = datasets.load("digits")
    train, test = data.train_labels.bincount(), data.test_labels.bincount()
    assert test.tolist() == ((train + test) // 5).tolist()
    assert data.test_labels[:8].tolist() == [5, 0, 9, 8, 7, 1, 2, 6]  # this very split, everywhere


def test_statistics_are_those_of_the_training_pixels():
    images = torch.randint(0, 256, (50, 3, 7, 5), dtype=torch.uint8)
    mean, std = datasets.pixel_statistics(images)
    pixels = images.numpy().astype(np.float64) / 255
    assert mean.dtype == std.dtype == torch.float32
    assert torch.equal(mean, torch.from_numpy(pixels.mean((0, 2, 3))).float())
    assert torch.equal(std, torch.from_numpy(pixels.std((0, 2, 3))).float())
    data = datasets.load("digits")
    assert torch.equal(data.mean, datasets.pixel_statistics(data.train_images)[0])


def test_statistics_lose_nothing_where_a_sum_of_squares_in_floating_point_would():
    images = torch.full((2000, 1, 32, 32), 255, dtype=torch.uint8)
    images[0, 0, 0, 0] = 254
    mean, std = datasets.pixel_statistics(images)
    n = images.numel()
    assert mean.item() == np.float32(1 - 1 / (255 * n))
    assert std.item() == np.float32(np.sqrt((n - 1) / n**2) / 255)


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_data_has_the_published_statistics(name: str):
    if datasets.state(name) != "present":
        pytest.skip(f"{name} is not on this machine (course data {name})")
    count, shape, mean, std = GENUINE[name]
    data = datasets.load(name)
    assert data.train_images.shape == (count, *shape)
    assert data.test_images.shape == (10_000, *shape)
    for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels)):
        assert images.dtype == torch.uint8
        assert images.is_contiguous()
        assert labels.dtype == torch.int64
        assert len(labels) == len(images)
    assert data.mean.tolist() == pytest.approx(mean, abs=6e-5)
    assert data.std.tolist() == pytest.approx(std, abs=6e-5)
    if name != "mnist":  # whose classes differ in size
        assert data.train_labels.bincount().tolist() == [count // 10] * 10
    assert len(data.class_names) == 10
    assert datasets.load(name) is data


def test_genuine_binary_form_of_cifar10_gives_the_same_images(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes the binary files from the pickles: the digests that MXNet published must be theirs."""
    with monkeypatch.context() as patch:
        patch.delenv("COURSE_DATA")
        if datasets.state("cifar10") != "present":
            pytest.skip("cifar10 is not on this machine (course data cifar10)")
        pickles = datasets.load("cifar10")
    images = torch.cat([pickles.train_images, pickles.test_images]).flatten(1).numpy()
    labels = torch.cat([pickles.train_labels, pickles.test_labels]).to(torch.uint8).numpy()
    (folder / files.CIFAR10_BIN).mkdir(parents=True)
    for number, file in enumerate(files.CIFAR10_BIN_DIGESTS):
        part = slice(10_000 * number, 10_000 * (number + 1))
        np.column_stack([labels[part], images[part]]).tofile(folder / files.CIFAR10_BIN / file)
    data = datasets.load("cifar10")
    assert torch.equal(data.train_images, pickles.train_images)
    assert torch.equal(data.test_labels, pickles.test_labels)
    assert data.class_names == pickles.class_names


# Validation split ------------------------------------------------------------


def test_validation_split_holds_out_training_images_only():
    data = datasets.load("digits")
    split = data.validation_split(300, seed=1)
    assert len(split.test_images) == len(split.test_labels) == 300
    assert len(split.train_images) == len(data.train_images) - 300
    together = torch.cat([split.train_images, split.test_images]).flatten(1).tolist()
    assert sorted(together) == sorted(data.train_images.flatten(1).tolist())
    assert torch.equal(split.mean, datasets.pixel_statistics(split.train_images)[0])
    assert not torch.equal(split.mean, data.mean)
    assert split.class_names == data.class_names


def test_validation_split_keeps_labels_with_their_images():
    images = torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1)
    labels = torch.arange(100)
    zeros = torch.zeros(1, 1, 1, 1, dtype=torch.uint8)
    data = ImageData("x", images, labels, zeros, labels[:1], ("a",), torch.zeros(1), torch.ones(1))
    split = data.validation_split(30)
    assert split.train_images.flatten().tolist() == split.train_labels.tolist()
    assert split.test_images.flatten().tolist() == split.test_labels.tolist()
    assert sorted(split.train_labels.tolist() + split.test_labels.tolist()) == list(range(100))
    # Recorded runs depend on these very images
    assert split.test_labels[:6].tolist() == [9, 12, 19, 20, 21, 25]


def test_validation_split_depends_on_its_seed():
    data = datasets.load("digits")
    first, same, other = (data.validation_split(100, seed) for seed in (0, 0, 1))
    assert torch.equal(first.test_images, same.test_images)
    assert not torch.equal(first.test_images, other.test_images)


@pytest.mark.parametrize("count", [0, -1, 1442])
def test_validation_split_says_what_is_allowed(count: int):
    with pytest.raises(ValueError, match=f"count is {count}; choose 1 to 1441 of the 1442"):
        datasets.load("digits").validation_split(count)


# Absent and damaged ------------------------------------------------------------


def test_unknown_names_are_told_the_known_ones():
    for function in (datasets.load, datasets.state, datasets.download):
        with pytest.raises(
            DataError, match="no data set 'cifar'; choose one of digits, mnist, fashion-mnist, cifar10"
        ):
            function("cifar")


@pytest.mark.parametrize("name", GENUINE)
def test_absent_data_says_what_to_do_and_asks_no_network(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def no_network(*arguments: object, **options: object) -> None:
        raise AssertionError("load used the network")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setattr(socket, "create_connection", no_network)
    with pytest.raises(DataError) as error:
        datasets.load(name)
    message = str(error.value)
    for part in (
        f"`course data {name}`",
        "COURSE_DATA",
        str(folder),
        files.layouts(name)[0].folder,
        '"digits"',
    ):
        assert part in message
    assert "\n" not in message
    assert datasets.state(name) == "absent"
    assert not folder.exists()


def test_the_data_folder_is_the_courses_own_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    assert datasets.data_folder() == ROOT / "data"
    monkeypatch.setenv("COURSE_DATA", "~/sets")
    assert datasets.data_folder() == Path.home() / "sets"
    monkeypatch.setenv("COURSE_DATA", "")
    assert datasets.data_folder() == ROOT / "data"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("mydata", ROOT / "mydata"),
        ("./data", ROOT / "data"),
        ("../sets", ROOT / ".." / "sets"),
        ("a b/ä", ROOT / "a b" / "ä"),
        ("/srv/sets", Path("/srv/sets")),
    ],
)
def test_a_relative_data_folder_is_the_same_one_wherever_a_process_runs(
    given: str, meant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COURSE_DATA", given)
    for place in (ROOT, ROOT / "notebooks", tmp_path):  # the command, a lesson's kernel, a worker
        monkeypatch.chdir(place)
        assert datasets.data_folder() == meant


def test_files_in_torchvisions_layout_are_read(folder: Path, cifar10: FakeCifar10):
    cifar10.write(folder)
    assert datasets.state("cifar10") == "present"
    cifar10.check(datasets.load("cifar10"))


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "a folder"])
@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_damaged_file_is_named(folder: Path, cifar10: FakeCifar10, file: str, damage: str):
    path = cifar10.write(folder) / file
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[:-1])
    elif damage == "altered":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "a folder":
        path.mkdir()
    said = {"missing": "is missing", "a folder": "cannot be read"}.get(damage, "is not as published")
    with pytest.raises(DataError, match=f"{files.CIFAR10_PY}/{file} {said}.*`course data cifar10`"):
        datasets.load("cifar10")
    assert datasets.state("cifar10") == f"damaged: {files.CIFAR10_PY}/{file}"


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("file", ["data_batch_1", "test_batch", "batches.meta"])
def test_a_poisoned_pickle_is_refused_before_it_runs(
    folder: Path, tmp_path: Path, cifar10: FakeCifar10, file: str
):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "control")))
    assert (tmp_path / "control").exists()  # the payload works
    (cifar10.write(folder) / file).write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(DataError, match=file):
        datasets.load("cifar10")
    assert not (tmp_path / "exploded").exists()


def test_a_poisoned_pickle_from_a_source_is_refused_before_it_runs(
    folder: Path, tmp_path: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    poisoned = cifar10.files | {"data_batch_2": pickle.dumps(Bomb(tmp_path / "exploded"))}
    sources(monkeypatch, server.serve("/bad.tar.gz", fake_data.good(fake_data.tar_gz(poisoned))))
    with pytest.raises(DataError, match="data_batch_2 is not as published"):
        datasets.download("cifar10")
    assert not (tmp_path / "exploded").exists()


def test_files_as_published_that_decode_to_other_images_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Such as MNIST/processed/*.pt, which torchvision prefers to the files that were checked."""
    mnist = FakeMnist(monkeypatch)
    raw = folder / files.MNIST
    raw.mkdir(parents=True)
    for name, packed in mnist.packed.items():
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(packed))
    assert datasets.load("mnist").train_images.shape == (5, 1, 28, 28)
    datasets._load.cache_clear()
    (folder / "MNIST/processed").mkdir()
    for name in (vision.MNIST.training_file, vision.MNIST.test_file):
        torch.save(
            (torch.zeros(5, 28, 28, dtype=torch.uint8), torch.arange(5)), folder / "MNIST/processed" / name
        )
    with pytest.raises(
        DataError, match="MNIST holds other images than the published ones; move that folder away"
    ):
        datasets.load("mnist")


# Downloads ------------------------------------------------------------


def left_in(folder: Path) -> set[str]:
    """What a download left in the data folder, but for the lock."""
    return {path.name for path in folder.iterdir()} - {".cifar10.lock", ".mnist.lock"}


def test_the_first_good_source_is_enough(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    good = server.serve("/good.tar.gz", fake_data.good(cifar10.archive))
    sources(monkeypatch, good, server.url + "/never.tar.gz")
    datasets.download("cifar10")
    cifar10.check(datasets.load("cifar10"))
    assert left_in(folder) == {files.CIFAR10_PY}
    assert {path.name for path in (folder / files.CIFAR10_PY).iterdir()} == set(cifar10.files)
    datasets.download("cifar10")  # present: nobody is asked
    assert dict(server.asked) == {"/good.tar.gz": 1}


def test_the_binary_form_is_as_good(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    url = server.serve("/good.tar.gz", fake_data.good(cifar10.binary_archive))
    sources(monkeypatch, url, folder=files.CIFAR10_BIN)
    datasets.download("cifar10")
    assert datasets.state("cifar10") == "present"
    cifar10.check(datasets.load("cifar10"))
    assert {path.name for path in (folder / files.CIFAR10_BIN).iterdir()} == set(files.CIFAR10_BIN_DIGESTS)


def misbehaviours(server: Server, archive: bytes) -> dict[str, tuple[fake_data.Answer, str]]:
    """How a source can fail, and what is said about it."""
    altered = bytearray(archive)
    altered[len(archive) // 2] ^= 1
    short = {"cifar-10-batches-py/data_batch_1": b"nothing"}
    return {
        "says nothing": (server.stall(archive, None), r"stalled \(nothing for 3 s\)"),
        "stops in the middle": (server.stall(archive, 5000), r"stalled \(nothing for 3 s\)"),
        "drips": (server.drip(archive, 20, 0.05), "too slow"),
        "truncates": (
            fake_data.truncated(archive),
            f"stopped after {len(archive) // 2:,} of {len(archive):,} bytes",
        ),
        "sends altered bytes": (
            fake_data.good(bytes(altered)),
            "Error|not as published|CRC|invalid|incorrect|bad",
        ),
        "sends other files": (fake_data.good(fake_data.tar_gz(short)), "data_batch_1 is not as published"),
        "sends half the files": (fake_data.good(fake_data.tar_gz({})), "data_batch_1 is missing"),
        "sends a web page": (fake_data.good(b"<html>Not here</html>" * 100), "not a gzip file"),
        "is overloaded": (fake_data.status(503), "answered 503 Service Unavailable"),
        "redirects to itself": (fake_data.redirect("/bad.tar.gz"), "answered 302"),
        "never ends": (fake_data.endless, "sends more than 2,000,000 bytes"),
        "unpacks to too much": (
            fake_data.good(fake_data.tar_gz({"data_batch_1": bytes(3_000_000)})),
            "unpacks to more than 2,000,000 bytes",
        ),
    }


KINDS = tuple(misbehaviours(Server.__new__(Server), b"x" * 10_000))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_source_is_given_up_for_the_next(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch, kind: str
):
    answer, _ = misbehaviours(server, cifar10.archive)[kind]
    bad, good = (
        server.serve("/bad.tar.gz", answer),
        server.serve("/good.tar.gz", fake_data.good(cifar10.archive)),
    )
    sources(monkeypatch, bad, good)
    start = time.monotonic()
    datasets.download("cifar10")
    assert time.monotonic() - start < 20
    cifar10.check(datasets.load("cifar10"))
    assert server.asked["/bad.tar.gz"] >= 1
    assert left_in(folder) == {files.CIFAR10_PY}


def test_when_all_sources_fail_each_reason_is_given_and_nothing_is_left(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(downloads, "ENOUGH", downloads.BRISK)
    urls, reasons = [], []
    for number, (kind, (answer, reason)) in enumerate(misbehaviours(server, cifar10.archive).items()):
        path = "/bad.tar.gz" if kind == "redirects to itself" else f"/{number}.tar.gz"
        urls.append(server.serve(path, answer))
        reasons.append(reason)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    sources(
        monkeypatch, *urls, f"http://127.0.0.1:{port}/refused.tar.gz", "http://no-such-host.invalid/x.tar.gz"
    )
    with pytest.raises(DataError) as error:
        datasets.download("cifar10")
    message = str(error.value)
    for reason in [*reasons, f"127.0.0.1:{port}: .*refused", "no-such-host.invalid: "]:
        assert re.search(reason, message), reason
    assert "copy cifar-10-batches-py/ with data_batch_1" in message
    assert "\n" not in message
    assert left_in(folder) == set()
    assert datasets.state("cifar10") == "absent"


def test_a_redirect_is_followed(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    server.serve("/elsewhere", fake_data.good(cifar10.archive))
    sources(monkeypatch, server.serve("/moved.tar.gz", fake_data.redirect("/elsewhere")))
    datasets.download("cifar10")
    cifar10.check(datasets.load("cifar10"))


def test_a_slow_source_is_used_when_there_is_no_other(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(downloads, "ENOUGH", 1)
    slow = server.drip(cifar10.archive, len(cifar10.archive) // 10, 0.3)  # 37 kB in 3 s
    sources(monkeypatch, server.serve("/slow.tar.gz", slow), server.url + "/absent.tar.gz")
    datasets.download("cifar10")
    cifar10.check(datasets.load("cifar10"))
    assert dict(server.asked) == {"/slow.tar.gz": 2, "/absent.tar.gz": 1}


def test_an_archive_cannot_write_outside(
    folder: Path, tmp_path: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    evil = dict.fromkeys(["../../../climbed", str(tmp_path / "absolute")], b"evil")
    archive = fake_data.tar_gz(evil | {f"../{name}": file for name, file in cifar10.files.items()})
    sources(monkeypatch, server.serve("/evil.tar.gz", fake_data.good(archive)))
    datasets.download("cifar10")
    cifar10.check(datasets.load("cifar10"))  # the wanted files in it are good
    everything = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert everything <= {*cifar10.files, ".cifar10.lock"}


def test_an_archive_is_unpacked_flat_and_without_links(tmp_path: Path):
    packed, target = tmp_path / "packed", tmp_path / "target"
    target.mkdir()
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("a/../../climbed", "/absolute", "..\\..\\backslash", "c:drive"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    downloads.unpack(packed, "x.tar.gz", target)
    assert {path.name for path in target.iterdir()} == {"climbed", "absolute", "backslash", "drive"}


def test_a_damaged_file_is_replaced(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    (cifar10.write(folder) / "data_batch_4").write_bytes(b"spoilt")
    sources(monkeypatch, server.serve("/good.tar.gz", fake_data.good(cifar10.archive)))
    datasets.download("cifar10")
    cifar10.check(datasets.load("cifar10"))


def test_a_damaged_file_stays_until_there_is_a_better_one(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    path = cifar10.write(folder) / "data_batch_4"
    path.write_bytes(b"spoilt")
    sources(monkeypatch, server.serve("/bad.tar.gz", fake_data.status(503)))
    with pytest.raises(DataError, match="503"):
        datasets.download("cifar10")
    assert path.read_bytes() == b"spoilt"
    assert (path.parent / "data_batch_5").read_bytes() == cifar10.files["data_batch_5"]


def test_what_a_killed_download_left_is_cleared(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    for name in (".cifar10.download", ".cifar10.downloadq_1x"):
        rest = folder / name / files.CIFAR10_PY
        rest.mkdir(parents=True)
        (rest / "data_batch_1").write_bytes(b"half")
    sources(monkeypatch, server.serve("/good.tar.gz", fake_data.good(cifar10.archive)))
    datasets.download("cifar10")
    assert left_in(folder) == {files.CIFAR10_PY}


def test_a_set_appears_whole_or_not_at_all(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    """One that is killed between two moves would leave half a set, which another user could not complete."""
    moved = []
    monkeypatch.setattr(os, "rename", lambda old, new: moved.append((Path(old), Path(new))))
    monkeypatch.setattr(os, "replace", lambda old, new: pytest.fail("file by file"))
    sources(monkeypatch, server.serve("/good.tar.gz", fake_data.good(cifar10.archive)))
    datasets.download("cifar10")
    [(old, new)] = moved
    assert new == folder / files.CIFAR10_PY
    assert old.parent.parent == folder  # the same disk
    assert old.parent.name.startswith(".cifar10.download")
    assert len(old.parent.name) >= len(".cifar10.download") + 8  # nobody can know it before


def test_two_downloads_have_folders_of_different_names(
    folder: Path, cifar10: FakeCifar10, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def note(known: object, fresh: Path, *_: object) -> None:
        seen.append(fresh)
        raise DataError("no source")

    monkeypatch.setattr(downloads, "first_good", note)
    for _ in range(2):
        with pytest.raises(DataError, match="no source"):
            datasets.download("cifar10")
    assert seen[0] != seen[1]


def test_ctrl_c_leaves_nothing_behind(folder: Path, cifar10: FakeCifar10, monkeypatch: pytest.MonkeyPatch):
    def interrupted(url: str, target: Path, *arguments: object) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        datasets.download("cifar10")
    assert left_in(folder) == set()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_not_the_sources_fault(
    number: int, folder: Path, cifar10: FakeCifar10, monkeypatch: pytest.MonkeyPatch
):
    tried = []

    def full(url: str, *arguments: object) -> None:
        tried.append(url)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(downloads, "fetch", full)
    with pytest.raises(DataError, match=f"the disk of {folder} is full"):
        datasets.download("cifar10")
    assert len(tried) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(
        DataError,
        match=r"mnist cannot be stored in .*file/data: .*/file cannot be written \(Not a directory\)\. "
        "Let its owner give you access, or set COURSE_DATA",
    ):
        datasets.download("mnist")


def test_files_that_decode_to_other_images_are_not_accepted(
    folder: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(files.CONTENT_DIGESTS, "cifar10", "0" * 64)
    sources(monkeypatch, server.serve("/good.tar.gz", fake_data.good(cifar10.archive)))
    with pytest.raises(DataError, match="other images than the published ones"):
        datasets.download("cifar10")
    assert left_in(folder) == set()


@pytest.mark.parametrize("kind", ["is overloaded", "sends half a file", "sends bytes that no gzip makes"])
def test_mnist_comes_from_the_next_mirror_when_one_file_fails(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch, kind: str
):
    mnist = FakeMnist(monkeypatch)
    for mirror in ("first", "second"):
        for name, packed in mnist.packed.items():
            server.serve(f"/{mirror}/{name}", fake_data.good(packed))
    packed = mnist.packed["t10k-images-idx3-ubyte.gz"]
    bad = {
        "is overloaded": fake_data.status(503),
        "sends half a file": fake_data.good(packed[: len(packed) // 2]),
        "sends bytes that no gzip makes": fake_data.good(packed[:10] + b"\xff" * 1000),
    }
    server.serve("/first/t10k-images-idx3-ubyte.gz", bad[kind])
    mirrors = tuple(files._idx_source(files.MNIST, f"{server.url}/{which}/") for which in ("first", "second"))
    monkeypatch.setitem(files.SOURCES, "mnist", mirrors)
    datasets.download("mnist")
    data = datasets.load("mnist")
    assert torch.equal(data.train_images, torch.from_numpy(mnist.train).unsqueeze(1))
    assert torch.equal(data.test_images, torch.from_numpy(mnist.test).unsqueeze(1))
    assert data.train_labels.tolist() == [0, 1, 2, 3, 4]
    assert left_in(folder) == {"MNIST"}


def test_progress_shows_the_source_and_why_one_was_given_up(
    folder: Path,
    cifar10: FakeCifar10,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    bad = server.serve("/bad.tar.gz", fake_data.status(503))
    sources(monkeypatch, bad, server.serve("/good.tar.gz", fake_data.good(cifar10.archive)))
    datasets.download("cifar10", progress=True)
    shown = capsys.readouterr()
    assert "answered 503 Service Unavailable" in shown.err
    assert "100%" in shown.err
    assert shown.out == ""


def test_two_processes_download_once(
    folder: Path, tmp_path: Path, cifar10: FakeCifar10, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(downloads, "SILENCE", 60)
    ready = [tmp_path / "other", tmp_path / "this"]

    def answer(request: object) -> None:
        fake_data.wait_for(ready)  # both are at it before one has got anything
        time.sleep(0.5)
        fake_data.good(cifar10.archive)(request)

    url = server.serve("/good.tar.gz", answer)
    sources(monkeypatch, url)
    other = multiprocessing.get_context("spawn").Process(
        target=fake_data.download_in_a_process, args=(url, str(folder), str(ready[0]))
    )
    other.start()
    fake_data.wait_for(ready[:1])
    ready[1].touch()
    datasets.download("cifar10")
    other.join(60)
    assert other.exitcode == 0
    assert server.asked["/good.tar.gz"] == 1
    cifar10.check(datasets.load("cifar10"))
    assert left_in(folder) == {files.CIFAR10_PY}


def test_cifar10_has_sources_of_both_forms_and_its_slow_host_comes_last():
    hosts = [downloads._host(source.urls[0]) for source in files.SOURCES["cifar10"]]
    assert len(hosts) == len(set(hosts)) >= 3
    assert {source.folder for source in files.SOURCES["cifar10"]} == {
        files.CIFAR10_PY,
        files.CIFAR10_BIN,
    }
    assert hosts[-1] == "www.cs.toronto.edu"


def test_every_source_has_a_layout_and_only_torchvisions_own_are_without_tls():
    own = {*vision.MNIST.mirrors, *vision.FashionMNIST.mirrors}
    for name, known in files.SOURCES.items():
        folders = {layout.folder for layout in files.layouts(name)}
        for source in known:
            assert source.folder in folders
            for url in source.urls:
                assert url.startswith("https://") or url.rpartition("/")[0] + "/" in own
