"""The `course` command. What a command needs is imported when it runs, so that --help answers at once."""

import contextlib
import difflib
import errno
import sys
from collections.abc import Collection, Iterator, Sequence
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer

from helpers import ROOT, __version__

_REFUSED_BY_THE_MACHINE = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
)  # to write a file, for rights or for room

app = typer.Typer(
    help="A course on normalization in PyTorch: run its lessons, train its studies, see the results.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Jobs = Annotated[
    int | None, typer.Option(min=1, help="How many at once on this machine; without it, one per core.")
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler to use instead, like tcp://host:8786.")
]


@app.callback()
def begin(context: typer.Context) -> None:
    """What every command but the doctor needs: the course's own folder."""
    from helpers.course import doctor as course_doctor

    if context.invoked_subcommand != "doctor" and (folder := course_doctor.folder()).remedy:
        refuse(f"{folder.found}. {folder.remedy}", 1)


@app.command()
def doctor() -> None:
    """Show what is here, what is wrong or missing, and what to type.

    Example: course doctor
    """
    from helpers.course import doctor as course_doctor

    typer.echo(f"course {__version__} in {ROOT}\n")
    found = list(course_doctor.checks())
    for check in found:
        typer.echo(f"  {'!!' if check.remedy else 'ok'}  {check.name:<21} {check.found}")
    faults = [check for check in found if check.remedy]
    if faults:
        typer.echo("\nTo be mended")
        for check in faults:
            typer.echo(f"  {check.name}: {check.found}\n      {check.remedy}")
        refuse("data sets, lessons and studies are shown when this is mended.", 1)
    _inventory()


def _inventory() -> None:
    """Shows data sets, lessons and studies: what is here and, at the end, how to get what is not."""
    from helpers import data_folder
    from helpers.course import run_lessons
    from helpers.lessons import STUDIES
    from helpers.studies import runs as study_runs
    from helpers.studies.records import RECORDED, REPRODUCED
    from helpers.training.execution import Execution, precision_file, timing

    missing = []
    how = Execution.auto()
    typer.echo(f"\nTraining: {how}")
    if how.device == "cpu":
        steps = ", ".join(f"{name} {ms} ms" for name, ms in timing()["milliseconds"].items())
        typer.echo(f"  a step here: {steps}, timed once and kept in {precision_file()}")
    typer.echo(f"\nData sets in {data_folder()}")
    for name, package in _data_sets().items():
        state = package.state(name)
        typer.echo(f"  {name:<15} {state}")
        if state not in ("built in", "present"):
            missing.append(f"{name}: course data {name}")
    typer.echo("\nLessons")
    runs = {run["lesson"]: run for run in run_lessons.runs()}
    for lesson in run_lessons.lessons():
        run = runs.get(lesson)
        typer.echo(f"  {lesson}: {run['status'] + ' on ' + run['finished'][:10] if run else 'not run here'}")
    typer.echo("\nStudies")
    for study in STUDIES.values():
        runs = {folder: study_runs.recorded(study, study.seeds, folder) for folder in (RECORDED, REPRODUCED)}
        look = study.looked(runs[RECORDED])
        typer.echo(
            f"  {study.name}: {len(runs[RECORDED])} runs recorded, judged after {look} of at most "
            f"{study.seeds} seeds; {len(runs[REPRODUCED])} reproduced here"
        )
        if look == 0 or study_runs.lacking(study, RECORDED):
            missing.append(f"recorded runs of {study.name}: course train {study.name} --record")
    typer.echo("\nNot here, and how to get it" if missing else "\nAll data sets and studies are here.")
    for line in missing:
        typer.echo(f"  {line}")


@app.command()
def data(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Data sets; all without it.")
    ] = None,
) -> None:
    """Download data sets and check every file.

    Example: course data cifar10
    """
    from helpers.downloads import DataError

    packages = _data_sets()
    names = names or list(packages)
    for name in names:
        known("data set", name, packages)
    with told(DataError):
        for name in names:
            packages[name].download(name, progress=sys.stderr.isatty())
            typer.echo(f"{name}: {packages[name].state(name)}")


