"""The derived expectations: silent when nothing has changed, loud when something has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.contract.expectations import SAMPLE
from mtl.data.contract.expected import chi2_quantile, expected
from mtl.data.contract.profile import profile
from mtl.data.contract.use import Use
from mtl.data.contract.wording import asked, between, observed

USES = {
    "n": Use("n", "numeric", ""),
    "t": Use("t", "numeric", "", bounds=((0.0, None),)),
    "y": Use("y", "label", "", allowed=(("no", "yes"),), spellings=("no", "yes")),
}


def batch(rng: np.random.Generator, rows: int, shift: float = 0.0) -> pl.DataFrame:
    """Normal, long-tailed and binary cells, a tenth of the first missing; all moved by `shift` (of their spread)."""
    missing = rng.random(rows) < 0.1 + 0.3 * shift
    normal = np.where(missing, np.nan, rng.normal(50 + 10 * shift, 10 * (1 + shift), rows))
    tailed = rng.lognormal(shift, 1.0, rows)
    label = np.where(rng.random(rows) < 0.2 + 0.3 * shift, "yes", "no")
    return pl.DataFrame({"n": normal, "t": tailed, "y": label}).with_columns(pl.col("n").fill_nan(None))


def profile_of(frame: pl.DataFrame, folder: Path) -> dict:
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / "part-0000.parquet")
    return profile(folder, USES)


def failing(frame: pl.DataFrame, seen: dict, reference: dict | None) -> set[str]:
    """The statements that do not hold, computed plainly."""
    failed = set()
    for s in expected(USES, seen, reference, SAMPLE):
        a, cells = s.arguments, frame[s.column].drop_nulls() if s.column else None
        name = f"{s.type.removeprefix('expect_').removeprefix('column_').split('_')[0]} {s.column}"
        if s.type == "expect_table_row_count_to_be_between":
            holds = a["min_value"] <= frame.height <= a.get("max_value", np.inf)
        elif "kl_divergence" in s.type:
            shares = dict(zip(a["partition_object"]["values"], a["partition_object"]["weights"]))
            now = {v: c / len(cells) for v, c in cells.value_counts().iter_rows()}
            holds = sum(p * np.log(p / shares[v]) for v, p in now.items()) <= a["threshold"]
        elif s.type.endswith("_set"):
            holds = set(a["value_set"]) == set(cells)
        else:
            value = {"mean": pl.Series.mean, "stdev": pl.Series.std}.get(name.split()[0], lambda c: len(c) / frame.height)(cells)
            holds = a.get("min_value", -np.inf) <= value <= a.get("max_value", np.inf)
        failed |= set() if holds else {name}
    return failed


@pytest.mark.parametrize(("before", "now"), [(300, 300), (2000, 500), (5000, 8000)])
def test_two_samples_of_one_world_agree(tmp_path, before, now):
    rng = np.random.default_rng(before)
    alarms: list[str] = []
    for _ in range(60):
        reference = profile_of(batch(rng, before), tmp_path / "a") | {"rows": before}
        frame = batch(rng, now)
        alarms += failing(frame, profile_of(frame, tmp_path / "b"), reference) - {"table None"}
    assert set(alarms) <= {"stdev t"}  # a few rows cannot tell the kurtosis of a long tail
    assert len(alarms) <= 2  # of 480


def test_cells_that_nobody_keeps_are_only_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long texts and lists never lie in memory, a whole column at once; what is said of them is the share that is missing."""
    frame = pl.DataFrame(
        {"n": [1.0, 2.0, None, 4.0], "d": ["a" * 900] * 3 + [None], "v": [[0.5] * 100, None, None, [0.5] * 100],
         "w": [["a", "b"]] * 4, "l": [None] * 2 + [["x"]] * 2, "m": pl.Series([b"x" * 900, None, None, None])}
    )  # fmt: skip
    uses = {
        "d": Use("d", "document", "", longest=1000), "n": USES["n"], "v": Use("v", "vector", "", size=100),
        "w": Use("w", "tokens", ""), "l": Use("l", "labels", ""), "m": Use("m", "media", ""),
    }  # fmt: skip
    frame.write_parquet(tmp_path / "part-0000.parquet")
    collect, held = pl.LazyFrame.collect, []

    def recorded(table: pl.LazyFrame, **more: Any) -> pl.DataFrame:
        held.append(collect(table, **more))
        return held[-1]

    monkeypatch.setattr(pl.LazyFrame, "collect", recorded)
    found = profile(tmp_path, uses)["columns"]
    assert list(found) == list(uses)
    assert {c: one["nulls"] for c, one in found.items()} == {"n": 0.25, "d": 0.25, "v": 0.5, "w": 0.0, "l": 0.5, "m": 0.75}
    assert {c for c, one in found.items() if one == {"kind": "read", "nulls": one["nulls"]}} == set(uses) - {"n"}
    assert max(one.estimated_size() for one in held) < 100


