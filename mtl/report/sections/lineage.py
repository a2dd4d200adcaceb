"""Lineage from dvc.lock: which bytes went in, which model came out."""

from __future__ import annotations

from typing import Any

from mtl import layout
from mtl.report.reading import Findings, clean
from mtl.report.words import size
from mtl.spec import Spec

MODELS = {str(layout.CANDIDATE): "this model", str(layout.SINGLE_TASK): "single-task networks", str(layout.ENCODINGS): "encodings"}


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    stages = findings.lock.get("stages") or {}
    if not stages:
        return "dvc.lock is not there: this run was not driven by DVC, so no hashes are known."
    ends = _ends(stages)
    raw = [_file(clean(s.path), name, ends) for name, s in spec.sources.items()]
    made = [_file(path, name, ends) for path, name in MODELS.items() if path in ends]
    known = {f["path"] for f in raw + made}
    others = [_file(path, found["stage"], ends) for path, found in sorted(ends.items()) if path not in known]
    return {"raw": raw, "made": made, "others": others}


def _ends(stages: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Path -> what the lock says of it; as an output rather than as somebody's dependency."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("deps", "outs"):
        for name, stage in stages.items():
            for end in (stage or {}).get(kind) or []:
                if isinstance(end, dict) and end.get("path"):
                    found[str(end["path"])] = {**end, "stage": name if kind == "outs" else f"read by {name}"}
    return found


def _file(path: str, name: str, ends: dict[str, dict[str, Any]]) -> dict[str, Any]:
    end = ends.get(path, {})
    return {
        "path": path,
        "name": name,
        "md5": end.get("md5") or end.get("etag") or "not in dvc.lock",
        "size": size(end.get("size")),
        "files": end.get("nfiles"),
    }
