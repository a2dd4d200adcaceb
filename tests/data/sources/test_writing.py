"""What is written: the same bytes for the same rows, nothing half-written, memory that does not grow."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from mtl.data.sources import detect_format
from mtl.data.sources.writer import PartWriter
from mtl.errors import DataError


@pytest.mark.parametrize("size", [1, 999, 1024, 5000])
def test_row_groups_do_not_depend_on_the_frames(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.data.sources.writer.GROUP_ROWS", (64, 1000))
    frame = pl.DataFrame({"a": range(4500), "s": [str(i % 7) for i in range(4500)]})
    for name, step in (("one", 4500), ("other", size)):
        with PartWriter(tmp_path / name, frame.schema) as writer:
            for start in range(0, 4500, step):
                writer.write(frame.slice(start, step))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    metadata = pq.read_metadata(tmp_path / "one")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [1000] * 4 + [500]
    assert pl.read_parquet(tmp_path / "one").equals(frame)


def test_the_bytes_do_not_depend_on_threads(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,x\n" + "".join(f"{i},v{i % 11}\n" for i in range(200_000)))
    for threads in ("1", "4"):
        _ingest_elsewhere(tmp_path, tmp_path / threads, POLARS_MAX_THREADS=threads)
    one, four = (next((tmp_path / t).iterdir()).read_bytes() for t in ("1", "4"))
    assert one == four


def test_a_full_disk_is_told_with_the_room_it_takes(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.csv("id,x\n1,2\n")
    before = bench.content()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartWriter, "_put", full)
    with pytest.raises(DataError, match=r"disk is full[^\0]*room for the table: about 0\.0 MB[^\0]*MB free"):
        bench.csv("id,x\n1,2\n3,4\n")
    assert bench.content() == before
    assert [p.name for p in bench.target.parent.iterdir()] == ["table"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode
    ):
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("repeats", [{}, {"repeats": "latest", "latest_by": "x"}], ids=["error", "latest"])
def test_a_disk_that_is_really_full(repeats: dict[str, str], bench: Any, small_disk: Path) -> None:
    bench.target = small_disk / "ingested/table"
    bench.csv("id,x\n1,2\n", **repeats)
    before = bench.content()
    rows = "".join(f"{i},{hash((i, 'x')) % 10**15}\n" for i in range(200_000))
    with pytest.raises(DataError, match="the disk is full"):
        bench.csv("id,x\n" + rows, **repeats)
    assert bench.content() == before
    assert [p.name for p in bench.target.parent.iterdir()] == ["table"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"x,y\n", "csv"), ("a.TSV", b"x\ty\n", "csv"), ("a.jsonl", b"{}\n", "ndjson"),
        ("a.data", b' {"a": 1}\n', "ndjson"),
        ("a.data", b"a,b\n", "csv"), ("a.csv", b"PAR1....PAR1", "parquet"),
    ],
)  # fmt: skip
def test_formats_are_found(name: str, content: bytes, expected: str, bench: Any) -> None:
    assert detect_format(bench.write(name, content)) == expected
    assert detect_format(bench.write(f"folder/1{Path(name).suffix}", content).parent) == expected if name != "a.data" else True


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08", b"PK\x03\x04", b"SQLite format 3\0"])
def test_archives_are_named(start: bytes, bench: Any) -> None:
    with pytest.raises(DataError, match=r"a gzip archive|a zip archive|an SQLite database"):
        bench.csv(start + b"....")


def test_a_file_that_is_not_there_names_the_nearest(bench: Any) -> None:
    bench.write("raw/people.csv", "id\n1\n")
    with pytest.raises(DataError, match=r"raw/poeple\.csv: there is no such file[^\0]*people\.csv"):
        bench.ingest(path="raw/poeple.csv")
    with pytest.raises(DataError, match="no folder row"):
        bench.ingest(path="row/people.csv")


@pytest.mark.slow
@pytest.mark.parametrize("repeats", ["error", "latest"])
def test_memory_does_not_grow_with_the_rows(repeats: str, tmp_path: Path) -> None:
    peaks = []
    for rows in (200_000, 2_000_000):
        with (tmp_path / "t.csv").open("w") as file:
            file.write("id,a,b,c\n")
            file.writelines(f"{i},{i * 7 % 1000003},some text {i % 1000},{i % 13}\n" for i in range(rows))
        peaks.append(_ingest_elsewhere(tmp_path, tmp_path / "out", MTL_TEST_REPEATS=repeats))
    growth = (peaks[1] - peaks[0]) >> 20  # measured: 45 MB, and no more from 3 to 6 million rows; the table itself takes 200
    assert growth < 90, f"{[p >> 20 for p in peaks]} MB"


INGEST = """
import resource, sys, os
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import make_spec
from mtl.data.sources import ingest_source
latest = {"repeats": "latest", "latest_by": "a"} if os.environ.get("MTL_TEST_REPEATS") == "latest" else {}
ingest_source(make_spec({"path": "t.csv", **latest}), "table", Path(sys.argv[2]), Path(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def _ingest_elsewhere(root: Path, target: Path, **environment: str) -> int:
    """Ingest t.csv in a process of its own; its peak memory in bytes."""
    command = [sys.executable, "-c", INGEST, str(Path(__file__).parent), str(root), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return int(done.stdout)