def test_a_changed_world_is_noticed_in_every_column(tmp_path):
    rng = np.random.default_rng(0)
    reference = profile_of(batch(rng, 3000), tmp_path / "a")
    frame = batch(rng, 3000, shift=0.6)
    assert failing(frame, profile_of(frame, tmp_path / "b"), reference) >= {"proportion n", "mean n", "stdev n", "mean t", "kl y"}
    few = frame.head(1000)
    assert "table None" in failing(few, profile_of(few, tmp_path / "b"), reference)


def test_without_a_profile_the_spec_is_what_counts(tmp_path):
    frame = batch(np.random.default_rng(1), 200).with_columns(n=pl.lit(None, pl.Float64), y=pl.lit("no"))
    seen = profile_of(frame, tmp_path / "a")
    assert failing(frame, seen, None) == {"distinct y"}  # the set of labels lacks one
    statements = list(expected(USES, seen, None, SAMPLE))
    assert [s.type for s in statements if s.column == "n"] == ["expect_column_proportion_of_non_null_values_to_be_between"]
    assert {s.severity for s in statements} == {"warn"}


def test_a_column_the_profile_does_not_know_is_held_against_the_spec(tmp_path):
    frame = batch(np.random.default_rng(1), 200)
    seen = profile_of(frame, tmp_path / "a")
    old = {"rows": 200, "columns": {k: v for k, v in seen["columns"].items() if k != "t"}}
    (mean,) = [s for s in expected(USES, seen, old, SAMPLE) if s.column == "t" and "mean" in s.type]
    assert mean.arguments == {"column": "t", "min_value": 0.0, "strict_min": True}


def test_bounds_of_the_spread_hold_for_the_widest_column():
    uses = {"n": replace(USES["n"], bounds=((0.0, 1.0),))}
    for n in (2, 3, 10, 1001):
        cells = pl.Series([0.0, 1.0] * (n // 2) + [0.0] * (n % 2))
        seen = {"rows": n, "columns": {"n": {"kind": "numeric", "nulls": 0.0}}}
        (spread,) = [s for s in expected(uses, seen, None, SAMPLE) if "stdev" in s.type]
        assert spread.arguments["max_value"] >= cells.std() > 0.9 * spread.arguments["max_value"] - 0.2


def test_the_quantile_of_chi_squared_is_near_the_tables():
    assert chi2_quantile(1, 1.959964) == pytest.approx(5.0239, rel=0.02)
    assert chi2_quantile(10, 1.959964) == pytest.approx(20.483, rel=0.005)
    assert chi2_quantile(49, 4.0) == pytest.approx(98.3, rel=0.01)


def test_words():
    assert between({"min_value": 20, "max_value": 200.5}) == "20 … 200.5"
    assert between({"min_value": 0.0, "strict_min": True, "max_value": 1}) == "above 0, at most 1"
    filled = "expect_column_proportion_of_non_null_values_to_be_between"
    assert asked(filled, {"column": "c", "min_value": 0.9, "max_value": 1.0}) == "nulls: 0% … 10%"
    assert asked(filled, {"column": "c", "min_value": 0.0, "strict_min": True}) == "nulls: below 100%"
    assert observed(filled, {}, {"observed_value": 0.95}) == "nulls: 5%"
    assert asked("expect_column_values_to_match_regex", {"column": "c", "regex": "^a", "mostly": 0.9}) == "regex ^a in 90% of cells"
    result = {"element_count": 2000, "unexpected_count": 12, "partial_unexpected_list": ["b", "b", 3.0]}
    assert observed("expect_column_values_to_match_regex", {}, result) == "12 of 2,000 otherwise: b, 3"
    assert observed("expect_column_mean_to_be_between", {}, {"observed_value": np.float64(1234.5678)}) == "1234.6"
