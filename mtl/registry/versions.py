"""Every version as plain figures, read from wherever the registry is: for pages and tables that look back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from mtl.layout import ENCODING_REPORT, METRICS
from mtl.registry.downloads import fetched
from mtl.registry.figures import FIGURES
from mtl.registry.history import Entry, read_history
from mtl.registry.runs import find_run
from mtl.registry.store import Store, answering
from mtl.registry.verbs import opened
from mtl.registry.version import LINEAGE, PROFILES_FOLDER
from mtl.spec import Spec

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """One version. `made` is UTC, ISO 8601; `run` None if it was registered by hand without one; metrics, encoding, lineage and
    figures as in the files of these names, `{}` where one is missing."""

    number: int
    made: str
    run: str | None
    tags: Mapping[str, str]
    metrics: Json = field(default_factory=dict)
    encoding: Json = field(default_factory=dict)
    lineage: Json = field(default_factory=dict)
    figures: Json = field(default_factory=dict)

    @property
    def tasks(self) -> dict[str, Json]:
        """Task -> metric, value, ci_low, ci_high, … of reports/metrics.json."""
        return dict(self.metrics.get("tasks") or {})

    @property
    def sources(self) -> dict[str, Json]:
        """Source -> rows_in, rows_kept, rows_quarantined; of an older version only what its profiles tell."""
        return dict(self.figures.get("sources") or {})


@dataclass(frozen=True)
class Registered:
    """The registered model: its versions and its history, both the oldest first, and where its aliases point."""

    name: str
    versions: tuple[Version, ...]
    history: tuple[Entry, ...]
    aliases: Mapping[str, int]

    def version(self, number: int) -> Version | None:
        return next((one for one in self.versions if one.number == number), None)


def read_registered(root: Path, spec: Spec, only: int | str | None = None) -> Registered:
    """The registry of the project in `root`; without one, or without the model in it, everything is empty.

    `only`: the files of this version (a number or an alias) alone are read; the others come without figures. Raises
    RegistryError where the registry does not answer.
    """
    store = opened(root, spec)
    if store is None:
        return Registered(spec.name, (), (), {})
    with answering(store.uri):
        model = store.client.get_registered_model(store.name)
        aliases = {str(alias): int(number) for alias, number in model.aliases.items()}
        wanted = aliases.get(only) if isinstance(only, str) else only
        found = sorted(every_version(store), key=lambda one: int(one.version))
        versions = tuple(_version(store, one, only is None or int(one.version) == wanted) for one in found)
        return Registered(spec.name, versions, tuple(read_history(store)), aliases)


def every_version(store: Store) -> list[Any]:
    """MLflow's own objects; it gives them page by page."""
    found, token = [], None
    while True:
        page = store.client.search_model_versions(f"name = '{store.name}'", max_results=1000, page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


def _version(store: Store, one: Any, whole: bool) -> Version:
    made = datetime.fromtimestamp(one.creation_timestamp / 1000, UTC).isoformat(timespec="seconds")
    plain = Version(int(one.version), made, one.run_id or None, dict(one.tags))
    if not whole:
        return plain
    model, found = Artifacts.of_version(store, plain.number), find_run(store, plain.run)
    run = None if found is None else Artifacts(store, found.info.artifact_uri)
    metrics, encoding = [{} if run is None else run.json(file.name) for file in (METRICS, ENCODING_REPORT)]
    figures = model.json(FIGURES) or {"sources": _from_profiles(model)}
    return Version(plain.number, plain.made, plain.run, plain.tags, metrics, encoding, model.json(LINEAGE), figures)


def _from_profiles(model: Artifacts) -> dict[str, Json]:
    """Of a version that was made before figures were kept: the rows of each profile, which are those that were kept."""
    return {
        PurePosixPath(name).stem: {"rows_kept": model.json(name).get("rows")}
        for name in model.names(PROFILES_FOLDER)
        if name.endswith(".json")
    }


class Artifacts:
    """Files below an artifact's URI, fetched one by one: a model's weights are not asked for."""

    @classmethod
    def of_version(cls, store: Store, number: int) -> Artifacts:
        return cls(store, str(store.client.get_model_version_download_uri(store.name, str(number))))

    def __init__(self, store: Store, uri: str) -> None:
        self._store, self._uri = store, uri.rstrip("/")
        self._known = set(self.names())

    def names(self, below: str = "") -> list[str]:
        """Paths of what lies there; nothing where the folder is gone."""
        from mlflow.artifacts import list_artifacts
        from mlflow.exceptions import MlflowException

        uri = f"{self._uri}/{below}" if below else self._uri
        try:
            found = list_artifacts(artifact_uri=uri, tracking_uri=self._store.uri)
        except (MlflowException, OSError):
            return []
        return [f"{below}/{PurePosixPath(one.path).name}" if below else PurePosixPath(one.path).name for one in found]

    def file(self, name: str) -> Path | None:
        """Where the file `name` lies on this machine, brought there if need be; None if there is no such file."""
        if "/" not in name and name not in self._known:
            return None
        return fetched(f"{self._uri}/{name}", self._store.uri)

    def json(self, name: str) -> dict[str, Any]:
        """What the file `name` says; empty where there is none."""
        path = self.file(name)
        data = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else {}
