"""NDJSON: types over the whole file, mixed ones as text, broken lines by number."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.data.sources.ndjson_table import NdjsonTable
from mtl.errors import DataError

VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.text('aé"\n ', max_size=4), st.lists(st.integers(0, 3))
)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"id": st.integers(0, 9)}, optional={"a": VALUE, "b": VALUE}), min_size=1, max_size=9))
def test_no_value_is_lost_however_the_file_is_cut(rows: list[dict[str, Any]]) -> None:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.ndjson"
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        for size in (11, 1 << 20):
            with patch("mtl.data.sources.text.BLOCK_BYTES", size):
                found.append(pl.concat(NdjsonTable(path, "t.ndjson", "utf-8").chunks()))
    assert found[0].equals(found[1])
    for row, read in zip(rows, found[0].rows(named=True), strict=True):
        for name, value in row.items():
            as_text = value if value is None or isinstance(value, str) else json.dumps(value)
            assert read[name] == (as_text if found[0].schema[name] == pl.String else value)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["1", "2.5", "null"], pl.Float64(), [1.0, 2.5, None]),
        (["1", '"x"', "2.5", "true"], pl.String(), ["1", "x", "2.5", "true"]),
        (["true", "1"], pl.String(), ["true", "1"]),
        (["null", "7"], pl.Int64(), [None, 7]),
        (['{"u": [1]}', "3"], pl.String(), ['{"u": [1]}', "3"]),
        (["18446744073709551616", "1"], pl.String(), ["18446744073709551616", "1"]),
    ],
)
@pytest.mark.parametrize("size", [10, 1 << 20])
def test_types_are_found_over_the_whole_file(
    values: list[str], dtype: pl.DataType, expected: list[object], size: int, bench: Any, small_blocks: Callable[[int], None]
) -> None:
    small_blocks(size)
    frame = bench.ndjson("".join(f'{{"id": {i}, "x": {value}}}\n' for i, value in enumerate(values)))
    assert frame["x"].to_list() == expected
    assert frame.schema["x"] == dtype


BROKEN = {
    "cut short": ('{"id": 1}\n\n{"id": 2, "x": "ab', ["t.ndjson, line 3", "column 16", "not JSON", "cut short"]),
    "no comma": ('{"id": 1}\n{"id": 2 "x": 3}\n{"id": 3}\n', ["t.ndjson, line 2", "column 10"]),
    "two on a line": ('{"id": 1}{"id": 2}\n', ["t.ndjson, line 1", "column 10"]),
    "not an object": ('{"id": 1}\n[2]\n', ["t.ndjson, line 2", "not a JSON object", "[2]"]),
    "NaN": ('{"id": 1, "x": NaN}\n', ["t.ndjson, line 1", "NaN is not JSON (write null)"]),
    "an array": ('[{"id": 1},\n{"id": 2}]\n', ["a JSON array", "jq"]),
    "empty": ("", ["empty"]),
    "latin-1": (b'{"id": 1}\n{"id": "\xe9"}\n', ["t.ndjson, line 2", "encoding: latin-1"]),
    "null key": ('{"id": 1}\n{"x": 2}\n', ["t.ndjson, line 2", "no key"]),
    "doubled key": ('{"id": 1}\n\n{"id": "1"}\n', ["id = '1' stands twice", "line 1", "line 3"]),
}


@pytest.mark.parametrize("size", [8, 1 << 20], ids=["small blocks", "one block"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_lines_are_named(name: str, size: int, bench: Any, small_blocks: Callable[[int], None]) -> None:
    small_blocks(size)
    content, words = BROKEN[name]
    with pytest.raises(DataError) as error:
        bench.ndjson(content)
    assert not [word for word in words if word not in str(error.value)], str(error.value)
    assert not bench.target.exists()
