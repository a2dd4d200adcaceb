"""The reference of a model that reads and says a bit of everything, and batches against it."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from mtl.layout import SPLIT
from mtl.monitoring import reference as module
from mtl.monitoring.arrived import batch_profile
from mtl.monitoring.cells import columns_of
from mtl.monitoring.compare import compare
from mtl.monitoring.parts import Categories, Flags, Numbers, Presence, Vectors
from mtl.monitoring.profile import Profile
from mtl.monitoring.reference import reference_profile
from mtl.serving.batch import Batch
from mtl.spec import Monitor, parse_spec
from tests.unit.monitoring.conftest import ROWS, SPEC, Packed, docs

LONE = Monitor(confidence=0.99)


@pytest.fixture(scope="module")
def reference(packed: Packed) -> Profile:
    return reference_profile(packed.root, packed.spec, packed.package)


def drifted(packed: Packed, reference: Profile, rows: pl.DataFrame) -> set[tuple[str, str]]:
    found, _ = batch_profile(packed.root, packed.spec, packed.package, reference, Batch("docs", rows, {}))
    return {(one.where, one.aspect) for one in compare(reference, found, LONE) if one.drifted}


def test_twice_gives_the_same_bytes(packed: Packed, reference: Profile) -> None:
    again = reference_profile(packed.root, packed.spec, packed.package)
    assert json.dumps(again.as_json()) == json.dumps(reference.as_json())
    assert Profile.parse(json.loads(json.dumps(again.as_json()))) == reference


def test_columns_are_of_train_and_valid_rows_and_targets_are_labels(packed: Packed, reference: Profile) -> None:
    split = pl.read_parquet(packed.root / SPLIT)
    seen = packed.docs.join(split.filter(pl.col("split") != "test"), left_on="id", right_on="key", how="semi")
    columns = reference.columns
    assert set(columns) == {"docs.age", "docs.colour", "docs.words", "docs.note", "docs.point", "lab.lead"}
    age, colour = columns["docs.age"], columns["docs.colour"]
    assert isinstance(age, Numbers)
    assert (age.rows, age.nulls, sum(age.counts)) == (seen.height, seen["age"].null_count(), seen["age"].count())
    assert age.mean == pytest.approx(seen["age"].mean())
    assert isinstance(colour, Categories)
    assert colour.values == dict(seen["colour"].value_counts().iter_rows())
    assert columns["docs.note"] == Presence(seen.height, seen["note"].null_count())


def test_labels_are_counted_as_what_they_are(packed: Packed, reference: Profile) -> None:
    split = pl.read_parquet(packed.root / SPLIT)
    seen = packed.docs.join(split.filter(pl.col("split") != "test"), left_on="id", right_on="key", how="semi")
    labels = reference.labels
    assert set(labels) == {"height", "visits", "pay", "ill", "mood", "topics", "tags", "each_blue", "each_red"}
    ill, topics, tags, each = (labels[name] for name in ("ill", "topics", "tags", "each_red"))
    assert isinstance(ill, Categories)
    assert ill.values == {"(others)": (seen["ill"] != "yes").sum(), "yes": (seen["ill"] == "yes").sum()}
    assert isinstance(topics, Flags)
    assert topics.values == {t: seen["topics"].list.contains(t).sum() for t in topics.values}
    assert isinstance(tags, Flags)
    assert tags.values["name"] == seen["tags"].list.eval(pl.element().is_in(["B-name", "I-name"])).list.any().sum()
    assert each.known == (seen["colour"] == "red").sum()


def test_predictions_and_vectors_are_of_valid_rows(packed: Packed, reference: Profile) -> None:
    valid = pl.read_parquet(packed.root / SPLIT).filter(pl.col("split") == "valid")
    said = reference.predictions["docs"]
    assert all(part.rows == valid.height for part in said.values())
    kinds = {name: type(part) for name, part in said.items()}
    assert kinds["pay"] is kinds["ill"] is Numbers
    assert kinds["mood"] is Categories
    assert kinds["topics"] is kinds["tags"] is Flags
    lab = reference.inputs["lab"]["blood"]
    assert (lab.nulls, reference.inputs["docs"]["blood"].known) == (0, lab.rows)
    vectors = reference.embeddings["docs"]
    assert set(vectors) == {"words@words", "note@note", "point@point"}
    assert [len(vectors[name].mean) for name in ("words@words", "note@note", "point@point")] == [8, 8, 3]
    assert vectors["note@note"].nulls > 0


def test_what_a_sample_leaves_out_is_decided_by_keys_alone(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 100)
    small = reference_profile(packed.root, packed.spec, packed.package)
    assert small.columns["docs.age"].rows == 100
    assert small == reference_profile(packed.root, packed.spec, packed.package)
    keys = pl.DataFrame({"key": [f"k{i}" for i in range(500)]})
    mixed = keys.sample(fraction=1.0, shuffle=True, seed=1)
    assert set(module.some(keys, 50)["key"]) == set(module.some(mixed, 50)["key"])


def test_rows_like_the_reference_do_not_drift(packed: Packed, reference: Profile) -> None:
    assert drifted(packed, reference, packed.docs.sample(300, seed=1)) == set()
    assert drifted(packed, reference, docs(300, 7, first=ROWS)) == set()


def test_texts_of_other_words_drift_by_the_encoders_mean(packed: Packed, reference: Profile) -> None:
    others = packed.docs.with_columns(note=pl.when(pl.col("note").is_not_null()).then(pl.lit("quux " * 12)))
    assert ("docs.note", "embedding") in drifted(packed, reference, others)
    assert ("docs.age", "values") not in drifted(packed, reference, others)


def test_vectors_that_moved_drift(packed: Packed, reference: Profile) -> None:
    moved = packed.docs.with_columns(point=pl.col("point").list.eval(pl.element() + 1.0))
    assert ("docs.point", "embedding") in drifted(packed, reference, moved)


def test_labels_that_changed_drift_and_missing_ones_do_not(packed: Packed, reference: Profile) -> None:
    ill = packed.docs.with_columns(ill=pl.lit("yes"))
    assert {("tasks.ill", "labels"), ("tasks.each_red", "labels")} <= drifted(packed, reference, ill)
    topics = packed.docs.with_columns(topics=pl.lit(["a", "b", "c"]))
    assert ("tasks.topics", "labels") in drifted(packed, reference, topics)
    assert drifted(packed, reference, packed.docs.drop("ill", "topics", "tags", "height")) == set()


def test_keys_that_other_sources_do_not_know_are_judged_by_this_one_alone(packed: Packed, reference: Profile) -> None:
    rows = docs(300, 7, first=ROWS)
    found, notes = batch_profile(packed.root, packed.spec, packed.package, reference, Batch("docs", rows, {}))
    assert len(notes) == 1
    assert "source 'lab' does not know 100% of these rows" in notes[0]
    by_part = {(one.where, one.part) for one in compare(reference, found, LONE) if one.aspect == "predictions"}
    assert ("tasks.height", "docs alone") in by_part
    assert ("tasks.tags", "") in by_part  # it sees only words, which are this source's


def test_a_lab_alone_says_nothing_of_tasks_that_do_not_see_it(packed: Packed, reference: Profile) -> None:
    assert "tags" not in reference.alone["lab"]
    assert "height" in reference.alone["lab"]


def test_rows_without_any_input_are_noted(packed: Packed, reference: Profile) -> None:
    rows = pl.DataFrame({"id": ["x1", "x2"], "lead": [None, None]}, schema={"id": pl.String, "lead": pl.Float64})
    found, notes = batch_profile(packed.root, packed.spec, packed.package, reference, Batch("lab", rows, {}))
    assert notes == ["no row has an input that the champion reads: its predictions are not compared"]
    assert found.predictions == {}


def test_what_only_the_split_is_made_by_is_watched_no_more_than_a_key(packed: Packed) -> None:
    kinds = {"columns": {name: {"kind": "categorical"} for name in ("age", "group", "year", "height")}}
    entity = {"key": "id", "split": {"by": "group", "test": "year > 2020 OR age > 90"}}
    spec = parse_spec({**SPEC, "entities": {"doc": entity}})
    assert set(columns_of(spec, packed.package.encodings, "docs", kinds)) == {"age"}
    assert set(columns_of(packed.spec, packed.package.encodings, "docs", kinds)) == {"age", "group", "year"}


def test_vectors_of_nobody_are_zeros() -> None:
    assert Vectors.of(np.zeros((0, 2)), 4) == Vectors(4, 4, (0.0, 0.0), (0.0, 0.0))
