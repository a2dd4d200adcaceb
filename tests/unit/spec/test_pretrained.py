"""An input that a pretrained encoder reads, in params.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.errors import SpecError
from mtl.spec import PretrainedTextInput
from tests.data.conftest import spec_of


def one(**said: Any) -> Any:
    asked = {"source": "people", "kind": "pretrained_text", "column": "words", "model": "models/bert", **said}
    return spec_of(inputs={"facts": asked}).inputs["facts"]


def test_it_is_frozen_unless_it_is_told_to_learn() -> None:
    found = one()
    assert isinstance(found, PretrainedTextInput)
    assert (found.mode, found.pooling, found.names) == ("frozen", "mean", ("words",))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"model": ""}, r"inputs\.facts\.model"),
        ({"mode": "adapter"}, r"inputs\.facts\.mode"),
        ({"pooling": "max"}, r"inputs\.facts\.pooling"),
        ({"max_tokens": 2}, r"inputs\.facts\.max_tokens"),
        ({"options": {"rank": 4}}, r"an option of frozen \(it takes none\)(?s:.)*found:\s+rank"),
        ({"mode": "finetune", "options": {"rank": 4}}, r"an option of finetune \(lr\)(?s:.)*found:\s+rank"),
        ({"mode": "lora", "options": {"rank": 0.5}}, r"rank of lora: at least 1"),
        ({"mode": "lora", "options": {"lr": 0}}, r"lr of lora: at least 1e-09"),
        ({"mode": "lora", "precision": "bf16"}, r"precision with mode: frozen"),
        ({"modell": "x"}, r"inputs\.facts\.modell: unknown key(?s:.)*write 'model'"),
    ],
)
def test_errors_name_the_key_and_the_way_out(said: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        one(**said)
