"""`mtl compare A B`: two versions task by task on the same test rows, and what differs in their params.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import DataError, MtlError, RegistryError
from mtl.layout import ALIGNED, ENCODINGS
from mtl.registry.contest import Rows
from mtl.registry.lines import between, figure, table_lines
from mtl.registry.package import Package, read_package
from mtl.registry.store import Store, answering, without_password
from mtl.registry.verbs import must_have
from mtl.registry.version import MODEL_FOLDER, version_folder
from mtl.registry.versus import NEW, OLD, Against, versus
from mtl.spec import SPEC, Spec, read_spec

MOST_DIFFERENCES, LONGEST_VALUE = 40, 60
NOTHING, HIDDEN = "nothing", "***"


@dataclass(frozen=True)
class ComparedVersions:
    """Version `new` against version `old` on `rows` test rows; `params`: key -> what it was and what it is."""

    model: str
    old: int
    new: int
    rows: int
    tasks: tuple[Against, ...]
    params: Mapping[str, tuple[str, str]]

    def lines(self) -> list[str]:
        """What is said of it."""
        where = f"on the {self.rows:,} test rows that neither was trained on"
        lead = f"{self.model}: version {self.new} against version {self.old}, {where}"
        return [lead, *(_table(self) if self.tasks else ["they have no task in common"]), *_differences(self)]


def compare_versions(root: Path, spec: Spec, old: int | str, new: int | str, rows: Rows) -> ComparedVersions:
    """Versions by number or alias; `rows` as in `contest`. The difference and the verdict are those of `new` against `old`.

    Raises RegistryError where there is no such version or it cannot be asked, DataError without test rows in the workspace.
    """
    (store, first), (_, second) = (must_have(root, spec, one) for one in (old, new))
    for needed in (ALIGNED / "test", ENCODINGS):
        if not (root / needed).is_dir():
            raise DataError(f"{needed}: not there", expected="the test rows of this workspace", do="run `dvc repro align`")
    with answering(store.uri):
        folders = [version_folder(store, number) for number in (first, second)]
        packages = _package(store, first, folders[0]), _package(store, second, folders[1])
        try:
            many, told = versus(
                spec, AlignedSet.read(root / ALIGNED / "test"), Encodings.read(root / ENCODINGS).tasks, *packages, rows
            )
        except RuntimeError as error:  # torch: weights that do not fit today's network
            raise _cannot_be_asked(f"version {first} or {second}", store, error) from error
    return ComparedVersions(store.name, first, second, many, tuple(told), differing(*(_params(folder) for folder in folders)))


def compare_lines(root: Path, old: str, new: str, rows: Rows) -> list[str]:
    """`compare_versions` of the project in `root`, by its own spec; what is said of it."""
    return compare_versions(root, read_spec(root / SPEC), old, new, rows).lines()


def differing(old: Any, new: Any, key: str = "") -> dict[str, tuple[str, str]]:
    """Keys, joined with dots, whose values are not the same in both; the values in words, without what is secret in them."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = dict.fromkeys([*old, *new])
        inner = [differing(old.get(name), new.get(name), f"{key}.{name}" if key else str(name)) for name in keys]
        return {name: pair for part in inner for name, pair in part.items()}
    if old == new:
        return {}
    last = key.rpartition(".")[2]
    return {key: (_text(_public(old, last)), _text(_public(new, last)))}


def _package(store: Store, number: int, folder: Path) -> Package:
    try:
        return read_package(folder / MODEL_FOLDER)
    except (MtlError, OSError) as error:
        raise _cannot_be_asked(f"version {number}", store, error) from error


def _cannot_be_asked(what: str, store: Store, error: Exception) -> RegistryError:
    return RegistryError(
        f"{what} of {store.name!r} cannot be asked", expected="a model that this code can load",
        found=str(error).splitlines()[0][:300], do="restore its files, or compare another",
    )  # fmt: skip


def _params(folder: Path) -> Any:
    file = folder / SPEC
    return YAML(typ="safe").load(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _public(value: Any, key: str = "") -> Any:
    """`value` without passwords; of the address of a webhook any part may be its secret."""
    if isinstance(value, Mapping):
        return {name: _public(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_public(one, key) for one in value]
    if not isinstance(value, str):
        return value
    return HIDDEN if key == "webhook" and not value.startswith("env:") else without_password(value)


def _text(value: Any) -> str:
    text = NOTHING if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _table(done: ComparedVersions) -> Iterator[str]:
    rows = [["task", "metric", f"version {done.old}", f"version {done.new}", "difference", "interval", f"verdict on {done.new}"]]
    for one in done.tasks:
        said = one.verdict if not one.reason else f"{one.verdict}: {_named(one.reason, done)}"
        ends = between(one.low, one.high, sign=True)
        rows.append([one.task, one.metric, figure(one.old), figure(one.new), figure(one.diff, sign=True), ends, said])
    yield from table_lines(rows, right=(2, 3, 4))


def _named(reason: str, done: ComparedVersions) -> str:
    """With the versions' numbers for their names."""
    return reason.replace(OLD, f"version {done.old}").replace(NEW, f"version {done.new}")


def _differences(done: ComparedVersions) -> Iterator[str]:
    if not done.params:
        yield f"{SPEC} is the same in both"
        return
    yield f"{SPEC}, version {done.old} → version {done.new}:"
    for key, (was, now) in list(done.params.items())[:MOST_DIFFERENCES]:
        yield f"  {key}: {was} → {now}"
    if len(done.params) > MOST_DIFFERENCES:
        yield f"  and {len(done.params) - MOST_DIFFERENCES} more"
