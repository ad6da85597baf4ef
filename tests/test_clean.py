"""Environments in which neither a git hook nor a person's settings play a part."""

import os
import subprocess
from pathlib import Path

import pytest

from helpers import clean
from helpers.course import publishing
from helpers.studies import records


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=clean.git())
    return done.stdout.strip()


def repository(folder: Path) -> Path:
    (folder / "helpers").mkdir(parents=True)
    (folder / "helpers" / "code.py").write_text(folder.name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", folder.name)
    return folder


@pytest.fixture(
    params=[
        ("GIT_DIR",),
        ("GIT_DIR", "GIT_WORK_TREE"),
        ("GIT_DIR", "GIT_INDEX_FILE"),
        ("GIT_INDEX_FILE",),
        ("GIT_OBJECT_DIRECTORY",),
        ("GIT_COMMON_DIR",),
    ],
    ids="+".join,
)
def hook(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another repository, whose hook runs; returns its folder."""
    other = repository(tmp_path / "other")
    places = {
        "GIT_DIR": ".git",
        "GIT_WORK_TREE": ".",
        "GIT_INDEX_FILE": ".git/index",
        "GIT_OBJECT_DIRECTORY": ".git/objects",
        "GIT_COMMON_DIR": ".git",
    }
    for name in request.param:
        monkeypatch.setenv(name, str(other / places[name]))
    return other


def test_a_record_names_the_commit_of_the_course_also_in_the_hook_of_another_repository(
    hook, tmp_path, monkeypatch
):
    course = repository(tmp_path / "course")
    monkeypatch.setattr(records, "ROOT", course)
    assert records._commit() == git(course, "rev-parse", "HEAD") != git(hook, "rev-parse", "HEAD")
    (course / "helpers" / "code.py").write_text("changed")
    assert records._commit().endswith("+changes")


def test_a_new_module_is_a_change_also_where_git_is_told_to_hide_new_files(tmp_path, monkeypatch):
    course = repository(tmp_path / "course")
    git(course, "config", "status.showUntrackedFiles", "no")
    (course / "helpers" / "new.py").touch()
    monkeypatch.setattr(records, "ROOT", course)
    assert records._commit().endswith("+changes")


def test_a_release_is_one_of_the_course_also_in_the_hook_of_another_repository(hook, tmp_path, monkeypatch):
    course = repository(tmp_path / "course")
    before = git(hook, "for-each-ref"), git(hook, "status", "--porcelain")
    monkeypatch.setattr(publishing, "publish", lambda slug, root: [])
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Octo")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "octo@example.org")
    publishing.release("octocat/course", course)
    assert git(course, "tag") == f"v{publishing.__version__}"
    assert git(course, "tag", "--format=%(taggername)") == "Octo"  # who it is stays as set
    assert (git(hook, "for-each-ref"), git(hook, "status", "--porcelain")) == before


def test_a_release_refuses_new_files_also_where_git_is_told_to_hide_them(tmp_path):
    course = repository(tmp_path / "course")
    git(course, "config", "status.showUntrackedFiles", "no")
    (course / "new.txt").touch()
    with pytest.raises(publishing.PublishError, match=r"\?\? new.txt"):
        publishing.release("octocat/course", course)


def test_git_s_own_list_of_what_says_which_repository_is_taken_out():
    done = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True
    )
    listed = {name for name in done.stdout.split() if not name.startswith("GIT_CONFIG")}
    assert listed <= set(clean._REPOSITORY)


def test_the_tests_themselves_run_in_a_clean_environment():
    assert not set(clean._REPOSITORY) & set(os.environ)
    kept = {
        *clean._PYTHON,
        "PYTHONHASHSEED",
    }  # which Dask sets while it starts workers, in the tests before this
    assert not [name for name in os.environ if name.startswith("PYTHON") and name not in kept]
    assert Path(os.environ["IPYTHONDIR"]).name.startswith("course-")


def test_a_kernel_keeps_what_is_no_setting(monkeypatch, tmp_path):
    kept = {"COURSE_DATA": "mydata", "PYTHONPATH": "/x", "HTTPS_PROXY": "p", "CUDA_VISIBLE_DEVICES": "1"}
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    found = clean.kernel(tmp_path)
    assert {name: found[name] for name in kept} == kept
    assert found["IPYTHONDIR"] == str(tmp_path)
