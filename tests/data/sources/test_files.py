"""Files that a table lists: their bytes become a column; what is not there, or lies elsewhere, is told in the cell."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from mtl.data.file_cells import FILE
from mtl.data.sources import files, read_header
from mtl.errors import DataError, SpecError
from tests.data.sources.conftest import Bench, make_spec

LISTED = {"path": "raw", "table": "labels.csv", "files": {"picture": "file"}}
"""A folder with a table in it, whose column `file` names files."""


def cells(bench: Bench) -> dict[str, dict[str, object] | None]:
    """What became of each path."""
    frame = bench.frame()
    return dict(zip(frame["file"].to_list(), frame["picture"].to_list(), strict=True))


def listing(bench: Bench, *paths: str) -> None:
    rows = [f"{number},{path},{number}" for number, path in enumerate(paths)]
    bench.write("raw/labels.csv", "\n".join(["id,file,y", *rows]) + "\n")


def test_the_files_become_bytes_and_the_table_stays(bench: Bench) -> None:
    bench.write("raw/a.png", b"\x00first")
    bench.write("raw/below/b.png", b"second\xff")
    listing(bench, "a.png", "below/b.png", "")
    done = bench.ingest(**LISTED)
    assert done.columns == ("id", "file", "y", "picture")
    assert bench.frame().schema["picture"] == FILE
    assert cells(bench) == {
        "a.png": {"path": "a.png", "bytes": b"\x00first", "problem": None},
        "below/b.png": {"path": "below/b.png", "bytes": b"second\xff", "problem": None},
        None: None,
    }
    assert read_header(bench.spec(**LISTED), "table", bench.root) == ["id", "file", "y", "picture"]


def test_the_path_may_be_the_key(bench: Bench) -> None:
    bench.write("raw/a.png", b"1")
    bench.write("raw/labels.csv", "file,y\na.png,1\n")
    bench.ingest("file", **LISTED)
    assert bench.frame()["picture"].struct.field("bytes").to_list() == [b"1"]


def test_what_cannot_be_read_says_why_and_stops_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 10)
    outside = bench.write("secret.txt", b"secret")
    bench.write("raw/big.png", b"x" * 11)
    bench.write("raw/sub/fine.png", b"fine")
    (bench.root / "raw/link.png").symlink_to(outside)
    (bench.root / "raw/loop.png").symlink_to("loop.png")
    (bench.root / "raw/within.png").symlink_to("sub/fine.png")
    os.mkfifo(bench.root / "raw/pipe")
    odd = "a\x00b.png"
    paths = ["../secret.txt", str(outside), "link.png", "gone.png", "sub", "pipe", "big.png", "sub/../sub/fine.png", "within.png",
             "sub/fine.png/x", "../nothing.png", "loop.png", odd, "x" * 300]  # fmt: skip
    listing(bench, *paths)
    bench.ingest(**LISTED)
    found = {path: (cell or {})["problem"] for path, cell in cells(bench).items()}
    assert [found[path] for path in paths[:3]] == [files.OUTSIDE] * 3
    assert [found[path] for path in paths[3:7]] == [files.MISSING, files.NO_FILE, files.NO_FILE, files.TOO_LARGE]
    assert [found[path] for path in paths[7:11]] == [None, None, files.MISSING, files.OUTSIDE]
    assert str(found["loop.png"]).startswith("a file that cannot be read (")
    assert found[odd] == files.MISSING
    assert str(found["x" * 300]).startswith("a file that cannot be read (")
    assert {(cell or {})["bytes"] is None for path, cell in cells(bench).items() if found[path]} == {True}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_nobody_may_read_is_told(bench: Bench) -> None:
    bench.write("raw/shut.png", b"1").chmod(0)
    listing(bench, "shut.png")
    bench.ingest(**LISTED)
    assert cells(bench)["shut.png"] == {
        "path": "shut.png",
        "bytes": None,
        "problem": "a file that cannot be read (Permission denied)",
    }


@pytest.mark.parametrize("held", [1, 40, 1 << 20])
def test_however_it_is_cut_the_bytes_are_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """Few files are held at once, whatever their number; row groups end where their bytes say."""
    for number in range(9):
        bench.write(f"raw/{number}.png", bytes([number]) * 20)
    listing(bench, *(f"{number}.png" for number in range(9)))
    monkeypatch.setattr("mtl.data.sources.writer.BYTES", 50)
    bench.ingest(**LISTED)
    first = bench.content()
    monkeypatch.setattr("mtl.data.sources.files.BYTES", held)
    bench.ingest(**LISTED)
    assert bench.content() == first
    metadata = pq.read_metadata(next(bench.target.glob("*.parquet")))
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [3, 3, 3]
    assert [cell["bytes"] for cell in bench.frame()["picture"]] == [bytes([number]) * 20 for number in range(9)]


def test_chunks_hold_few_files(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        bench.write(f"raw/{number}.png", bytes(20))
    listing(bench, *(f"{number}.png" for number in range(9)))
    monkeypatch.setattr("mtl.data.sources.files.BYTES", 50)
    from mtl.data.sources.formats import open_parts

    (part,) = open_parts(bench.spec(**LISTED), "table", bench.root)
    assert [frame.height for frame in part.table.chunks()] == [3, 3, 3]


def test_the_newest_of_a_key_keeps_its_file(bench: Bench) -> None:
    bench.write("raw/old.png", b"old")
    bench.write("raw/new.png", b"new")
    bench.write("raw/labels.csv", "id,file,y,day\n1,new.png,1,2026-02-01\n1,old.png,1,2026-01-01\n")
    bench.ingest(**LISTED, repeats="latest", latest_by="day")
    assert bench.frame()["picture"].struct.field("bytes").to_list() == [b"new"]


def test_a_parquet_table_lists_files_too(bench: Bench) -> None:
    bench.write("raw/a.png", b"1")
    pl.DataFrame({"id": [1], "file": [" a.png "], "y": [0.5]}).write_parquet(bench.root / "raw/labels.parquet")
    bench.ingest(**{**LISTED, "table": "labels.parquet"})
    assert bench.frame()["picture"].struct.field("bytes").to_list() == [b"1"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"files": {"picture": "fiel"}}, r"raw/labels.csv: no column 'fiel'(?s:.)*the nearest is 'file'"),
        ({"files": {"y": "file"}}, r"raw/labels.csv: a column 'y'(?s:.)*a new name for the files of 'file'"),
        ({"table": "lables.csv"}, r"raw/lables.csv: there is no such file(?s:.)*nearest in its folder: labels.csv"),
        ({"path": "raw/labels.csv"}, r"raw/labels.csv: not a folder"),
    ],
)
def test_errors_name_what_is_wrong(bench: Bench, source: dict[str, object], words: str) -> None:
    listing(bench, "a.png")
    with pytest.raises(DataError, match=words):
        bench.ingest(**{**LISTED, **source})


def test_a_column_of_numbers_holds_no_paths(bench: Bench) -> None:
    (bench.root / "raw").mkdir()
    pl.DataFrame({"id": [1], "file": [7], "y": [0.5]}).write_parquet(bench.root / "raw/labels.parquet")
    with pytest.raises(DataError, match=r"the column 'file' holds no paths(?s:.)*Int64"):
        bench.ingest(**{**LISTED, "table": "labels.parquet"})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"path": "raw", "files": {"picture": "file"}}, r"table, the file in the folder"),
        ({"path": "raw", "table": "../labels.csv"}, r"sources\.table\.table(?s:.)*the name of a table in the folder"),
        ({"path": "raw", "table": "/labels.csv"}, r"the name of a table in the folder"),
        ({"path": "raw", "table": "l.csv", "files": {"file": "file"}}, r"a new column's name(?s:.)*'file' for both"),
        ({"path": "raw", "table": "l.csv", "url": "env:X", "query": "select 1"}, r"table with `path`, a folder"),
    ],
)
def test_a_wrong_source_is_refused_at_once(source: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        make_spec(source)


def test_without_files_the_table_alone_is_read(bench: Bench) -> None:
    listing(bench, "a.png")
    Path(bench.root / "raw/other.csv").write_text("something else\n")
    assert bench.ingest(path="raw", table="labels.csv").columns == ("id", "file", "y")