def _data_sets() -> dict[str, ModuleType]:
    """The module that loads each data set: of images, then of texts."""
    from helpers.images import datasets as images
    from helpers.text import datasets as texts

    return {name: package for package in (images, texts) for name in package.DATASETS}


@app.command()
def run(
    lessons: Annotated[
        list[str] | None, typer.Argument(metavar="LESSON", help="Names or numbers; all without it.")
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="K=V", help="A parameter of the lessons.")
    ] = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
) -> None:
    """Run lessons with papermill, into build/lessons.

    Example: course run 07 -p retrain=True
    """
    from helpers.course import run_lessons
    from helpers.studies.cluster import JobsError, cores

    values = {}
    for item in parameters or []:
        name, equals, value = item.partition("=")
        if not (equals and name):
            refuse(f"-p {item}: a parameter is given as NAME=VALUE, for example -p seeds=3.")
        values[name.strip()] = run_lessons.typed(value.strip())
    with told(run_lessons.RunnerError, status=2):
        chosen = run_lessons.choose(lessons or [])
        run_lessons.check_parameters(chosen, values)
    with told(JobsError):  # and FilesError, before anything is started
        results = run_lessons.run(
            chosen,
            values,
            workers=jobs or cores(),
            scheduler=scheduler,
            cell_timeout=None
            if values.get("retrain")
            else run_lessons.CELL_TIMEOUT,  # retraining takes hours
            report=_say,
        )
    width = max(len(result["lesson"]) for result in results)
    typer.echo(f"\n{'lesson':<{width}}  status  seconds")
    for result in results:
        typer.echo(f"{result['lesson']:<{width}}  {result['status']}  {result['seconds']:7.1f}")
    if any(result["error"] for result in results):
        raise typer.Exit(1)


@app.command()
def train(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="STUDY", help="Studies; all without it.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each arm; without it, up to the look that decides.")
    ] = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    record: Annotated[
        bool, typer.Option("--record", help="Add to data/results, which is committed.")
    ] = False,
) -> None:
    """Train what studies lack, into build/results.

    A study is judged at its looks, after 10 and 20 seeds for example, and ends at the first that decides its
    claims. All arms of a seed are trained on one machine. Each run is kept when it ends: the same command
    goes on where it was stopped.

    Example: course train cifar_norms --seeds 5
    """
    from helpers.downloads import DataError
    from helpers.lessons import STUDIES, findings
    from helpers.studies import runs as study_runs
    from helpers.studies.cluster import JobsError, cores
    from helpers.studies.records import RECORDED, REPRODUCED, RecordError
    from helpers.training.execution import chosen_device

    names = names or list(STUDIES)
    for name in names:
        known("study", name, STUDIES)
    if scheduler is None:
        with told(ValueError, status=2):
            place = chosen_device(device)
        jobs = jobs or (1 if place == "cuda" else cores())
    folder = RECORDED if record else REPRODUCED
    with told(DataError, JobsError, RecordError, study_runs.StudyError):
        for name in names:
            study = STUDIES[name]
            for look in [seeds] if seeds else study.looks:
                runs = study_runs.run(
                    study,
                    seeds=look,
                    jobs=jobs or 1,
                    scheduler=scheduler,
                    folder=folder,
                    device=device,
                    progress=sys.stderr.isatty(),
                )
                diverged = sum(run["status"] == "diverged" for run in runs)
                typer.echo(f"{name}: {len(runs)} runs, {diverged} of them diverged, in {folder / name}.jsonl")
                for seed, arms in study_runs.lacking(study, folder).items():
                    typer.echo(f"  seed {seed} lacks {', '.join(arms)}: no pairs with them yet")
                if undecided := _undecided(findings(runs), f"{name}, {look} seeds"):
                    typer.echo(undecided)
                else:
                    break


def _undecided(found: Sequence[Any], where: str) -> str:
    """Which findings are open at this look, in a paragraph; "" if none is."""
    open_ = [
        f"  claim {f.claim}, {f.statement}: {f.verdict}" for f in found if f.verdict.startswith("undecided")
    ]
    return (
        "\n".join([f"{where}: {len(open_)} of {len(found)} findings are undecided", *open_]) if open_ else ""
    )


