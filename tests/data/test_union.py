"""The union over entities: rows of different ones never meet, also where their keys and their inputs are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.align import align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.encode import GOLDEN_ROWS, Encoded, encode, raw_rows
from mtl.data.inputs import TextEncoding
from mtl.data.split import split_entities
from mtl.registry.package import entity_hashes
from mtl.spec import Spec

from .conftest import Write, spec_of

Made = tuple[Encoded, dict[str, AlignedSet], pl.DataFrame]
"""What encode makes, the aligned sets by split, the split."""
N = {"ask": 300, "say": 160}
"""Rows of each corpus; the keys of the second are among those of the first."""
SIDES = ("train", "valid", "test")


def spec(**changes: Any) -> Spec:
    sentences = {f"{name}_sentence": {"key": "id", "split": {"seed": seed}} for name, seed in (("ask", 1), ("say", 2))}
    return spec_of(**{
        "entities": sentences,
        "sources": {name: {"path": f"{name}.csv", "entity": f"{name}_sentence"} for name in N},
        "inputs": {
            "words": {"kind": "text", "column": "text", "sources": ["ask", "say"], "tokenizer": "words"},
            "facts": {"source": "ask", "columns": {"length": {}}},
            "sound": {"kind": "vector", "column": "v", "size": 2, "source": "say"},
        },
        "tasks": {
            "intent": {"source": "ask", "column": "intent", "kind": "multiclass"},
            "mood": {"source": "say", "column": "mood", "kind": "regression"},
        },
        **changes,
    })  # fmt: skip


def corpora() -> dict[str, pl.DataFrame]:
    """Every word tells its corpus and its row; labels do too."""
    random = np.random.default_rng(0)
    number = {name: np.arange(rows) for name, rows in N.items()}
    own = {
        "ask": {"length": random.normal(size=N["ask"]), "intent": [f"i{i % 3}" for i in number["ask"]]},
        "say": {"v": random.normal(size=(N["say"], 2)).tolist(), "mood": 1000.0 + number["say"]},
    }
    return {
        name: pl.DataFrame({"id": [str(i) for i in at], "text": [f"{name}{i} common {name} {i % 7}" for i in at], **own[name]})
        for name, at in number.items()
    }


@pytest.fixture
def made(write: Write, tmp_path: Path) -> Made:
    folder, asked = write(**corpora()), spec()
    split = split_entities(asked, folder)
    done = encode(asked, folder, split)
    write_encoded(tmp_path / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(tmp_path / "encoded", done.encodings, split, tmp_path / "aligned")
    return done, {side: AlignedSet.read(tmp_path / "aligned" / side) for side in SIDES}, split


def test_sentence_17_of_one_corpus_is_not_sentence_17_of_another(made: Made) -> None:
    """Each row has its own corpus' words, inputs and labels, and nothing of its namesake's."""
    done, sets, _ = made
    words = done.encodings.inputs["words"]
    assert isinstance(words, TextEncoding)
    seen = 0
    for rows in sets.values():
        tokens, there = rows.inputs["words"]["tokens"], rows.inputs["words"]["present"]
        truth = rows.truth(done.encodings.tasks)
        for row, (entity, key, _) in enumerate(rows.keys().iter_rows()):
            name, at = entity.removesuffix("_sentence"), int(key)
            expected = words.apply(pl.DataFrame({"text": [f"{name}{at} common {name} {at % 7}"]}))["tokens"].values
            assert there[row]
            assert tokens[[row]].values.tolist() == expected.tolist()
            assert rows.labelled[row].tolist() == [name == "ask", name == "say"]
            assert truth["mood"][row] == pytest.approx(1000 + at) if name == "say" else truth["intent"][row] == at % 3
            assert (rows.inputs["facts"]["present"][row], rows.inputs["sound"]["present"][row]) == (name == "ask", name == "say")
            seen += 1
    assert seen == sum(N.values())


def test_equal_keys_are_split_each_by_its_own_entity(made: Made) -> None:
    """And counted as different rows where it is asked what a model has been trained on."""
    _, sets, split = made
    sides = {
        entity: dict(part.select("key", "split").iter_rows())
        for (entity,), part in split.partition_by("entity", as_dict=True).items()
    }
    both = [key for key in sides["say_sentence"] if sides["say_sentence"][key] != sides["ask_sentence"][key]]
    assert len(both) > 20
    for rows in sets.values():
        keys = rows.keys()
        assert keys.select("entity", "key").is_unique().all()
        assert len(np.unique(entity_hashes(keys))) == keys.height
        assert set(keys["entity"]) == set(sides)


def test_a_tokenizer_is_fitted_on_train_rows_of_all_sources(made: Made) -> None:
    done, _, split = made
    one = done.encodings.inputs["words"]
    assert one.sources == {"ask_sentence": "ask", "say_sentence": "say"}
    known = one.apply(pl.DataFrame({"text": ["common ask say"]}))["tokens"].values
    assert (known > 1).all()
    train = split.filter(pl.col("split") == "train").height
    assert done.report["rows"]["train"] == train
    assert done.report["inputs"]["words"]["tokens"] < train


def test_held_out_rows_of_any_source_fit_nothing(write: Write) -> None:
    folder, asked = write(**corpora()), spec()
    split = split_entities(asked, folder)
    before = encode(asked, folder, split).encodings
    held = {
        e.removesuffix("_sentence"): set(p["key"])
        for (e,), p in split.filter(pl.col("split") != "train").partition_by("entity", as_dict=True).items()
    }
    for name, frame in corpora().items():
        gone = pl.col("id").is_in(held[name])
        write(**{name: frame.with_columns(text=pl.when(gone).then(pl.lit("another word altogether")).otherwise("text"))})
    assert encode(asked, folder, split).encodings.inputs == before.inputs


def test_golden_rows_are_of_every_entity_and_what_a_model_is_asked_with(made: Made, write: Write) -> None:
    done, sets, split = made
    counts = dict(done.golden["entity"].value_counts().iter_rows())
    valid = dict(split.filter(pl.col("split") == "valid")["entity"].value_counts().iter_rows())
    assert counts == {entity: min(rows, GOLDEN_ROWS // 2) for entity, rows in valid.items()}
    folder = write(**corpora())
    assert done.golden.equals(raw_rows(spec(), done.encodings, folder, done.golden.select("entity", "key")))
    assert done.golden["text"].null_count() == 0
    assert (done.golden["length"].is_null() == (done.golden["entity"] == "say_sentence")).all()
    valid_rows, at_once = sets["valid"], done.encodings.inputs["words"].apply(done.golden)
    place = {pair: row for row, pair in enumerate(valid_rows.keys().select("entity", "key").iter_rows())}
    by_table = valid_rows.inputs["words"]["tokens"][[place[pair] for pair in done.golden.select("entity", "key").iter_rows()]]
    assert at_once["tokens"].values.tolist() == by_table.values.tolist()


def test_a_vector_of_several_sources_is_scaled_over_all_of_them(write: Write) -> None:
    """Any input of one column may have several; an entity's rows that lack it stay without."""
    frames = corpora()
    frames["ask"] = frames["ask"].with_columns(v=pl.Series([[5.0, -5.0 + i % 2] if i % 3 else None for i in range(N["ask"])]))
    inputs = {"sound": {"kind": "vector", "column": "v", "size": 2, "sources": ["ask", "say"]}}
    asked = spec(inputs=inputs)
    folder = write(**frames)
    split = split_entities(asked, folder)
    done = encode(asked, folder, split)
    train = split.filter(pl.col("split") == "train").select("entity", "key")
    there = train.join(done.inputs["sound"], on=["entity", "key"])["vector"].drop_nulls()
    numbers = np.array(there.to_list())
    np.testing.assert_allclose(numbers.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(numbers.std(0), 1, rtol=1e-5)
    assert 0 < len(there) < train.height
