"""The command itself: every file beside this one adds its verbs to `app`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtl import __version__

app = typer.Typer(
    help="Tables in, one shared multi-task model out, with proof for each task that sharing did not hurt.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _version(asked: bool) -> None:
    if asked:
        print(f"mtl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and stop.")] = False,
) -> None:
    pass
