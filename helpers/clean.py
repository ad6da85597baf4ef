"""Environments for the programs that the course starts, in which a person's own settings play no part."""

import os
import sys
from pathlib import Path

# What says which repository: git sets it while a hook runs, and then works on that one wherever it is called.
_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
# Where Python finds its modules and keeps their compiled form; any other variable of its own changes how code
# runs, such as PYTHONSTARTUP, PYTHONOPTIMIZE (no asserts), PYTHONWARNINGS, PYTHONINSPECT.
_PYTHON = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONNOUSERSITE",
    "PYTHONUSERBASE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
)


def git() -> dict[str, str]:
    """For git, which then works on the repository of the folder that it is called in or for."""
    return {name: value for name, value in os.environ.items() if name not in _REPOSITORY}


def kernel(profile: Path | str) -> dict[str, str]:
    """For what starts the kernel "python3": it is this Python, whatever else is installed, without settings.

    `profile` is an empty folder for IPython's profile and history. Matplotlib reads no matplotlibrc and draws
    for the notebook.
    """
    kept = {
        name: value
        for name, value in git().items()
        if name in _PYTHON or not name.startswith(("PYTHON", "IPYTHON", "MPLBACKEND"))
    }
    kernels = [os.path.join(sys.prefix, "share", "jupyter"), os.environ.get("JUPYTER_PATH", "")]
    return kept | {
        "JUPYTER_PATH": os.pathsep.join(filter(None, kernels)),
        "IPYTHONDIR": str(profile),
        "MATPLOTLIBRC": os.devnull,
    }
