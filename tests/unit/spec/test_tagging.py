"""What a tagging task must say, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.errors import SpecError
from mtl.spec import Spec, parse_spec

TASK = {"source": "texts", "column": "tags", "kind": "tagging", "scheme": "bio"}
WORDS = {"source": "texts", "kind": "tokens", "column": "words"}


def spec_of(task: dict[str, Any] | None = None, **more: Any) -> Spec:
    base: dict[str, Any] = {
        "name": "small", "entities": {"text": {"key": "id"}},
        "sources": {"texts": {"path": "t.parquet"}, "more": {"path": "m.csv"}},
        "inputs": {"words": WORDS}, "tasks": {"slots": {**TASK, **(task or {})}},
        "encoding": {}, "model": {}, "training": {}, "evaluation": {}, "gate": {},
    }  # fmt: skip
    return parse_spec({**base, **more})


def test_it_is_judged_by_its_spans_or_by_its_tokens() -> None:
    assert spec_of().tasks["slots"].headline == "span_f1"
    assert spec_of({"scheme": "iob1", "metric": "accuracy"}).tasks["slots"].headline == "accuracy"
    assert spec_of({"scheme": "none"}).tasks["slots"].headline == "accuracy"


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"scheme": None}, "scheme beside kind tagging"),
        ({"scheme": "bioes"}, "bio"),
        ({"separator": ";"}, "no separator with tagging"),
        ({"classes": ["O", "PER"]}, "classes of scheme bio: O, B-TYPE, I-TYPE; found 'PER'"),
        ({"scheme": "none", "metric": "span_f1"}, "without spans: one of accuracy, row_accuracy; found 'span_f1'"),
        ({"metric": "auc"}, "metric of a tagging task"),
        ({"kind": "binary"}, "scheme with tagging only; found it with binary"),
        ({"kind": "binary", "scheme": None, "crf": True}, "crf with tagging only; found it with binary"),
    ],
)
def test_what_does_not_fit_is_refused(task: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        spec_of(task)
    assert said in f"{refused.value.expected}; found {refused.value.found}"


@pytest.mark.parametrize(
    ("more", "key", "found"),
    [
        ({"inputs": {"words": {**WORDS, "kind": "text"}}}, "tasks.slots.inputs", "none"),
        ({"inputs": {"words": WORDS, "other": {**WORDS, "column": "lemmas"}}}, "tasks.slots.inputs", "'words', 'other'"),
        ({"inputs": {"words": {**WORDS, "source": "more"}}}, "tasks.slots.source", "'texts'"),
        ({"model": {"sharing": "message_passing"}}, "model.sharing", "message_passing"),
        ({"model": {"sharing": "auto", "auto": {"also": ["message_passing"]}}}, "model.auto", "message_passing"),
        ({"training": {"balancing": "mgda", "at": "representation"}}, "training.at", "task 'slots', which reads tokens"),
    ],
)
def test_where_it_cannot_tag_the_spec_says_so(more: dict[str, Any], key: str, found: str) -> None:
    with pytest.raises(SpecError) as refused:
        spec_of(**more)
    assert refused.value.what.endswith(key)
    assert refused.value.found == found


def test_options_of_a_tokens_input_are_those_of_its_network() -> None:
    assert spec_of(inputs={"words": {**WORDS, "options": {"hidden": 8}}}).inputs["words"].kind == "tokens"
    with pytest.raises(SpecError, match="channels"):
        spec_of(inputs={"words": {**WORDS, "options": {"channels": 8}}})
    with pytest.raises(SpecError, match="heads"):
        spec_of(inputs={"words": {**WORDS, "network": "transformer", "options": {"heads": 5}}})
