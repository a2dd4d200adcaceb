"""Verbs of the pipeline in production: servers and workers, deployments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app


@app.command()
def up(detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave them running in the background.")] = False) -> None:
    """Start the Prefect server, the MLflow server and the workers of this workspace, on loopback."""
    from mtl.services.verbs import up

    up(Path(), detach=detach)


@app.command()
def down() -> None:
    """Stop what `mtl up` has started."""
    from mtl.services.verbs import down

    down(Path())


@app.command()
def status() -> None:
    """Say whether the servers and workers of this workspace run, and where."""
    from mtl.services.verbs import status

    raise typer.Exit(0 if status(Path()) else 1)


@app.command()
def deploy() -> None:
    """Bring pools, limits, deployments and automations on the server to what prefect.yaml and params.yaml say."""
    from mtl.orchestration.deploying.deploy import deploy

    deploy(Path())


@app.command()
def worker(
    pool: Annotated[str, typer.Argument(help="Work pool of the server at PREFECT_API_URL.")],
    limit: Annotated[int, typer.Option(min=1, help="Runs at a time.")] = 1,
) -> None:
    """Run a worker in this checkout: stages that are placed on its pool are run here."""
    from mtl.services.verbs import worker

    worker(Path(), pool, limit)


@app.command()
def arrived(source: Annotated[str, typer.Argument(help="Source that has something new.")]) -> None:
    """Tell the server that new data of a source have come; the retraining begins at once."""
    from mtl.orchestration.arrived import arrived

    arrived(Path(), source)
