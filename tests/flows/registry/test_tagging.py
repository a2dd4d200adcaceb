"""A packed model that tags, from validated tables on: aligned labels, lists in and out, MLflow's door, contest, adaptation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mtl.adaptation.rows import task_rows
from mtl.choosing.done import Done
from mtl.data.aligned import AlignedSet
from mtl.data.ragged import Ragged
from mtl.data.split import split_entities
from mtl.errors import SpecError
from mtl.evaluation.predictions import read_predictions, write_predictions
from mtl.evaluation.summary import evaluate
from mtl.network import predict
from mtl.registry.contest import contest
from mtl.registry.pyfunc import PackagedModel
from mtl.registry.smoke import difference
from mtl.registry.version import signature
from mtl.spec import Spec, parse_spec
from tests.flows.registry.packing import Packed, golden_of, packed_from
from tests.tagging import BIO, bio_of, sentences

N = 400
WORDS = [row or ["the0"] for row in sentences(N, 1)]
TAGS = [[BIO[number - 1] for number in bio_of(row)] for row in WORDS]
TEXTS = pl.DataFrame({"id": [f"t{i}" for i in range(N)], "words": WORDS, "tags": TAGS, "long": [len(row) / 2 for row in WORDS]})
TASK = {"source": "texts", "column": "tags", "kind": "tagging", "scheme": "bio"}


def spec(**changes: object) -> Spec:
    base = {
        "name": "tagger", "entities": {"text": {"key": "id"}}, "sources": {"texts": {"path": "texts.parquet"}},
        "inputs": {"words": {"source": "texts", "kind": "tokens", "column": "words", "max_tokens": 5, "affixes": 64}},
        "tasks": {"tags": TASK, "long": {"source": "texts", "column": "long", "kind": "regression"}},
        "encoding": {}, "model": {"width": 8, "dropout": 0.0}, "training": {}, "evaluation": {"resamples": 100}, "gate": {},
    }  # fmt: skip
    return parse_spec({**base, **changes})


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    rows = TEXTS.with_columns(
        tags=pl.when(pl.int_range(N) % 4 > 0).then("tags"), words=pl.when(pl.int_range(N) % 4 != 3).then("words")
    )
    rows = rows.with_columns(tags=pl.when(pl.col("words").is_not_null()).then("tags"))
    return packed_from({"texts": rows}, spec(), tmp_path, seen=9)


def test_tags_are_aligned_with_their_tokens(packed: Packed) -> None:
    tasks, train = packed.package.encodings.tasks, AlignedSet.read(packed.folder / "aligned" / "train")
    task = tasks[0]
    assert (task.classes, task.max_tokens, task.tags) == (BIO, 5, "words")
    labelled = train.labelled[:, 0]
    assert task.length == pytest.approx(train.lists["tags"].lengths[labelled].mean())
    assert np.array_equal(train.lists["tags"].lengths[labelled], train.inputs["words"]["tokens"].lengths[labelled])
    asked = train.keys().join(TEXTS.rename({"id": "key"}), on="key", how="left", maintain_order="left")["tags"]
    found = task.tags_of(train.truth(tasks)["tags"])
    assert all(mine == theirs[:5] for mine, theirs, there in zip(found.to_list(), asked.to_list(), labelled, strict=True) if there)


def test_lists_go_in_and_lists_come_out(packed: Packed) -> None:
    package, raw = packed.package, packed.raw()
    found, expected = package.predictions(raw)["tags"], predict(package.network, package.encodings, packed.test.inputs)["tags"]
    assert np.array_equal(found.values, expected.values)
    table = package.predict(raw)
    assert table.columns == ["tags", "long"]
    assert table.schema["tags"] == pl.List(pl.String)
    assert [len(row) for row in table["tags"]] == [min(len(row or []), 5) for row in raw["words"].to_list()]
    again = PackagedModel(package).predict(raw.select("words").to_pandas())
    assert [list(row) for row in again["tags"]] == table["tags"].to_list()


def test_golden_rows_come_back(packed: Packed) -> None:
    said = signature(packed.package)
    assert "Array(string)" in str(said.inputs)
    assert "Array(string)" in str(said.outputs)
    golden, wanted = golden_of(packed.package)
    found = packed.package.predict(golden.select("words"))
    assert difference(found, wanted) == ""
    others = found.with_columns(tags=pl.col("tags").list.eval(pl.lit("B-else")))
    assert "tags differ in 'tags'" in difference(others, wanted)
    shorter = found.with_columns(tags=pl.col("tags").list.head(1))
    assert "tags, had" in difference(shorter, wanted)


def test_a_champion_is_asked_in_the_order_of_its_own_classes(packed: Packed) -> None:
    package = packed.package
    found = contest(packed.spec, packed.test, package, package, lambda spec, encodings: packed.raw())["tags"]
    assert (found["diff"], found["verdict"]) == (0.0, "no worse")


def test_it_is_judged_by_spans_of_each_type(packed: Packed) -> None:
    encodings, test, file = packed.package.encodings, packed.test, packed.folder / "rival.parquet"
    write_predictions(file, encodings.tasks, test.truth(encodings.tasks))
    perfect, own = read_predictions(file, encodings.tasks), predict(packed.package.network, encodings, test.inputs)
    assert pl.read_parquet(file).schema["tags"] == pl.List(pl.String)
    done = evaluate(packed.spec, encodings, test, {"model": perfect, "trees": own})
    found = done.evaluation["tasks"]["tags"]
    assert done.metrics["tasks"]["tags"]["value"] == 1.0
    assert [(one["type"], one["span_f1"]) for one in found["types"]] == [("name", 1.0), ("place", 1.0)]
    assert (found["calibration"], found["scatter"], found["spread"]) == (None, None, None)


def test_predictions_of_a_fold_are_kept_as_they_are(tmp_path: Path) -> None:
    predicted = {"tags": Ragged(np.array([1, 2, 3]), np.array([0, 0, 3])), "long": np.array([0.5, 1.5])}
    Done(predicted).write(tmp_path / "done.npz")
    found = Done.read(tmp_path / "done.npz")
    assert found is not None
    assert found.predicted["tags"].offsets.tolist() == [0, 0, 3]
    assert found.predicted["tags"].values.tolist() == [1, 2, 3]
    assert found.predicted["long"].tolist() == [0.5, 1.5]


def test_a_tagging_task_is_not_added_to_a_champion(packed: Packed) -> None:
    encodings, validated = packed.package.encodings, packed.folder / "validated"
    old = replace(encodings, tasks=encodings.tasks[1:])
    split = split_entities(packed.spec, validated)
    with pytest.raises(SpecError, match=r"(?s)tasks\.tags.*reads tokens.*mtl run"):
        task_rows(packed.spec, "tags", old, validated, split)
