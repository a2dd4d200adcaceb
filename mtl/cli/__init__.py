"""The `mtl` command: one sub-command a stage, and the user's verbs. Every room is loaded by the verb that needs it."""

from __future__ import annotations

import errno
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from mtl.cli.app import app
from mtl.cli.names import SOURCE_STAGES, STAGES
from mtl.errors import DataError, MtlError

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
