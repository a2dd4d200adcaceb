"""Recordings from raw cells to samples: at once or by way of the table of numbers, kept as 16 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encode import encode, raw_rows
from mtl.data.encodings import Encodings
from mtl.data.fitting.inputs import fit_input
from mtl.data.inputs import AudioEncoding
from mtl.data.ragged import Ragged
from mtl.errors import UnfitError
from tests.data.conftest import Write, spec_of
from tests.sounds import RATE, file_of, tone

WAVES = [tone(440, 0.2), tone(1000, 0.05), None, tone(300, 1.0), tone(2000, 0.01)]
PCM = [None if one is None else one.tobytes() for one in WAVES]
FRAME = pl.DataFrame({"key": list("abcde"), "sound": PCM}, schema={"key": pl.String, "sound": pl.Binary})


def audio(frame: pl.DataFrame = FRAME, **more: Any) -> AudioEncoding:
    said = {"source": "people", "kind": "audio", "column": "sound", "format": "pcm16", "rate": RATE, "seconds": 0.5, **more}
    found = fit_input(spec_of(inputs={"facts": said}), "facts", frame)
    assert isinstance(found, AudioEncoding)
    return found


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Ragged):
        return a.values.dtype == b.values.dtype and np.array_equal(a.values, b.values) and np.array_equal(a.offsets, b.offsets)
    return a.dtype == b.dtype and np.array_equal(a, b)


def test_samples_are_kept_as_they_are_and_cut() -> None:
    arrays = audio().apply(FRAME)
    samples = arrays["samples"]
    assert samples.values.dtype == np.int16
    assert samples.lengths.tolist() == [1600, 400, 0, 4000, 80]
    assert np.array_equal(samples[0:1].values, WAVES[0])
    assert arrays["present"].tolist() == [True, True, False, True, True]


def test_files_become_the_same_samples() -> None:
    files = FRAME.with_columns(sound=pl.Series([None if one is None else file_of(one, kind="FLAC") for one in WAVES]))
    assert same(audio(files, format="file").apply(files)["samples"], audio().apply(FRAME)["samples"])


def test_by_way_of_the_table_the_arrays_are_the_same() -> None:
    """Also in another order, with a row that the input does not have."""
    encoding = audio()
    table, at = encoding.table(FRAME), [4, 2, 0]
    joined = pl.DataFrame({"key": [*FRAME["key"][at], "nobody"]}).join(table, on="key", how="left", maintain_order="left")
    found, direct = encoding.aligned(joined), encoding.apply(FRAME)
    for part in direct:
        assert same(found[part][:3], direct[part][np.array(at)])
    assert found["present"].tolist() == [True, False, True, False]
    assert found["samples"].lengths[3] == 0


def test_they_come_back_from_disk(tmp_path: Path) -> None:
    encoding = audio(options={"channels": 4}, augment={"warp": 0.2})
    whole = Encodings({"facts": encoding}, ())
    whole.write(tmp_path / "encodings")
    assert Encodings.read(tmp_path / "encodings") == whole
    assert encoding.options == {"channels": 4, "layers": 3}
    assert encoding.augment["warp"] == 0.2
    arrays = encoding.apply(FRAME)
    AlignedSet({"facts": arrays}, np.zeros((5, 0), np.float32), np.zeros((5, 0), np.bool_), ()).write(tmp_path / "train", FRAME)
    again = AlignedSet.read(tmp_path / "train").inputs["facts"]
    assert same(again["samples"], arrays["samples"])
    assert isinstance(again["samples"].values, np.memmap)


@pytest.mark.parametrize("cell", [b"", b"abc", bytes(2 * RATE * 700)])
def test_what_nobody_would_have_let_in_counts_as_absent(cell: bytes) -> None:
    """Empty, an odd number of bytes, too long; where a prediction is asked for, no contract stands before it."""
    arrays = audio().apply(pl.DataFrame({"sound": [cell, PCM[0]]}))
    assert arrays["present"].tolist() == [False, True]
    assert arrays["samples"].lengths.tolist() == [0, 1600]


def test_a_frame_may_hold_no_recording_at_all() -> None:
    arrays = audio().apply(pl.DataFrame({"sound": [None, None]}))
    assert not arrays["present"].any()
    assert arrays["samples"].values.dtype == np.int16
    table = audio().table(pl.DataFrame({"key": ["a"], "sound": [None]}))
    assert table.schema["samples"] == pl.List(pl.Int16)
    assert len(audio().aligned(table)["samples"].values) == 0


def test_what_is_decoded_reads_the_same() -> None:
    """As the stage holds them: samples in the place of files, cut, with nothing where nothing can be heard."""
    cells = [None if one is None else file_of(one, kind="FLAC") for one in WAVES]
    frame = FRAME.with_columns(sound=pl.Series([*cells[:4], b"hello"], dtype=pl.Binary))
    encoding = audio(frame, format="file")
    small = frame.with_columns(encoding.small(frame).alias("sound"))
    assert [None if cell is None else len(cell) for cell in small["sound"]] == [3200, 800, None, 8000, None]
    assert encoding.decoded.table(small).equals(encoding.table(frame))
    assert encoding.decoded.apply(small)["present"].tolist() == [True, True, False, True, False]


def test_the_stage_holds_samples_and_not_files(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the files at a time; golden rows and those of a prediction have the files themselves."""
    sides = ["train"] * 40 + ["valid"] * 10 + ["test"] * 10
    keys = [f"{i:03d}" for i in range(60)]
    cells = [None if i % 8 == 5 else file_of(tone(200 + 10 * i, 0.1 + 0.05 * (i % 12)), kind="FLAC") for i in range(60)]
    table = pl.DataFrame({"id": keys, "sound": pl.Series(cells, dtype=pl.Binary), "y": [float(i % 9) for i in range(60)]})
    validated = write(people=table[:30])
    table[30:].write_parquet(validated / "people/part-0001.parquet")
    split = pl.DataFrame({"entity": "person", "key": keys, "group": keys, "split": sides})
    one = {"source": "people", "kind": "audio", "column": "sound", "rate": RATE, "seconds": 0.5}
    spec, heights, small = spec_of(inputs={"facts": one}), [], AudioEncoding.small

    def recorded(self: AudioEncoding, frame: pl.DataFrame) -> pl.Series:
        heights.append(frame.height)
        return small(self, frame)

    monkeypatch.setattr(AudioEncoding, "small", recorded)
    done = encode(spec, validated, split)
    assert heights == [30, 30]
    held, asked = done.inputs["facts"], done.encodings.inputs["facts"].table(table.rename({"id": "key"}))
    assert held.drop("entity").equals(asked)
    assert dict(done.golden.select("key", "sound").iter_rows()) == dict(zip(keys[40:50], cells[40:50], strict=True))
    assert raw_rows(spec, done.encodings, validated, done.golden.select("entity", "key")).equals(done.golden)


def test_no_recording_in_train_is_an_error_that_names_the_column() -> None:
    with pytest.raises(UnfitError, match=r"inputs\.facts, column 'sound': recordings"):
        audio(FRAME.with_columns(sound=pl.lit(None, pl.Binary)))


def test_what_it_says_of_itself() -> None:
    assert audio(mels=20).counts() == {"bands": 20}
    assert audio().types == {"sound": pl.Binary()}
    assert audio().names == ["sound"]
