"""Verbs that ask the champion."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app


@app.command()
def score(
    source: Annotated[str, typer.Argument(help="Name of the source in params.yaml.")],
    path: Annotated[
        Path | None,
        typer.Option("--from", help="The table that arrived: a file, a folder, one partition; the source's own `path`."),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Of the partition written; of the one read, or today (UTC), if left out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of all predictions; data/scored if left out.")] = None,
) -> None:
    """Predict a batch of a source by the champion, its contract checked before and after; write a dated partition."""
    from mtl.serving.score import score

    print(score(Path(), source, path, date.date() if date is not None else None, out).summary())
