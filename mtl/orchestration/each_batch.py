"""What flows over batches have in common: all are tried, and one that fails is named at the end."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from mtl.errors import MtlError
from mtl.orchestration.batches import Batch

RETRY_DELAYS: list[float] = [1, 4]
"""Seconds before the first and the second retry of a batch: a registry or a disk may be away for a moment."""


def plainly(work: Callable[[], State[Any]]) -> State[Any]:
    """What `work` returns; an error that a user can mend is a failed state in the error's own words, without a traceback."""
    try:
        return work()
    except MtlError as error:
        return Failed(message=str(error))


def each_batch(
    todo: Sequence[Batch], run: Callable[[datetime.date | None, Path | None], State[Any]], publish: Callable[[list[Any]], str]
) -> State[Any]:
    """Run each; `publish(results)` makes artifacts of those that ended well and says them in one line."""
    states = [(str(day or path or "the table"), run(day, path)) for day, path in todo]
    good = [state.result(raise_on_failure=False) for _, state in states if state.is_completed()]
    said = publish(good) if good else "nothing was done"
    failed = [f"{name}: {state.message}" for name, state in states if not state.is_completed()]
    return Failed(message="\n".join([*failed, said])) if failed else Completed(message=said)
