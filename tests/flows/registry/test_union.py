"""A packed model whose entities share an input: asked by raw rows of any of them, with one column for the text of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtl.network import predict
from mtl.registry.smoke import difference
from mtl.registry.version import signature
from tests.data.test_union import corpora, spec
from tests.flows.registry.packing import Packed, golden_of, packed_from


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    return packed_from(corpora(), spec(model={"width": 8, "depth": 2, "dropout": 0.0}), tmp_path)


def test_raw_rows_are_predicted_as_aligned_ones(packed: Packed) -> None:
    package = packed.package
    found, expected = package.predictions(packed.raw()), predict(package.network, package.encodings, packed.test.inputs)
    for task, values in expected.items():
        np.testing.assert_allclose(found[task], values, rtol=1e-5, atol=1e-6)
    assert found["mood"].std() > 0


def test_golden_rows_of_both_come_back_and_a_text_is_one_column(packed: Packed) -> None:
    golden, wanted = golden_of(packed.package)
    assert golden["entity"].n_unique() == 2
    assert [column.name for column in signature(packed.package).inputs.inputs] == ["text", "length", "v"]
    assert difference(packed.package.predict(golden.select("text", "length", "v")), wanted) == ""
