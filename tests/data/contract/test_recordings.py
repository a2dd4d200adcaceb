"""Recordings under contract: what cannot be heard, or was recorded at another rate, goes to quarantine with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.sources import ingest_source
from tests.data.contract.conftest import Run, make_spec
from tests.sounds import RATE, file_of, tone

LENIENT = {"max_quarantined": 1.0}
PCM = {"i": {"source": "t", "kind": "audio", "column": "x", "format": "pcm16", "rate": RATE, "seconds": 1, "max_seconds": 2}}
FILES = {"i": {**PCM["i"], "format": "file"}}
SHORT, LONG = tone(440, 0.1), tone(440, 2.5)


def reasons(outcome: Any) -> dict[str, str]:
    """Key → why its row is in quarantine."""
    return {str(key): said for key, said in outcome.rows.select("id", pl.col("reasons").list.join("; ")).iter_rows()}


def table(cells: list[bytes | None]) -> pl.DataFrame:
    rows = len(cells)
    return pl.DataFrame({"id": range(rows), "x": pl.Series(cells, dtype=pl.Binary), "y": [i % 2 for i in range(rows)]})


def test_samples_alone(run: Run) -> None:
    cells: list[bytes | None] = [SHORT.tobytes(), b"", None, b"abc", LONG.tobytes(), tone(440, 1.5).tobytes()]
    outcome = run(make_spec(LENIENT, inputs=PCM), table(cells))
    assert reasons(outcome) == {
        "1": "x: an empty recording, found 0 bytes",
        "3": "x: expected samples of 2 bytes each, found 3 bytes",
        "4": "x: expected at most 2 s, found 2.5 s",
    }
    assert outcome.validated["x"].to_list() == [cells[0], None, cells[5]]  # as they came: what is cut is cut where it is read


def test_files(run: Run) -> None:
    good, broken = file_of(SHORT, kind="FLAC"), np.array([0.0, np.nan], np.float32)
    cells: list[bytes | None] = [
        good, file_of(tone(440, 0.1, 16_000), 16_000), good[:-100], SHORT.tobytes(), file_of(broken, subtype="FLOAT"), None,
        file_of(SHORT)[:-500], file_of(LONG, kind="OGG"),
    ]  # fmt: skip
    outcome = run(make_spec(LENIENT, inputs=FILES), table(cells))
    said = reasons(outcome)
    assert said.pop("2").startswith("x: cannot be decoded, found ")
    assert said == {
        "1": "x: expected 8,000 samples a second, found 16,000",
        "3": "x: not a WAV, FLAC, OGG or MP3 file, found 1,600 bytes of something else",
        "4": "x: a sample that is not finite, found 1 of 2",
        "6": "x: cut short, found 1,144 of 1,644 bytes",
        "7": "x: expected at most 2 s, found 2.5 s",
    }
    assert outcome.validated["x"].to_list() == [good, None]


def test_neither_profile_nor_report_hold_a_byte(run: Run) -> None:
    outcome = run(make_spec(LENIENT, inputs=PCM), table([SHORT.tobytes(), b"abc", None, SHORT.tobytes()]))
    assert outcome.profile["columns"]["x"]["kind"] == "read"
    report = (outcome.folder / "report.json").read_text()
    assert "YWJj" not in report
    assert len(report) < 3000


def test_files_that_a_table_lists(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    good = file_of(SHORT)
    (folder / "good.wav").write_bytes(good)
    (folder / "fast.wav").write_bytes(file_of(SHORT, 16_000))
    (folder / "labels.csv").write_text("id,file,y\n1,good.wav,0\n2,fast.wav,1\n3,gone.wav,0\n")
    source = {**LENIENT, "path": str(folder), "table": "labels.csv", "files": {"x": "file"}}
    spec = make_spec(source, inputs=FILES)
    ingest_source(spec, "t", tmp_path, tmp_path / "ingested")
    outcome = run(spec, pl.read_parquet(tmp_path / "ingested/part-0000.parquet"))
    assert outcome.validated["x"].to_list() == [good]
    assert reasons(outcome) == {
        "2": "x: expected 8,000 samples a second, found fast.wav (16,000)",
        "3": "x: no such file in the source's folder, found gone.wav",
    }


def test_two_inputs_at_two_rates_cannot_both_hear_it(run: Run) -> None:
    both = {**FILES, "j": {**FILES["i"], "rate": 16_000}}
    outcome = run(make_spec(LENIENT, inputs=both), table([file_of(SHORT), file_of(SHORT, 16_000), None]))
    assert set(reasons(outcome)) == {"0", "1"}
