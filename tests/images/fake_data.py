"""For test_datasets.py: a server that misbehaves on request, and tiny data sets in the published forms."""

import gzip
import hashlib
import http.server
import io
import pickle
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets as vision

from helpers import downloads
from helpers.images import datasets
from helpers.images import files as layouts

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class Server:
    """Answers on 127.0.0.1 as `answers` says, by path; counts the requests in `asked`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()  # ends the answers that stall
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked[self.path] += 1
                try:
                    server.answers.get(self.path, status(404))(self)
                except ConnectionError:  # the client gave up, as it should
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                """Silent: the tests' output is not a log."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def close(self) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()

    def serve(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url + path

    def stall(self, content: bytes, sent: int | None) -> Answer:
        """Says nothing at all (None), or sends so many bytes and then nothing."""

        def answer(request: http.server.BaseHTTPRequestHandler) -> None:
            if sent is not None:
                _head(request, len(content))
                request.wfile.write(content[:sent])
            self.closing.wait(30)

        return answer

    def drip(self, content: bytes, size: int, pause: float) -> Answer:
        """Sends everything, `size` bytes every `pause` seconds."""

        def answer(request: http.server.BaseHTTPRequestHandler) -> None:
            _head(request, len(content))
            for start in range(0, len(content), size):
                request.wfile.write(content[start : start + size])
                if self.closing.wait(pause):
                    return

        return answer


def _head(request: http.server.BaseHTTPRequestHandler, length: int | None) -> None:
    request.send_response(200)
    if length is not None:
        request.send_header("Content-Length", str(length))
    request.end_headers()


def good(content: bytes) -> Answer:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        _head(request, len(content))
        request.wfile.write(content)

    return answer


def truncated(content: bytes) -> Answer:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        _head(request, len(content))
        request.wfile.write(content[: len(content) // 2])
        request.close_connection = True

    return answer


def endless(request: http.server.BaseHTTPRequestHandler) -> None:
    _head(request, None)
    while True:
        request.wfile.write(bytes(1 << 16))


def status(code: int) -> Answer:
    return lambda request: request.send_error(code)


def redirect(url: str) -> Answer:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", url)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def tar_gz(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def idx(values: np.ndarray) -> bytes:
    """An array of bytes in MNIST's format."""
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes() + values.tobytes()


class FakeCifar10:
    """Twelve images, two a file, as pickles (`files`, `archive`) and raw bytes (`binary_archive`)."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        random = np.random.default_rng(0)
        self.images = random.integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
        self.labels = random.integers(0, 10, 12)
        names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
        self.files, binary = {}, {}
        for number, name in enumerate(names):
            part = slice(2 * number, 2 * number + 2)
            pixels, labels = self.images[part].reshape(2, 3072), self.labels[part]
            self.files[name] = pickle.dumps({"data": pixels, "labels": labels.tolist()})
            binary[f"{name}.bin"] = np.column_stack([labels.astype(np.uint8), pixels]).tobytes()
        self.files["batches.meta"] = pickle.dumps({"label_names": list(layouts.CIFAR10_CLASSES)})
        self.archive = tar_gz({f"cifar-10-batches-py/{name}": file for name, file in self.files.items()})
        mac = {"._data_batch_1.bin": b"what macOS puts into archives"}
        self.binary_archive = tar_gz(mac | binary)
        md5 = {name: hashlib.md5(file).hexdigest() for name, file in self.files.items()}
        patch.setattr(vision.CIFAR10, "train_list", [[name, md5[name]] for name in names[:5]])
        patch.setattr(vision.CIFAR10, "test_list", [[names[5], md5[names[5]]]])
        patch.setitem(vision.CIFAR10.meta, "md5", md5["batches.meta"])
        sha1 = {name: hashlib.sha1(file).hexdigest() for name, file in binary.items()}
        patch.setattr(layouts, "CIFAR10_BIN_DIGESTS", sha1)
        digest = hashlib.sha256()
        for part in (slice(0, 10), slice(10, 12)):
            digest.update(self.images[part].tobytes() + self.labels[part].astype(np.uint8).tobytes())
        patch.setitem(layouts.CONTENT_DIGESTS, "cifar10", digest.hexdigest())

    def write(self, root: Path) -> Path:
        folder = root / layouts.CIFAR10_PY
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder

    def check(self, data: datasets.ImageData) -> None:
        """The images are these, in this order."""
        assert torch.equal(data.train_images, torch.from_numpy(self.images[:10]))
        assert torch.equal(data.test_images, torch.from_numpy(self.images[10:]))
        assert data.train_labels.tolist() == self.labels[:10].tolist()
        assert data.test_labels.tolist() == self.labels[10:].tolist()
        assert data.class_names == layouts.CIFAR10_CLASSES


class FakeMnist:
    """Five training and three test images in MNIST's files: `packed` by the name of the .gz."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        random = np.random.default_rng(1)
        self.train, self.test = (random.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (5, 3))
        contents = {
            "train-images-idx3-ubyte": idx(self.train),
            "train-labels-idx1-ubyte": idx(np.arange(5, dtype=np.uint8)),
            "t10k-images-idx3-ubyte": idx(self.test),
            "t10k-labels-idx1-ubyte": idx(np.arange(3, dtype=np.uint8)),
        }
        self.packed = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        patch.setitem(layouts.IDX_DIGESTS, layouts.MNIST, digests)
        content = self.train.tobytes() + bytes(range(5)) + self.test.tobytes() + bytes(range(3))
        patch.setitem(layouts.CONTENT_DIGESTS, "mnist", hashlib.sha256(content).hexdigest())


def download_in_a_process(url: str, root: str, ready: str) -> None:
    """Downloads the fake CIFAR-10, in a process of its own; makes the file `ready` just before."""
    with pytest.MonkeyPatch.context() as patch:
        FakeCifar10(patch)
        patch.setenv("COURSE_DATA", root)
        patch.setitem(layouts.SOURCES, "cifar10", (downloads.Source(layouts.CIFAR10_PY, (url,)),))
        Path(ready).touch()
        datasets.download("cifar10")


def wait_for(paths: list[Path], seconds: float = 120) -> None:
    """Returns when all files are there; TimeoutError otherwise."""
    end = time.monotonic() + seconds
    while not all(path.exists() for path in paths):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {paths}")
        time.sleep(0.02)
