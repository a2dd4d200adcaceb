"""`mtl champion`: which version serves, since when, how good it is and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mtl.registry.history import Entry
from mtl.registry.lines import between, figure, moment, table_lines
from mtl.registry.store import CHAMPION
from mtl.registry.versions import Registered, Version, read_registered
from mtl.spec import SPEC, Spec, read_spec


def champion_lines(root: Path, spec: Spec | None = None) -> list[str]:
    """What there is to say of the champion of the project in `root`, line by line."""
    known = read_registered(root, spec or read_spec(root / SPEC), CHAMPION)
    number = known.aliases.get(CHAMPION)
    version = None if number is None else known.version(number)
    if version is None:
        return [_nobody(known)]
    return [_since(known, version), *_tasks(version), *_origin(version)]


def _nobody(known: Registered) -> str:
    if not known.versions:
        return f"{known.name}: no champion; nothing was registered yet, `mtl run` does it"
    last = known.versions[-1].number
    return f"{known.name}: no champion; version {last} is the last one that was registered, `mtl history` says why it was refused"


def _since(known: Registered, version: Version) -> str:
    lead = f"{known.name}: version {version.number} is champion"
    entry = next((one for one in reversed(known.history) if one.event != "rejected"), None)
    if entry is None or entry.version != version.number:
        return f"{lead}; the history does not say since when: the alias was moved by hand"
    return f"{lead} since {moment(entry.at)}, {_how(entry)}"


def _how(entry: Entry) -> str:
    instead = "the first" if entry.before in (None, entry.version) else f"in place of version {entry.before}"
    return f"{instead} (rolled back: {'; '.join(entry.reasons)})" if entry.event == "rolled back" else instead


def _tasks(version: Version) -> Iterator[str]:
    if not version.tasks:
        yield "its metrics are gone: the files of its run are not there"
        return
    rows = [["task", "metric", "value", "interval", "single-task", "verdict"]]
    for name, one in version.tasks.items():
        ends, verdict = between(one.get("ci_low"), one.get("ci_high")), str(one.get("verdict") or "–")
        rows.append([name, str(one.get("metric")), figure(one.get("value")), ends, figure(one.get("single_task")), verdict])
    yield from table_lines(rows, right=(2, 4))


def _origin(version: Version) -> Iterator[str]:
    lineage = version.lineage
    git: Mapping[str, Any] = lineage.get("git") or {}
    changed = ", with changes of tracked files" if git.get("dirty") else ""
    code = [f"git {git['revision'][:12]}{changed}"] if git.get("revision") else []
    run = [f"flow run {lineage['flow_run']}"] if lineage.get("flow_run") else []
    yield f"from: {'; '.join([*code, *run]) or 'no git revision, no flow run'}; registered {moment(version.made)}"
    raw: Mapping[str, Any] = lineage.get("raw") or {}
    names = dict.fromkeys([*raw, *version.sources])
    parts = [_source(name, version.sources.get(name) or {}, raw.get(name) or {}) for name in names]
    yield f"data: {'; '.join(parts) or 'not known'}"


def _source(name: str, counts: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    rows = [] if counts.get("rows_kept") is None else [f"{counts['rows_kept']:,} rows"]
    out = [f"{counts['rows_quarantined']:,} in quarantine"] if counts.get("rows_quarantined") else []
    md5 = [f"md5 {raw['md5'][:8]}"] if raw.get("md5") else []
    return f"{name} {', '.join([*rows, *out, *md5])}".strip()
