"""Fetches a data set's files: several sources, tried in turn, none trusted before its bytes are checked."""

import errno
import gzip
import http.client
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tqdm import tqdm

SILENCE = 20.0  # seconds without an answer or a byte after which a source counts as stalled
WINDOW = 20.0  # seconds over which the speed is measured
BRISK = 200_000  # bytes per second: a slower source waits until every other one has failed
ENOUGH = 5_000  # bytes per second: slower than this is given up
LARGEST = 400_000_000  # bytes: more than any data set here has, packed or unpacked


class DataError(RuntimeError):
    """A data set is absent, damaged or unknown; the message, one paragraph, says so and what to do."""


class _TooSlow(DataError):
    """A source that sends bytes, but fewer than asked for."""


_REFUSED = (DataError, OSError, http.client.HTTPException, tarfile.TarError, EOFError, zlib.error)


@dataclass(frozen=True)
class Source:
    """Where a data set can be fetched: one .tar.gz, or each file, as it is or as .gz.

    `folder` is its layout's; `file` is what a source's only file is called there, if otherwise than here.
    """

    folder: str
    urls: tuple[str, ...]
    file: str = ""


def first_good(
    sources: Iterable[Source], folder: Path, accept: Callable[[Source], None], progress: bool = False
) -> Source:
    """Fetches and unpacks below `folder` from one source after the other; returns the first not refused.

    `accept(source)` looks at the unpacked files and raises DataError if they are not the published ones. A
    source that is only slow is tried again, with more patience, when every other one has failed: a learner's
    own line may be the slow one. Raises DataError with the reason of each source when none is left.
    """
    failures = []
    for rate in (BRISK, ENOUGH):
        slow = []
        for source in sources:
            try:
                _obtain(source, folder, rate, progress)
                accept(source)
            except _REFUSED as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                    raise DataError(f"the disk of {folder.parent} is full") from error
                failures.append(f"{_host(source.urls[0])}: {_reason(error)}")
                if isinstance(error, _TooSlow):
                    slow.append(source)
                if progress:
                    tqdm.write(failures[-1], file=sys.stderr)
            else:
                return source
        sources = slow
    raise DataError("; ".join(failures))


def _obtain(source: Source, folder: Path, rate: int, progress: bool) -> None:
    target = folder / source.folder
    shutil.rmtree(target, ignore_errors=True)  # what another source sent
    target.mkdir(parents=True)
    packed = folder / "packed"
    for url in source.urls:
        fetch(url, packed, rate, progress)
        unpack(packed, source.file or PurePosixPath(urllib.parse.urlsplit(url).path).name, target)
        packed.unlink()


def fetch(url: str, target: Path, rate: int, progress: bool = False) -> None:
    """Writes what `url` sends to `target`.

    Raises DataError where the source stalls, sends less than `rate` bytes per second, stops early, or sends
    more than any data set has; OSError and http.client.HTTPException as urllib does. Certificates are checked
    as Python does by default.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "course"})  # some hosts refuse urllib's own
    with urllib.request.urlopen(request, timeout=SILENCE) as response, open(target, "wb") as file:
        announced, received, counted, since = response.length, 0, 0, time.monotonic()
        with tqdm(total=announced, unit="B", unit_scale=True, desc=_host(url), disable=not progress) as bar:
            # read1 returns what has come: read would wait for a whole block while a byte comes now and then
            while block := response.read1(1 << 18):
                file.write(block)
                bar.update(len(block))
                received += len(block)
                seconds = time.monotonic() - since
                if received > LARGEST:
                    raise DataError(f"sends more than {LARGEST:,} bytes")
                if seconds >= WINDOW:
                    speed = (received - counted) / seconds
                    if speed < rate:
                        raise _TooSlow(f"too slow ({speed / 1000:,.1f} kB/s, less than {rate / 1000:,.1f})")
                    counted, since = received, time.monotonic()
    if announced is not None and received < announced:
        raise DataError(f"stopped after {received:,} of {announced:,} bytes")


def unpack(packed: Path, name: str, folder: Path) -> None:
    """Unpacks a .tar.gz or .gz called `name` into `folder`; copies any other file.

    An archive cannot choose where its files are written: only plain files are taken, each by the last part of
    its path. Raises DataError for more bytes than any data set has, and what gzip and tarfile raise where the
    bytes are no archive.
    """
    if not name.endswith(".tar.gz"):
        opened = gzip.open if name.endswith(".gz") else open
        with opened(packed, "rb") as content:
            _copy(content, folder / name.removesuffix(".gz"), LARGEST)
        return
    room = LARGEST
    with tarfile.open(packed, "r:gz") as archive:
        for member in archive:
            if member.isfile():
                file = PureWindowsPath(member.name).name  # knows / and \ and drives
                with archive.extractfile(member) as content:
                    room -= _copy(content, folder / file, room)


def _copy(content: IO[bytes], target: Path, room: int) -> int:
    size = 0
    with open(target, "wb") as file:
        while block := content.read(1 << 20):
            size += file.write(block)
            if size > room:
                raise DataError(f"unpacks to more than {LARGEST:,} bytes")
    return size


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)  # urllib wraps what went wrong while it connected
    if isinstance(error, urllib.error.HTTPError):
        text = f"answered {error.code} {cause}"
    elif isinstance(cause, TimeoutError):
        text = f"stalled (nothing for {SILENCE:g} s)"
    else:
        text = str(cause) or type(cause).__name__
    return " ".join(text.split())  # some have several lines
