"""The course's public address and what repeats it: set-up cells, Colab badges, the address of the book."""

import re
import subprocess
import tomllib
from pathlib import Path

import nbformat

from helpers import ROOT, __version__, clean, files

HOST = "https://github.com/"
COLAB = "https://colab.research.google.com/github/"
_NAME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}(?<!\.git)")

_SETUP = """\
# Set-up, the same in every lesson and safe to run twice: finds the course; on Colab, fetches it first.
import os
import subprocess
import sys
from pathlib import Path

address, release = "{address}", "v{version}"
if "google.colab" in sys.modules:
    os.chdir("/content")
    if not Path(release, "helpers").is_dir():
        clone = ["git", "clone", "-q", "--depth=1", "-b", release, address, release]
        fetched = subprocess.run(clone, capture_output=True, text=True)
        if fetched.returncode:
            hint = "{hint}"
            sys.exit(f"The course was not fetched from {{address}}. {{hint}} {{fetched.stderr}}")
    os.chdir(Path(release, "notebooks"))
root = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "helpers/nn/norms.py").is_file()), None)
assert root, f"no course at or above {{Path.cwd()}}: open this lesson in the course's notebooks folder"
sys.path.insert(0, str(root))
import helpers

assert Path(str(helpers.__file__)).parent == root / "helpers", f"{{helpers}} is another: restart the kernel"
"""


PLACEHOLDER = "OWNER/REPO"  # until the course is published
_HINTS = {
    True: "OWNER/REPO is a placeholder: open the lesson in a clone, or in a published course.",
    False: "Is there a network? Then run this cell again.",
}


class PublishError(ValueError):
    """The course cannot be published under that name; nothing was changed. The message says why."""


def address(root: Path = ROOT) -> str:
    """The course's public address, from the one place where it stands: project.urls in pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]


def book(public: str | None = None) -> str:
    """The address of the web book: the forge's pages of the repository, where a tag publishes it."""
    owner, repository = (public or address()).removeprefix(HOST).split("/")
    host = f"{owner}.github.io"
    return f"https://{host}/" if repository.lower() == host.lower() else f"https://{host}/{repository}/"


def setup_cell(public: str | None = None) -> str:
    """The source of the set-up cell, with the course's address or that of `public`."""
    public = public or address()
    hint = _HINTS[public == HOST + PLACEHOLDER]
    return _SETUP.format(address=public, version=__version__, hint=hint).rstrip("\n")


def badge(lesson: str, public: str | None = None) -> str:
    """The Markdown of the badge that opens a lesson, as it was released, in Colab."""
    slug = (public or address()).removeprefix(HOST)
    link = f"{COLAB}{slug}/blob/v{__version__}/notebooks/{lesson}.ipynb"
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"


def publish(slug: str, root: Path = ROOT) -> list[Path]:
    """Writes OWNER/REPO and the version wherever the course's address stands; returns the files changed.

    Outputs and everything else stay as they are. Raises PublishError if `slug` cannot be a GitHub repository,
    and files.FilesError if the course cannot be written: both before anything is changed.
    """
    if not _NAME.fullmatch(slug):
        raise PublishError(
            f"{slug!r} is not the name of a GitHub repository. Give owner and repository, without the "
            "rest of the address: course publish OWNER/REPO"
        )
    old, new = address(root), HOST + slug
    lessons = sorted((root / "notebooks").glob("*.ipynb"))
    # The old address stands in the last of them: a second try still knows it
    texts = [root / name for name in ("README.md", "CITATION.cff", "pyproject.toml")]
    files.require_writable(root, root / "notebooks")
    changed = [path for path in lessons if _publish_lesson(path, old, new)]
    for path in texts:
        text = path.read_text("utf-8")
        if (renewed := _renew(text, old, new)) != text:
            files.write(path, renewed)
            changed.append(path)
    return changed


def release(slug: str, root: Path = ROOT) -> list[Path]:
    """Publishes, commits what that changes, and tags the commit as the release that lessons fetch.

    Raises PublishError, before anything is changed, if the folder is no git repository, holds changes that
    are not committed, or has the tag already.
    """
    tag = f"v{__version__}"
    if pending := _git(root, "status", "--porcelain", "--untracked-files=normal"):
        raise PublishError(
            f"there are changes that are not committed:\n{pending}\nA release is a commit: commit or undo "
            "them first."
        )
    if _git(root, "tag", "--list", tag):
        raise PublishError(
            f"the tag {tag} is there already. Raise __version__ in helpers/__init__.py and commit that, or "
            f"delete the tag (git tag -d {tag}) if nobody has it yet."
        )
    changed = publish(slug, root)
    if changed:
        _git(root, "add", "--", *map(str, changed))
        _git(root, "commit", "-q", "-m", f"Published at {HOST}{slug}, release {tag}")
    _git(root, "tag", "-a", tag, "-m", f"Release {tag} at {HOST}{slug}")
    return changed


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, env=clean.git(), capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise PublishError("git is not installed: a release is a commit with a tag.") from error
    except subprocess.CalledProcessError as error:
        raise PublishError(f"git {arguments[0]} in {root} failed: {error.stderr.strip()}") from error
    return done.stdout.strip()


def _publish_lesson(path: Path, old: str, new: str) -> bool:
    notebook = nbformat.read(path, as_version=4)
    before = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith(_SETUP.splitlines()[0]):
            cell.source = setup_cell(new)
        elif cell.cell_type == "markdown":
            cell.source = _renew(cell.source, old, new)
    if before == [cell.source for cell in notebook.cells]:
        return False
    files.write(path, nbformat.writes(notebook) + "\n")
    return True


def _renew(text: str, old: str, new: str) -> str:
    """Puts the new address for the old one, and for any in a link to a lesson on Colab, with the version.

    The same for the address of the book.
    """
    end = r"(?=\.git\b|[^A-Za-z0-9._-]|[.]?(?:\s|$))"  # or "OWNER/REPO" would be found in "OWNER/REPO-2"
    text = re.sub(re.escape(old) + end, lambda _: new, text)
    text = re.sub(re.escape(book(old)) + r"(?![A-Za-z0-9._-])", lambda _: book(new), text)
    lesson = re.compile(re.escape(COLAB) + r"[^/\s]+/[^/\s]+/blob/[^/\s]+/notebooks/")
    return lesson.sub(lambda _: f"{COLAB}{new.removeprefix(HOST)}/blob/v{__version__}/notebooks/", text)
