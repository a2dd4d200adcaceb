"""Verbs on the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app


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
