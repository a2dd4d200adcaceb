"""What is read of a table before anything is known of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mtl.errors import DataError
from mtl.project.look import look_at

FRAME = pl.DataFrame({"id": [1, 2, 3], "size": [1.5, 2.0, None], "kind": ["a", "b", "a"]})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator_gives_the_same_look(table, separator: str) -> None:
    looked = table(FRAME, separator=separator)

    assert list(looked.columns) == ["id", "size", "kind"]
    size = looked.columns["size"]
    assert (size.nulls, size.unique, size.numbers, size.low, size.high, size.whole) == (1, 2, 2, 1.5, 2.0, False)
    assert looked.columns["kind"].values == {"a": 2, "b": 1}


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
def test_every_format_gives_the_same_facts(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"t{suffix}"
    write = {".csv": FRAME.write_csv, ".ndjson": FRAME.write_ndjson, ".parquet": FRAME.write_parquet}[suffix]
    write(file)

    looked = look_at(file, "t", tmp_path / "..")

    assert looked.rows == 3
    assert [(c.nulls, c.unique, c.low, c.high) for c in looked.columns.values()][:2] == [(0, 3, 1, 3), (1, 2, 1.5, 2.0)]


def test_floats_and_text_of_whole_numbers_are_one_label(tmp_path: Path, column) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame({"flag": [0.0, 1.0, 1.0]}).write_parquet(file)
    assert look_at(file, "t", tmp_path / "..").columns["flag"].values == {"1": 2, "0": 1}
    assert column(["1.0", "0.0", "1", "True", "true"]).values == {"1": 2, "true": 2, "0": 1}


def test_other_spellings_of_missing_are_found_where_they_can_mean_nothing_else(column, table) -> None:
    assert column([1, 2, "-", 3]).nulls == 1
    assert column(["a", "-", "b"]).nulls == 0
    assert column(["a", "?", "b"]).nulls == 1
    looked = table(pl.DataFrame({"n": ["1", "?", "3", "4"], "m": ["1", "2", "3", "."]}))
    assert set(looked.null_values) == {"?", "."}


def test_digits_with_a_leading_zero_are_codes(column) -> None:
    assert column(["007", "012", "033"]).numbers == 0
    assert column(["0", "0.5", "10"]).numbers == 3


def test_words_among_numbers_and_infinities_are_counted_apart(column) -> None:
    look = column([1, 2, "inf", "many", "many"])
    assert (look.numbers, look.infinite, look.strangers, look.strange) == (2, 1, 2, ("many",))


def test_dates_and_row_numbers_are_seen(column) -> None:
    assert column(["2020-01-01", "2020-01-02T10:00", "soon"]).dates == 2
    assert column([1, 2, 3]).counted
    assert not column([1, 3, 4]).counted


def test_a_file_in_latin_1_is_read_and_said(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes("id,place\n1,Köln\n2,Bonn\n".encode("latin-1"))

    looked = look_at(file, "t", tmp_path)

    assert looked.encoding == "latin-1"
    assert looked.columns["place"].values == {"Bonn": 1, "Köln": 1}


@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", b""), ("t.csv", b"a,b\n"), ("t.csv", b"a,b\n1,2,3\n"), ("t.parquet", b"PAR1")]
)
def test_a_file_without_rows_or_cut_short_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        look_at(tmp_path / name, "t", tmp_path / "..")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        look_at(tmp_path / "nothing.csv", "t", tmp_path)


def test_bytes_are_no_text(tmp_path: Path) -> None:
    """Those of a recording, say; nobody looks into them."""
    frame = pl.DataFrame({"id": [1, 2], "sound": [b"\xff\xfe\x00", b"RIFF\x80"]})
    frame.write_parquet(tmp_path / "t.parquet")
    look = look_at(tmp_path / "t.parquet", "looked", tmp_path).columns["sound"]
    assert look.closed
    assert look.values == {}