@app.command()
def report() -> None:
    """Write build/report.html.

    Lessons run, and studies published, recorded and reproduced side by side.

    Example: course report
    """
    from helpers.course import report as page
    from helpers.studies.records import RecordError

    with told(RecordError):
        typer.echo(f"report: {page.build()}")


@app.command()
def export(
    lessons: Annotated[
        list[str] | None, typer.Argument(metavar="LESSON", help="Names or numbers; all without it.")
    ] = None,
    solved: Annotated[
        bool, typer.Option("--solved", help="With the solutions put in, and run: for those who teach.")
    ] = False,
    to: Annotated[str, typer.Option(help="ipynb, html or slides.")] = "html",
    jobs: Jobs = None,
) -> None:
    """Write lessons as notebooks, pages or slides, into build/export.

    Example: course export 04 --solved --to ipynb
    """
    from helpers.course import export as course_export
    from helpers.course import run_lessons
    from helpers.studies.cluster import JobsError, cores

    known("form", to, course_export.FORMS)
    with told(run_lessons.RunnerError, status=2):
        chosen = run_lessons.choose(lessons or [])
    with told(JobsError, course_export.ExportError):
        for path in course_export.export(chosen, to, solved=solved, workers=jobs or cores(), report=_say):
            typer.echo(f"wrote {path}")


@app.command()
def publish(
    slug: Annotated[str, typer.Argument(metavar="OWNER/REPO", help="The repository on GitHub.")],
    tag: Annotated[
        bool, typer.Option("--tag", help="Commit the change and tag it as the release that Colab fetches.")
    ] = False,
) -> None:
    """Write the public address into badges and set-up cells.

    Example: course publish octocat/normalization-course --tag
    """
    from helpers.course import publishing

    with told(publishing.PublishError, status=2):
        changed = publishing.release(slug) if tag else publishing.publish(slug)
    for path in changed:
        typer.echo(f"changed {path.relative_to(ROOT)}")
    typer.echo(
        f"The course's address is {publishing.HOST}{slug}. Lessons on Colab fetch its tag v{__version__}. "
        f"The forge publishes the book of a tag at {publishing.book(publishing.HOST + slug)}"
    )
    if tag:
        typer.echo(f"Tagged v{__version__}; now: git push {publishing.HOST}{slug} HEAD v{__version__}")


def known(kind: str, name: str, allowed: Collection[str]) -> None:
    """Ends the command with status 2 unless `name` is allowed."""
    if name not in allowed:
        near = difflib.get_close_matches(name, allowed, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        refuse(f"there is no {kind} {name!r}.{hint} Choose from: {', '.join(allowed)}.")


def refuse(message: str, status: int = 2) -> NoReturn:
    """Ends the command with one paragraph instead of a traceback."""
    typer.echo(f"course: {message}", err=True)
    raise typer.Exit(status)


@contextlib.contextmanager
def told(*expected: type[Exception], status: int = 1) -> Iterator[None]:
    """Tells expected errors, what the machine refuses and an interruption in one paragraph.

    Other errors keep their traceback.
    """
    from helpers.files import FilesError

    try:
        yield
    except (*expected, FilesError) as error:
        refuse(str(error), status)
    except OSError as error:
        if error.errno not in _REFUSED_BY_THE_MACHINE:
            raise
        place = error.filename2 or error.filename or "a file"
        refuse(f"{place}: {error.strerror}. What had ended is kept; `course doctor` may say more.", 1)
    except KeyboardInterrupt as stopped:
        refuse(str(stopped) or "interrupted; what had ended is kept.", 130)


def _say(result: dict) -> None:
    typer.echo(f"{result['lesson']}: {result['status']} ({result['seconds']:.0f} s)")
    if result["error"]:
        typer.echo(f"  {result['error']}", err=True)


if __name__ == "__main__":
    app(prog_name="course")
