"""The public address is held together and changed everywhere at once; the set-up cell does what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers import ROOT, __version__
from helpers.course import publishing

FIXTURES = ROOT / "tests" / "fixtures"
OURS = ROOT / "helpers" / "__init__.py"


def test_the_citation_has_this_address_and_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"repository-code: {publishing.address()}\n" in text
    assert f"version: {__version__}\n" in text


def test_the_readme_links_to_no_other_address_or_release():
    text = (ROOT / "README.md").read_text("utf-8")
    assert publishing._renew(text, publishing.address(), publishing.address()) == text
    assert not re.findall(
        rf"https://github.com/(?!{publishing.address().removeprefix(publishing.HOST)}\b)", text
    )


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of what an address stands in, with one lesson."""
    (tmp_path / "notebooks").mkdir()
    for file in ("pyproject.toml", "CITATION.cff"):
        shutil.copy(ROOT / file, tmp_path)
    notebook = nbformat.read(FIXTURES / "good.ipynb", as_version=4)
    notebook.cells[0].source += "\n\n" + publishing.badge("01_small")
    notebook.cells.insert(1, nbformat.v4.new_code_cell(publishing.setup_cell(), id="setup"))
    nbformat.write(notebook, tmp_path / "notebooks" / "01_small.ipynb")
    address = publishing.address()
    (tmp_path / "README.md").write_text(
        f"git clone {address}.git\n[it]({address}), {address}. Not {address}-2.\n"
        f"{publishing.badge('01_small')}\n[Book]({publishing.book()})\n"
    )
    return tmp_path


def test_publishing_changes_the_address_everywhere_and_nothing_else(course):
    old, new = publishing.address(), "https://github.com/octo-cat/norm.course"
    before = nbformat.read(course / "notebooks" / "01_small.ipynb", as_version=4)
    assert len(publishing.publish("octo-cat/norm.course", course)) == 4
    assert f"repository-code: {new}\n" in (course / "CITATION.cff").read_text()
    assert publishing.address(course) == new
    after = nbformat.read(course / "notebooks" / "01_small.ipynb", as_version=4)
    assert after.cells[1].source == publishing.setup_cell(new)
    assert publishing.badge("01_small", new) in after.cells[0].source
    assert after.cells[2:] == before.cells[2:]
    assert (course / "README.md").read_text() == (
        f"git clone {new}.git\n[it]({new}), {new}. Not {old}-2.\n{publishing.badge('01_small', new)}\n"
        "[Book](https://octo-cat.github.io/norm.course/)\n"
    )
    assert (
        'Documentation = "https://octo-cat.github.io/norm.course/"' in (course / "pyproject.toml").read_text()
    )
    there = [path.read_text().count(old) for path in course.rglob("*.*") if path.is_file()]
    assert sum(there) == 1  # the other repository in the README


def test_the_book_of_a_person_s_own_pages_lies_at_their_root(course):
    assert publishing.book("https://github.com/octocat/octocat.github.io") == "https://octocat.github.io/"
    publishing.publish("octocat/octocat.github.io", course)
    assert "[Book](https://octocat.github.io/)" in (course / "README.md").read_text()


def test_publishing_twice_changes_nothing_and_back_restores_every_byte(course):
    before = {path: path.read_bytes() for path in course.rglob("*.*") if path.is_file()}
    publishing.publish("octocat/course", course)
    assert publishing.publish("octocat/course", course) == []
    publishing.publish(publishing.address().removeprefix("https://github.com/"), course)
    assert before == {path: path.read_bytes() for path in before}


def test_publishing_can_be_repeated_after_it_broke_off(course):
    pyproject = (course / "pyproject.toml").read_text()
    publishing.publish("octocat/course", course)
    (course / "pyproject.toml").write_text(pyproject)
    publishing.publish("octocat/course", course)
    assert publishing.address(course) == "https://github.com/octocat/course"


def test_publishing_a_new_version_changes_the_release_that_is_fetched(course, monkeypatch):
    monkeypatch.setattr(publishing, "__version__", "9.8.7")
    publishing.publish(publishing.address().removeprefix("https://github.com/"), course)
    notebook = nbformat.read(course / "notebooks" / "01_small.ipynb", as_version=4)
    assert '"v9.8.7"' in notebook.cells[1].source
    assert "/blob/v9.8.7/notebooks/01_small.ipynb" in notebook.cells[0].source
    assert "/blob/v9.8.7/" in (course / "README.md").read_text()


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "course",
        "a/b/c",
        "-a/b",
        "a-/b",
        "a--b/c",
        "a/",
        "a/..",
        "a/b c",
        "a/b.git",
        "https://github.com/a/b",
        "a/b\n",
    ],
)
def test_what_cannot_be_a_repository_is_refused(slug, course):
    before = (course / "pyproject.toml").read_bytes()
    with pytest.raises(publishing.PublishError, match="course publish OWNER/REPO"):
        publishing.publish(slug, course)
    assert (course / "pyproject.toml").read_bytes() == before


# A release


@pytest.fixture
def repository(course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy as a git repository with all committed."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Octo")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "octo@example.org")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "course"]):
        subprocess.run(["git", *arguments], cwd=course, check=True)
    return course


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_release_is_a_tagged_commit_that_holds_the_address(repository):
    changed = publishing.release("octocat/course", repository)
    assert len(changed) == 4
    assert _git(repository, "status", "--porcelain") == ""
    tag = f"v{__version__}"
    assert _git(repository, "rev-list", "-n1", tag) == _git(repository, "rev-parse", "HEAD")
    assert "https://github.com/octocat/course" in _git(repository, "show", f"{tag}:pyproject.toml")
    assert len(_git(repository, "log", "--format=%s").splitlines()) == 2


