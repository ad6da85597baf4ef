"""Settings of a person that would change what a lesson prints: fixtures/settings.ipynb prints it."""

from pathlib import Path

PROFILE = {
    "ipython_config.py": 'c.InteractiveShell.ast_node_interactivity = "all"\n',
    "ipython_kernel_config.py": 'c.InteractiveShellApp.exec_lines = ["line = 1"]\n',
    "startup/00.py": "startup = 1\n",
}
FILES = {
    **{f"ipython/profile_default/{name}": text for name, text in PROFILE.items()},
    "matplotlibrc": "text.usetex: True\nimage.origin: lower\nno.such.setting: 1\n",
    "startup.py": "python_startup = 1\n",
}


def own_settings(folder: Path) -> dict[str, str]:
    """Writes the files of such settings; returns the environment variables that name them, and others."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return {
        "IPYTHONDIR": str(folder / "ipython"),
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "MPLBACKEND": "nonsense",
        "PYTHONSTARTUP": str(folder / "startup.py"),
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1",
        "PYTHONDEVMODE": "1",
        "PYTHONSAFEPATH": "1",
    }
