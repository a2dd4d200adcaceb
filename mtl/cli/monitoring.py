"""Verbs that watch what arrives."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app

DRIFTED = 3
"""Exit code of `--fail`: the errors' own are 1 and 2."""


@app.command()
def monitor(
    source: Annotated[str, typer.Argument(help="Name of the source in params.yaml.")],
    path: Annotated[
        Path | None,
        typer.Option("--from", help="The table that arrived: a file, a folder, one partition; the source's own `path`."),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Of the report; of the partition read, or today (UTC), if left out."),
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help=f"Exit {DRIFTED} if something drifted.")] = False,
) -> None:
    """Compare a batch of a source with what the champion was trained on; say what drifted, and write a page about it."""
    from mtl.monitoring.monitor import monitor

    told = monitor(Path(), source, path, date.date() if date is not None else None)
    print(told.summary())
    raise typer.Exit(DRIFTED if fail and told.drifted else 0)
