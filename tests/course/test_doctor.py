"""`course doctor` on environments broken in one way each: it says what is wrong and what to type."""

import collections
import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers import ROOT
from helpers.course import cli, doctor

PYTHON = shlex.quote(sys.executable)
PIP = f"{PYTHON} -m pip install -c constraints.txt -e '.[test]'"
INSTALL = f"cd {shlex.quote(str(ROOT))} && {PIP}"


def check(name: str) -> doctor.Check:
    [found] = [check for check in doctor.checks() if check.name == name]
    return found


def test_all_is_well_where_the_tests_run():
    names = [check.name for check in doctor.checks()]
    assert {"Python", "torch", "nbval", "torch and torchvision", "helpers", "folder data", "space"} < set(
        names
    )
    for needed in ("torch", "torch and torchvision", "helpers", "folder build", "folder notebooks"):
        assert check(needed).remedy == "", check(needed)


def versions(monkeypatch, **changed: str | None) -> None:
    true = metadata.version

    def version(name: str) -> str:
        found = changed.get(name.replace("-", "_"), true(name))
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize("old", ["2.9.1", "1.13", "2.10.0+cu128"])
def test_an_old_torch(old, monkeypatch):
    versions(monkeypatch, torch=old)
    assert check("torch") == doctor.Check("torch", f"{old}, older than 2.11", INSTALL)


@pytest.mark.parametrize("new", ["2.11", "2.11.0+cpu", "2.100.0", "3.0"])
def test_a_torch_that_is_new_enough(new, monkeypatch):
    versions(monkeypatch, torch=new)
    assert check("torch") == doctor.Check("torch", new)


def test_a_missing_package_and_one_that_only_the_tests_need(monkeypatch):
    versions(monkeypatch, papermill=None, nbval=None)
    assert check("papermill") == doctor.Check("papermill", "absent", INSTALL)
    assert check("nbval") == doctor.Check("nbval", "absent, for the tests")


def test_a_package_of_which_a_folder_is_left(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: None)
    assert check("scipy") == doctor.Check("scipy", "absent", INSTALL)


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert check("Python").remedy == f"install Python 3.11 or newer; then {INSTALL}"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("operator torchvision::nms does not exist\nmore"),
        ModuleNotFoundError("No module named x"),
    ],
)
def test_a_pair_of_torch_and_torchvision_that_does_not_fit(error, monkeypatch):
    def refuse(name: str) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", refuse)
        found = doctor._torch_works()
    first = str(error).splitlines()[0]
    assert found.found == f"cannot be imported: {type(error).__name__}: {first}"
    assert "pip uninstall -y torch torchvision; " in found.remedy


@pytest.mark.parametrize("file", ["helpers.py", "helpers/__init__.py", "helpers/readme.txt"])
def test_helpers_of_another_project(file, tmp_path, monkeypatch):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = check("helpers")
    assert found.found.startswith(f"another package, {tmp_path / 'helpers'}")
    assert found.remedy.startswith("remove it (pip uninstall, or out of PYTHONPATH)")


def test_a_folder_with_an_umlaut_where_python_speaks_ascii(tmp_path):
    """Another package in such a folder, and a kernel there. Both were tracebacks."""
    folder = tmp_path / "Übung"
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "helpers.py").write_text("")
    (folder / "env").symlink_to(sys.prefix)
    (folder / "kernels" / "python3" / "kernel.json").write_text(
        json.dumps(argv(folder / "env" / "bin" / "python"))
    )
    code = "from helpers.course import doctor; print(ascii([doctor._course().found, doctor._kernel().found]))"
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONPATH": str(folder), "JUPYTER_PATH": str(folder)}
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    done = subprocess.run(run, env=os.environ | ascii_only, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "another package" in done.stdout
    assert "does not start" in done.stdout  # nor could Jupyter, which gives it the same name


def test_the_course_is_not_installed(monkeypatch):
    gone = subprocess.CompletedProcess([], 1, b"", b"ModuleNotFoundError")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: gone)
    assert doctor._course() == doctor.Check("helpers", "not installed here", INSTALL)


