"""A model that reads the first tokens of a row alone is judged by all its tags, in evaluation and in a contest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.comparison import compare
from mtl.evaluation.metrics import point
from mtl.registry.contest import contest
from mtl.registry.package import Predictions, entity_hashes
from mtl.spec import Spec, parse_spec
from tests.flows.registry.packing import Packed, packed_from

N, READ = 300, 3
TAGS = {"one": ["B-a", "O", "B-a", "O", "O", "B-a", "I-a", "O"], "two": ["O", "B-a", "B-a", "O", "O", "O", "B-a", "I-a"]}
"""Word of a row -> its tags: two of three spans among the first READ."""
LENGTH = 8
SAID = [list(TAGS)[i % 2] for i in range(N)]
TEXTS = pl.DataFrame({"id": [f"t{i}" for i in range(N)], "words": [[w] * LENGTH for w in SAID], "tags": [TAGS[w] for w in SAID]})


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    spec = {
        "name": "tagger", "entities": {"text": {"key": "id"}}, "sources": {"texts": {"path": "texts.parquet"}},
        "inputs": {"words": {"source": "texts", "kind": "tokens", "column": "words", "max_tokens": READ, "affixes": 0}},
        "tasks": {"tags": {"source": "texts", "column": "tags", "kind": "tagging", "scheme": "bio"}},
        "encoding": {}, "model": {"width": 8}, "training": {}, "evaluation": {"resamples": 100}, "gate": {},
    }  # fmt: skip
    return packed_from({"texts": TEXTS}, parse_spec(spec), tmp_path, seen=0)


@dataclass(frozen=True)
class Reader:
    """Right in the first `tokens` of each row, and silent behind them."""

    encodings: Encodings
    tokens: int

    def predictions(self, frame: pl.DataFrame) -> Predictions:
        (task,) = self.encodings.tasks
        return {"tags": task.truth(task.encode_list(pl.Series([TAGS[row[0]][: self.tokens] for row in frame["words"]]))[0])}

    def trained_on(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        return entity_hashes(pl.DataFrame({"entity": [], "key": []}, schema={"entity": pl.String, "key": pl.String}))


def reads(packed: Packed, tokens: int) -> Reader:
    tasks = tuple(replace(task, max_tokens=tokens) for task in packed.package.encodings.tasks)
    return Reader(replace(packed.package.encodings, tasks=tasks), tokens)


def test_what_is_learned_is_cut_and_what_is_judged_is_whole(packed: Packed) -> None:
    (task,) = packed.package.encodings.tasks
    assert task.length == READ
    for side in ("train", "valid"):
        rows = AlignedSet.read(packed.folder / "aligned" / side)
        assert set(rows.lists["tags"].lengths) == set(rows.inputs["words"]["tokens"].lengths) == {READ}
    assert task.tags_of(packed.test.truth([task])["tags"]).to_list() == [TAGS[row[0]] for row in packed.raw()["words"]]


def test_a_span_behind_the_last_token_read_is_one_not_found(packed: Packed) -> None:
    truth = packed.test.truth(packed.package.encodings.tasks)["tags"]
    found = point("tagging", truth, reads(packed, READ).predictions(packed.raw())["tags"])
    assert found["span_precision"].value == 1.0
    assert found["span_recall"].value == pytest.approx(2 / 3)
    assert (found["accuracy"].value, found["row_accuracy"].value) == (6 / 8, 0.0)


@pytest.mark.parametrize(("candidate", "champion", "verdict"), [(READ, LENGTH, "worse"), (LENGTH, READ, "better")])
def test_a_candidate_gains_nothing_by_reading_less(packed: Packed, candidate: int, champion: int, verdict: str) -> None:
    def rows(spec: Spec, encodings: Encodings) -> pl.DataFrame:
        return packed.raw()

    found = contest(packed.spec, packed.test, reads(packed, candidate), reads(packed, champion), rows)["tags"]
    assert (found["verdict"], abs(found["diff"])) == (verdict, pytest.approx(0.2))


def test_rivals_that_read_less_are_compared_by_all_tags(packed: Packed) -> None:
    tasks, frame = packed.package.encodings.tasks, packed.raw()
    ours, theirs = (reads(packed, tokens).predictions(frame) for tokens in (READ, LENGTH))
    truth, labelled = packed.test.truth(tasks), packed.test.labels(tasks)
    found = compare(tasks, truth, labelled, ours, theirs, tolerance=0.02, confidence=0.95, resamples=50, seed=1)
    assert found.tasks["tags"].verdict == "worse"
