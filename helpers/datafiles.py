"""Data sets as their publishers offer them: looked for on the disk, checked, read and downloaded."""

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import downloads, files
from helpers.downloads import DataError


@dataclass(frozen=True)
class Layout:
    """One form of a data set: a folder, the digests of its files, and what reads them below a root."""

    folder: str
    digests: dict[str, str]  # MD5, SHA-1 or SHA-256, told apart by their length
    read: Callable[[Path], Any]

    def any_file(self, root: Path) -> bool:
        """Whether at least one of the files is there, or cannot be looked at."""
        return any(_there(root / self.folder / file) for file in self.digests)

    def damage(self, root: Path) -> tuple[str, str] | None:
        """The first file that is not as published, and in what way; None if all are."""
        for file, published in self.digests.items():
            path, shown = root / self.folder / file, f"{self.folder}/{file}"
            algorithm = {32: "md5", 40: "sha1", 64: "sha256"}[len(published)]
            # FIPS mode refuses MD5 for security; still, nobody can make another file with a given MD5
            new = functools.partial(hashlib.new, algorithm, usedforsecurity=False)
            try:
                with open(path, "rb") as content:
                    found, size = hashlib.file_digest(content, new).hexdigest(), content.tell()
            except (FileNotFoundError, NotADirectoryError):
                return shown, "is missing"
            except OSError as error:
                return shown, f"cannot be read ({error.strerror})"
            if found != published:
                return shown, f"is not as published ({size:,} bytes, {algorithm} {found}, not {published})"
        return None

    def decode(self, root: Path) -> Any:
        """What `read` gives, after the files have been found to be as published: pickles can run code.

        Raises DataError, with the file's name, where one is not.
        """
        if damage := self.damage(root):
            raise DataError(" ".join(damage))
        return self.read(root)


@dataclass(frozen=True)
class Published:
    """A data set in the forms in which it can be on the disk, the preferred one first, and its sources.

    `module` has the function `download` of this data set, `without` says what needs no download: both are
    for messages.
    """

    name: str
    layouts: tuple[Layout, ...]
    sources: tuple[downloads.Source, ...]
    module: str
    without: str

    def state(self, root: Path) -> str:
        """Returns "present" (every file below `root` as published), "absent" or "damaged: <file>"."""
        damage = None
        for layout in self.layouts:
            found = layout.damage(root)
            if not found:
                return "present"
            if layout.any_file(root):
                damage = damage or f"damaged: {found[0]}"
        return damage or "absent"

    def load(self, root: Path) -> Any:
        """What the first good form below `root` decodes to.

        Raises DataError, with what to do, if there is none.
        """
        problem = None
        for layout in self.layouts:
            if layout.any_file(root):
                try:
                    return layout.decode(root)
                except DataError as error:
                    problem = problem or str(error)
        get = f"`course data {self.name}` (in Python: {self.module}.download({self.name!r}))"
        if problem:
            raise DataError(
                f"{self.name} in {root} cannot be used: {problem}. Run {get} while online: it replaces the "
                f"files. {self.without}"
            )
        raise DataError(
            f"{self.name} is not on this machine: {root} has no {self._expected()}. Run {get} while online, "
            f"or set COURSE_DATA to a folder that has it. {self.without}"
        )

    def download(self, root: Path, progress: bool = False) -> None:
        """Gets it from the first source that sends the published files; does nothing if it is present.

        No file stands in its place before all are verified, and two processes do not disturb each other.
        Raises DataError with what went wrong at each source. With `progress`, bars and the reasons for giving
        a source up go to stderr.
        """
        if self.state(root) == "present":
            return
        try:
            root.mkdir(parents=True, exist_ok=True)
            with files.lock(root / f".{self.name}.lock"):
                if self.state(root) != "present":  # another process may have got it while this one waited
                    self._download(root, progress)
        except OSError as error:
            place = files.existing(Path(error.filename2 or error.filename or root))
            raise DataError(
                f"{self.name} cannot be stored in {root}: {place} cannot be written ({error.strerror}). Let "
                "its owner give you access, or set COURSE_DATA to another folder."
            ) from error

    def _download(self, root: Path, progress: bool) -> None:
        forms = {layout.folder: layout for layout in self.layouts}
        drafts = f".{self.name}.download"
        # Of killed downloads, since this one has the lock; another user's stays
        for rest in root.glob(drafts + "*"):
            shutil.rmtree(rest, ignore_errors=True)
        try:
            # On the same disk, so that what is verified moves into place at one stroke
            with tempfile.TemporaryDirectory(prefix=drafts, dir=root, ignore_cleanup_errors=True) as folder:
                fresh = Path(folder)

                def accept(source: downloads.Source) -> None:
                    forms[source.folder].decode(fresh)

                source = downloads.first_good(self.sources, fresh, accept, progress)
                _put_in_place(forms[source.folder], fresh, root)
        except DataError as error:
            raise DataError(
                f"{self.name} could not be downloaded to {root}: {error}. Try again later or from another "
                f"network, or copy {self._expected()} there from a machine that has it. {self.without}"
            ) from error

    def _expected(self) -> str:
        preferred = self.layouts[0]
        return f"{preferred.folder}/ with {', '.join(preferred.digests)}"


def _there(path: Path) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # in a folder of somebody else: not absent, and told by Layout.damage
        return True
    return True


def _put_in_place(layout: Layout, fresh: Path, root: Path) -> None:
    """Moves the files of a layout from below `fresh` to below `root`, all at once if nothing is there yet."""
    for file in (fresh / layout.folder).iterdir():
        if file.name not in layout.digests:  # what else an archive held
            file.unlink()
    top = Path(layout.folder).parts[0]
    if not os.path.lexists(root / top):
        os.rename(fresh / top, root / top)
        return
    (root / layout.folder).mkdir(parents=True, exist_ok=True)
    for file in layout.digests:
        os.replace(fresh / layout.folder / file, root / layout.folder / file)
