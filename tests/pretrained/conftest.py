"""A tiny pretrained encoder, as it comes and as it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtl.data.pretrained import PretrainedModel
from mtl.spec import PretrainedTextInput
from tests.tiny_bert import kept_bert, tiny_bert

WORDS = ["good", "bad", "red", "blue", "dress", "coat"]


def asked(**more: Any) -> PretrainedTextInput:
    said = {"source": "docs", "kind": "pretrained_text", "column": "text", "model": "tiny", "max_tokens": 16, **more}
    return PretrainedTextInput.model_validate(said)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Hugging Face keeps it; never change it."""
    return tiny_bert(tmp_path_factory.mktemp("hub") / "tiny", WORDS)


@pytest.fixture(scope="session")
def kept(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    """As it is kept; never change it."""
    return kept_bert(tiny, tmp_path_factory.mktemp("kept") / "model")


def used(model: PretrainedModel, **more: Any) -> PretrainedModel:
    """The same encoder, used otherwise."""
    return replace(model, **more)
