"""Inputs of every kind in params.yaml: defaults, limits, and errors that name the key."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.errors import SpecError
from mtl.spec import AudioInput, ImageInput, TabularInput, TextInput, VectorInput
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


AUDIO: dict[str, Any] = {"kind": "audio", "column": "x", "rate": 8000}


def test_a_recording_needs_a_column_and_a_rate() -> None:
    found = one(**AUDIO)
    assert isinstance(found, AudioInput)
    assert (found.format, found.network, found.names, found.augment.masks) == ("file", "cnn", ("x",), 1)


TIMM = {"shape": [4, 4], "network": "timm", "model": "resnet18"}


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
        ({"kind": "audio", "column": "x"}, r"inputs\.facts\.rate: missing"),
        ({**AUDIO, "rate": 8}, r"inputs\.facts\.rate"),
        ({**AUDIO, "format": "wav"}, r"inputs\.facts\.format"),
        ({**AUDIO, "hop_ms": 30}, r"hop_ms of at most window_ms, 25(?s:.)*found:\s+30"),
        ({**AUDIO, "seconds": 700}, r"seconds of at most max_seconds, 600(?s:.)*found:\s+700"),
        ({**AUDIO, "options": {"kernels": 3}}, r"an option of cnn \(channels, layers\)"),
        ({**AUDIO, "network": "crnn", "options": {"hidden": 0}}, r"hidden of crnn: at least 1"),
        ({**AUDIO, "options": {"layers": 1.5}}, r"layers of cnn: a whole number"),
        ({**AUDIO, "augment": {"warp": 0.6}}, r"inputs\.facts\.augment\.warp"),
        ({**AUDIO, "augment": {"filter": -1}}, r"inputs\.facts\.augment\.filter"),
        ({**AUDIO, "augment": {"mask": 1}}, r"inputs\.facts\.augment\.mask: unknown key(?s:.)*write 'masks'"),
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


TWO: dict[str, Any] = {
    "entities": {"person": {"key": "id"}, "pet": {"key": "id"}},
    "sources": {
        "people": {"path": "p", "entity": "person"},
        "visits": {"path": "v", "entity": "person"},
        "pets": {"path": "q", "entity": "pet"},
    },
    "tasks": {
        "y": {"source": "people", "column": "y", "kind": "regression"},
        "z": {"source": "pets", "column": "z", "kind": "binary", "positive": "a", "negative": "b"},
    },
}
"""Two entities, one of which has two sources."""


def test_an_input_of_several_sources_is_seen_by_the_tasks_of_each_of_their_entities() -> None:
    words = {"kind": "text", "column": "words", "sources": ["people", "pets"]}
    spec = spec_of(**TWO, inputs={"words": words, "age": {"source": "visits", "columns": {"age": {}}}})
    assert spec.input_sources("words") == {"person": "people", "pet": "pets"}
    assert spec.input_sources("age") == {"person": "visits"}
    assert (spec.inputs_of("y"), spec.inputs_of("z")) == (("words", "age"), ("words",))
    assert spec.inputs["words"].all_sources == ("people", "pets")
    assert spec.inputs["age"].all_sources == ("visits",)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "text", "column": "t"}, r"inputs\.words(?s:.)*source, the name of one, or sources(?s:.)*neither"),
        ({"kind": "text", "column": "t", "source": "pets", "sources": ["people"]}, r"inputs\.words(?s:.)*both"),
        ({"kind": "text", "column": "t", "sources": ["pets", "pets"]}, r"inputs\.words\.sources(?s:.)*each source once"),
        ({"kind": "text", "column": "t", "sources": ["pets", "poeple"]}, r"inputs\.words\.sources\.1(?s:.)*write 'people'"),
        ({"kind": "text", "column": "t", "source": "poeple"}, r"inputs\.words\.source(?s:.)*write 'people'"),
        ({"kind": "text", "column": "t", "sources": ["visits", "people"]}, r"different entities(?s:.)*'visits' and 'people', both"),
        ({"columns": {"x": {}}, "sources": ["people", "pets"]}, r"inputs\.words(?s:.)*one source of a table(?s:.)*2"),
        ({"kind": "text", "column": "z", "sources": ["people", "pets"]}, r"inputs\.words\.column(?s:.)*the target of task 'z'"),
    ],
)
def test_sources_that_do_not_go_together(said: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        spec_of(**TWO, inputs={"words": said})


def test_a_task_sees_no_input_of_another_entity() -> None:
    inputs = {
        "words": {"kind": "text", "column": "t", "sources": ["people"]},
        "name": {"kind": "text", "column": "n", "source": "pets"},
    }
    tasks = {"y": {**TWO["tasks"]["y"], "inputs": ["words", "name"]}}
    with pytest.raises(SpecError, match=r"tasks\.y\.inputs(?s:.)*inputs of the entity 'person'(?s:.)*'name' of 'pet'"):
        spec_of(**{**TWO, "tasks": tasks}, inputs=inputs)


def test_what_a_picture_is_brought_to() -> None:
    raw = one(kind="image", column="p", shape=[36, 30])
    assert isinstance(raw, ImageInput)
    assert (raw.pixels, raw.colours, raw.max_pixels, raw.names) == ((36, 30), 1, 50_000_000, ("p",))
    assert (raw.augment.flip, raw.augment.shift, raw.augment.rotate) == (False, 0, 0)
    coloured = one(kind="image", column="p", shape=[36, 30, 3], size=[8, 9])
    assert (coloured.pixels, coloured.colours) == ((8, 9), 3)
    files = one(kind="image", column="p", size=[64, 48])
    assert (files.pixels, files.colours) == ((64, 48), 3)
    assert one(kind="image", column="p", size=[64, 48], channels=1).colours == 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, r"inputs\.facts(?s:.)*size, \[height, width\] to bring pictures to"),
        ({"size": [64]}, r"inputs\.facts\.size"),
        ({"size": [0, 4]}, r"inputs\.facts\.size"),
        ({"size": [64, 64], "channels": 2}, r"inputs\.facts\.channels"),
        ({"shape": [4, 4, 2]}, r"inputs\.facts\.shape"),
        ({"shape": [4, 4], "max_pixels": 0}, r"inputs\.facts\.max_pixels"),
        ({"shape": [4, 4], "network": "resnet50"}, r"inputs\.facts\.network"),
        ({"shape": [4, 4], "options": {"depth": 3}}, r"an option of cnn \(width, stages, blocks, grid\)(?s:.)*depth"),
        ({"shape": [4, 4], "options": {"width": 0.5}}, r"width of cnn: at least 1"),
        ({"shape": [4, 4], "augment": {"shift": 4}}, r"augment\.shift below the picture's least side, 4"),
        ({"shape": [4, 4], "augment": {"rotate": 200}}, r"inputs\.facts\.augment\.rotate"),
        ({"shape": [4, 4], "augment": {"mirror": True}}, r"inputs\.facts\.augment\.mirror: unknown key"),
        ({"shape": [4, 4], "network": "timm"}, r"model, the name that timm knows the network by(?s:.)*found:\s+none"),
        ({"shape": [4, 4], "model": "resnet18"}, r"model with network: timm(?s:.)*network: cnn"),
        ({"shape": [4, 4], "weights": "models/r"}, r"weights with network: timm(?s:.)*network: cnn"),
        ({**TIMM, "options": {"width": 8}}, r"an option of timm \(lr\)(?s:.)*found:\s+width"),
        ({**TIMM, "options": {"lr": 1e-3}}, r"options\.lr with weights"),
        ({**TIMM, "weights": "models/r", "options": {"lr": 2}}, r"lr of timm: at least 1e-09 and at most 1"),
    ],
)
def test_a_wrong_picture_is_refused_at_once(said: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        one(kind="image", column="p", **said)


def test_pictures_are_not_read_from_the_column_of_paths() -> None:
    sources = {"people": {"path": "raw", "table": "t.csv", "files": {"photo": "file"}}}
    inputs = {"facts": {"source": "people", "kind": "image", "column": "file", "size": [8, 8]}}
    with pytest.raises(SpecError, match=r"inputs\.facts\.column(?s:.)*the column of files, 'photo'(?s:.)*write 'photo'"):
        spec_of(sources=sources, inputs=inputs)
