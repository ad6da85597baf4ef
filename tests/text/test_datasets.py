"""Texts: what load gives, what a damaged file does, and where Tiny Shakespeare comes from."""

import hashlib
import socket
from pathlib import Path

import pytest
import torch

from helpers import downloads
from helpers.downloads import DataError, Source
from helpers.text import brackets, datasets
from tests.images import fake_data
from tests.images.fake_data import Server

PLAY = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 50


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, PLAY in the place of the published text, and nothing remembered."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(datasets.DIGESTS, "input.txt", hashlib.sha256(PLAY).hexdigest())
    datasets._load.cache_clear()
    yield tmp_path / "data"
    datasets._load.cache_clear()


@pytest.fixture
def server() -> Server:
    server = Server()
    yield server
    server.close()


def sources(monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> None:
    """The two sources, with the names that their files have, at other addresses."""
    folder = datasets.SHAKESPEARE
    monkeypatch.setattr(
        datasets, "SOURCES", (Source(folder, (first,)), Source(folder, (second,), file="input.txt"))
    )


def write(folder: Path, content: bytes) -> None:
    (folder / "tinyshakespeare").mkdir(parents=True)
    (folder / "tinyshakespeare" / "input.txt").write_bytes(content)


def test_brackets_are_made_here_with_their_floor():
    data = datasets.load()
    assert data is datasets.load("brackets")
    assert data.train.dtype == data.validation.dtype == torch.uint8
    assert (len(data.train), len(data.validation)) == (900_000, 100_000)
    assert torch.equal(torch.cat([data.train, data.validation]), brackets.generate(1_000_000, seed=0))
    assert data.alphabet == "abcdefgh()[]"
    assert data.floor == brackets.entropy_rate()
    assert data.text(data.train[:24]) == "ccgbbebc(beagg[fhdgcceg]"
    assert datasets.state("brackets") == "built in"
    datasets.download("brackets")  # nothing to do


def test_tiny_shakespeare_is_the_published_text():
    if datasets.state("tinyshakespeare") != "present":
        pytest.skip("tinyshakespeare is not on this machine (course data tinyshakespeare)")
    data = datasets.load("tinyshakespeare")
    assert (len(data.train), len(data.validation)) == (1_003_854, 111_540)  # as nanoGPT splits it
    assert len(data.alphabet) == 65
    assert data.floor is None
    assert data.text(data.train[:14]) == "First Citizen:"


def test_a_text_is_read_as_places_in_its_alphabet(folder: Path):
    write(folder, PLAY)
    assert datasets.state("tinyshakespeare") == "present"
    data = datasets.load("tinyshakespeare")
    assert data.train.dtype == data.validation.dtype == torch.uint8
    assert data.alphabet == "".join(sorted(set(PLAY.decode())))
    assert len(data.train) == len(PLAY) * 9 // 10
    assert (data.text(data.train) + data.text(data.validation)).encode() == PLAY


@pytest.mark.parametrize("content", [PLAY[:-1], PLAY.replace(b"\n", b"\r\n"), PLAY.replace(b"hear", b"near")])
def test_another_text_is_refused_by_name(folder: Path, content: bytes):
    write(folder, content)
    with pytest.raises(
        DataError, match=r"tinyshakespeare/input.txt is not as published \([\d,]+ bytes, sha256"
    ):
        datasets.load("tinyshakespeare")
    assert datasets.state("tinyshakespeare") == "damaged: tinyshakespeare/input.txt"


def test_an_absent_text_says_what_to_do_and_asks_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("load used the network"))
    with pytest.raises(DataError) as error:
        datasets.load("tinyshakespeare")
    for part in (
        "`course data tinyshakespeare` (in Python: helpers.text.datasets.download('tinyshakespeare'))",
        str(folder),
        "tinyshakespeare/ with input.txt",
        'The text "brackets" is made by the course',
    ):
        assert part in str(error.value)
    assert "\n" not in str(error.value)
    assert datasets.state("tinyshakespeare") == "absent"


def test_unknown_names_are_told_the_known_ones():
    for function in (datasets.load, datasets.state, datasets.download):
        with pytest.raises(DataError, match="no text 'shakespeare'; choose one of brackets, tinyshakespeare"):
            function("shakespeare")


def test_the_publisher_comes_first_and_the_second_source_has_another_host():
    first, second = datasets.SOURCES
    assert "karpathy/char-rnn" in first.urls[0]
    assert downloads._host(first.urls[0]) != downloads._host(second.urls[0])
    for source in datasets.SOURCES:
        assert source.folder == datasets.SHAKESPEARE
        assert source.file or source.urls[0].endswith("/input.txt")
        assert source.urls[0].startswith("https://")


def test_a_text_comes_as_it_is_and_the_second_source_is_used_when_the_first_fails(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
):
    first, second = server.url + "/input.txt", server.serve("/shakespeare.txt", fake_data.good(PLAY))
    sources(monkeypatch, first, second)
    for answer, asked in (
        (fake_data.good(PLAY), {"/input.txt": 1}),
        (fake_data.status(503), {"/input.txt": 2, "/shakespeare.txt": 1}),
        (fake_data.good(PLAY[:-1]), {"/input.txt": 3, "/shakespeare.txt": 2}),
        (fake_data.truncated(PLAY), {"/input.txt": 4, "/shakespeare.txt": 3}),
    ):
        server.serve("/input.txt", answer)
        datasets.download("tinyshakespeare")
        assert dict(server.asked) == asked
        file = folder / "tinyshakespeare" / "input.txt"
        assert file.read_bytes() == PLAY
        assert {path.name for path in folder.iterdir()} == {"tinyshakespeare", ".tinyshakespeare.lock"}
        file.write_bytes(b"damaged: it is to be replaced")


def test_when_both_sources_fail_each_reason_is_given_and_nothing_is_left(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
):
    page = server.serve("/shakespeare.txt", fake_data.good(b"<html>Not here</html>"))
    sources(monkeypatch, server.serve("/input.txt", fake_data.status(404)), page)
    with pytest.raises(
        DataError, match=r"answered 404.*tinyshakespeare/input.txt is not as published \(21 bytes"
    ):
        datasets.download("tinyshakespeare")
    assert {path.name for path in folder.iterdir()} == {".tinyshakespeare.lock"}
    assert datasets.state("tinyshakespeare") == "absent"
