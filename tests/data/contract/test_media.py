"""Pictures under contract: what cannot be decoded, or is no file of the source's folder, goes to quarantine with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from mtl.data.contract.chunks import chunks
from mtl.data.file_cells import FILE
from mtl.data.sources import ingest_source
from mtl.errors import ContractError, DataError, SpecError
from mtl.spec import Spec
from tests.data.contract.conftest import Run, make_spec
from tests.pictures import file_of, pixels_of

FILES = {"i": {"source": "t", "kind": "image", "column": "x", "size": [8, 8], "max_pixels": 5000}}
RAW = {"i": {"source": "t", "kind": "image", "column": "x", "shape": [4, 5]}}
LENIENT = {"max_quarantined": 1.0}
GOOD = file_of(pixels_of(20, 20, 3))


def reasons(outcome: Any) -> dict[str, str]:
    """Key → why its row is in quarantine."""
    return {str(key): said for key, said in outcome.rows.select("id", pl.col("reasons").list.join("; ")).iter_rows()}


def table(cells: list[bytes | None]) -> pl.DataFrame:
    rows = len(cells)
    return pl.DataFrame({"id": range(rows), "x": pl.Series(cells, dtype=pl.Binary), "y": [i % 2 for i in range(rows)]})


def test_what_cannot_be_decoded_is_quarantined_with_its_reason(run: Run) -> None:
    jpeg = file_of(pixels_of(60, 60, 3), "JPEG")
    broken = bytearray(GOOD)
    broken[60] ^= 255
    cells = [GOOD, None, b"", b"hello", jpeg[:-200], bytes(broken), file_of(Image.new("1", (200, 100))), jpeg]
    outcome = run(make_spec(LENIENT, inputs=FILES), table(cells))
    kinds = "PNG, JPEG, GIF, BMP, WEBP, TIFF, PPM"
    assert reasons(outcome) == {
        "2": f"x: not a picture ({kinds}), found 0 bytes of something else",
        "3": f"x: not a picture ({kinds}), found 5 bytes of something else",
        "4": f"x: a picture that is cut short, found {len(jpeg) - 200:,} bytes",
        "5": f"x: a picture that cannot be decoded, found {len(GOOD):,} bytes",
        "6": "x: expected at most 5,000 pixels, found 200 × 100",
    }
    assert outcome.validated.schema["x"] == pl.Binary
    assert outcome.validated["x"].to_list() == [GOOD, None, jpeg]
    assert outcome.report["rows_in"] == outcome.report["rows_kept"] + outcome.report["rows_quarantined"] == 8


def test_raw_pixels_of_another_size_are_quarantined(run: Run) -> None:
    cells: list[bytes | None] = [bytes(20), bytes(19), None, bytes(400)]
    outcome = run(make_spec(LENIENT, inputs=RAW), table(cells))
    said = "x: expected 20 bytes (4 × 5 pixels), found"
    assert reasons(outcome) == {"1": f"{said} 19 bytes", "3": f"{said} 400 bytes"}


def test_two_inputs_of_one_column_must_both_be_able_to_open_it(run: Run) -> None:
    inputs = {"i": FILES["i"], "strict": {**FILES["i"], "max_pixels": 300}}
    outcome = run(make_spec(LENIENT, inputs=inputs), table([GOOD, file_of(pixels_of(10, 10))]))
    assert reasons(outcome) == {"0": "x: expected at most 300 pixels, found 20 × 20"}


def test_nothing_that_is_kept_for_long_holds_a_byte_of_them(run: Run) -> None:
    """Not the report, not the profile, no expectation; quarantine has the row itself."""
    cells: list[bytes | None] = [GOOD, b"hello", None, GOOD]
    outcome = run(make_spec(LENIENT, inputs=FILES), table(cells))
    assert outcome.profile["columns"]["x"] == {"kind": "read", "nulls": pytest.approx(1 / 3)}
    assert "aGVsbG8" not in (outcome.folder / "report.json").read_text()
    assert len((outcome.folder / "report.json").read_text()) < 3000
    (filled,) = (one for one in outcome.report["expectations"] if one["column"] == "x")
    assert (filled["success"], filled["observed"]) == (True, "nulls: 33.3%")
    assert outcome.rows["x"].to_list() == ["aGVsbG8="]


def test_a_batch_without_pictures_is_noticed_beside_the_champions_profile(run: Run) -> None:
    before = run(make_spec(LENIENT, inputs=FILES), table([GOOD] * 40))
    after = run(make_spec(LENIENT, inputs=FILES), table([None] * 40), {"t": before.profile}, place="b")
    (filled,) = (one for one in after.report["expectations"] if one["column"] == "x")
    assert not filled["success"]


def test_too_many_broken_ones_stop_the_run(run: Run) -> None:
    with pytest.raises(ContractError, match=r"column 'x'\): 50.0% in quarantine(?s:.)*not a picture"):
        run(make_spec(inputs=FILES), table([GOOD, b"hello"]))


def test_many_large_rows_are_checked_a_few_at_a_time(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.data.bulk.BYTES", 100)
    cells: list[bytes | None] = [bytes([number]) * 20 for number in range(9)]
    outcome = run(make_spec(LENIENT, inputs=RAW), table(cells))
    assert outcome.validated["x"].to_list() == cells
    heights = [frame.height for _, frame in chunks([tmp_path / "a/ingested/part-0000.parquet"])]
    assert sum(heights) == 9
    assert max(heights) <= 4


@pytest.mark.parametrize("cells", [["a.png", "b.png"], [1, 2], [[1, 2], [3]]])
def test_text_numbers_and_lists_are_no_pictures(run: Run, cells: list[Any]) -> None:
    with pytest.raises(DataError, match=r"column 'x' \(params.yaml, inputs.i.column\)(?s:.)*expected:\s+bytes(?s:.)*files: "):
        run(make_spec(inputs=FILES), pl.DataFrame({"id": [1, 2], "x": cells, "y": [0, 1]}))


def test_a_picture_is_no_category(run: Run) -> None:
    listed = pl.DataFrame({"id": [1], "x": pl.Series([None], dtype=FILE), "y": [0]})
    with pytest.raises(DataError, match=r"found:\s+the bytes of files"):
        run(make_spec(inputs={"i": {"source": "t", "columns": {"x": {"kind": "categorical"}}}}), listed)
    with pytest.raises(SpecError, match=r"inputs.j(?s:.)*expected:\s+media, as inputs.i.column says"):
        run(make_spec(inputs={**FILES, "j": {"source": "t", "columns": {"x": {"kind": "categorical"}}}}), listed, place="b")


def pairs(cells: list[tuple[bytes | None, str | None] | None]) -> pl.DataFrame:
    """A table as Hugging Face's datasets write it."""
    dtype = pl.Struct({"bytes": pl.Binary(), "path": pl.String()})
    x = pl.Series([None if cell is None else dict(zip(("bytes", "path"), cell, strict=True)) for cell in cells], dtype=dtype)
    return table([None] * len(cells)).with_columns(x=x)


