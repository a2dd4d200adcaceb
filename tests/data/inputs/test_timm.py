"""Pictures for a network of timm's: what `embed` left of it goes along with the encodings. Nothing here needs timm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from mtl.data.encodings import Encodings
from mtl.data.fitting.inputs import fit_input
from mtl.data.inputs import TimmEncoding
from mtl.data.pretrained import WEIGHTS, content_of
from mtl.files import write_json
from tests.data.conftest import spec_of
from tests.pictures import pixels_of

CELLS = [pixels_of(6, 8, 3, seed=seed).tobytes() for seed in range(4)]
FRAME = pl.DataFrame({"key": list("abcd"), "photo": pl.Series(CELLS, dtype=pl.Binary)})


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """What the stage leaves, of a network that nobody builds here."""
    folder = tmp_path / "embedded" / "facts" / "model"
    folder.mkdir(parents=True)
    save_file({"w": np.arange(3, dtype=np.float32)}, folder / WEIGHTS)
    return tmp_path / "embedded"


def fitted(embedded: Path, content: str) -> TimmEncoding:
    write_json(embedded / "inputs.json", {"facts": {"content": content, "size": 512}})
    said = {"source": "people", "kind": "image", "column": "photo", "shape": [6, 8, 3], "network": "timm", "model": "resnet18"}
    if content:
        said["weights"] = "models/r"
    one = fit_input(spec_of(inputs={"facts": said}), "facts", FRAME, embedded)
    assert isinstance(one, TimmEncoding)
    return one


def test_its_pixels_are_those_of_any_picture(embedded: Path) -> None:
    one = fitted(embedded, "")
    wanted = np.stack([np.frombuffer(cell, np.uint8).reshape(6, 8, 3) for cell in CELLS])
    np.testing.assert_array_equal(one.apply(FRAME)["pixels"], wanted)
    np.testing.assert_allclose(one.mean, wanted.reshape(-1, 3).mean(0))
    assert (one.network, one.model, one.options) == ("timm", "resnet18", {"lr": 1e-4})
    assert one.packages == ("timm", "torchvision")


def test_weights_go_along_and_json_names_no_place(embedded: Path, tmp_path: Path) -> None:
    one = fitted(embedded, content_of(embedded / "facts" / "model", (WEIGHTS,)))
    Encodings({"facts": one}, ()).write(tmp_path / "first")
    Encodings.read(tmp_path / "first").write(tmp_path / "second")
    assert str(tmp_path) not in (tmp_path / "second" / "encodings.json").read_text()
    again = Encodings.read(tmp_path / "second").inputs["facts"]
    assert again == one
    assert isinstance(again, TimmEncoding)
    assert Path(again.folder).is_relative_to(tmp_path / "second")
    assert again.weights()["w"].tolist() == [0, 1, 2]


def test_without_weights_there_are_no_files(embedded: Path, tmp_path: Path) -> None:
    Encodings({"facts": fitted(embedded, "")}, ()).write(tmp_path / "kept")
    again = Encodings.read(tmp_path / "kept").inputs["facts"]
    assert isinstance(again, TimmEncoding)
    assert again.weights() == {}
    assert [file.name for file in (tmp_path / "kept").rglob("*") if file.is_file()] == ["encodings.json"]
