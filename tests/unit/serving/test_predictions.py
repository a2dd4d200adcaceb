"""Cut into pieces or not, the same rows are predicted, and the file has the same bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mtl.registry.package import Package
from mtl.serving import predictions
from mtl.serving.predictions import Asked, pieces, write_predictions
from mtl.spec import Spec
from tests.unit.serving.conftest import ENCODINGS, VERSION, change

KEPT = pl.DataFrame({"id": [str(i) for i in range(40)], "age": [float(i) for i in range(40)], "colour": ["red", None] * 20})


@given(cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted), most=st.integers(1, 50))
def test_pieces_are_all_rows_in_order_and_cut_where_the_rows_say(cuts: list[int], most: int) -> None:
    frames = [KEPT[a:b] for a, b in pairwise([0, *cuts, 40])]
    found = list(pieces(frames, most))
    assert [one.height for one in found[:-1]] == [most] * (len(found) - 1)
    assert 0 < found[-1].height <= most
    assert_frame_equal(pl.concat(found), KEPT)


def test_pieces_of_large_cells_are_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "BYTES", 100)
    cells = pl.DataFrame({"picture": [b"x" * n for n in (40, 40, 40, 500, 1, 1)]})
    for frames in ([cells], [cells.head(1), cells[1:5], cells.tail(1)]):
        assert [one.height for one in pieces(frames)] == [3, 1, 2]
    assert list(pieces([])) == []


def asked(root: Path, spec: Spec, package: Package) -> Asked:
    return Asked(root, spec, "people", package, VERSION, ENCODINGS.tasks)


def test_the_file_has_keys_predictions_and_version(root: Path, spec: Spec, package: Package, tmp_path: Path) -> None:
    counts = write_predictions(asked(root, spec, package), [KEPT], tmp_path / "part")
    found = pl.read_parquet(tmp_path / "part")
    assert found.columns == ["id", "height", "asthma", "team", "team.a", "team.b", "team.c", "model_version"]
    assert found["id"].to_list() == KEPT["id"].to_list()
    assert found["model_version"].unique().to_list() == [VERSION]
    rows = KEPT.select("age", "colour").with_columns(lead=pl.Series([*map(float, range(6)), *[None] * 34], dtype=pl.Float64))
    assert_frame_equal(found.select(pl.exclude("id", "model_version")), package.predict(rows))
    assert (counts.predicted, dict(counts.inputs), counts.without) == (40, {"facts": 40, "blood": 6}, 0)


def test_frames_as_they_come_give_the_same_bytes_and_small_pieces_the_same_numbers(
    root: Path, spec: Spec, package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = write_predictions(asked(root, spec, package), [KEPT], tmp_path / "once")
    cut = write_predictions(asked(root, spec, package), [KEPT[:7], KEPT[7:7], KEPT[7:]], tmp_path / "cut")
    assert (tmp_path / "once").read_bytes() == (tmp_path / "cut").read_bytes()
    monkeypatch.setattr(predictions, "ROWS", 16)
    small = write_predictions(asked(root, spec, package), [KEPT], tmp_path / "small")
    assert once == cut == small
    assert_frame_equal(pl.read_parquet(tmp_path / "once"), pl.read_parquet(tmp_path / "small"))


def test_a_name_that_is_taken_gets_an_underscore(root: Path, package: Package, tmp_path: Path) -> None:
    spec = change(root, "key: id", "key: [date, height, date_]")
    kept = KEPT.rename({"id": "date"}).with_columns(height=pl.lit("7"), date_=pl.lit("8"))
    (root / "data/validated/lab/part-0000.parquet").unlink()
    write_predictions(asked(root, spec, package), [kept], tmp_path / "part")
    found = pl.read_parquet(tmp_path / "part")
    assert found.columns[:4] == ["date__", "height_", "date_", "height"]
    assert found.select("date__", "height_", "date_").row(3) == ("3", "7", "8")


def test_rows_without_any_input_and_numbers_out_of_bounds_are_counted(root: Path, package: Package, tmp_path: Path) -> None:
    spec = change(root, "min: 100, max: 250", "min: 1000, max: 2000")
    kept = pl.DataFrame({"id": ["5", "77"], "age": [None, None], "colour": [None, "green"]}, schema=KEPT.schema)
    counts = write_predictions(asked(root, spec, package), [kept.with_columns(colour=pl.lit(None, pl.String))], tmp_path / "part")
    assert (dict(counts.inputs), counts.without, dict(counts.outside)) == ({"facts": 0, "blood": 1}, 1, {"height": 2})
