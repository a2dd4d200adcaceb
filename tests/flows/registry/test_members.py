"""A packed model with members and bins: its golden rows know the spread, and it is the same bytes each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mtl.data.encodings import Encodings
from mtl.registry.package import read_package
from mtl.registry.smoke import difference
from mtl.registry.version import signature
from mtl.spec import parse_spec

from .conftest import AGE, ENCODINGS, GOLDEN, PARAMS, TEST, _yaml, pack

SPEC = parse_spec(_yaml(PARAMS.replace("depth: 1", "depth: 2, members: 4, bin_width: 3")))
BINNED = replace(AGE, bins=(0.0, 20.0, 40.0, 80.0))
WITH_BINS = replace(ENCODINGS, inputs={"person": replace(ENCODINGS.inputs["person"], numeric=(BINNED,))})


@pytest.mark.parametrize("encodings", [ENCODINGS, WITH_BINS])
def test_golden_rows_have_the_spread_and_come_back(tmp_path: Path, encodings: Encodings) -> None:
    package = pack(tmp_path / "one", SPEC, 1, encodings)
    golden = package.golden()
    predicted = [name.removeprefix("predicted.") for name in golden.columns if name.startswith("predicted.")]
    assert predicted == ["height", "height_spread", "asthma", "asthma_spread"]
    assert (golden["predicted.height_spread"] > 0).all()
    assert (golden["predicted.asthma_spread"] > 0).any()
    assert [column.name for column in signature(package).outputs.inputs] == predicted
    again = read_package(tmp_path / "one").predict(GOLDEN)
    wanted = golden.select(f"predicted.{name}" for name in predicted).rename(lambda name: name.removeprefix("predicted."))
    assert difference(again, wanted) == ""
    assert set(package.predictions(TEST)) == {"height", "asthma"}


def test_packed_twice_it_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        pack(tmp_path / name, SPEC, 1, WITH_BINS)
    for file in sorted(path.name for path in (tmp_path / "one").iterdir()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_without_members_there_is_no_such_column(tmp_path: Path) -> None:
    package = pack(tmp_path / "one", parse_spec(_yaml(PARAMS)), 1)
    assert package.predict(TEST).columns == ["height", "asthma"]
