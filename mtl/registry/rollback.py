"""`mtl rollback`: a version that was champion is champion again. One transaction; whatever fails, the champion stays what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtl.errors import RegistryError
from mtl.registry.alias import point
from mtl.registry.around import held
from mtl.registry.content import model_key
from mtl.registry.history import Entry, Event, append, champion_before, put_aside, read_history
from mtl.registry.package import GOLDEN
from mtl.registry.store import CHAMPION, Store, answering
from mtl.registry.trial import golden_trial
from mtl.registry.undo import Undo
from mtl.registry.verbs import must_have, opened
from mtl.registry.version import MODEL_FOLDER, version_folder
from mtl.spec import SPEC, Spec, read_spec

BY_HAND = "by hand"


@dataclass(frozen=True)
class RolledBack:
    """`version` is champion of `model` again and `before` is not; `event` as it stands in the history, `trial` what was found."""

    model: str
    version: int
    before: int
    event: Event
    trial: str

    def lines(self) -> list[str]:
        """What is said of it."""
        instead = f"it takes the place of version {self.before} ({self.trial})"
        lead = f"version {self.version} of {self.model} is champion again; {instead}"
        if self.event == "promoted":
            return [lead, f"it had been rolled back; version {self.before} may come again by itself"]
        return [lead, f"version {self.before} does not come back by itself; `mtl rollback {self.before}` brings it back"]


def rollback(root: Path, spec: Spec, version: int | str | None = None, why: str = "") -> RolledBack:
    """Make the champion before today's, or `version` (a number or an alias), champion again; `why` is kept in the history.

    A version that was itself put aside by a rollback is promoted again, and what it replaces is not put aside. Raises
    RegistryError where there is no such version, where it never was champion (the gate is not to be walked around), and
    where it cannot be loaded or does not predict its golden rows; the champion is then what it was.
    """
    root = root.resolve()
    store = _with_champion(root, spec)
    asked = None if version is None else must_have(root, spec, version)[1]
    with held(root), answering(store.uri), Undo(f"rollback of {spec.name!r}") as undo:
        before, entries = _champion(store), read_history(store)
        target = _before(store, entries, before) if asked is None else asked
        _may_be_champion(entries, target, before, spec.name)
        trial = golden_trial(store, target, version_folder(store, target) / MODEL_FOLDER / GOLDEN)
        if not trial.passed:
            raise RegistryError(
                f"version {target} of {spec.name!r} cannot be champion again", expected="its golden rows, in a fresh process",
                found=trial.detail, do="restore its files, or name another version: mtl rollback VERSION",
            )  # fmt: skip
        event: Event = "promoted" if target in put_aside(entries) else "rolled back"
        aside = _model_of(store, before) if event == "rolled back" else ""
        tag = append(store, event, target, before, [why or BY_HAND], aside)  # first: after a kill nothing comes back by itself
        if tag:
            undo.step("entry of the history", lambda: store.client.delete_registered_model_tag(store.name, tag))
        point(store, CHAMPION, target, undo)
    return RolledBack(spec.name, target, before, event, trial.detail)


def roll_back(root: Path, version: str | None, why: str) -> list[str]:
    """`rollback` of the project in `root`, by its own spec; what is said of it."""
    return rollback(root, read_spec(root / SPEC), version, why).lines()


def _with_champion(root: Path, spec: Spec) -> Store:
    store = opened(root, spec)
    if store is not None:
        with answering(store.uri):
            _champion(store)
        return store
    raise _no_champion(spec.name)


def _champion(store: Store) -> int:
    champion = store.alias(CHAMPION)
    if champion is None:
        raise _no_champion(store.name)
    return champion


def _no_champion(name: str) -> RegistryError:
    return RegistryError(
        f"the champion of {name!r}", expected="one to roll back from", found="none was promoted", do="look at `mtl history`"
    )


def _model_of(store: Store, version: int) -> str:
    """The key of a version's model; empty if its files are gone, which may be why it is put aside."""
    from mlflow.exceptions import MlflowException

    try:
        return model_key(version_folder(store, version) / MODEL_FOLDER)
    except (MlflowException, RegistryError, OSError):
        return ""


def _before(store: Store, entries: Sequence[Entry], champion: int) -> int:
    """The champion before this one that still stands in the history and was not put aside itself."""
    found = champion_before(entries, champion)
    if found is None:
        raise RegistryError(
            f"the champion before version {champion} of {store.name!r}", expected="one in the history", found="none",
            do="name a version that was champion: mtl rollback VERSION",
        )  # fmt: skip
    known = {int(one.version) for one in store.client.search_model_versions(f"name = '{store.name}'")}
    if found not in known:
        raise RegistryError(
            f"version {found} of {store.name!r}, the champion before version {champion}", found="it was deleted from the registry",
            do="name another that was champion: mtl rollback VERSION",
        )  # fmt: skip
    return found


def _may_be_champion(entries: Sequence[Entry], version: int, champion: int, name: str) -> None:
    if version == champion:
        raise RegistryError(f"version {version} of {name!r}", expected="another version than the champion", found="the champion")
    made = {entry.version for entry in entries if entry.event != "rejected"}
    were = made | {entry.before for entry in entries if entry.before is not None}
    if version not in were:
        raise RegistryError(
            f"version {version} of {name!r}", expected=f"one that was champion: {', '.join(map(str, sorted(were - {champion})))}",
            found="it never was; a rollback is no way around the gate", do="look at `mtl history`",
        )  # fmt: skip
