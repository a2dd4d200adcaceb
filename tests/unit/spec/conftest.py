"""A small spec, and a way to change one place of it and read it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl.errors import SpecError
from mtl.spec import Spec, read_spec

SMALL = """\
name: small
entities:
  person: {key: id}
sources:
  people: {path: people.csv}
  labs: {path: labs.csv}
inputs:
  body:
    source: people
    columns:
      age: {kind: numeric, min: 0}
      sex: {kind: categorical}
tasks:
  sick: {source: labs, column: sick, kind: binary}
  weight: {source: labs, column: weight, kind: regression}
encoding: {}
model: {}
training: {lr: 1e-3}
evaluation: {}
gate: {}
"""


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Spec]:
    """`changed(old, new)`: the small spec with one text replaced, read from its file."""

    def read(old: str = "", new: str = "") -> Spec:
        assert old in SMALL
        file = tmp_path / "params.yaml"
        file.write_text(SMALL.replace(old, new, 1), encoding="utf-8")
        return read_spec(file)

    return read


@pytest.fixture
def refused(changed: Callable[..., Spec]) -> Callable[..., SpecError]:
    """`refused(old, new)`: the error that reading the changed spec raises."""

    def error(old: str, new: str) -> SpecError:
        with pytest.raises(SpecError) as caught:
            changed(old, new)
        assert caught.value.exit_code == 2
        assert caught.value.do
        return caught.value

    return error


@pytest.fixture
def told(refused: Callable[..., SpecError]) -> Callable[..., SpecError]:
    """`told(old, new, key, expected, found, do)`: the error that reading the changed spec raises, in these words."""

    def error(old: str, new: str, key: str, expected: str, found: str, do: str) -> SpecError:
        caught = refused(old, new)
        assert key in caught.what
        assert expected in caught.expected
        assert found in caught.found
        assert do in caught.do
        return caught

    return error
