"""Another user of this machine, for tests of shared folders and of folders that cannot be written."""

import encodings.idna  # noqa: F401  (what urllib imports late, and another user may not be able to read)
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock  # noqa: F401  (likewise)
import pytest

ANNA, BEN, GROUP = 54_301, 54_302, 54_300  # numbers of nobody; they need no entry anywhere

# Before a command: permission bits then bind root too, who otherwise may write everywhere.
BOUND = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
# Only root may become somebody else.
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to act as two users")


def acting_as(user: int, function: Callable[[], Any], umask: int = 0o022) -> Any:
    """What function() returns, or the exception that it raises, in a child process of that user in GROUP."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(user)
            os.umask(umask)
            try:
                answer = function()
            except Exception as error:  # whatever it is: the test judges
                answer = error
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(answer, pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(content)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder of GROUP in which its members make files, outside pytest's own, which only root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="course-shared-"))
    os.chown(folder, -1, GROUP)
    os.chmod(folder, 0o2775)
    yield folder
    shutil.rmtree(folder)
