"""One transaction over things that have none: each step says how it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from mtl.errors import MtlError, RegistryError


class Undo:
    """Takes back every step, the last first, when its block does not end well.

    An error leaves the block as a RegistryError that says what happened and what could not be taken back.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._steps: list[tuple[str, Callable[[], Any]]] = []

    def step(self, what: str, back: Callable[[], Any]) -> None:
        """`what` was just done; `back` takes it back."""
        self._steps.append((what, back))

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            return
        left = [text for what, back in reversed(self._steps) if (text := _take_back(what, back))]
        if isinstance(error, MtlError) and not left:
            return
        if isinstance(error, Exception):
            raise RegistryError(
                f"{self._what}: failed, " + ("not all of it could be taken back" if left else "and was taken back"),
                found=f"{_first_line(error)}" + "".join(f"; still there: {text}" for text in left),
                do="mend the cause and run it again; the champion is what it was"
                if not left
                else "run it again when the registry answers",
            ) from error


def _take_back(what: str, back: Callable[[], Any]) -> str:
    """Empty, or what is left."""
    try:
        back()
    except Exception as error:
        return f"{what} ({_first_line(error)})"
    return ""


def _first_line(error: BaseException) -> str:
    text = error.what if isinstance(error, MtlError) else str(error)
    return f"{type(error).__name__}: {text.splitlines()[0][:300] if text else ''}"
