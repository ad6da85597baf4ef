"""Every lesson in other environments than the one that its outputs were made in: oldest, newest, and Colab's.

    python tests/tools/environments.py oldest newest colab [--python PATH] [--lesson NAME ...] [--threads 1 2]

Each environment is a virtual environment of its own in build/environments (several gigabytes, once).

oldest, newest: nbval compares all lessons with their committed outputs, once for each number of threads;
    "oldest" has the least torch, torchvision, numpy and matplotlib that pyproject.toml allows, "newest" what
    pip finds today without constraints.txt.
colab: what Colab had in August 2026, with a google.colab module, another package called helpers, and neither
    papermill nor nbval. The notebook file alone is run in an empty folder, twice in one kernel; it fetches
    the course from a local git repository that stands for its public address. Afterwards no installed
    package has changed. Without that repository the first cell says why in one paragraph.

The exit status is 1 if anything differs.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from helpers import __version__  # noqa: E402
from helpers.course import publishing  # noqa: E402

FOLDER = ROOT / "build" / "environments"
COLAB = {  # August 2026
    "torch": "2.11",
    "torchvision": "0.26",
    "numpy": "2.1",
    "matplotlib": "3.10",
    "seaborn": "0.13",
    "scikit-learn": "1.6",
    "ipython": "7.34",
    "ipywidgets": "7.7",
}
OLDEST = [f"{name}=={COLAB[name]}.*" for name in ("torch", "torchvision", "numpy", "matplotlib")]
ON_COLAB = [
    *(f"{name}=={version}.*" for name, version in COLAB.items()),
    "pandas==2.2.*",
    "scipy<1.17",
    "ipykernel==6.17.*",
    "jupyter_client<8",
    "traitlets==5.7.*",
    "dask[distributed]",
    "typer",
    "filelock",
    "jinja2",
    "nbformat",
    "tqdm",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("environments", nargs="+", choices=("oldest", "newest", "colab"))
    parser.add_argument("--python", default=sys.executable, help="the Python to build them with")
    parser.add_argument("--lesson", nargs="*", default=[""], help="only lessons whose names begin so")
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    given = parser.parse_args()
    lessons = [
        path
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        if path.name.startswith(tuple(given.lesson))
    ]
    faults = []
    for name in given.environments:
        if name == "colab":
            python = built(name, given.python, ON_COLAB)
            faults += on_colab(python, lessons)
        else:
            wanted = OLDEST if name == "oldest" else ["torch", "torchvision"]
            python = built(name, given.python, [*wanted, "-e", f"{ROOT}[test]"])
            for threads in given.threads:
                faults += compared(name, python, lessons, threads)
    print("\n".join(faults) or "all outputs are as committed")
    sys.exit(bool(faults))


def built(name: str, base: str, wanted: list[str]) -> Path:
    """The Python of the environment, which is made if it is not there."""
    version = subprocess.run([base, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    folder = FOLDER / f"{name}-{version}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([base, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
        (folder / "complete").touch()
    shown = [line for line in installed(python) if line.split("==")[0] in ("torch", "torchvision", "numpy")]
    print(f"{folder.name}: {', '.join(shown)}", flush=True)
    return python


def installed(python: Path) -> list[str]:
    done = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def compared(name: str, python: Path, lessons: list[Path], threads: int) -> list[str]:
    """Nbval's word on the lessons, with so many threads."""
    variables = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *lessons]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, check=False)
    return [f"{name}, {threads} threads: some outputs differ (see above)"] if done.returncode else []


def on_colab(python: Path, lessons: list[Path]) -> list[str]:
    """What is wrong with the lessons as Colab runs them."""
    packages = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    for package in ("google/colab", "helpers"):  # the second is somebody else's
        (packages / package).mkdir(parents=True, exist_ok=True)
        (packages / package / "__init__.py").touch()
    (packages / "colab.pth").write_text("import google.colab\n")
    before, faults = installed(python), []
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder, "course.git")
        subprocess.run(["git", "clone", "-q", "--bare", ROOT, repository], check=True)
        subprocess.run(["git", "-C", repository, "tag", "-f", f"v{__version__}"], check=True)
        for lesson in lessons:
            content = Path(folder, lesson.stem)
            content.mkdir()
            print(lesson.stem, flush=True)
            faults += alone(python, lesson, content, repository)
        faults += without_network(python, lessons[0], Path(folder))
    if installed(python) != before:
        faults.append("colab: a lesson changed what is installed")
    return faults


def alone(python: Path, lesson: Path, content: Path, repository: Path) -> list[str]:
    """Runs a notebook twice in one kernel, in an empty folder for /content, and compares what it prints."""
    notebook = nbformat.read(lesson, as_version=4)
    once = notebook.cells
    notebook.cells = [*once, *(nbformat.from_dict({**cell, "id": f"again-{cell.id}"}) for cell in once)]
    expected = [said(cell) for cell in notebook.cells]
    try:
        executed(python, notebook, content, repository)
    except CellExecutionError as error:
        return [f"colab: {lesson.stem}: {str(error)[-300:]}"]
    if not (content / f"v{__version__}" / "helpers").is_dir():
        return [f"colab: {lesson.stem} did not fetch the course"]
    return [
        f"colab: {lesson.stem}: the output of\n{cell.source[:200]}\nis {said(cell)!r}, committed is {text!r}"
        for cell, text in zip(notebook.cells, expected, strict=True)
        if cell.cell_type == "code"
        and "nbval-ignore-output" not in cell.metadata.get("tags", [])
        and said(cell) != text
    ]


def said(cell: nbformat.NotebookNode) -> str:
    """The text that a cell prints or shows, but not that of figures: a slider here, a picture in batch."""
    pictures = {"image/png", "application/vnd.jupyter.widget-view+json"}
    return "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.get("outputs", [])
        if not pictures & set(output.get("data", {}))
    ).strip()


def without_network(python: Path, lesson: Path, folder: Path) -> list[str]:
    """Runs the set-up cell where no address answers."""
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:1]
    try:
        executed(python, notebook, folder, folder / "nowhere.git")
    except CellExecutionError as error:
        if f"The course was not fetched from {publishing.address()}." in str(error):
            return []
        return [f"colab, without a network: {error}"]
    return ["colab, without a network: the set-up cell says nothing"]


def executed(python: Path, notebook: nbformat.NotebookNode, content: Path, repository: Path) -> None:
    for cell in notebook.cells:
        cell.source = cell.source.replace('"/content"', repr(str(content)))
    kernel = KernelManager()
    kernel.kernel_spec.argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    there = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf"}
    there["GIT_CONFIG_VALUE_0"] = publishing.address()
    there["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # four lines about the debugger otherwise
    client = NotebookClient(notebook, km=kernel, timeout=600, resources={"metadata": {"path": str(content)}})
    client.execute(env={**os.environ, **there})


if __name__ == "__main__":
    main()
