"""Networks of timm's in the stage `embed`: what is written of one, and what is said of one that cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl.data.pretrained import CONFIG, WEIGHTS, content_of
from mtl.errors import DataError
from mtl.pretrained.pictures import embed_pictures
from mtl.pretrained.source import models_behind
from mtl.spec import ImageInput
from tests.named_pictures import NAME, needs_timm, trained_folder
from tests.pretrained.small import write_spec

SAID = {"kind": "image", "source": "s", "column": "p", "network": "timm", "model": NAME, "size": [32, 40]}


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_timm()
    monkeypatch.chdir(tmp_path)


def embedded(target: str = "made", **more: Any) -> dict[str, Any]:
    return embed_pictures("photo", ImageInput.model_validate({**SAID, **more}), Path(target))


def test_one_at_random_leaves_its_size() -> None:
    assert embedded() == {"content": "", "size": 512}
    assert not Path("made").exists()


@pytest.mark.parametrize("channels", [1, 3])
def test_one_that_came_trained_leaves_every_number(channels: int) -> None:
    """Also for pictures of one channel: the first layer then adds up what it had of three."""
    folder = trained_folder(Path("folder"))
    facts = embedded(weights="folder", channels=channels)
    assert facts == {"content": content_of(Path("made/model"), (WEIGHTS,)), "size": 512}
    made, came = load_file(Path("made/model") / WEIGHTS), load_file(folder / WEIGHTS)
    assert {name for name in came if not name.startswith("fc.")} == set(made)
    for name, tensor in made.items():
        wanted = came[name] if tensor.shape == came[name].shape else came[name].sum(1, keepdim=True)
        torch.testing.assert_close(tensor, wanted)
    assert embedded("again", weights="folder", channels=channels) == facts


def test_weights_of_another_network_are_refused() -> None:
    trained_folder(Path("folder"))
    said = r'inputs\.photo\.weights: folder(?s:.)*resnet18 as "architecture"(?s:.)*found:\s+resnet10t'
    with pytest.raises(DataError, match=said):
        embedded(weights="folder", model="resnet18")
    assert not Path("made").exists()


@pytest.mark.parametrize("gone", ["layer1.0.conv1.weight", "layer1.0.bn1.running_mean", "layer1.0.bn1.weight"])
def test_weights_that_lack_numbers_are_refused(gone: str) -> None:
    """Drawn ones, and those that always start alike."""
    folder = trained_folder(Path("folder"))
    tensors = load_file(folder / WEIGHTS)
    save_file({name: one for name, one in tensors.items() if name != gone}, folder / WEIGHTS)
    with pytest.raises(DataError, match=rf"numbers for all of {NAME}(?s:.)*found:\s+none for {gone}"):
        embedded(weights="folder")


@pytest.mark.parametrize("arguments", [{"act_layer": "gelu"}, {"stem_width": 16}])
def test_a_network_that_is_not_the_one_of_its_name_is_refused(arguments: dict[str, Any]) -> None:
    trained_folder(Path("folder"), **arguments)
    with pytest.raises(DataError, match=rf"inputs\.photo\.weights: folder(?s:.)*{NAME}"):
        embedded(weights="folder")


def test_a_broken_file_is_one_error() -> None:
    folder = trained_folder(Path("folder"))
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000])
    with pytest.raises(DataError, match=r"inputs\.photo\.weights: folder"):
        embedded(weights="folder")
    (folder / CONFIG).write_text("{")
    with pytest.raises(DataError, match=r"inputs\.photo\.weights: folder"):
        embedded(weights="folder")


def test_a_name_that_nobody_knows_and_pictures_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"inputs\.photo\.model: resnet81(?s:.)*resnet18"):
        embedded(model="resnet81")
    with pytest.raises(DataError, match=r"inputs\.photo\.size: \[8, 8\](?s:.)*8 · 8"):
        embedded(model="densenet121", size=[8, 8])


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    """As the line `pretrained` of code.lock.yaml has it."""
    write_spec(tmp_path, f"kind: image, column: p, network: timm, model: {NAME}, size: [32, 40], weights: folder")
    assert models_behind(tmp_path, None) == "missing"
    folder = trained_folder(Path("folder"))
    first = models_behind(tmp_path, None)
    (folder / CONFIG).write_text((folder / CONFIG).read_text() + "\n")
    assert first not in ("missing", "none", models_behind(tmp_path, None))
