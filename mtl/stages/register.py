"""`mtl register`: the gate; a version in the registry, and the alias `champion` for what earns it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from mtl.data.encode import raw_rows
from mtl.data.encodings import Encodings
from mtl.layout import ALIGNED, CANDIDATE, METRICS, SPLIT, VALIDATED, VECTORS
from mtl.monitoring.reference import reference_profile
from mtl.pretrained.rows import with_vectors
from mtl.registry.package import Package
from mtl.registry.register import register
from mtl.spec import Spec, read_spec
from mtl.stages._needs import need


def run() -> str:
    need("register", CANDIDATE, METRICS, ALIGNED, SPLIT)
    spec = read_spec()
    return register(Path(), spec, rows=test_rows, reference=reference).summary()


def test_rows(spec: Spec, encodings: Encodings) -> pl.DataFrame:
    """Raw rows of the newest test entities, as a model with these encodings reads them (entity, key, columns)."""
    keys = pl.read_parquet(SPLIT).filter(pl.col("split") == "test").select("entity", "key")
    return with_vectors(encodings, raw_rows(spec, encodings, VALIDATED, keys), VECTORS)


def reference(root: Path, spec: Spec, package: Package) -> dict[str, Any]:
    """The profile that drift is measured from, of the rows this model was trained and chosen on."""
    return reference_profile(root, spec, package).as_json()
