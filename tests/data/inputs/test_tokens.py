"""Tokens from raw cells to arrays: known words, shapes and affixes; at once or by way of the table; fitted on train only."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.encodings import Encodings
from mtl.data.fitting.inputs import fit_input
from mtl.data.inputs import TokensEncoding
from mtl.data.words import LENGTHS, NUMBERS, UNKNOWN, fit_words, numbered
from mtl.errors import UnfitError
from tests.data.conftest import spec_of

CELLS = [["The", "cat", "sat"], ["the", "Dog"], None, ["a", "cat", "a", "dog", "X"], ["Cats", "sat"]]
FRAME = pl.DataFrame({"key": list("abcde"), "words": CELLS})


def tokens(**more: Any) -> TokensEncoding:
    spec = spec_of(inputs={"facts": {"source": "people", "kind": "tokens", "column": "words", "max_tokens": 4, **more}})
    found = fit_input(spec, "facts", FRAME)
    assert isinstance(found, TokensEncoding)
    return found


def test_known_are_the_most_frequent_words_of_train() -> None:
    """Of equally frequent ones the first by name."""
    cells = pl.Series([["b", "A", "a"], None, ["c", "b", "B"], ["d"]])
    assert fit_words(cells, most=9, least=2, lowercase=True) == ("b", "a")
    assert fit_words(cells, most=1, least=1, lowercase=True) == ("b",)
    assert fit_words(cells, most=9, least=1, lowercase=False) == ("b", "A", "B", "a", "c", "d")
    assert tokens().known == ("a", "cat", "dog", "sat", "the")


@pytest.mark.parametrize("affixes", [0, 50])
def test_by_way_of_the_table_the_arrays_are_the_same(affixes: int) -> None:
    """Also in another order, with a row that the input does not have."""
    encoding = tokens(affixes=affixes)
    table = encoding.table(FRAME)
    order = pl.DataFrame({"key": ["d", "z", "a", "c"]})
    arrays = encoding.aligned(order.join(table, on="key", how="left", maintain_order="left"))
    at_once = encoding.apply(order.join(FRAME, on="key", how="left", maintain_order="left"))
    for one in (arrays, at_once):
        assert one["present"].tolist() == [True, False, True, False]
        assert one["tokens"].lengths.tolist() == [4, 0, 3, 0]
        assert one["tokens"].values.shape == (7, NUMBERS if affixes else 1)
    assert arrays["tokens"].values.tobytes() == at_once["tokens"].values.tobytes()


def test_a_token_is_its_word_its_shape_and_what_it_begins_and_ends_with() -> None:
    known = ("cat", "dog")
    words = pl.Series(["Cat", "cat", "Cap", "cats", "12:30pm", "97:20am", None])
    found = numbered(words, known, lowercase=True, affixes=10_000)
    assert found[:, 0].tolist() == [2, 2, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    assert found[:, 1:].min() >= 4
    assert found[:, 1:].max() < 4 + 10_000
    shape, begins, ends = found[:, 1], found[:, 2 : 2 + len(LENGTHS)], found[:, 2 + len(LENGTHS) :]
    assert shape[0] == shape[2] != shape[1]
    assert shape[4] == shape[5]
    assert (begins[0] == begins[1]).all()
    assert (begins[0] == begins[2]).tolist() == [True, True, False, False]
    assert (begins[1] == begins[3]).tolist() == [True, True, True, False]
    assert (ends[4] == ends[5]).tolist() == [True, False, False, False]
    assert len(np.unique(found[0, 1:])) == NUMBERS - 1  # a beginning is not the end that is spelled alike


def test_words_are_spelled_as_they_are_where_case_matters() -> None:
    found = numbered(pl.Series(["Cat", "cat"]), ("cat",), lowercase=False, affixes=1000)
    assert found[:, 0].tolist() == [UNKNOWN, 2]
    assert (found[0, 2:] != found[1, 2:]).any()


def test_numbers_of_words_do_not_hang_on_the_others() -> None:
    """Nor on how often they come, nor on the process: they are hashes that are the same everywhere."""
    known = ("cat",)
    alone, among = (
        numbered(pl.Series(words), known, lowercase=True, affixes=1000) for words in (["Sat"], ["cat", "x", "Sat", "Sat"])
    )
    assert (alone[0] == among[2]).all()
    assert (among[2] == among[3]).all()
    assert alone[0].tolist() == [1, 523, 564, 302, 968, 550, 47, 448, 764, 266]


def test_what_is_longer_is_cut_and_an_empty_list_is_no_input() -> None:
    encoding = tokens()
    found = encoding.apply(pl.DataFrame({"words": [["a"] * 9, [], None, ["new"]]}))
    assert (found["tokens"].lengths.tolist(), found["present"].tolist()) == ([4, 0, 0, 1], [True, False, False, True])
    none = encoding.apply(pl.DataFrame({"words": [None]}, schema={"words": pl.List(pl.String)}))
    assert none["tokens"].values.shape == (0, NUMBERS)


def test_it_comes_back_from_json() -> None:
    encodings = Encodings({"facts": tokens()}, ())
    assert Encodings.parse(encodings.as_dict()) == encodings
    assert encodings.types == {"words": pl.List(pl.String)}


def test_nothing_is_known_where_no_word_comes_twice() -> None:
    with pytest.raises(UnfitError, match=r"(?s)inputs\.facts.*no word is known.*smaller `least`"):
        tokens(least=9)
