"""The study on disk: an SQLite file of Optuna's, written by one process, that a kill at any moment leaves usable."""

from __future__ import annotations

import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.errors import DataError, MtlError
from mtl.files import replacing
from mtl.layout import TUNING
from mtl.tuning.base import Base, said_in
from mtl.tuning.data import Plan
from mtl.tuning.options import choosers, option_of
from mtl.tuning.pruning import MedianOfParts
from mtl.tuning.space import Space, has_say

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study import Study
    from optuna.trial import Trial

NAME = "tune"
RANDOM_TRIALS = 8
"""Trials drawn at random before the sampler learns from them."""
WAIT = 30.0
"""Seconds a write waits for somebody who reads the file."""


def study_key(base: Base, space: Space, plan: Plan, data: str, code: str) -> str:
    """Name of the study: a hash of data, code, folds, space, seed, and whatever of the spec the space leaves as it is.

    Trials are thus compared only with trials that answer the same question; and writing the best trial's values into
    params.yaml goes on with the same study, since those are the space's own keys.
    """
    varied = {one.key for one in space.dimensions}
    sections = ("model", "training", *(("inputs", "encoding") if plan.encodes else ()))
    said = base.spec.model_dump(mode="json", include={*sections, "tasks"})
    tasks = said.pop("tasks")
    weights = {name: task.pop("weight") for name, task in tasks.items() if f"tasks.{name}.weight" not in varied}
    flat = dict(_flat({section: said[section] for section in sections}))
    kept = {key: value for key, value in flat.items() if key not in varied and not _of_a_varied_choice(key, varied)}
    dimensions = sorted([one.key, repr(one.varied)] for one in space.dimensions)
    parts = [data, code, plan.folds, plan.seed, plan.choice, dimensions, kept, weights, tasks if plan.encodes else {}]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _of_a_varied_choice(key: str, varied: set[str]) -> bool:
    """Options of a sharing (a balancing, a network) that is itself varied come and go with it."""
    option = option_of(key)
    return option is not None and option[0].key in varied


def digest(base: Base, values: Mapping[str, Any], space: Space) -> str:
    """Hash of what a trial says: two with the same one end in the same score.

    Read from the trial's spec, in which 4 and 4.0 are one, so that a value is known again once it is written.
    """
    spec = base.spec_with(values)
    heard = {one.key: said_in(spec, one.key) for one in space.dimensions if has_say(one.key, lambda key: said_in(spec, key))}
    written = spec.model_dump(mode="json", include={"model", "training", "inputs"})
    parts = [heard, [chooser.beside(written)["options"] for chooser in choosers(spec)]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys; nothing of an empty map, which says as little as none."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def study_file(root: Path, key: str) -> Path:
    return root / TUNING / f"{key}.db"


@contextmanager
def only_one(root: Path, key: str) -> Iterator[None]:
    """One `mtl tune` of a study at a time. Raises MtlError at once if there is another."""
    path = root / TUNING / f"{key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MtlError(
                "this study is being tuned already", found=f"another `mtl tune` in this folder holds {path.name}",
                do="wait for it, or end it and run `mtl tune --processes 2` for two trials at once",
            ) from None  # fmt: skip
        yield


def open_study(file: Path, warmup: int) -> Study:
    """The study in `file`, made beside its name and renamed if it is not there. Raises DataError if it cannot be read."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not file.is_file():
        with replacing(file) as partial:
            storage = _storage(partial)
            optuna.create_study(storage=storage, study_name=NAME, direction="minimize")
            _close(storage)
    try:
        return optuna.load_study(storage=_storage(file), study_name=NAME, pruner=MedianOfParts(warmup))
    except (SQLAlchemyError, sqlite3.Error, KeyError, RuntimeError) as error:
        found = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DataError(f"{file}: not a study that can be read", found=found, do="start anew: `mtl tune --fresh`") from error


def close_study(study: Study) -> None:
    _close(study._storage)


def ask(study: Study, position: int, seed: int) -> Trial:
    """The next trial: one that waits to be tried again, or a new one.

    Its sampler's seed follows from its position alone, so that a study that was stopped and went on draws what it would
    have drawn otherwise.
    """
    from optuna.samplers import TPESampler

    own = int.from_bytes(hashlib.sha256(f"{seed} {position}".encode()).digest()[:4], "big")
    study.sampler = TPESampler(seed=own, n_startup_trials=RANDOM_TRIALS)
    return study.ask()


def _storage(file: Path) -> RDBStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy import event

    storage = RDBStorage(f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": WAIT}})
    event.listen(storage.engine, "connect", _write_ahead)
    storage.engine.dispose()
    return storage


def _write_ahead(connection: sqlite3.Connection, _: object) -> None:
    """There is a write for each epoch, which must not wait for the disk: a power cut may take the last, a kill none."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def forget(file: Path) -> None:
    """Remove the study."""
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def _close(storage: Any) -> None:
    backend = getattr(storage, "_backend", storage)  # Optuna puts a cache around it
    backend.remove_session()
    backend.engine.dispose()
