"""Where a version comes from: the bytes of every raw table, the code, the run. Read from dvc.lock as the YAML it is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mtl.errors import RegistryError
from mtl.layout import DVC_LOCK
from mtl.registry.around import flow_run, git_revision
from mtl.spec import SPEC, Spec

PREFIX = "mtl."


def read_lineage(root: Path, spec: Spec) -> dict[str, Any]:
    """raw: source -> {path, md5, size}; git: {revision, dirty}; flow_run; md5 of params.yaml and dvc.lock.

    md5 is None where nobody has hashed the table (no dvc.lock: the stages were run by hand).
    """
    known = _locked(root / DVC_LOCK)
    revision, dirty = git_revision(root)
    nobody = {"md5": None, "size": None}
    return {
        "model": spec.name,
        "raw": {name: {"path": source.path, **known.get(source.path, nobody)} for name, source in spec.sources.items()},
        "git": {"revision": revision, "dirty": dirty},
        "flow_run": flow_run(),
        "files": {file: _md5(root / file) for file in (SPEC, str(DVC_LOCK))},
    }


def lineage_tags(lineage: dict[str, Any]) -> dict[str, str]:
    """The same as tags of a version, so that it can be searched for."""
    flat: dict[str, Any] = {f"raw.{source}.md5": one["md5"] for source, one in lineage["raw"].items()}
    flat |= {f"{file}.md5": md5 for file, md5 in lineage["files"].items()}
    flat |= {"git.revision": lineage["git"]["revision"], "git.dirty": lineage["git"]["dirty"], "flow_run": lineage["flow_run"]}
    return {
        PREFIX + name: str(value).lower() if isinstance(value, bool) else value for name, value in flat.items() if value is not None
    }


def _locked(lock: Path) -> dict[str, dict[str, Any]]:
    """Path of each dependency and output -> its md5 (of a folder: DVC's, ending in .dir) and size."""
    if not lock.is_file():
        return {}
    try:
        stages = (YAML(typ="safe").load(lock.read_text(encoding="utf-8")) or {}).get("stages") or {}
    except YAMLError as error:
        raise RegistryError(
            f"{lock.name}: not YAML", found=str(error).split("\n")[0], do="restore it from git, or run `dvc repro`"
        ) from None
    ends = [end for stage in stages.values() for kind in ("deps", "outs") for end in stage.get(kind) or []]
    return {
        str(end["path"]): {"md5": end.get("md5"), "size": end.get("size")}
        for end in ends
        if isinstance(end, dict) and end.get("path")
    }


def _md5(file: Path) -> str | None:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() if file.is_file() else None
