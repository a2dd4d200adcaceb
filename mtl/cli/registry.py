"""Verbs on the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app


@app.command()
def history() -> None:
    """Promotions, rejections and rollbacks, the newest last."""
    from mtl.registry.verbs import print_history

    print_history(Path())


@app.command()
def checkout(
    version: Annotated[str, typer.Argument(help="Version of the registered model.")],
    force: Annotated[bool, typer.Option(help="Overwrite changes that are not committed.")] = False,
) -> None:
    """Bring back a version's params.yaml and dvc.lock; `dvc checkout` then brings back its data."""
    from mtl.orchestration.lock import workspace_lock
    from mtl.registry.verbs import checkout as brought_back
    from mtl.spec import read_spec

    spec = read_spec()
    with workspace_lock(Path()):  # a run that works here must not find another spec than it began with
        for path in brought_back(Path(), spec, version, force=force):
            print(f"restored {path}")


@app.command("pin-profile")
def pin_profile() -> None:
    """Make the champion's profile the one that expectations compare with (profile.json)."""
    from mtl.registry.verbs import pin_champion_profile

    print(pin_champion_profile(Path()))


@app.command()
def rollback(
    version: Annotated[str | None, typer.Argument(help="Left out: the champion before today's.")] = None,
    why: Annotated[str, typer.Option(help="Kept in the history.")] = "",
) -> None:
    """Undo a promotion: the champion before, or a VERSION that was champion, is champion again."""
    from mtl.registry.rollback import roll_back

    print("\n".join(roll_back(Path(), version, why)))


@app.command()
def champion() -> None:
    """The version that serves: since when, its metrics task by task, where it comes from."""
    from mtl.registry.champion import champion_lines

    print("\n".join(champion_lines(Path())))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="Version or alias.")],
    second: Annotated[str, typer.Argument(help="Judged against it.")],
) -> None:
    """Two versions task by task on the newest test rows that neither was trained on, and what differs in params.yaml."""
    from mtl.registry.compare import compare_lines
    from mtl.stages.register import test_rows

    print("\n".join(compare_lines(Path(), first, second, test_rows)))


@app.command()
def dashboard() -> None:
    """Write reports/dashboard.html: metrics, data, quarantine, champions and decisions over all versions."""
    from mtl.dashboard.page import write_dashboard

    print(f"wrote {write_dashboard(Path())}")


@app.command()
def gc(
    keep_versions: Annotated[
        int, typer.Option(min=1, help="The newest so many; champion, candidate and the champion before stay.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
) -> None:
    """Free older versions, and what only they named in DVC's cache."""
    from mtl.orchestration.collect import collect

    print("\n".join(collect(Path(), keep_versions, dry=dry_run).lines()))
