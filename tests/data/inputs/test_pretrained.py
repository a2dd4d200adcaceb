"""Texts for pretrained encoders: vectors scaled on train, tokens as they are; their files go along with the encodings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.encodings import Encodings
from mtl.data.fitting.inputs import fit_input
from mtl.data.inputs import InputEncoding, PretrainedTokensEncoding, PretrainedVectorEncoding
from mtl.data.pretrained import FILES, content_of
from mtl.errors import UnfitError
from mtl.files import write_json
from tests.data.conftest import spec_of

VECTORS = [[1.0, 2.0], [3.0, 2.0], None, [5.0, 2.0], None]
TEXTS = ["good dress", "bad", None, "good", "  "]
TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"}, "decoder": None,
    "post_processor": {
        "type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
        "single": [{"SpecialToken": {"id": "[C]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {"[C]": {"id": "[C]", "ids": [0], "tokens": ["[C]"]}},
    },
    "model": {"type": "WordLevel", "vocab": {"[C]": 0, "[U]": 1, "good": 2, "bad": 3, "dress": 4}, "unk_token": "[U]"},
}  # fmt: skip


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """What the stage `embed` leaves, of an encoder that nobody runs here."""
    from safetensors.numpy import save_file

    model = tmp_path / "embedded" / "facts" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"hidden_size": 2}')
    (model / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    save_file({"w": np.arange(3, dtype=np.float32)}, model / "model.safetensors")
    write_json(tmp_path / "embedded" / "inputs.json", {"facts": {"content": content_of(model), "size": 2}})
    return tmp_path / "embedded"


def fitted(embedded: Path, frame: pl.DataFrame | None = None, **more: Any) -> InputEncoding:
    said = {"source": "people", "kind": "pretrained_text", "column": "words", "model": "any", "max_tokens": 3, **more}
    return fit_input(spec_of(inputs={"facts": said}), "facts", raw() if frame is None else frame, embedded)


def raw(vectors: list[Any] = VECTORS) -> pl.DataFrame:
    cells = pl.Series("\x1fvector of words", vectors, dtype=pl.List(pl.Float32))
    return pl.DataFrame({"key": list("abcde"), "words": TEXTS}).with_columns(cells)


def test_a_frozen_one_is_its_vectors_scaled_on_train(embedded: Path) -> None:
    one = fitted(embedded)
    assert isinstance(one, PretrainedVectorEncoding)
    arrays = one.apply(raw())
    assert arrays["present"].tolist() == [True, True, False, True, False]
    np.testing.assert_allclose(arrays["numeric"][[0, 1, 3], 0], np.array([-1, 0, 1]) * np.sqrt(1.5), rtol=1e-6)
    assert not arrays["numeric"][:, 1].any(), "a place that never differs"
    assert one.types == {"words": pl.String()}, "a prediction is asked for with the text"
    assert one.names == ["words"]


def test_without_a_text_in_train_it_cannot_be_scaled(embedded: Path) -> None:
    with pytest.raises(UnfitError, match="cannot be scaled"):
        fitted(embedded, raw([None] * 5))


@pytest.mark.parametrize("mode", ["lora", "finetune"])
def test_one_that_learns_is_its_tokens(embedded: Path, mode: str) -> None:
    """1 + the tokenizer's numbers; blanks are no text."""
    one = fitted(embedded, mode=mode)
    assert isinstance(one, PretrainedTokensEncoding)
    arrays = one.apply(raw())
    assert [row.to_list() for row in arrays["tokens"].lists()] == [[1, 3, 5], [1, 4], [], [1, 3], []]
    assert arrays["present"].tolist() == [True, True, False, True, False]
    assert one.options == ({"rank": 8, "alpha": 16, "lr": 5e-4} if mode == "lora" else {"lr": 3e-5})


@pytest.mark.parametrize("mode", ["frozen", "lora"])
def test_by_way_of_the_table_the_arrays_are_the_same(embedded: Path, mode: str) -> None:
    one = fitted(embedded, mode=mode)
    joined = pl.DataFrame({"key": ["d", "x", "a"]}).join(one.table(raw()), on="key", how="left", maintain_order="left")
    direct = one.apply(raw()[[3, 4, 0]])
    for part, array in one.aligned(joined).items():
        other = direct[part]
        same = np.array_equal(array.values, other.values) if part == "tokens" else np.array_equal(array, other)
        assert same, part


@pytest.mark.parametrize("mode", ["frozen", "lora"])
def test_its_files_go_along_and_json_names_no_place(embedded: Path, mode: str, tmp_path: Path) -> None:
    one = fitted(embedded, mode=mode)
    for folder in (tmp_path / "first", tmp_path / "second"):
        before = Encodings({"facts": one}, ()) if folder.name == "first" else Encodings.read(tmp_path / "first")
        before.write(folder)
        assert str(tmp_path) not in (folder / "encodings.json").read_text()
    again = Encodings.read(tmp_path / "second").inputs["facts"]
    assert again == one
    assert isinstance(again, PretrainedVectorEncoding | PretrainedTokensEncoding)
    assert Path(again.model.folder).is_relative_to(tmp_path / "second")
    assert {file.name for file in Path(again.model.folder).iterdir()} == set(FILES)
    assert again.model.weights()["w"].tolist() == [0, 1, 2]
    assert again.packages == ("transformers",)
