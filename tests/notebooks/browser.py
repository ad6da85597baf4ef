"""A real browser and its servers, for the tests that need them; skipped where there is no Chromium."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WITHOUT = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)")
STARTUP = 120  # seconds for a server, and for a page


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def serving(command: list[str], address: str, folder: Path) -> Iterator[str]:
    """The address once `command`, run in `folder`, answers there. One that does not start shows its log."""
    watched = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}  # by a person
    log = folder / "log"
    with log.open("w") as written:
        process = subprocess.Popen(command, env=watched, cwd=folder, stdout=written, stderr=written)
    try:
        until = time.monotonic() + STARTUP
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)