def test_a_release_of_a_course_that_is_published_already_only_tags(repository):
    publishing.publish("octocat/course", repository)
    _git(repository, "commit", "-qam", "published")
    assert publishing.release("octocat/course", repository) == []
    assert _git(repository, "log", "-1", "--format=%s") == "published"
    assert _git(repository, "tag") == f"v{__version__}"


def test_a_release_refuses_uncommitted_changes_a_tag_that_is_there_and_a_folder_without_git(
    repository, tmp_path_factory
):
    before = (repository / "pyproject.toml").read_bytes()
    (repository / "notes.txt").write_text("mine")
    with pytest.raises(
        publishing.PublishError, match=r"not committed:\n\?\? notes.txt\nA release is a commit"
    ):
        publishing.release("octocat/course", repository)
    (repository / "notes.txt").unlink()
    _git(repository, "tag", f"v{__version__}")
    with pytest.raises(publishing.PublishError, match=f"the tag v{__version__} is there already"):
        publishing.release("octocat/course", repository)
    assert (repository / "pyproject.toml").read_bytes() == before
    assert _git(repository, "status", "--porcelain") == ""
    with pytest.raises(publishing.PublishError, match=r"git status in .* failed: .*not a git repository"):
        publishing.release("octocat/course", tmp_path_factory.mktemp("bare"))


# The set-up cell

SHOW = "\nprint(Path.cwd(), helpers.__file__, sys.path.count(str(root)) > 0)"


def _run(code: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    """Runs a cell in a Python that does not have the course installed."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("folder", ["notebooks", ".", "tests/fixtures"])
def test_the_set_up_cell_finds_the_course_upwards_twice(folder):
    done = _run(publishing.setup_cell() + "\n" + publishing.setup_cell() + SHOW, ROOT / folder)
    assert done.stdout.split() == [
        str((ROOT / folder).resolve()),
        str(ROOT / "helpers" / "__init__.py"),
        "True",
    ]
    assert done.stderr == ""


def test_the_set_up_cell_says_where_to_open_the_lesson(tmp_path):
    done = _run(publishing.setup_cell(), tmp_path)
    assert (
        f"no course at or above {tmp_path}: open this lesson in the course's notebooks folder" in done.stderr
    )


@pytest.mark.parametrize("foreign", ["helpers.py", "helpers/__init__.py", "helpers/readme.txt"])
def test_the_set_up_cell_refuses_helpers_of_another_project(tmp_path, foreign):
    (tmp_path / foreign).parent.mkdir(exist_ok=True)
    (tmp_path / foreign).write_text("")
    first = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport helpers\n"
    done = _run(first + publishing.setup_cell(), ROOT / "notebooks")
    assert "is another: restart the kernel" in done.stderr


def test_the_course_goes_before_helpers_of_another_project(tmp_path):
    (tmp_path / "helpers.py").write_text("")
    first = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
    done = _run(first + publishing.setup_cell() + SHOW, ROOT / "notebooks")
    assert str(OURS) in done.stdout


@pytest.fixture
def colab(tmp_path: Path) -> Path:
    """A content folder, and a git that notes its call and makes what a clone would."""
    (tmp_path / "content").mkdir()
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        '[ -z "$FAIL" ] || { echo "git\'s reason" >&2; exit 128; }\nfor last; do :; done\n'
        'mkdir -p "$last/helpers/nn" "$last/notebooks"\n'
        'touch "$last/helpers/__init__.py" "$last/helpers/nn/norms.py"\n'
    )
    git.chmod(0o755)
    return tmp_path


def _on_colab(colab: Path, after: str = "", **variables: str) -> subprocess.CompletedProcess:
    cell = publishing.setup_cell().replace("/content", str(colab / "content"))
    code = f"import sys\nsys.modules['google.colab'] = None\n{cell}\n{cell}{after}"
    return _run(code, colab, PATH=f"{colab / 'bin'}{os.pathsep}{os.environ['PATH']}", **variables)


def test_on_colab_the_set_up_cell_fetches_the_release_once(colab):
    for _ in range(2):  # the second time, as after a restart of the kernel
        done = _on_colab(colab, SHOW)
        assert done.stderr == ""
        course = colab / "content" / f"v{__version__}"
        assert done.stdout.split() == [
            str(course / "notebooks"),
            str(course / "helpers" / "__init__.py"),
            "True",
        ]
    call = f"clone -q --depth=1 -b v{__version__} {publishing.address()} v{__version__}"
    assert (colab / "calls").read_text().splitlines() == [call]


def test_on_colab_a_failed_fetch_is_an_error_and_tried_again(colab):
    failed = _on_colab(colab, FAIL="1")
    assert failed.returncode == 1
    told = f"The course was not fetched from {publishing.address()}. OWNER/REPO is a placeholder: open the"
    assert failed.stderr.startswith(told)
    assert failed.stderr.strip().endswith("git's reason")
    assert "Traceback" not in failed.stderr
    assert _on_colab(colab).returncode == 0


def test_the_set_up_cell_of_a_published_lesson_asks_for_a_network_instead():
    cell = publishing.setup_cell("https://github.com/octocat/course")
    assert "Is there a network? Then run this cell again." in cell
    assert "placeholder" not in cell


def test_the_set_up_cell_is_short():
    assert len([line for line in publishing.setup_cell().splitlines() if line]) <= 20
