"""What a cell of the study learns from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks.quality.cells import keep_share

ROWS = 4000


@pytest.fixture
def split(tmp_path: Path) -> Path:
    sides = ["train"] * 7 + ["valid"] + ["test"] * 2
    pl.DataFrame({"key": [str(i) for i in range(ROWS)], "split": [sides[i % 10] for i in range(ROWS)]}).write_parquet(
        tmp_path / "split.parquet"
    )
    return tmp_path / "split.parquet"


def rows(split: Path) -> dict[str, int]:
    return dict(pl.read_parquet(split).group_by("split").len().iter_rows())


def test_train_and_valid_are_cut_alike_and_test_stays_whole(split: Path) -> None:
    before = rows(split)
    keep_share(split, 0.2, seed=7)
    after = rows(split)
    assert after["test"] == before["test"]
    assert after["train"] / before["train"] == pytest.approx(0.2, abs=0.04)
    assert after["valid"] / before["valid"] == pytest.approx(0.2, abs=0.08)


def test_a_smaller_share_is_a_part_of_a_larger_one_and_another_seed_another_draw(split: Path) -> None:
    whole = split.read_bytes()

    def kept(share: float, seed: int) -> set[str]:
        split.write_bytes(whole)
        keep_share(split, share, seed)
        return set(pl.read_parquet(split)["key"])

    assert kept(0.05, 7) < kept(0.2, 7) < kept(1, 7)
    assert kept(0.2, 7) != kept(0.2, 11)
