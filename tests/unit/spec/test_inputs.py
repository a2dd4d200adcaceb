"""Inputs of every kind in params.yaml: defaults, limits, and errors that name the key."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.errors import SpecError
from mtl.spec import TabularInput, TextInput, VectorInput
from tests.data.conftest import spec_of


def one(**said: Any) -> Any:
    return spec_of(inputs={"facts": {"source": "people", **said}}).inputs["facts"]


def test_an_input_without_a_kind_is_a_table() -> None:
    assert isinstance(one(columns={"x": {}}), TabularInput)


def test_a_text_and_a_vector_need_a_column() -> None:
    found = one(kind="text", column="words")
    assert isinstance(found, TextInput)
    assert (found.tokenizer, found.network, found.names) == ("bpe", "cnn", ("words",))
    assert isinstance(one(kind="vector", column="v", size=300), VectorInput)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "txt", "column": "x"}, r"inputs\.facts\.kind.*(?s:.)*found:\s+'txt'(?s:.)*write 'text'"),
        ({"kind": "text"}, r"inputs\.facts\.column: missing"),
        ({"kind": "text", "column": "x", "vocabulari": 5}, r"inputs\.facts\.vocabulari: unknown key(?s:.)*write 'vocabulary'"),
        ({"kind": "text", "column": "x", "network": "rnn"}, r"inputs\.facts\.network"),
        ({"kind": "text", "column": "x", "vocabulary": 200}, r"inputs\.facts(?s:.)*at least 300, since every byte is a token"),
        ({"kind": "text", "column": "x", "options": {"hidden": 8}}, r"an option of cnn \(embedding, channels, kernels\)"),
        ({"kind": "text", "column": "x", "network": "transformer", "options": {"heads": 3}}, r"heads of transformer that divide"),
        ({"kind": "text", "column": "x", "network": "gru", "options": {"hidden": 0.5}}, r"hidden of gru: at least 1"),
        ({"kind": "vector", "column": "x"}, r"inputs\.facts\.size: missing"),
        ({"kind": "vector", "column": "x", "size": 0}, r"inputs\.facts\.size"),
        ({"columns": {"x": {"kind": "text"}}}, r"inputs\.facts\.columns\.x\.kind"),
        ({"columns": {"x": {}}, "embeding": 4}, r"inputs\.facts\.embeding: unknown key(?s:.)*write 'embedding'"),
    ],
)
def test_errors_name_the_key_and_the_way_out(said: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        one(**said)


def test_a_text_cannot_be_its_own_target() -> None:
    with pytest.raises(SpecError, match="the target itself"):
        one(kind="text", column="y")
