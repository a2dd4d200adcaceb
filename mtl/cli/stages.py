"""One sub-command a stage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app
from mtl.cli.names import SOURCE_STAGES, STAGES
from mtl.errors import SpecError


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
