"""A packed model whose entities share an input: asked by raw rows of any of them, with one column for the text of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mtl.data.align import align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.encode import encode, raw_rows
from mtl.data.split import split_entities
from mtl.network import build_network, predict
from mtl.registry.package import Package, read_package, write_package
from mtl.registry.smoke import difference
from mtl.registry.version import signature
from mtl.spec import Spec
from tests.data.test_union import corpora, spec


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Package, AlignedSet, Spec]:
    asked, folder = spec(model={"width": 8, "depth": 2, "dropout": 0.0}), tmp_path / "validated"
    for name, frame in corpora().items():
        (folder / name).mkdir(parents=True)
        frame.write_parquet(folder / name / "part-0000.parquet")
    split = split_entities(asked, folder)
    done = encode(asked, folder, split)
    write_encoded(tmp_path / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(tmp_path / "encoded", done.encodings, split, tmp_path / "aligned")
    torch.manual_seed(0)
    network = build_network(done.encodings, asked.model).eval()
    write_package(tmp_path / "model", asked, done.encodings, network, done.golden, split.select("entity", "key"))
    return read_package(tmp_path / "model"), AlignedSet.read(tmp_path / "aligned" / "test"), asked


def test_raw_rows_are_predicted_as_aligned_ones(packed: tuple[Package, AlignedSet, Spec], tmp_path: Path) -> None:
    package, test, asked = packed
    raw = raw_rows(asked, package.encodings, tmp_path / "validated", test.keys().select("entity", "key"))
    found, expected = package.predictions(raw), predict(package.network, package.encodings, test.inputs)
    for task, values in expected.items():
        np.testing.assert_allclose(found[task], values, rtol=1e-5, atol=1e-6)
    assert found["mood"].std() > 0


def test_golden_rows_of_both_come_back_and_a_text_is_one_column(packed: tuple[Package, AlignedSet, Spec]) -> None:
    package, _, _ = packed
    golden = package.golden()
    assert golden["entity"].n_unique() == 2
    assert [column.name for column in signature(package).inputs.inputs] == ["text", "length", "v"]
    predicted = [name for name in golden.columns if name.startswith("predicted.")]
    wanted = golden.select(predicted).rename(lambda name: name.removeprefix("predicted."))
    assert difference(package.predict(golden.select("text", "length", "v")), wanted) == ""
