"""Files that others share: locks that all can open, texts written at one stroke, refusals told early."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import filelock


class FilesError(RuntimeError):
    """A file or folder cannot be written; the message, one paragraph, says which one and what to do."""


def lock(path: Path | str) -> "filelock.FileLock":
    """A lock between processes, also of several users: whoever comes first makes a file that all can open.

    It is free again when its holder ends, however that happens; the file stays.
    """
    import filelock  # here, not above: `course doctor` runs without any package

    return filelock.FileLock(path, mode=0o666)  # whatever the umask: the others must write to take it


def write(path: Path, text: str) -> None:
    """Puts a text in place at one stroke: a reader, and a crash, never see half a file.

    Raises OSError where the system does; what stood there is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own, not a file: the draft in it then gets the permissions that any new file has
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        draft = Path(folder, path.name)
        draft.write_text(text, "utf-8")
        os.replace(draft, path)


def require_writable(*paths: Path) -> None:
    """Raises FilesError unless all of these files and folders, there or not yet, can be written."""
    for path in paths:
        if reason := refusal(path):
            raise FilesError(
                f"{path} cannot be written ({reason}), so nothing was started. Let its owner give you "
                "access, or copy the course to a folder of your own and run it there."
            )


def refusal(path: Path) -> str | None:
    """Why the file or folder at `path` cannot be written, or made there; None if it can. Changes nothing."""
    try:
        if path.is_file():
            open(path, "ab").close()
        else:
            tempfile.TemporaryFile(dir=existing(path)).close()
    except OSError as error:
        return error.strerror
    return None


def existing(path: Path) -> Path:
    """The file or folder itself, or the nearest one above it that exists, in which it would be made."""
    return next(place for place in (path, *path.absolute().parents) if os.path.exists(place))
