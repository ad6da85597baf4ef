"""Environments for the programs that the course starts, in which a person's own settings play no part."""

import os
import sys
from pathlib import Path

# What git sets while a hook runs: with it, git works on the hook's repository wherever it is called.
_OF_A_HOOK = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
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
    return {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}


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
