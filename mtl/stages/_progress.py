"""What a person sees while a network trains: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtl.training.fit import Epoch

SECONDS_A_LINE = 2.0


@contextmanager
def training_progress(name: str, max_epochs: int) -> Iterator[Callable[[Epoch], None]]:
    """A callback for each epoch."""
    if sys.stdout.isatty():
        with _bar(name, max_epochs) as callback:
            yield callback
    else:
        yield _lines(name)


@contextmanager
def _bar(name: str, max_epochs: int) -> Iterator[Callable[[Epoch], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task(name, total=max_epochs, told="")
        yield lambda epoch: progress.update(bar, completed=epoch.epoch, total=epoch.max_epochs, told=_told(epoch))


def trainings_progress(name: str, every: float = SECONDS_A_LINE) -> Callable[[str], None]:
    """A callback that is told where one training after another, or other long work, stands: a line `every` so many seconds."""
    last = time.monotonic() - every

    def line(what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            print(f"{name}: {what}", flush=True)

    return line


def _lines(name: str) -> Callable[[Epoch], None]:
    line = trainings_progress(name)
    return lambda epoch: line(f"epoch {epoch.epoch}/{epoch.max_epochs}, {_told(epoch)}")


def _told(epoch: Epoch) -> str:
    """`score` is the mean over tasks of valid loss ÷ the best constant's: 1 is no better than guessing."""
    if epoch.again:
        return f"again, on train and valid: {epoch.score:.4f} of a constant's loss, tasks still learning {len(epoch.train_loss)}"
    return (
        f"valid {epoch.score:.4f} of a constant's loss, best {epoch.best_score:.4f}, tasks still learning {len(epoch.valid_loss)}"
    )