def test_bytes_beside_a_path_are_bytes(run: Run, tmp_path: Path) -> None:
    pairs(
        [(GOOD, None), (GOOD, "a.png"), (b"hello", "b.png"), (b"hello", None), (None, "c.png"), (None, None), None]
    ).write_parquet(tmp_path / "t.parquet")
    spec = make_spec({**LENIENT, "path": str(tmp_path / "t.parquet")}, inputs=FILES)
    ingest_source(spec, "t", tmp_path, tmp_path / "ingested")
    outcome = run(spec, pl.read_parquet(tmp_path / "ingested/part-0000.parquet"))
    broken = "x: not a picture (PNG, JPEG, GIF, BMP, WEBP, TIFF, PPM), found"
    assert reasons(outcome) == {
        "2": f"{broken} b.png (5 bytes of something else)", "3": f"{broken} 5 bytes of something else",
        "4": "x: a path without the bytes of its file, found c.png",
    }  # fmt: skip
    assert outcome.validated.schema["x"] == pl.Binary
    assert outcome.validated["x"].to_list() == [GOOD, GOOD, None, None]
    assert outcome.rows["x"].to_list() == ["aGVsbG8=", "aGVsbG8=", "c.png"]


def test_bytes_beside_anything_else_are_refused(run: Run) -> None:
    cells = table([GOOD]).with_columns(x=pl.struct(bytes="x", page=1))
    with pytest.raises(DataError, match=r"column 'x' \(params.yaml, inputs.i.column\)(?s:.)*expected:\s+bytes"):
        run(make_spec(inputs=FILES), cells)


@pytest.fixture
def listed(tmp_path: Path) -> Spec:
    """A folder of pictures with a table; one file is missing, one path leads out, one file is broken."""
    folder = tmp_path / "raw"
    folder.mkdir()
    (tmp_path / "out.png").write_bytes(GOOD)
    (folder / "good.png").write_bytes(GOOD)
    (folder / "broken.png").write_bytes(GOOD[: len(GOOD) // 2])
    paths = ["good.png", "gone.png", "../out.png", "broken.png", ""]
    (folder / "labels.csv").write_text("id,file,y\n" + "".join(f"{i},{path},{i % 2}\n" for i, path in enumerate(paths)))
    source = {**LENIENT, "path": str(folder), "table": "labels.csv", "files": {"x": "file"}}
    return make_spec(source, inputs=FILES)


def test_a_file_that_is_not_there_costs_its_row_and_nothing_else(run: Run, listed: Spec, tmp_path: Path) -> None:
    ingest_source(listed, "t", tmp_path, tmp_path / "ingested")
    outcome = run(listed, pl.read_parquet(tmp_path / "ingested/part-0000.parquet"))
    assert reasons(outcome) == {
        "1": "x: no such file in the source's folder, found gone.png",
        "2": "x: a path that leads out of the source's folder, found ../out.png",
        "3": f"x: a picture that is cut short, found broken.png ({len(GOOD) // 2:,} bytes)",
    }
    assert outcome.validated["x"].to_list() == [GOOD, None]
    assert set(outcome.validated.columns) == {"id", "x", "y"}
    assert outcome.rows["x"].to_list() == ["gone.png", "../out.png", "broken.png"]


def test_the_path_may_be_the_key_and_a_group(run: Run, listed: Spec, tmp_path: Path) -> None:
    """The bytes are a column of their own, so that nothing else that reads the path is in their way."""
    parts = listed.model_dump()
    spec = make_spec(parts["sources"]["t"], inputs=FILES, entities={"thing": {"key": "file", "split": {"by": "id"}}})
    (tmp_path / "raw/labels.csv").write_text("id,file,y\n1,good.png,0\n2,gone.png,1\n")
    ingest_source(spec, "t", tmp_path, tmp_path / "ingested")
    outcome = run(spec, pl.read_parquet(tmp_path / "ingested/part-0000.parquet"))
    assert outcome.validated.select("file", "x").rows() == [("good.png", GOOD)]
