"""The project's own files agree: one list of dependencies, one of versions; and make sets up once."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from helpers import ROOT, __version__
from tests.tools.environments import COLAB

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
DEPENDENCIES = [Requirement(item) for item in PROJECT["dependencies"]]
TEST = [Requirement(item) for item in PROJECT["optional-dependencies"]["test"]]
ENVIRONMENT = (ROOT / "environment.yml").read_text("utf-8")
LINES = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
CONSTRAINTS = dict(line.split("==") for line in LINES)
BATCH = {
    "book",
    "cli",
    "export",
    "one_lesson",
    "publishing",
    "readme",
    "run_lessons",
}  # modules that no lesson imports


def test_constraints_are_names_and_exact_versions_each_once():
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.]*", line) for line in LINES)
    assert sorted({line.split("==")[0] for line in LINES}) == sorted(line.split("==")[0] for line in LINES)
    assert all(name == canonicalize_name(name) for name in CONSTRAINTS)


@pytest.mark.parametrize("requirement", [*DEPENDENCIES, *TEST], ids=lambda item: item.name)
def test_every_dependency_has_a_constraint_in_its_range_and_takes_what_colab_has(requirement):
    assert requirement.specifier.contains(CONSTRAINTS[requirement.name])
    assert requirement.specifier.contains(COLAB.get(requirement.name, CONSTRAINTS[requirement.name]))
    assert requirement.url is None


def test_every_dependency_is_listed_once_with_its_reason():
    names = [canonicalize_name(item.name) for item in [*DEPENDENCIES, *TEST]]
    assert len(names) == len(set(names))
    listed = re.findall(
        r'^    "[a-z-]+[^"]*>=[^"]*",(.*)$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert len(listed) == len(names)
    assert all(re.fullmatch(r" +# .{8,}", reason) for reason in listed)


def test_what_is_installed_is_what_the_outputs_were_made_with():
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    # Named, because setuptools, once imported, puts the packages inside it on sys.path too.
    found = metadata.distributions(path=folders)
    installed = {canonicalize_name(item.name): item.version for item in found}
    wrong = {
        name: f"{installed[name]} instead of {version}"
        for name, version in CONSTRAINTS.items()
        if name in installed and installed[name].split("+")[0] != version
    }
    assert not wrong, (
        "make test installs the pinned versions; by hand: pip install -c constraints.txt -e '.[test]'"
    )


def test_everything_that_is_installed_for_the_project_is_pinned():
    todo, seen = [*DEPENDENCIES, *TEST], set()
    while todo:
        item = todo.pop()
        name = canonicalize_name(item.name)
        if (name, *sorted(item.extras)) in seen:
            continue
        seen.add((name, *sorted(item.extras)))
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            extras = item.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(needed)
    assert {name for name, *_ in seen} <= set(CONSTRAINTS)


def test_conda_takes_python_and_pip_and_leaves_the_rest_to_this_project():
    listed = re.findall(r"^ +- (.*)$", ENVIRONMENT, re.MULTILINE)
    channel, python, *rest = listed
    assert channel == "conda-forge"
    assert rest == ["pip", "pip:", "-c constraints.txt", "-e .[test]"]
    wanted = SpecifierSet(python.removeprefix("python "))
    here = SpecifierSet(PROJECT["requires-python"])
    tried = [f"3.{minor}" for minor in range(20)]
    assert [v for v in tried if v in wanted] == ["3.11", "3.12", "3.13"]
    assert all(v in here for v in tried if v in wanted)


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "constraints.txt", "environment.yml", "Makefile", ".ci/run"]
)
def test_no_address_but_the_course_s_own(name):
    addresses = re.findall(
        r"\w+://[^\s\"']+|--(?:extra-)?index-url.*|--find-links.*", (ROOT / name).read_text()
    )
    assert addresses == list(PROJECT["urls"].values()) * (name == "pyproject.toml")


def test_helpers_import_only_what_is_listed_and_lessons_only_what_colab_has():
    names = metadata.packages_distributions()
    listed = {canonicalize_name(item.name) for item in DEPENDENCIES}
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            for module in _imported(node):
                if module in ("helpers", "distributed") or module in sys.stdlib_module_names:
                    continue  # distributed comes with dask[distributed]
                given = {canonicalize_name(name) for name in names.get(module, [module])}
                assert given & listed, f"{path.name} imports {module}, which pyproject.toml does not list"
                if node in tree.body and path.stem not in BATCH:
                    assert not given & {"papermill", "nbformat", "jupyter"}, f"{path.name}: {module} on Colab"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module.split(".")[0]]
    return []


def test_the_version_and_the_command_are_the_installed_ones():
    assert metadata.version(PROJECT["name"]) == __version__
    assert PROJECT["scripts"] == {"course": "helpers.course.cli:app"}


# make, with a Python that only notes what is asked of it

PYTHON = r"""#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
case "$*" in
    -V) cat "$here/version" ;;
    "-m pip config list") echo "$FAKE_PIP_CONFIG" ;;
    "-m pip --version") [ -e "$here/pip" ] ;;
    -c*) [ -z "$FAKE_FAULT" ] || { echo "$FAKE_FAULT" >&2; exit 1; } ;;
    "-m venv"*) mkdir -p .venv/bin && cp "$here/version" .venv/bin/ &&
        touch .venv/bin/pip && cp "$here/python-fake" .venv/bin/python &&
        cp "$here/python-fake" .venv/bin/lint-imports && echo "venv" >> calls ;;
    *) call="${0##*/} $*"; call="${call#python }"; call="${call% }"
        echo "$call" >> calls; env > environment; [ "$call" != "$FAKE_FAILS" ] ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """A folder with the project's Makefile, and make in it with a fake Python; returns status and output."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"))
    fake = tmp_path / "python-fake"
    fake.write_text(PYTHON)
    fake.chmod(0o755)
    (tmp_path / "version").write_text("Python 3.12.1\n")

    def run(*arguments: str, **variables: str) -> tuple[int, str, list[str]]:
        (tmp_path / "calls").write_text("")
        done = subprocess.run(
            ["make", f"PYTHON={fake}", "UV=", *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, (tmp_path / "calls").read_text().splitlines()

    return run


INSTALL = "-m pip install -c constraints.txt -e .[test]"
CHECKS = ["-m ruff check .", "-m ruff format --check .", "lint-imports", "-m pytest -n 2 --dist loadfile"]
LESSONS = ["-m helpers.course.cli run", "-m helpers.course.cli report"]
BOOK = ["-m helpers.course.book"]


def test_make_sets_up_once_and_again_when_a_pin_changes(make, tmp_path):
    status, output, calls = make("test")
    assert status == 0, output
    assert calls == ["venv", INSTALL, *CHECKS]
    assert make("test")[2] == CHECKS
    assert make("lessons")[2] == LESSONS
    later = (tmp_path / ".venv" / "installed").stat().st_mtime + 1
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert make("lessons")[2] == [INSTALL, *LESSONS]


def test_make_builds_the_environment_again_for_another_python(make, tmp_path):
    make("test")
    (tmp_path / "version").write_text("Python 3.13.0\n")
    assert make("test")[2] == ["venv", INSTALL, *CHECKS]


def test_make_installs_again_after_a_broken_off_installation(make):
    status, _, calls = make("test", FAKE_FAILS=INSTALL)
    assert status != 0
    assert calls == ["venv", INSTALL]
    assert make("test")[2] == [INSTALL, *CHECKS]


def test_make_builds_the_environment_again_that_was_broken_off_before_it_had_pip(make, tmp_path):
    make("test")
    (tmp_path / ".venv" / "bin" / "pip").unlink()
    (tmp_path / ".venv" / "installed").unlink()
    assert make("test")[2] == ["venv", INSTALL, *CHECKS]


def test_make_installs_with_uv_where_it_can_and_with_pip_where_uv_fails_or_pip_is_told_where_to_look(
    make, tmp_path
):
    """A uv that notes its call, and fails where the fake Python does."""
    uv = tmp_path / "uv"
    uv.write_text((tmp_path / "python-fake").read_text("utf-8"))
    uv.chmod(0o755)
    by_uv = f"uv pip install --python .venv/bin/python {INSTALL.partition('install ')[2]}"
    for settings, called in (
        ({}, [by_uv]),
        ({"FAKE_FAILS": by_uv}, [by_uv, INSTALL]),
        ({"FAKE_PIP_CONFIG": "global.extra-index-url='https://mirror'"}, [INSTALL]),
        ({"FAKE_PIP_CONFIG": ":env:.user='0'"}, [by_uv]),
    ):
        (tmp_path / ".venv" / "installed").unlink(missing_ok=True)
        status, output, calls = make("book", f"UV={uv}", **settings)
        assert status == 0, output
        assert [call for call in calls if call != "venv"] == [*called, *BOOK]


@pytest.mark.parametrize(
    ("target", "commands"),
    [("test", CHECKS), ("lessons", LESSONS), ("book", BOOK)],
    ids=["test", "lessons", "book"],
)
def test_make_fails_when_one_of_its_commands_does_but_runs_them_all(make, target, commands):
    make(target)
    for command in commands:
        status, _, calls = make(target, FAKE_FAILS=command)
        assert status != 0
        assert calls == commands


def test_make_says_what_to_do_without_a_usable_python(make):
    status, output, calls = make("test", FAKE_FAULT="it is Python 3.9")
    assert status != 0
    assert calls == []
    assert "needs Python 3.11 or newer with its venv module" in output
    assert "it is Python 3.9" in output
    assert "make test PYTHON=/path/to/python3.12" in output


def test_what_make_asks_of_a_python_is_what_the_project_requires():
    probe = re.search(r"^usable := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
    older = probe.replace("(3, 11)", "(99, 0)")
    assert older != probe
    done = subprocess.run([sys.executable, "-c", older], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "it is Python 3." in done.stderr
    assert PROJECT["requires-python"] == ">=3.11"


OWN = {
    "PIP_USER": "1",
    "PIP_TARGET": "/elsewhere",
    "PIP_PREFIX": "/elsewhere",
    "PIP_NO_DEPS": "1",
    "PIP_REQUIRE_HASHES": "1",
    "PIP_CONSTRAINT": "mine.txt",
    "PYTHONPATH": "/elsewhere",
    "PYTHONHOME": "/elsewhere",
    "PYTHONSTARTUP": "/elsewhere/start.py",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTHONINSPECT": "1",
    **dict.fromkeys(subprocess.getoutput("git rev-parse --local-env-vars").split(), "/elsewhere"),
}
KEPT = {
    "PIP_INDEX_URL": "proxy",
    "PIP_CERT": "/etc/ssl/mine",
    "PIP_CONFIG_FILE": "/home/me/pip.conf",
    "PIP_FIND_LINKS": "/wheels",
    "GIT_CONFIG_COUNT": "0",
    "HTTPS_PROXY": "proxy",
    "COURSE_DATA": "/data",
}


@pytest.mark.parametrize("target", ["test", "lessons"])
def test_a_person_s_own_settings_reach_neither_pip_nor_the_tests(make, tmp_path, target):
    status, output, _ = make(target, **OWN | KEPT)
    assert status == 0, output
    lines = (tmp_path / "environment").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    assert {name: found.get(name) for name in KEPT} == KEPT
    assert found["PYTHONNOUSERSITE"] == "1"
    assert found["PIP_USER"] == "0"  # also against `user = true` in a pip.conf
    assert {name for name in OWN if name in found and not name.startswith("GIT_CONFIG")} == {"PIP_USER"}


def test_pip_installs_into_an_environment_whatever_pip_conf_says_of_user(tmp_path):
    """What the Makefile relies on: the variable is stronger than the file."""
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    command = [tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "--no-index", "--dry-run", "pip"]
    settings = os.environ | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    for user, status in (("1", 1), ("0", 0)):
        environment = settings | {"PIP_USER": user}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").splitlines()[-1].endswith("exec make test </dev/null")
