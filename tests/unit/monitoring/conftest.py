"""Real rows (NHANES, data/raw) for the tests of drift, and a packed model that reads and says a bit of everything."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mtl.data.contract.chunks import files_of
from mtl.data.contract.profile import profile
from mtl.data.contract.validate import rules_of
from mtl.data.split import split_entities
from mtl.files import write_json
from mtl.layout import PROFILES, SPLIT, VALIDATED
from mtl.registry.package import Package
from mtl.spec import Spec, parse_spec
from tests.flows.registry.packing import packed_from
from tests.tagging import BIO, bio_of, sentences

RAW = Path(__file__).parents[3] / "data" / "raw"
ROWS = 600
DAY = datetime.date(2026, 11, 22)


@pytest.fixture(scope="session")
def people() -> pl.DataFrame:
    """Some columns of real rows: numbers with heavy tails, ties and gaps, and categories."""
    names = ["age", "bmi", "alcohol_g", "sedentary_minutes", "sleep_hours", "income_poverty_ratio"]
    groups = ["gender", "race_ethnicity", "marital_status", "snore_frequency", "health_insurance"]
    rows = pl.read_csv(RAW / "people.csv", infer_schema=False, null_values=["", "Don't Know"]).select(names + groups)
    return rows.with_columns(pl.col(names).cast(pl.Float64))


@dataclass(frozen=True)
class Packed:
    """A workspace with validated rows, and a model of it with random weights."""

    root: Path
    spec: Spec
    package: Package
    docs: pl.DataFrame


DOCS = {"source": "docs"}
SPEC = {
    "name": "docs", "entities": {"doc": {"key": "id"}}, "encoding": {}, "model": {"width": 8, "dropout": 0.0}, "training": {},
    "evaluation": {}, "gate": {},
    "sources": {"docs": {"path": "docs.parquet"}, "lab": {"path": "lab.parquet"}},
    "inputs": {
        "facts": {**DOCS, "columns": {"age": {"kind": "numeric"}, "colour": {"kind": "categorical"}}},
        "blood": {"source": "lab", "columns": {"lead": {"kind": "numeric"}}},
        "words": {**DOCS, "kind": "tokens", "column": "words"},
        "note": {**DOCS, "kind": "text", "column": "note", "tokenizer": "words", "vocabulary": 60},
        "point": {**DOCS, "kind": "vector", "column": "point", "size": 3},
    },
    "tasks": {
        "height": {**DOCS, "column": "height", "kind": "regression"},
        "visits": {**DOCS, "column": "visits", "kind": "count"},
        "pay": {**DOCS, "column": "height", "kind": "quantile"},
        "ill": {**DOCS, "column": "ill", "kind": "binary", "positive": "yes"},
        "mood": {**DOCS, "column": "mood", "kind": "ordinal", "classes": ["bad", "fair", "good"]},
        "topics": {**DOCS, "column": "topics", "kind": "multilabel"},
        "tags": {**DOCS, "column": "tags", "kind": "tagging", "scheme": "bio", "inputs": ["words"]},
        "each": {**DOCS, "column": "ill", "kind": "binary", "positive": "yes", "for_each": {"column": "colour"}},
    },
}  # fmt: skip


def docs(rows: int, seed: int, first: int = 0) -> pl.DataFrame:
    """Validated rows of the source `docs`, with gaps."""
    random = np.random.default_rng(seed)
    words = [row or ["the0"] for row in sentences(rows, seed)]
    frame = pl.DataFrame(
        {
            "id": [f"d{first + i}" for i in range(rows)],
            "age": random.normal(40, 10, rows), "colour": random.choice(["blue", "red"], rows),
            "words": words, "tags": [[BIO[n - 1] for n in bio_of(row)] for row in words], "note": [" ".join(row) for row in words],
            "point": random.normal(size=(rows, 3)).tolist(), "height": random.normal(170, 9, rows),
            "visits": random.poisson(3, rows).astype(float), "ill": random.choice(["yes", "no", "maybe"], rows),
            "mood": random.choice(["bad", "fair", "good"], rows),
            "topics": [random.choice(["a", "b", "c"], k, replace=False).tolist() for k in random.integers(0, 3, rows)],
        }
    )  # fmt: skip
    gaps = pl.int_range(rows) % 5 == 0
    return frame.with_columns(pl.when(~gaps).then(c).alias(c) for c in ("age", "note", "height"))


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    spec, root = parse_spec(SPEC), tmp_path_factory.mktemp("packed")
    rows = docs(ROWS, 0)
    lab = pl.DataFrame({"id": rows["id"], "lead": np.random.default_rng(1).normal(2, 1, ROWS)}).filter(
        pl.int_range(pl.len()) % 3 > 0
    )
    made = packed_from({"docs": rows, "lab": lab}, spec, root / "data")
    split_entities(spec, root / VALIDATED).write_parquet(root / SPLIT)
    for source in spec.sources:
        uses = rules_of(spec, source, files_of(root / VALIDATED / source)).uses
        write_json(root / PROFILES / f"{source}.json", profile(root / VALIDATED / source, uses))
    return Packed(root, spec, made.package, rows)
