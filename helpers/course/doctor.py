"""What the course needs of a machine, checked on this one with Python alone: torch itself may be broken."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers import ROOT, data_folder, files

SPACE = 2.0  # GB: all data sets with their archives (0.6), runs, executed lessons and the report
PYTHON = shlex.quote(sys.executable)
PIP = f"{PYTHON} -m pip install -c constraints.txt -e '.[test]'"
INSTALL = f"cd {shlex.quote(str(ROOT))} && {PIP}"
TORCH = ("torch", "torchvision")


@dataclass(frozen=True)
class Check:
    """One thing that the course needs: its name, what was found, and what to do ("" if it is well)."""

    name: str
    found: str
    remedy: str = ""


def checks() -> Iterator[Check]:
    """Python, packages, PyTorch, this course, the notebook kernel, folders to write to and space, in turn.

    Without the course's own folder there is nothing else to look at.
    """
    yield (found := folder())
    if found.remedy:
        return
    yield _python()
    yield from _packages()
    yield _torch_works()
    yield _course()
    yield _kernel()
    for name, place, remedy in (
        ("build", ROOT / "build", "move the course to a folder of your own"),
        ("notebooks", ROOT / "notebooks", "move the course to a folder of your own"),
        ("data", data_folder(), "set COURSE_DATA to a folder of your own"),
    ):
        yield _writable(name, place, remedy)
    yield _space(data_folder())


def folder() -> Check:
    """Whether the code lies in the course's own folder: without -e, pip makes a copy of the code alone."""
    missing = [
        name for name in ("pyproject.toml", "constraints.txt", "notebooks") if not (ROOT / name).exists()
    ]
    if not missing:
        return Check("course", str(ROOT))
    return Check(
        "course",
        f"{ROOT} holds a copy of its code, without {', '.join(missing)}: it was installed without -e",
        f"In the course's own folder: {PIP}",
    )


def _python() -> Check:
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    wanted = _project()["requires-python"].removeprefix(">=")
    remedy = (
        "" if sys.version_info >= _numbers(wanted) else f"install Python {wanted} or newer; then {INSTALL}"
    )
    return Check("Python", found, remedy)


def _packages() -> Iterator[Check]:
    """Each package that pyproject.toml lists, with its version; what only the tests need may be absent."""
    project = _project()
    tests = project["optional-dependencies"]["test"]
    for needed in [*project["dependencies"], *tests]:
        name, least = re.split(r"\[.*\]>=|>=", needed)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = None
        if not version:  # None also where a removal was broken off and only a folder is left
            yield Check(
                name,
                "absent, for the tests" if needed in tests else "absent",
                "" if needed in tests else INSTALL,
            )
            continue
        old = _numbers(version) < _numbers(least)
        yield Check(name, version + (f", older than {least}" if old else ""), INSTALL if old else "")


def _torch_works() -> Check:
    """Whether torch and torchvision can be imported together: a pair not made for each other cannot."""
    name = " and ".join(TORCH)
    try:
        for package in TORCH:
            importlib.import_module(package)
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        reason = str(error).strip().splitlines() or [""]
        remedy = f"{PYTHON} -m pip uninstall -y {' '.join(TORCH)}; {INSTALL}"
        return Check(name, f"cannot be imported: {type(error).__name__}: {reason[0]}", remedy)
    return Check(name, "work together")


def _course() -> Check:
    """Which `helpers` a program elsewhere gets: this course's, or a package that happens to be called so."""
    done = _path_from(
        [sys.executable, "-P"], "import helpers; path = helpers.__file__ or list(helpers.__path__)[0]"
    )
    if done.returncode:
        return Check("helpers", "not installed here", INSTALL)
    found = Path(os.fsdecode(done.stdout))
    if found.is_relative_to(ROOT):
        return Check("helpers", "this course's")
    return Check(
        "helpers",
        f"another package, {found}",
        f"remove it (pip uninstall, or out of PYTHONPATH), or give the course its own environment; {INSTALL}",
    )


def _kernel() -> Check:
    """Whether the notebooks' kernel, python3, is this Python: the same environment, however it is spelt."""
    name, install = "kernel python3", f"{PYTHON} -m ipykernel install --sys-prefix"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Check(name, "jupyter_client is absent", INSTALL)
    try:
        python, *_ = KernelSpecManager().get_kernel_spec("python3").argv
    except NoSuchKernel:
        return Check(name, "absent", install)
    except (OSError, ValueError) as error:  # not readable, no JSON, or argv is empty
        return Check(name, f"its kernel.json cannot be used ({error})", install)
    major, minor = sys.version_info[:2]
    if python in ("python", f"python{major}", f"python{major}.{minor}"):  # Jupyter starts the one it runs in
        return Check(name, "this Python")
    try:
        done = _path_from([python], "path = sys.prefix")
    except (OSError, ValueError, subprocess.SubprocessError) as error:  # ValueError: a name not of the locale
        return Check(name, f"{python} does not start ({error})", install)
    if done.returncode == 0 and os.path.realpath(os.fsdecode(done.stdout)) == os.path.realpath(sys.prefix):
        return Check(name, "this Python")
    return Check(name, f"another Python, {python}", install)


def _path_from(python: list[str], code: str) -> subprocess.CompletedProcess[bytes]:
    """What that Python gives as the `path` of this code, in the file system's bytes: no locale has a say."""
    code = f"import os, sys; {code}; sys.stdout.buffer.write(os.fsencode(path))"
    return subprocess.run([*python, "-c", code], cwd=tempfile.gettempdir(), capture_output=True, timeout=60)


def _writable(name: str, folder: Path, remedy: str) -> Check:
    if reason := files.refusal(folder):
        return Check(f"folder {name}", f"{folder} cannot be written: {reason}", remedy)
    return Check(f"folder {name}", str(folder))


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(files.existing(folder)).free / 1e9
    remedy = "" if free >= SPACE else f"free {SPACE - free:.1f} GB, or set COURSE_DATA to a folder elsewhere"
    return Check("space", f"{free:.1f} GB free in {folder}", remedy)


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _numbers(version: str) -> tuple[int, ...]:
    """2, 11, 0 of "2.11.0+cpu"."""
    return tuple(int(number) for number in re.findall(r"\d+", version.split("+")[0])[:3])
