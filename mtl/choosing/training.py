"""Trainings on folds: one after the other, or side by side in processes of their own where there are cores for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from mtl.choosing.done import Done, Taught
from mtl.choosing.folds import Fold, folds_of, of_tasks
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.process import die_with_parent
from mtl.spec import Distillation, Model, Training

if TYPE_CHECKING:
    from mtl.network import Network
    from mtl.training.lessons import Lesson

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One training, on the fold of this number; `taught`: by whom; `teaches`: how others will ask what it has learned."""

    number: int
    encodings: Encodings
    model: Model
    training: Training
    key: str
    what: str
    checkpoints: Path | None
    taught: Taught | None = None
    teaches: Distillation | None = None


def trained(job: Job, fold: Fold, tell: Tell | None) -> Done:
    """Train, then predict the rows that judge."""
    from mtl.network.predict import predict
    from mtl.training.devices import on_threads
    from mtl.training.fit import fit

    names = [task.name for task in job.encodings.tasks]
    learn, lesson = of_tasks(fold.learn, names), None if job.taught is None else _lesson(job.taught)
    fitted = fit(
        job.encodings, learn, of_tasks(fold.stop, names), job.model, job.training,
        checkpoints=job.checkpoints, inputs_key=job.key, whole=of_tasks(fold.whole, names), lesson=lesson,
        progress=None if tell is None else lambda epoch: tell(f"{job.what}, epoch {epoch.epoch}/{epoch.max_epochs}"),
    )  # fmt: skip
    with on_threads(job.training.threads):  # as it was trained: what is chosen may not hang on the machine's cores
        predicted = predict(fitted.network, job.encodings, fold.judge.inputs)
        teaching = None if job.teaches is None else _teaching(fitted.network, learn, job.teaches, job.training.threads)
    return Done(predicted, None if fitted.relatedness is None else fitted.relatedness.as_json(), teaching)


def _lesson(taught: Taught) -> Lesson:
    import torch

    from mtl.training.lessons import Lesson

    return Lesson(torch.from_numpy(taught.soft), torch.from_numpy(taught.mask))


def _teaching(network: Network, learn: AlignedSet, asked: Distillation, threads: int) -> Taught:
    from mtl.training.distillation import lesson_on

    lesson = lesson_on(network, learn, asked, threads)
    return Taught(lesson.soft.numpy(), lesson.mask.numpy())


@dataclass
class Workers:
    """Does jobs; the same results in the same order, however many processes there are."""

    train: AlignedSet
    valid: AlignedSet
    folds: Sequence[Fold]
    tell: Tell | None = None
    _pool: ProcessPoolExecutor | None = None

    def each(self, jobs: Sequence[Job]) -> Iterator[Done]:
        """The result of each job, in order."""
        count = min(len(jobs), self._cores(jobs[0].training)) if jobs else 0
        train, valid = self.train.folder, self.valid.folder
        if count < 2 or train is None or valid is None:
            yield from (trained(job, self.folds[job.number], self.tell) for job in jobs)
            return
        if self._pool is None:  # spawned: torch's threads do not survive a fork
            self._pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=die_with_parent)
        futures = [self._pool.submit(_in_a_process, job, train, valid, len(self.folds)) for job in jobs]
        for job, future in zip(jobs, futures, strict=True):
            yield future.result()
            if self.tell is not None:
                self.tell(f"{job.what}: trained")

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @staticmethod
    def _cores(training: Training) -> int:
        """How many trainings fit side by side; a GPU has one at a time."""
        from mtl.training.devices import device_of

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // training.threads) if device_of(training.device).type == "cpu" else 1


def _in_a_process(job: Job, train: Path, valid: Path, folds: int) -> Done:
    return trained(job, _folds(train, valid, folds)[job.number], None)


@lru_cache(maxsize=1)
def _folds(train: Path, valid: Path, folds: int) -> list[Fold]:
    return folds_of(AlignedSet.read(train), AlignedSet.read(valid), folds)
