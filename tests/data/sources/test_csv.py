"""CSV: what is read is what was written, however it was written; and every way it can be broken has its message."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.data.sources.csv_rows import guess_separator
from mtl.data.sources.csv_table import CsvTable, Manner
from mtl.errors import DataError, SpecError

FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufeff"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(FIELD, min_size=3, max_size=3), min_size=1, max_size=12),
    separator=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(1, 40),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_reads_what_the_csv_module_writes(rows: list[list[str]], separator: str, ending: str, block: int, encoding: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *rows])
    with tempfile.TemporaryDirectory() as folder, patch("mtl.data.sources.text.BLOCK_BYTES", block):
        path = Path(folder) / "t.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        table = CsvTable(path, "t.csv", Manner(None, encoding, ("",)))
        found = [list(row) for frame in table.chunks() for row in frame.rows()]
    assert found == [[value or None for value in row] for row in rows]


@given(
    rows=st.lists(st.lists(st.text("ab\"' ", min_size=1, max_size=5), min_size=2, max_size=2), min_size=1, max_size=8),
    block=st.integers(1, 20),
)
@settings(max_examples=100, deadline=None)
def test_quote_marks_inside_plain_fields_are_kept(rows: list[list[str]], block: int) -> None:
    plain = [["x" + value for value in row] for row in rows]  # no field begins with a quote mark
    content = "a,b\n" + "".join(",".join(row) + "\n" for row in plain)
    with tempfile.TemporaryDirectory() as folder, patch("mtl.data.sources.text.BLOCK_BYTES", block):
        path = Path(folder) / "t.csv"
        path.write_text(content, encoding="utf-8")
        table = CsvTable(path, "t.csv", Manner(None, "utf-8", ("",)))
        assert [list(row) for frame in table.chunks() for row in frame.rows()] == plain
        assert [table.locate(i) for i in range(len(plain))] == [f"line {i + 2}" for i in range(len(plain))]


def test_every_column_is_text_and_null_values_are_null(bench: Any) -> None:
    frame = bench.csv('id,x,y\n1,NA,"NA"\n2,07,1e5\n3,n/a,\n', null_values=["NA", "n/a", ""])
    assert frame.rows() == [("1", None, None), ("2", "07", "1e5"), ("3", None, None)]
    assert {str(t) for t in frame.dtypes} == {"String"}


def test_an_empty_field_stays_empty_text_if_the_source_says_so(bench: Any) -> None:
    assert bench.csv('id,x,y\n1,,"5"" pipe"\n2,5" pipe,\n', null_values=["NA"]).rows() == [
        ("1", "", '5" pipe'),
        ("2", '5" pipe', ""),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_guessed_from_the_header(separator: str, bench: Any) -> None:
    lines = [["id", '"x, y; z"', "w"], ["1", "2", "3"]]
    frame = bench.csv("\n".join(separator.join(line) for line in lines))
    assert frame.columns == ["id", "x, y; z", "w"]
    assert guess_separator("id") == ","


def test_blank_lines_and_a_byte_order_mark_are_no_rows(bench: Any) -> None:
    assert bench.csv(b"\xef\xbb\xbf\r\nid,x\r\n1,2\r\n\r\n3,4\r\n\r\n").rows() == [("1", "2"), ("3", "4")]


def test_a_column_without_a_name_is_called_by_its_place(bench: Any) -> None:
    assert bench.csv(",id\n0,a\n").columns == ["column_1", "id"]


def test_latin_1_is_read_in_chunks(bench: Any, small_blocks: Callable[[int], None]) -> None:
    small_blocks(7)
    assert bench.csv("id,x\n1,André\n2,Zoë\n".encode("latin-1"), encoding="latin-1")["x"].to_list() == ["André", "Zoë"]


def test_lines_are_right_after_fields_of_several_lines(bench: Any, small_blocks: Callable[[int], None]) -> None:
    small_blocks(5)
    path = bench.write("t.csv", 'id,x\n1,"a\nb\nc"\n\n2,d\n')
    table = CsvTable(path, "t.csv", Manner(None, "utf-8", ()))
    assert [table.locate(0), table.locate(1)] == ["line 2", "line 6"]
    assert np.array_equal(table.schema().names(), ["id", "x"])


BROKEN = {
    "empty": (b"", ["t.csv", "empty"]),
    "only blanks": (b" \n\n", ["t.csv", "empty"]),
    "header only": (b"id,x\n", ["t.csv", "without rows", "header only"]),
    "no key": (b"Id,x\n1,2\n", ["no key column 'id'", "nearest is 'Id'"]),
    "doubled name": (b"id,x,x\n1,2,3\n", ["'x' stands twice", "columns 2 and 3"]),
    "latin-1": ("id,x\n1,a\n2,André\n".encode("latin-1"), ["t.csv, line 3", "0xE9", "é", "encoding: latin-1"]),
    "utf-16": ("id,x\n1,a\n".encode("utf-16"), ["encoding: utf-16"]),
    "cut in a row": (b"id,x,y\n1,2,3\n4,5", ["t.csv, line 3", "too few", "3 fields", "2; the file ends in the middle"]),
    "cut in quotes": (b'id,x\n1,2\n3,"abc\ndef', ["t.csv, line 3", "quoted field", "end of the file"]),
    "cut in quotes after a stray one": (b'id,x\n1,5" pipe\n3,"abc\ndef', ["t.csv, line 3", "quoted field"]),
    "too many": (b"id,x\n1,2\n3,4,5\n", ["t.csv, line 3", "too many fields", "2 fields", "found:    3", "quote the field"]),
    "too few": (b"id,x\n1,2\n3\n4,5\n", ["t.csv, line 3", "too few fields", "found:    1"]),
    "too many after a stray quote": (b'id,x\n1,5" b\n3,4,5\n', ["t.csv, line 3", "too many fields"]),
    "after a closing quote": (b'id,x\n1,"a"b\n', ["t.csv, line 2", "doubled"]),
    "old mac": (b"id,x\r1,2\r", ["carriage return"]),
    "null key": (b"id,x\n1,2\n\nNA,3\n", ["t.csv, line 4", "no key", "'id'"]),
    "doubled key": (b"id,x\n7,2\n8,2\n7,3\n", ["id = '7' stands twice", "t.csv, line 2, and t.csv, line 4", "repeats: latest"]),
}


@pytest.mark.parametrize("size", [4, 1 << 20], ids=["small blocks", "one block"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named(name: str, size: int, bench: Any, small_blocks: Callable[[int], None]) -> None:
    small_blocks(size)
    content, words = BROKEN[name]
    bench.csv("id,x\n1,2\n")
    before = bench.content()
    with pytest.raises(DataError) as error:
        bench.csv(content)
    assert not [word for word in words if word not in str(error.value)], str(error.value)
    assert bench.content() == before, "what stood before still stands"
    assert [p.name for p in bench.target.parent.iterdir()] == ["table"], "and nothing half-written beside it"


def test_a_quote_that_is_never_closed_is_found_before_the_end(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.data.sources.csv_table.LONGEST_ROW", 1000)
    monkeypatch.setattr("mtl.data.sources.text.BLOCK_BYTES", 500)
    with pytest.raises(DataError, match="line 3: a row of more than"):
        bench.csv('id,x\n1,2\n2,"a\n' + "3,4\n" * 2000)


@pytest.mark.parametrize(("key", "value"), [("encoding", "utf-9"), ("separator", ";;")])
def test_what_the_spec_says_wrongly(key: str, value: str, bench: Any) -> None:
    with pytest.raises(SpecError, match=key):
        bench.csv("id,x\n1,2\n", **{key: value})
