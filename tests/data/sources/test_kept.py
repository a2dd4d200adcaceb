"""Only new partitions are read, and nobody can tell from the bytes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtl import codelock
from mtl.data.sources import Ingested, ingest_source, kept
from mtl.data.sources.csv_table import CsvTable
from mtl.errors import DataError, MtlError
from tests.data.sources.conftest import Bench, make_spec


def ingest(bench: Bench, **source: Any) -> Ingested:
    """As the stage does, with a folder of what is kept."""
    key = source.pop("key", "id")
    return ingest_source(make_spec({"path": "days", **source}, key), "table", bench.root, bench.target, bench.root / "kept")


def day(bench: Bench, number: int, text: str = "") -> Path:
    return bench.write(f"days/2026-11-{number:02d}.csv", text or f"id,x\n{number},{number * 2}\n{number + 100},\n")


def kept_files(bench: Bench) -> set[str]:
    return {path.name for path in (bench.root / "kept").iterdir()}


def test_a_second_time_only_the_new_one_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        day(bench, number)
    assert ingest(bench).new == 3
    before = bench.content()
    shutil.rmtree(bench.target)  # as DVC does
    day(bench, 4)
    read: list[str] = []
    blocks = CsvTable._blocks

    def noted(self: CsvTable) -> Any:
        read.append(self.place)
        return blocks(self)

    monkeypatch.setattr(CsvTable, "_blocks", noted)
    done = ingest(bench)
    assert (done.new, done.partitions, done.rows) == (1, 4, 8)
    assert set(read) == {"days/2026-11-04.csv"}
    assert before.items() < bench.content().items()
    assert len(kept_files(bench)) == 8


def test_what_is_kept_of_partitions_that_are_gone_or_changed_goes(bench: Bench) -> None:
    first, second = day(bench, 1), day(bench, 2)
    ingest(bench)
    old = kept_files(bench)
    first.unlink()
    second.write_text("id,x\n2,5\n")
    assert ingest(bench).new == 1
    assert len(kept_files(bench)) == 2
    assert not old & kept_files(bench)
    assert bench.frame().rows() == [("2", "5")]


def test_a_partition_by_another_name_is_known(bench: Bench) -> None:
    day(bench, 1).rename(bench.root / "days/2026-11-09.csv")
    day(bench, 1)
    (bench.root / "days/2026-11-09.csv").unlink()
    ingest(bench)
    (bench.root / "days/2026-11-01.csv").rename(bench.root / "days/2026-11-05.csv")
    assert ingest(bench).new == 0
    assert list(bench.content()) == ["2026-11-05.parquet"]


@pytest.mark.parametrize(
    "change",
    [{"null_values": ["2"]}, {"separator": ","}, {"encoding": "latin-1"}, {"row_number": "n"}],
    ids=lambda c: next(iter(c)),
)
def test_what_the_spec_says_of_reading_counts(change: dict[str, Any], bench: Bench) -> None:
    day(bench, 1)
    ingest(bench)
    done = ingest(bench, **change)
    assert done.new == 1
    whole = bench.content()
    shutil.rmtree(bench.root / "kept")
    ingest(bench, **change)
    assert bench.content() == whole


def test_what_the_spec_says_of_checking_does_not_count(bench: Bench) -> None:
    day(bench, 1)
    ingest(bench)
    assert ingest(bench, derived={"y": "x"}, max_quarantined=0.2, as_of="2026-11-30").new == 0


def test_other_code_reads_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    day(bench, 1)
    ingest(bench)
    monkeypatch.setattr(kept, "_code", lambda: "other")
    assert ingest(bench).new == 1


def test_every_module_that_reads_a_partition_counts_as_code() -> None:
    """Those outside the room are listed one by one: what the room reaches beside them may not change what is read."""
    imports = codelock._import_graph(codelock.PACKAGE)
    room = "mtl.data.sources"
    reached = {to for name, of in imports.items() if name.startswith(room) for to in of if not to.startswith(room)}
    harmless = {"mtl.data.keys", "mtl.errors", "mtl.files", "mtl.layout", "mtl.spec"}
    listed = {f"mtl.data.{Path(name).stem}" for name in kept.CODE if name.startswith("../")}
    of_tables_with_files = {"mtl.data.file_cells"}
    assert reached - harmless - listed - of_tables_with_files - {"mtl", "mtl.data"} == set()


@pytest.mark.parametrize("how", ["cut", "changed", "note", "gone"])
def test_damage_to_what_is_kept_is_noticed(how: str, bench: Bench) -> None:
    day(bench, 1)
    ingest(bench)
    before = bench.content()
    parquet, note = (next((bench.root / "kept").glob(f"*.{end}")) for end in ("parquet", "json"))
    if how == "cut":
        parquet.write_bytes(parquet.read_bytes()[:-9])
    elif how == "changed":
        content = bytearray(parquet.read_bytes())
        content[10] ^= 1
        parquet.write_bytes(content)
    elif how == "note":
        note.write_text('{"fit": 1, "columns": ["x"]}')
    else:
        parquet.unlink()
    assert ingest(bench).new == 1
    assert bench.content() == before
    assert ingest(bench).new == 0


def test_the_output_shares_nothing_with_what_is_kept(bench: Bench) -> None:
    """DVC links and protects its outputs as its user says: a write into one must never reach the other."""
    day(bench, 1)
    ingest(bench)
    ingest(bench)
    made, stays = next(bench.target.glob("*.parquet")), next((bench.root / "kept").glob("*.parquet"))
    assert (made.stat().st_nlink, stays.stat().st_nlink) == (1, 1)
    made.write_bytes(b"")
    assert ingest(bench).new == 0


def test_copies_are_whole_where_disks_cannot_copy_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3 << 20))
    (tmp_path / "empty").touch()

    def refuse(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    for number, does in enumerate((os.copy_file_range, refuse, lambda *_: 0)):
        monkeypatch.setattr(os, "copy_file_range", does)
        for name in ("a", "empty"):
            kept.copy(tmp_path / name, tmp_path / f"{name}{number}")
            assert (tmp_path / f"{name}{number}").read_bytes() == (tmp_path / name).read_bytes()


def test_a_folder_that_cannot_keep_costs_only_time(bench: Bench) -> None:
    day(bench, 1)
    bench.write("kept", "a file, where the folder should be")
    assert ingest(bench).rows == 2
    (bench.root / "kept").unlink()


@pytest.mark.parametrize("broken", ["id,x\n7,8,9\n", 'id,x\n7,"8\n', "id,y\n7,8\n", "id,x\n,8\n", ""])
def test_a_broken_partition_is_named_and_the_others_stay_kept(broken: str, bench: Bench) -> None:
    for number in (1, 2):
        day(bench, number)
    ingest(bench)
    old, before = kept_files(bench), bench.content()
    day(bench, 4)
    day(bench, 3).write_text(broken)
    with pytest.raises(DataError, match=r"days/2026-11-03\.csv"):
        ingest(bench)
    assert bench.content() == before
    assert old <= kept_files(bench)
    day(bench, 3)
    assert ingest(bench).new in (1, 2)


def test_a_parquet_partition_cut_short_is_named(bench: Bench) -> None:
    for number in (1, 2):
        pl.DataFrame({"id": [number], "l": [[1.5]], "d": [None]}).write_parquet(bench.write(f"days/{number}.parquet", ""))
    assert ingest(bench).new == 2
    third = bench.write("days/3.parquet", (bench.root / "days/2.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"days/3\.parquet: a Parquet file that cannot be read"):
        ingest(bench)
    third.unlink()
    assert ingest(bench).new == 0


def test_keys_are_checked_over_new_and_kept_ones(bench: Bench) -> None:
    day(bench, 1)
    ingest(bench)
    day(bench, 2, "id,x\n5,1\n101,2\n")
    with pytest.raises(DataError, match=r"id = '101' stands twice[^\0]*2026-11-01\.csv, line 3, and days/2026-11-02\.csv, line 3"):
        ingest(bench)


def test_a_file_that_changes_while_it_is_read_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = day(bench, 1)
    chunks = CsvTable.chunks

    def growing(self: CsvTable) -> Any:
        yield from chunks(self)
        with path.open("a") as file:
            file.write("9,9\n")

    monkeypatch.setattr(CsvTable, "chunks", growing)
    with pytest.raises(DataError, match=r"2026-11-01\.csv: the file was changed while it was read"):
        ingest(bench)
    assert kept_files(bench) == set() if (bench.root / "kept").exists() else True


def test_one_file_is_not_kept(bench: Bench) -> None:
    bench.write("one.csv", "id,x\n1,2\n")
    assert ingest(bench, path="one.csv").new is None
    assert not (bench.root / "kept").exists()


def test_a_new_partition_that_widens_a_column_reads_the_others_anew(bench: Bench) -> None:
    bench.write("days/1.ndjson", '{"id": 1, "x": 1}\n')
    bench.write("days/2.ndjson", '{"id": 2, "x": null}\n')
    ingest(bench)
    bench.write("days/3.ndjson", '{"id": 3, "x": 0.5}\n')
    assert ingest(bench).new == 3
    bench.write("days/4.ndjson", '{"id": 4, "x": 4}\n')
    assert ingest(bench).new == 1
    assert bench.frame()["x"].to_list() == [1.0, None, 0.5, 4.0]


CELL = st.sampled_from(["1", "2", "0.5", "a", "null"])
ROWS = st.lists(st.tuples(st.integers(1, 12), CELL, st.integers(1, 9)), min_size=1, max_size=3, unique_by=lambda row: row[0])
STEP = st.tuples(st.integers(1, 3), st.one_of(ROWS, ROWS, ROWS, st.none()))
"""Partition and what is in it from now on; None takes it away."""
WAYS: list[dict[str, Any]] = [{}, {"repeats": "latest", "latest_by": "t"}, {"row_number": "n", "key": "n"}]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.lists(STEP, min_size=1, max_size=2), min_size=3, max_size=5), kind=st.sampled_from(["csv", "ndjson"]),
       way=st.sampled_from(WAYS))  # fmt: skip
def test_any_order_of_arrivals_gives_what_reading_all_anew_gives(
    steps: list[list[tuple[int, list[tuple[int, str, int]] | None]]], kind: str, way: dict[str, Any], tmp_path_factory: Any
) -> None:
    bench = Bench(tmp_path_factory.mktemp("arrivals"))
    other = Bench(bench.root)
    other.target = bench.root / "anew"
    for step in steps:
        for number, rows in step:
            path = bench.root / f"days/{number}.{kind}"
            if rows is None:
                path.unlink(missing_ok=True)
            else:
                apart = 0 if way.get("repeats") else 100 * number
                bench.write(f"days/{number}.{kind}", _text(kind, [(key + apart, x, t) for key, x, t in rows]))
        said = [_outcome(lambda b=b, keep=keep: _into(b, way, keep)) for b, keep in ((bench, True), (other, False))]
        assert said[0] == said[1]
        if not said[0]:
            assert bench.content() == other.content()


def _text(kind: str, rows: list[tuple[int, str, int]]) -> str:
    if kind == "csv":
        return "id,x,t\n" + "".join(f"{i},{x},{t}\n" for i, x, t in rows)
    return "".join(f'{{"id": {i}, "x": {x if x != "a" else chr(34) + x + chr(34)}, "t": {t}}}\n' for i, x, t in rows)


def _into(bench: Bench, way: dict[str, Any], keep: bool) -> None:
    if keep:
        ingest(bench, **way)
    else:
        source = {"path": "days", **{name: value for name, value in way.items() if name != "key"}}
        ingest_source(make_spec(source, way.get("key", "id")), "table", bench.root, bench.target)


def _outcome(do: Any) -> str:
    try:
        do()
    except MtlError as error:
        return str(error)
    return ""
