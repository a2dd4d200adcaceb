"""Texts and vectors from raw cells to arrays: at once or by way of the table of numbers, fitted on train only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.fitting.inputs import fit_input
from mtl.data.inputs import BitsEncoding, InputEncoding, TextEncoding, VectorEncoding
from mtl.data.ragged import Ragged
from mtl.errors import UnfitError
from tests.data.conftest import spec_of

TEXTS = ["the cat sat on the mat", "a dog and a cat", None, "the mat", "dog dog dog dog dog dog dog dog"]
VECTORS = [[1.0, 2.0, 3.0], [4.0, 0.0, -1.0], None, [0.5, 0.5, 7.0], [2.0, 2.0, 2.0]]
BITS = [[0, 2], [3], None, [1, 2, 3], []]
FRAME = pl.DataFrame({"key": list("abcde"), "words": TEXTS, "v": VECTORS, "bits": BITS})


def spec_with(one: dict[str, Any]) -> Any:
    return spec_of(inputs={"facts": {"source": "people", **one}})


def text(**more: Any) -> InputEncoding:
    said = {"kind": "text", "column": "words", "tokenizer": "words", "max_tokens": 5, **more}
    return fit_input(spec_with(said), "facts", FRAME)


def vector(frame: pl.DataFrame = FRAME) -> InputEncoding:
    return fit_input(spec_with({"kind": "vector", "column": "v", "size": 3}), "facts", frame)


def bits() -> InputEncoding:
    return fit_input(spec_with({"kind": "vector", "column": "bits", "size": 4, "format": "bits"}), "facts", FRAME)


@pytest.fixture(params=[text, vector, bits])
def encoding(request: pytest.FixtureRequest) -> InputEncoding:
    made: InputEncoding = request.param()
    return made


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Ragged):
        return np.array_equal(a.values, b.values) and np.array_equal(a.offsets, b.offsets)
    return a.dtype == b.dtype and np.array_equal(a, b)


def test_by_way_of_the_table_the_arrays_are_the_same(encoding: InputEncoding) -> None:
    """Also in another order, with a row that the input does not have."""
    table = encoding.table(FRAME)
    assert table["key"].to_list() == FRAME["key"].to_list()
    at = [4, 2, 0]
    joined = pl.DataFrame({"key": [*FRAME["key"][at], "nobody"]}).join(table, on="key", how="left", maintain_order="left")
    found, direct = encoding.aligned(joined), encoding.apply(FRAME)
    for part in direct:
        assert same(found[part][:3], direct[part][np.array(at)])
    assert found["present"].tolist() == [True, False, True, False]
    for part in set(found) - {"present"}:
        rest = found[part][3:]
        assert len(rest.values) == 0 if isinstance(rest, Ragged) else not rest.any()


def test_they_come_back_from_disk(encoding: InputEncoding, tmp_path: Path) -> None:
    whole = Encodings({"facts": encoding}, ())
    whole.write(tmp_path)
    again = Encodings.read(tmp_path)
    assert again == whole
    assert all(same(a, b) for a, b in zip(encoding.apply(FRAME).values(), again.inputs["facts"].apply(FRAME).values(), strict=True))


def test_the_aligned_set_keeps_rows_of_different_length(tmp_path: Path) -> None:
    arrays = text().apply(FRAME)
    rows = AlignedSet({"facts": arrays}, np.zeros((5, 0), np.float32), np.zeros((5, 0), np.bool_), ())
    rows.write(tmp_path / "train", FRAME.select("key"))
    again = AlignedSet.read(tmp_path / "train").inputs["facts"]
    assert same(again["tokens"], arrays["tokens"])
    assert same(again["present"], arrays["present"])


def test_a_text_is_cut_and_an_unknown_word_is_1() -> None:
    one = text()
    assert isinstance(one, TextEncoding)
    arrays = one.apply(pl.DataFrame({"words": ["dog " * 9, "xylophone", None]}))
    assert arrays["tokens"].lengths.tolist() == [5, 1, 0]
    assert arrays["tokens"].values[5] == 1
    assert arrays["present"].tolist() == [True, True, False]
    assert one.vocabulary > int(arrays["tokens"].values.max())
    assert one.options == {"channels": 64, "embedding": 64, "kernels": 3}


@given(st.integers(1, 6), st.integers(0, 3))
def test_vectors_of_train_are_standardised(size: int, empty: int) -> None:
    rng = np.random.default_rng(size)
    values = rng.normal(5, 3, (40, size))
    values[:, 0] = 7.0  # a constant place stays finite
    frame = pl.DataFrame({"key": range(40 + empty), "v": [*values.tolist(), *[None] * empty]}, strict=False)
    one = fit_input(spec_with({"kind": "vector", "column": "v", "size": size}), "facts", frame)
    arrays = one.apply(frame)
    numbers = arrays["numeric"][arrays["present"]]
    assert arrays["present"].sum() == 40
    np.testing.assert_allclose(numbers.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(numbers[:, 1:].std(0), 1, rtol=1e-5)
    assert not arrays["numeric"][~arrays["present"]].any()


def test_a_vector_of_another_length_or_with_a_gap_counts_as_absent() -> None:
    cells = pl.DataFrame({"v": [[1.0, 2.0], [1.0, 2.0, 3.0], [1.0, float("nan"), 3.0], []]})
    arrays = vector().apply(cells)
    assert arrays["present"].tolist() == [False, True, False, False]
    assert np.isfinite(arrays["numeric"]).all()


def test_a_number_that_float32_does_not_hold_makes_no_vector() -> None:
    """Neither in train, where it would be the mean, nor where the spread is small."""
    frame = pl.concat([FRAME, pl.DataFrame({"key": ["f"], "v": [[1e39, 0.0, 0.0]]})], how="diagonal")
    one = vector(frame)
    assert isinstance(one, VectorEncoding)
    assert one == vector()
    arrays = one.apply(pl.DataFrame({"v": [[-1e39, 0.0, 0.0], [1e300] * 3, [3e38, 0.0, 0.0]]}))
    assert arrays["present"].tolist() == [False, False, True]
    assert np.isfinite(arrays["numeric"]).all()


@pytest.mark.parametrize("one", [{"kind": "text", "column": "words"}, {"kind": "vector", "column": "v", "size": 3}])
def test_nothing_in_train_is_an_error_that_names_the_column(one: dict[str, Any]) -> None:
    empty = FRAME.with_columns(words=pl.lit(None, pl.String), v=pl.lit(None, pl.List(pl.Float64)))
    with pytest.raises(UnfitError, match=rf"inputs\.facts, column '{one['column']}': a (tokenizer|vector)"):
        fit_input(spec_with(one), "facts", empty)


@given(st.lists(st.none() | st.lists(st.integers(0, 8), unique=True), min_size=1))
def test_bits_are_1_at_the_places_of_the_list(cells: list[list[int] | None]) -> None:
    one = BitsEncoding("facts", {"person": "people"}, "bits", "bits", 9)
    arrays = one.apply(pl.DataFrame({"bits": cells}, schema={"bits": pl.List(pl.Int64)}))
    assert arrays["present"].tolist() == [cell is not None for cell in cells]
    assert [np.flatnonzero(row).tolist() for row in arrays["numeric"]] == [sorted(cell or []) for cell in cells]
    assert arrays["numeric"].max(initial=0) <= 1


def test_bits_with_a_place_outside_count_as_absent() -> None:
    arrays = bits().apply(pl.DataFrame({"bits": [[4], [-1, 0], [3, 3]]}))
    assert arrays["present"].tolist() == [False, False, True]
    assert arrays["numeric"].tolist() == [[0] * 4, [0] * 4, [0, 0, 0, 1]]


def test_what_each_kind_says_of_itself() -> None:
    assert bits().counts() == {"bits": 4}
    assert bits().types == {"bits": pl.List(pl.Int64)}
    assert isinstance(vector(), VectorEncoding)
    assert vector().counts() == {"numbers": 3}
    assert vector().types == {"v": pl.List(pl.Float64)}
    assert text().types == {"words": pl.String()}
    assert text().names == ["words"]


@pytest.mark.parametrize("tokenizer", ["words", "bpe"])
def test_blanks_are_no_text(tokenizer: str) -> None:
    arrays = text(tokenizer=tokenizer, vocabulary=300).apply(pl.DataFrame({"words": ["", " \n ", "a dog", None]}))
    assert arrays["present"].tolist() == [False, False, True, False]
    assert arrays["tokens"].lengths[[0, 1, 3]].tolist() == [0, 0, 0]
