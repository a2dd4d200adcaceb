"""Tags as numbers: classes of spans, what is legal, IOB1, and the way there and back."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.encodings import TaskEncoding
from mtl.data.tags import class_numbers, classes_of, from_iob1, legal, span_numbers, well_formed

TAGS = ("O", "B-a", "I-a", "B-b", "I-b")
CELLS = st.lists(st.none() | st.lists(st.sampled_from(TAGS), max_size=6), max_size=8)


def series(cells: list[list[str] | None]) -> pl.Series:
    return pl.Series("y", cells, dtype=pl.List(pl.String))


def is_legal(tags: list[str]) -> bool:
    return all(tag[0] != "I" or (i > 0 and tags[i - 1] != "O" and tags[i - 1][2:] == tag[2:]) for i, tag in enumerate(tags))


@given(CELLS)
def test_legal_is_what_the_rule_says(cells: list[list[str] | None]) -> None:
    assert legal(series(cells)).to_list() == [None if cell is None else is_legal(cell) for cell in cells]
    assert well_formed(series(cells)).to_list() == [None if cell is None else True for cell in cells]


@given(CELLS)
def test_iob1_becomes_legal_and_keeps_its_spans(cells: list[list[str] | None]) -> None:
    found = from_iob1(series(cells))
    assert all(legal(found).drop_nulls())
    for before, after in zip(cells, found.to_list(), strict=True):
        assert (before is None) == (after is None)
        assert [tag[-1] for tag in before or []] == [tag[-1] for tag in after or []]
        assert not is_legal(before or []) or before == after


def test_what_is_no_tag_of_bio_is_not_well_formed() -> None:
    assert well_formed(series([["B-a"], ["B-"], ["E-a"], ["o"], ["B-a b-c"]])).to_list() == [True, False, False, False, True]


def test_classes_of_spans_are_in_an_order_that_says_what_they_are() -> None:
    assert classes_of(["I-b", "B-a", "O"], spans=True) == TAGS
    assert classes_of(["B-a"], spans=True) == ("O", "B-a", "I-a")
    assert classes_of(["V", "N", "V"], spans=False) == ("N", "V")
    assert classes_of(("V", "N"), spans=False) == ("V", "N")  # as the spec names them


@given(st.booleans(), st.lists(st.lists(st.integers(1, 5), max_size=5), max_size=6))
def test_tags_come_back_as_they_were(spans: bool, numbers: list[list[int]]) -> None:
    task = TaskEncoding("y", "y", "tagging", "e", "s", "y", ("x",), "span_f1", classes=TAGS, spans=spans, tags="x")
    flat, lengths = np.array([n for row in numbers for n in row], np.int64), np.array([len(row) for row in numbers], np.int64)
    rows = task.tagged(flat, lengths)
    assert class_numbers(span_numbers(flat, spans), spans).tolist() == flat.tolist()
    assert task.tags_of(rows).to_list() == [[TAGS[n - 1] for n in row] for row in numbers]
    lists, labelled = task.encode_list(task.tags_of(rows))
    assert (lists.values.tolist(), lists.lengths.tolist(), labelled.all()) == (flat.tolist(), lengths.tolist(), True)
    assert task.types == (("a", "b") if spans else TAGS)


def test_tags_are_learned_as_far_as_tokens_are_read_and_a_new_one_makes_no_label() -> None:
    task = TaskEncoding("y", "y", "tagging", "e", "s", "y", ("x",), "span_f1", classes=TAGS, spans=True, tags="x", max_tokens=2)
    lists, labelled = task.encode_list(series([["O", "B-a", "I-a"], ["B-c"], None, ["O"], ["O", "O", "B-c"]]))
    assert labelled.tolist() == [True, False, False, True, False]
    for rows, wanted in ((lists, [[1, 2, 3], [], [], [1], []]), (task.learned(lists), [[1, 2], [], [], [1], []])):
        assert [row.tolist() for row in np.split(rows.values, rows.offsets[1:-1])] == wanted
