"""The `mtl` command: one sub-command a stage, and the user's verbs. Every room is loaded by the verb that needs it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from mtl.cli.app import app
from mtl.cli.names import SOURCE_STAGES, STAGES
from mtl.errors import MtlError
from mtl.unwritable import unwritable

__all__ = ["SOURCE_STAGES", "STAGES", "app", "main"]

for _family in ("project", "learning", "registry", "serving", "monitoring", "operations", "stages"):  # each adds its verbs to `app`
    import_module(f"mtl.cli.{_family}")


def main() -> None:
    """Run the command; an error that a user can mend ends in one message and its exit code, never a traceback."""
    try:
        app()
    except MtlError as error:
        _fail(error)
    except Exception as error:
        said = unwritable(error, Path.cwd())
        if said is None:
            raise
        _fail(said)


def _fail(error: MtlError) -> NoReturn:
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(error.exit_code)
