"""The `mtl` command: one sub-command a stage, and the user's verbs. Every room is loaded by the verb that needs it."""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from mtl import __version__
from mtl.errors import DataError, MtlError, SpecError

app = typer.Typer(
    help="Tables in, one shared multi-task model out, with proof for each task that sharing did not hurt.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

SOURCE_STAGES = {
    "ingest": "Read a source as it arrives into data/ingested (a stage).",
    "validate": "Check every row of a source against its contract (a stage).",
}
STAGES = {
    "split": "Decide which entities train, choose and judge (a stage).",
    "embed": "Bring in pretrained encoders, and what frozen ones make of each text (a stage).",
    "encode": "Fit encodings on train, check for leaks, select columns (a stage).",
    "align": "Join inputs and targets into arrays with masks (a stage).",
    "choose": "Decide which tasks share, if the spec leaves it open (a stage).",
    "train": "Train the shared model (a stage).",
    "baseline": "Train one network a task, the honest rival (a stage).",
    "trees": "Fit boosted trees, one a task (a stage).",
    "evaluate": "Measure every model on test, with intervals and verdicts (a stage).",
    "register": "Ask the gate; register, and promote what earns it (a stage).",
    "report": "Write reports/report.html (a stage).",
}


def main() -> None:
    """Run the command; an error that a user can mend ends in one message and its exit code, never a traceback."""
    try:
        app()
    except MtlError as error:
        _fail(error)
    except Exception as error:
        unwritable = _unwritable(error)
        if unwritable is None:
            raise
        _fail(unwritable)


def _unwritable(error: Exception) -> DataError | None:
    """A full or closed disk in words, whoever noticed it: Polars and safetensors tell it in the text of errors of their own."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    number = error.errno if isinstance(error, OSError) else int(told[1]) if told else None
    if number not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return None
    place = getattr(error, "filename", None) or Path.cwd()
    return DataError(f"{place}: cannot write", found=os.strerror(number), do="make room, then run again")


def _fail(error: MtlError) -> NoReturn:
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(error.exit_code)


def _stage(name: str, *arguments: str) -> None:
    """Run one stage and say in one line what it made."""
    from mtl.process import FLOW_RUN, die_with_parent

    die_with_parent()
    if "DVC_STAGE" in os.environ and FLOW_RUN not in os.environ:  # a flow has a guardian of its own
        from mtl.orchestration.guardian import guard

        guard(Path.cwd(), os.getppid())
    began = time.perf_counter()
    said = import_module(f"mtl.stages.{name}").run(*arguments)
    print(f"{name}: {said} ({time.perf_counter() - began:.1f} s)", flush=True)


def _source_stage(name: str) -> Callable[[str], None]:
    def command(source: Annotated[str, typer.Argument(help="Name of the source in params.yaml.")]) -> None:
        from mtl.spec import read_spec
        from mtl.spec.links import nearest

        sources = read_spec().sources
        if source not in sources:
            raise SpecError(
                f"source {source!r}", expected="a source of params.yaml", found="no such name", do=nearest(source, sources)
            )
        _stage(name, source)

    return command


def _whole_stage(name: str) -> Callable[[], None]:
    return lambda: _stage(name)


for _name, _help in SOURCE_STAGES.items():
    app.command(_name, help=_help)(_source_stage(_name))
for _name, _help in STAGES.items():
    app.command(_name, help=_help)(_whole_stage(_name))


@app.command()
def run(force: Annotated[bool, typer.Option(help="Run every stage again.")] = False) -> None:
    """Run the whole pipeline under Prefect: what is stale, side by side where it can be."""
    from mtl.orchestration import run_pipeline

    raise typer.Exit(run_pipeline(Path(), force=force))


@app.command()
def check() -> None:
    """Read the spec and the sources' headers; say what will be done, or what is wrong."""
    from mtl.project.check import check_project

    check_project(Path())


class _Init(TyperCommand):
    """`--example` without a name is `--example ""`, which lists them: Typer knows no option whose value may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        following = zip(args, [*args[1:], "-"], strict=True)
        return super().parse_args(ctx, [f"{a}=" if a == "--example" and b.startswith("-") else a for a, b in following])


@app.command(cls=_Init)
def init(
    target: Annotated[Path | None, typer.Argument(help="The new project's folder.", show_default=False)] = None,
    files: Annotated[list[Path] | None, typer.Option("--from", help="A table: CSV, NDJSON or Parquet; again for each.")] = None,
    targets: Annotated[str, typer.Option("--targets", help="Columns to predict, separated by commas.")] = "",
    key: Annotated[str, typer.Option("--key", help="Key column(s), separated by commas; guessed if left out.")] = "",
    name: Annotated[str, typer.Option(help="Name of the model; the folder's, if left out.")] = "",
    example: Annotated[
        str | None, typer.Option("--example", help="A finished project on real data, instead of tables; lists them without a name.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder with the data that an example does not bring along.")] = None,
) -> None:
    """Look at tables and write a project that runs; or copy an example."""
    from mtl.project import init_asked, listing

    if example == "":
        print(listing())
        return
    done = init_asked(target, files or [], _words(targets), _words(key), name, example, data)
    for doubt in done.doubts:
        print(f"look at: {doubt}")
    print(f"wrote {target}/: {', '.join(str(p) for p in done.written[:12])}")
    print(f"next: cd {target} && mtl check && mtl run")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


@app.command()
def poll() -> None:
    """Ask every SQL source whether it has something new; write its state file if so."""
    from mtl.data.sources import poll_source
    from mtl.spec import read_spec

    spec = read_spec()
    sql = [source for source, said in spec.sources.items() if said.is_sql]
    for source in sql:
        polled = poll_source(spec, source, Path())
        print(f"{source}: {'something new' if polled.changed else 'nothing new'}")
    if not sql:
        print("no source is an SQL query: nothing to ask")


@app.command()
def lock(only_check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if it is out of date.")] = False) -> None:
    """Put right what DVC reads: the hash of the code behind each stage (code.lock.yaml), and what a kill left."""
    from mtl.codelock import check_code_lock, write_code_lock
    from mtl.layout import CODE_LOCK

    stale = check_code_lock(CODE_LOCK)
    if only_check and stale:
        raise DataError(
            f"{CODE_LOCK}: out of date", found=f"something else behind {', '.join(stale)}", do="run `mtl lock` and commit it"
        )
    if not only_check:
        _put_right(Path())
    if stale:
        write_code_lock(CODE_LOCK)
        print(f"{CODE_LOCK}: something new behind {', '.join(stale)}")


def _put_right(root: Path) -> None:
    """DVC's state in this folder, its files whole, and nothing left of sources that are no more."""
    from mtl.dvc_home import keep_dvc_home
    from mtl.leftovers import clear_leftovers
    from mtl.orchestration.heal import heal_dvc
    from mtl.spec import SPEC, read_spec

    keep_dvc_home(root)
    for healed in heal_dvc(root):
        print(healed)
    if (root / SPEC).is_file():
        for gone in clear_leftovers(root, read_spec(root / SPEC).sources):
            print(f"{gone}: removed, since params.yaml has no source of that name")


@app.command()
def tune(
    trials: Annotated[int | None, typer.Option(min=1, help="How many in all; earlier ones of the same search count.")] = None,
    folds: Annotated[int | None, typer.Option(min=0, help="Cross-validate over so many folds; 0: on the valid split.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Trials that run side by side.")] = None,
    timeout: Annotated[float | None, typer.Option(min=1, help="Seconds after which no further trial begins.")] = None,
    fresh: Annotated[bool, typer.Option(help="Forget the trials of this search and begin anew.")] = False,
    apply: Annotated[bool, typer.Option(help="Write the best spec to params.yaml.")] = False,
) -> None:
    """Search over the spec (params.yaml, section tune) for a better one; print it as a diff."""
    from mtl.orchestration.current import must_be_current
    from mtl.spec import read_spec
    from mtl.tuning.tune import Asked, tune

    must_be_current(Path(), "choose" if read_spec().model.sharing == "auto" else "align")
    if not tune(Asked(trials, folds, processes, timeout, fresh, apply)):
        raise typer.Exit(130)


@app.command()
def adapt(
    task: Annotated[str, typer.Option("--task", help="A task of params.yaml that the champion does not know.")],
    means: Annotated[
        str, typer.Option("--with", help="What learns: head; embedding (the task's own part, by sharing); low_rank.")
    ] = "head",
    labels: Annotated[str, typer.Option(help="Counts of labels to compare with training from scratch at: 50,200,1000.")] = "",
    rank: Annotated[int, typer.Option(min=1, help="Rank of --with low_rank.")] = 4,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the labels at each count.")] = 5,
) -> None:
    """Add a new task to the champion, whose own tasks stay as they are, to the bit."""
    from mtl.adaptation.run import adapt, means_of
    from mtl.orchestration.current import must_be_current

    must_be_current(Path(), "split")
    adapt(Path(), task, means_of(means), _counts(labels), rank=rank, seeds=seeds)


def _counts(text: str) -> list[int]:
    wrong = [word for word in _words(text) if not word.isdecimal() or int(word) < 2]
    if wrong:
        raise SpecError("--labels", expected="counts of at least 2 separated by commas", found=wrong[0], do="write 50,200,1000")
    return [int(word) for word in _words(text)]


@app.command()
def history() -> None:
    """Promotions and rejections, the newest last."""
    from mtl.registry.verbs import print_history

    print_history(Path())


@app.command()
def checkout(
    version: Annotated[str, typer.Argument(help="Version of the registered model.")],
    force: Annotated[bool, typer.Option(help="Overwrite changes that are not committed.")] = False,
) -> None:
    """Bring back a version's params.yaml and dvc.lock; `dvc checkout` then brings back its data."""
    from mtl.registry.verbs import checkout_version

    for path in checkout_version(Path(), version, force=force):
        print(f"restored {path}")


@app.command("pin-profile")
def pin_profile() -> None:
    """Make the champion's profile the one that expectations compare with (profile.json)."""
    from mtl.registry.verbs import pin_champion_profile

    print(pin_champion_profile(Path()))


def _version(asked: bool) -> None:
    if asked:
        print(f"mtl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and stop.")] = False,
) -> None:
    pass
