"""Shared code of the course: data, layers, training, records and figures that the lessons import."""

import os
from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Where data sets are looked for and downloaded to: $COURSE_DATA, or data/ of this course.

    A relative $COURSE_DATA is below the course's own folder: the command, a lesson's kernel and the workers
    run in different folders, and must find the same one.
    """
    return ROOT / os.path.expanduser(os.environ.get("COURSE_DATA") or "data")
