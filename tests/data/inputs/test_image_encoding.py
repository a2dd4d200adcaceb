"""Pictures from raw cells to arrays: at once or by way of the table of pixels, scaled by train only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.align import align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.encode import encode, raw_rows
from mtl.data.encodings import Encodings
from mtl.data.fitting.image import fit_image
from mtl.data.inputs import ImageEncoding
from mtl.errors import UnfitError
from mtl.spec import ImageInput
from tests.data.conftest import Write, spec_of
from tests.pictures import file_of, pixels_of

PIXELS = [pixels_of(12, 10, 3, seed=seed) for seed in range(4)]
CELLS = [file_of(PIXELS[0]), file_of(PIXELS[1]), None, file_of(PIXELS[2], "JPEG"), file_of(PIXELS[3])]
FRAME = pl.DataFrame({"key": list("abcde"), "photo": pl.Series(CELLS, dtype=pl.Binary)})
FILE = {"kind": "image", "column": "photo", "size": [6, 8]}
RAW = {"kind": "image", "column": "photo", "shape": [12, 10, 3]}


def spec_with(one: dict[str, Any], **more: Any) -> Any:
    return spec_of(inputs={"facts": {"source": "people", **one}}, **more)


def fitted(one: dict[str, Any], frame: pl.DataFrame) -> ImageEncoding:
    """Fitted on a frame of raw pixels of the size that the network reads."""
    spec = spec_with(one)
    said = spec.inputs["facts"]
    assert isinstance(said, ImageInput)
    return fit_image(spec, "facts", said, frame)


def raw_frame(rows: int, *shape: int) -> pl.DataFrame:
    cells = [pixels_of(*shape, seed=seed).tobytes() for seed in range(rows)]
    return pl.DataFrame({"key": [str(i) for i in range(rows)], "photo": pl.Series(cells, dtype=pl.Binary)})


@pytest.fixture
def encoding() -> ImageEncoding:
    return fitted(FILE, raw_frame(5, 6, 8, 3))


def test_by_way_of_the_table_the_arrays_are_the_same(encoding: ImageEncoding) -> None:
    """Also in another order, with a row that the input does not have."""
    table, at = encoding.table(FRAME), [4, 2, 0]
    assert table.schema["pixels"] == pl.Binary
    joined = pl.DataFrame({"key": [*FRAME["key"][at], "nobody"]}).join(table, on="key", how="left", maintain_order="left")
    found, direct = encoding.aligned(joined), encoding.apply(FRAME)
    assert direct["pixels"].dtype == np.uint8
    assert direct["pixels"].shape == (5, 6, 8, 3)
    for part in direct:
        np.testing.assert_array_equal(found[part][:3], direct[part][at])
    assert found["present"].tolist() == [True, False, True, False]
    assert not found["pixels"][[1, 3]].any()


def test_decoded_rows_give_the_same_table(encoding: ImageEncoding) -> None:
    arrays = encoding.apply(FRAME)
    held = [row.tobytes() if there else None for row, there in zip(arrays["pixels"], arrays["present"], strict=True)]
    decoded = FRAME.with_columns(photo=pl.Series(held, dtype=pl.Binary))
    assert encoding.decoded.table(decoded).equals(encoding.table(FRAME))


def test_what_cannot_be_seen_counts_as_absent(encoding: ImageEncoding) -> None:
    """As the contract would not have let it in."""
    cells = pl.Series([CELLS[0], b"hello", b"", None, CELLS[1][:50] if CELLS[1] else b""], dtype=pl.Binary)
    arrays = encoding.apply(pl.DataFrame({"photo": cells}))
    assert arrays["present"].tolist() == [True, False, False, False, False]
    assert not arrays["pixels"][1:].any()
    assert encoding.apply(pl.DataFrame({"photo": [None]}))["present"].tolist() == [False]


def test_they_come_back_from_disk(encoding: ImageEncoding, tmp_path: Path) -> None:
    for one in (encoding, fitted({**RAW, "augment": {"flip": True, "rotate": 5}}, raw_frame(3, 12, 10, 3))):
        whole = Encodings({"facts": one}, ())
        whole.write(tmp_path)
        assert Encodings.read(tmp_path) == whole


def test_the_scale_is_that_of_each_channel(encoding: ImageEncoding) -> None:
    pixels = np.stack([pixels_of(6, 8, 3, seed=seed) for seed in range(5)]).reshape(-1, 3).astype(float)
    np.testing.assert_allclose(encoding.mean, pixels.mean(0))
    np.testing.assert_allclose(encoding.std, pixels.std(0))
    black = pl.DataFrame({"key": ["a"], "photo": pl.Series([bytes(120)], dtype=pl.Binary)})
    assert fitted({"kind": "image", "column": "photo", "shape": [12, 10]}, black).std == (1.0,)


def test_however_many_are_summed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(FILE, raw_frame(5, 6, 8, 3))
    monkeypatch.setattr("mtl.data.fitting.image.TOGETHER", 2)
    assert fitted(FILE, raw_frame(5, 6, 8, 3)) == whole


def test_nothing_in_train_is_an_error_that_names_the_column() -> None:
    with pytest.raises(UnfitError, match=r"inputs\.facts, column 'photo': pictures cannot be learned from"):
        fitted(FILE, pl.DataFrame({"key": ["a"], "photo": pl.Series([None], dtype=pl.Binary)}))


def test_what_it_says_of_itself(encoding: ImageEncoding) -> None:
    assert encoding.counts() == {"height": 6, "width": 8, "channels": 3}
    assert encoding.types == {"photo": pl.Binary()}
    assert encoding.options == {"width": 16, "stages": 3, "blocks": 1, "grid": 3}
    assert encoding.augment == {"flip": 0.0, "shift": 0.0, "rotate": 0.0}


def test_the_stage_reads_files_and_leaves_pixels(write: Write, tmp_path: Path) -> None:
    """Fitted on train only; golden rows and those of a prediction have the files themselves; memory-mapped at the end."""
    sides = ["train"] * 40 + ["valid"] * 20 + ["test"] * 20
    keys = [f"{i:03d}" for i in range(80)]
    pixels = [np.full((12, 10, 3), 10 if side == "train" else 200, np.uint8) + (i % 7) for i, side in enumerate(sides)]
    cells = [None if i % 8 == 5 else file_of(one.astype(np.uint8)) for i, one in enumerate(pixels)]
    validated = write(
        people=pl.DataFrame({"id": keys, "photo": pl.Series(cells, dtype=pl.Binary), "y": [float(i % 9) for i in range(80)]})
    )
    split = pl.DataFrame({"entity": "person", "key": keys, "group": keys, "split": sides})
    spec = spec_with(FILE)
    done = encode(spec, validated, split)
    one = done.encodings.inputs["facts"]
    assert isinstance(one, ImageEncoding)
    assert 10 < one.mean[0] < 17
    golden = dict(zip(done.golden["key"], done.golden["photo"], strict=True))
    assert golden == {key: cell for key, cell, side in zip(keys, cells, sides, strict=True) if side == "valid"}
    assert raw_rows(spec, done.encodings, validated, done.golden.select("entity", "key")).equals(done.golden)
    assert done.report["inputs"]["facts"] == {"kind": "image", "height": 6, "width": 8, "channels": 3, "dropped": {}}

    write_encoded(tmp_path / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(tmp_path / "encoded", done.encodings, split, tmp_path / "aligned")
    train = AlignedSet.read(tmp_path / "aligned/train")
    held, asked = train.inputs["facts"], one.apply(pl.DataFrame({"photo": pl.Series(cells[:40], dtype=pl.Binary)}))
    assert isinstance(held["pixels"], np.memmap)
    for part in ("pixels", "present"):
        np.testing.assert_array_equal(held[part], asked[part])
