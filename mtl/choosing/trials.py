"""Alternatives on trial: each is trained on every fold and its tasks are compared with those trained alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mtl.choosing.choice import Groups, of_tasks, weighted
from mtl.choosing.done import Done
from mtl.choosing.gains import Gain, gains_of
from mtl.choosing.training import Job, Workers
from mtl.data.encodings import Encodings
from mtl.spec import Model, Training


@dataclass(frozen=True)
class Alternative:
    """Who is trained with whom: `groups` of at least two tasks, by a sharing; who is in none of them stands alone."""

    sharing: str
    groups: Groups
    weights: tuple[tuple[str, float], ...] = ()
    """λ of some tasks."""

    @property
    def tasks(self) -> list[str]:
        return [name for group in self.groups for name in group]


@dataclass(frozen=True)
class Trial:
    """An alternative, and what it gained each of the tasks it trains together."""

    of: Alternative
    gains: dict[str, Gain]
    related: list[dict[str, Any]] = field(default_factory=list)
    """What was seen of relatedness, on each fold."""


@dataclass
class Trials:
    """Trains alternatives on the folds and counts trainings. `scratch` keeps what is done for a run that goes on."""

    encodings: Encodings
    model: Model
    training: Training
    workers: Workers
    key: str
    checkpoints: Path | None = None
    scratch: Path | None = None
    trained: int = 0
    _alone: list[Done] | None = None

    def run(self, alternative: Alternative) -> Trial:
        """Train and judge. Before the first one each task is trained alone; relatedness is kept of the first."""
        first = self._alone is None
        if self._alone is None:
            self._alone = self._done(self._jobs_alone())
        done = self._done(self._jobs(alternative, self._alone, watch=first))
        rivals = [{name: of.predicted[name] for name in alternative.tasks} for of in self._alone]
        tasks, folds = of_tasks(self.encodings, alternative.tasks).tasks, self.workers.folds
        gains = gains_of(tasks, folds, [one.predicted for one in done], rivals, self.training.seed)
        return Trial(alternative, gains, [one.related for one in done if one.related is not None])

    def _jobs(self, alternative: Alternative, alone: Sequence[Done], watch: bool) -> list[Job]:
        encodings = weighted(of_tasks(self.encodings, alternative.tasks), dict(alternative.weights))
        more: dict[str, Any] = {} if watch else {"relatedness": None}
        more |= {"balancing": "fixed"} if alternative.weights else {}
        groups = alternative.groups if len(alternative.groups) > 1 else None
        jobs = self._each(encodings, self._model(alternative.sharing, groups), self.training.model_copy(update=more))
        at = [place for place, task in enumerate(self.encodings.tasks) if task.name in alternative.tasks]
        taught = [None if of.taught is None else of.taught.only(at) for of in alone]
        return [replace(job, taught=of) for job, of in zip(jobs, taught, strict=True)]

    def _jobs_alone(self) -> list[Job]:
        jobs = self._each(self.encodings, self._model("separate", None), self.training.alone())
        return [replace(job, teaches=self.training.distillation) for job in jobs]

    def _model(self, sharing: str, groups: Groups | None) -> Model:
        """The network on trial: of few members, since all alternatives have as many."""
        members = min(self.model.members, self.model.auto.members)
        return self.model.model_copy(update={"sharing": sharing, "groups": groups, "options": {}, "members": members})

    def _each(self, encodings: Encodings, model: Model, training: Training) -> list[Job]:
        """A job for each fold."""
        weights = {task.name: task.weight for task in encodings.tasks}
        said = [self.key, len(self.workers.folds), weights, model.model_dump(mode="json"), training.model_dump(mode="json")]
        key, found = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24], []
        for number in range(len(self.workers.folds)):
            what = f"{model.sharing}, {len(weights)} tasks, fold {number + 1} of {len(self.workers.folds)}"
            found.append(Job(number, encodings, model, training, f"{key}-{number}", what, self.checkpoints))
        return found

    def _done(self, jobs: Sequence[Job]) -> list[Done]:
        """Their results; those that a run that was cut short had finished are read."""
        self.trained += len(jobs)
        files = {job.key: self.scratch / f"{job.key}.npz" for job in jobs} if self.scratch is not None else {}
        kept = {job.key: Done.read(files[job.key]) if files else None for job in jobs}
        missing = [job for job in jobs if kept[job.key] is None]
        for job, done in zip(missing, self.workers.each(missing), strict=True):
            if files:
                done.write(files[job.key])
            kept[job.key] = done
        return [found for job in jobs if (found := kept[job.key]) is not None]