def kernel(tmp_path, monkeypatch, spec: object) -> doctor.Check:
    """What is said where the kernel python3 has that kernel.json."""
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(spec if isinstance(spec, str) else json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return check("kernel python3")


def argv(python: object) -> dict:
    return {"argv": [str(python), "-m", "ipykernel_launcher"], "display_name": "P", "language": "python"}


def linked(tmp_path) -> Path:
    (tmp_path / "link").symlink_to(sys.prefix)
    return tmp_path / "link"


@pytest.mark.parametrize(
    "spelt",
    [
        lambda folder: sys.executable,
        lambda folder: Path(sys.executable).with_name("python3"),
        lambda folder: Path(sys.prefix, "bin", "..", "bin", "python"),
        lambda folder: linked(folder) / "bin" / "python",
        lambda folder: "python",
        lambda folder: f"python{sys.version_info[0]}.{sys.version_info[1]}",
    ],
    ids=["as it is", "python3", "..", "a link", "python", "python3.x"],
)
def test_this_python_is_known_however_it_is_spelt(spelt, tmp_path, monkeypatch):
    found = kernel(tmp_path, monkeypatch, argv(spelt(tmp_path)))
    assert found == doctor.Check("kernel python3", "this Python")


def test_a_kernel_of_another_environment_with_the_same_python(tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "other"], check=True)
    python = tmp_path / "other" / "bin" / "python"
    assert python.resolve() == Path(sys.executable).resolve()
    found = kernel(tmp_path, monkeypatch, argv(python))
    assert found.found == f"another Python, {python}"
    assert found.remedy == f"{PYTHON} -m ipykernel install --sys-prefix"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (argv("/elsewhere/bin/python"), "/elsewhere/bin/python does not start"),
        (argv("python2.6"), "python2.6 does not start"),
        (argv("false"), "another Python, false"),
        ("{", "its kernel.json cannot be used"),
        ("", "its kernel.json cannot be used"),
        ({"argv": [], "display_name": "P"}, "its kernel.json cannot be used"),
        ({"display_name": "P"}, "its kernel.json cannot be used"),
    ],
)
def test_a_kernel_that_does_not_start_or_has_no_usable_description(spec, message, tmp_path, monkeypatch):
    found = kernel(tmp_path, monkeypatch, spec)
    assert found.found.startswith(message)
    assert found.remedy == f"{PYTHON} -m ipykernel install --sys-prefix"


@pytest.mark.parametrize("name", ["my course", "Übungen für alle", "it's", 'a "b" $HOME `x`'])
def test_what_it_prints_can_be_pasted_wherever_the_course_lies(name, tmp_path):
    """A shell runs it, in a copy of the course with a Python that only says how it was called."""
    course = tmp_path / name
    shutil.copytree(ROOT / "helpers", course / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, course)
    (course / "notebooks").mkdir()
    code = (
        "import sys; sys.executable = sys.argv[1]; from helpers.course import doctor; print(doctor.INSTALL)"
    )
    python = course / "bin" / "python"
    line = subprocess.run(
        [sys.executable, "-c", code, python],
        cwd=course,
        env=os.environ | {"PYTHONPATH": str(course)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    python.parent.mkdir()
    python.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    said = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        str(course),
        *["-m", "pip", "install", "-c", "constraints.txt", "-e", ".[test]"],
    ]


@pytest.mark.parametrize("arguments", [["doctor"], ["run", "02"], ["train"], ["report"], ["data"]])
def test_a_copy_of_the_code_alone_says_that_it_was_installed_without_e(arguments, tmp_path):
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "helpers.course.cli", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said
    assert f"{tmp_path} holds a copy of its code, without pyproject.toml, constraints.txt, notebooks" in said
    assert f"In the course's own folder: {PIP}" in said
    assert {path.name for path in tmp_path.iterdir()} == {"helpers"}


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file" / "data"))
    found = check("folder data")
    assert found.found == f"{tmp_path / 'file' / 'data'} cannot be written: Not a directory"
    assert found.remedy == "set COURSE_DATA to a folder of your own"
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "new" / "data"))  # would be made
    assert check("folder data").remedy == ""
    assert not (tmp_path / "new").exists()


def test_no_space_left(monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 10**10 - 5 * 10**8, 5 * 10**8))
    assert check("space").found.startswith("0.5 GB free in ")
    assert check("space").remedy == "free 1.5 GB, or set COURSE_DATA to a folder elsewhere"


def test_the_command_ends_with_what_is_to_be_mended(monkeypatch):
    versions(monkeypatch, torch="2.9.1", papermill=None)
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert "  !!  torch                 2.9.1, older than 2.11" in lines
    assert "  !!  papermill             absent" in lines
    after = lines[lines.index("To be mended") + 1 :]
    assert after[:2] == ["  torch: 2.9.1, older than 2.11", f"      {INSTALL}"]
    assert after[-1] == "course: data sets, lessons and studies are shown when this is mended."


def test_it_needs_no_torch():
    hidden = "import sys; sys.modules['torch'] = None; from helpers.course import cli; cli.app(['doctor'])"
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1
    assert "torch and torchvision: cannot be imported: ModuleNotFoundError" in done.stdout
    assert "Traceback" not in done.stderr
