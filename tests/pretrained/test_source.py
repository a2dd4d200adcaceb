"""Where models are looked for, what stands in for what is not there, and which model it is. Nothing here needs `transformers`."""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from mtl.codelock import check_code_lock, write_code_lock
from mtl.errors import DataError, MtlError
from mtl.extras import EXTRAS, extra
from mtl.pretrained.source import content_behind, find_model, models_behind
from tests.pretrained.small import model_folder, write_spec


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and a network that nobody may ask."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asked the network"))


def test_a_folder_of_the_project(tmp_path: Path) -> None:
    made = model_folder(tmp_path / "models" / "tiny")
    assert find_model("models/tiny", "inputs.words.model", tmp_path) == made


def test_a_package_is_found_without_being_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "a_model_package"
    made = model_folder(package / "model")
    (package / "__init__.py").write_text("raise SystemExit('executed')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find_model("package:a_model_package/model", "inputs.words.model") == made
    assert "a_model_package" not in sys.modules


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("no/such-model", "hf download no/such-model"),
        ("not a name", "neither such a folder"),
        ("package:no_such_package/model", "no package 'no_such_package'"),
        ("package:os.path/model", "no package 'os.path'"),
    ],
)
def test_what_is_not_there_is_one_error_with_the_way_out(tmp_path: Path, model: str, said: str) -> None:
    with pytest.raises(DataError, match=r"params\.yaml, inputs\.words\.model") as found:
        find_model(model, "inputs.words.model", tmp_path)
    assert said in str(found.value)


def test_weights_that_may_execute_code_are_refused(tmp_path: Path) -> None:
    made = model_folder(tmp_path / "tiny")
    (made / "model.safetensors").rename(made / "pytorch_model.bin")
    with pytest.raises(DataError, match="may execute code"):
        find_model("tiny", "inputs.words.model", tmp_path)


def test_another_model_is_another_content(tmp_path: Path) -> None:
    """Wherever it lies, and whatever lies beside it that nobody reads."""
    one = model_folder(tmp_path / "one")
    same = Path(shutil.copytree(one, tmp_path / "same"))
    (same / "README.md").write_text("said elsewhere")
    assert content_behind([one]) == content_behind([same])
    assert content_behind([model_folder(tmp_path / "other", b"others")]) != content_behind([one])
    (same / "tokenizer.json").write_text("{}")
    assert content_behind([one]) != content_behind([same])


def test_the_lock_knows_the_models(tmp_path: Path) -> None:
    """A model that is not on this machine changes nothing: what was made of it may still come out of DVC's cache."""
    lock = tmp_path / "code.lock.yaml"
    assert models_behind(tmp_path, None) == "none"
    write_spec(tmp_path)
    assert models_behind(tmp_path, None) == "missing"
    made = model_folder(tmp_path / "tiny")
    write_code_lock(lock)
    assert check_code_lock(lock) == []
    shutil.move(made, tmp_path / "elsewhere")
    assert check_code_lock(lock) == []
    model_folder(tmp_path / "tiny", b"others")
    assert check_code_lock(lock) == ["pretrained"]


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MtlError) as found:
        extra("transformers", "an input of kind pretrained_text")
    assert str(found.value).count("\n") == 0
    assert "pip install 'transformers" in str(found.value)


def test_the_error_says_what_pyproject_says() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [one for of in project["project"]["optional-dependencies"].values() for one in of]
    assert list(EXTRAS.values()) == asked
