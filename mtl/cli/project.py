"""Verbs on a project: make one, look at it, run it, ask its sources, put right what DVC reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from mtl.cli.app import app, words
from mtl.errors import DataError


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
    done = init_asked(target, files or [], words(targets), words(key), name, example, data)
    for doubt in done.doubts:
        print(f"look at: {doubt}")
    print(f"wrote {target}/: {', '.join(str(p) for p in done.written[:12])}")
    print(f"next: cd {target} && mtl check && mtl run")


@app.command()
def check() -> None:
    """Read the spec and the sources' headers; say what will be done, or what is wrong."""
    from mtl.project.check import check_project

    check_project(Path())


@app.command()
def run(force: Annotated[bool, typer.Option(help="Run every stage again.")] = False) -> None:
    """Run the whole pipeline under Prefect: what is stale, side by side where it can be."""
    from mtl.orchestration import run_pipeline

    raise typer.Exit(run_pipeline(Path(), force=force))


@app.command()
def poll() -> None:
    """Ask every SQL source whether it has something new; write its state file if so."""
    from mtl.data.sources import poll_source
    from mtl.orchestration.lock import workspace_lock
    from mtl.spec import read_spec

    spec = read_spec()
    sql = [source for source, said in spec.sources.items() if said.is_sql]
    with workspace_lock(Path()):  # a run that works here must not find another state than it began with
        for source in sql:
            polled = poll_source(spec, source, Path())
            print(f"{source}: {'something new' if polled.changed else 'nothing new'}")
            if polled.anew:
                print(f"  all is fetched anew: {polled.anew}")
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
