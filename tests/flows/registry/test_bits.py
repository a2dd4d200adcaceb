"""A model that reads bits can be registered: MLflow's signature knows lists of whole numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl

from mtl.data.inputs import BitsEncoding
from mtl.registry.version import signature


def test_a_list_of_places_is_an_array_of_longs() -> None:
    one = BitsEncoding("fingerprint", {"molecule": "tox21"}, "bits", "bits", 8)
    golden = pl.DataFrame({"predicted.toxic": [0.5]})
    package: Any = SimpleNamespace(encodings=SimpleNamespace(types=one.types), golden=lambda: golden)
    column = signature(package).inputs.inputs[0]
    assert (column.name, str(column.type), column.required) == ("bits", "Array(long)", False)
