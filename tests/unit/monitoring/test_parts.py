from __future__ import annotations

import json
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.errors import RegistryError
from mtl.monitoring.cells import counted
from mtl.monitoring.parts import Categories, Flags, Numbers, Part, Presence, Vectors, part_of
from mtl.monitoring.profile import Profile

PARTS: list[Part] = [
    Numbers.of(np.array([1.0, 2.0, np.nan, 2.0])),
    Numbers.of(np.array([np.nan])),
    Categories.of(pl.Series(["a", "b", None, "a"])),
    Flags.of(np.arange(5)[:, None] < np.array([3, 1]), ("x", "y")),
    Presence.of(np.array([True, False])),
    Vectors.of(np.array([[1.0, 2.0], [3.0, 4.0]]), 3),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
def test_json_keeps_it(part: Part) -> None:
    text = json.dumps(part.as_json(), allow_nan=False)
    assert part_of(json.loads(text)) == part
    assert "shares" in json.loads(text)


def test_counts_stand_beside_shares() -> None:
    assert PARTS[2].as_json() == {
        "kind": "category", "rows": 4, "nulls": 1, "values": {"a": 2, "b": 1}, "other": 0,
        "shares": {"values": {"a": 0.666666667, "b": 0.333333333}, "other": 0.0},
    }  # fmt: skip


@given(st.lists(st.floats(-1e9, 1e9) | st.none(), max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_byte(values: list[float | None], random: Random) -> None:
    mixed = list(values)
    random.shuffle(mixed)
    one, other = (Numbers.of(pl.Series(of, dtype=pl.Float64).to_numpy()) for of in (values, mixed))
    assert json.dumps(one.as_json()) == json.dumps(other.as_json())


def test_values_beyond_the_most_frequent_are_other() -> None:
    cells = pl.Series([f"v{i:03}" for i in range(200) for _ in range(2 + 2 * (i < 50))])
    found = Categories.of(cells)
    assert found.values == {f"v{i:03}": 2 for i in range(50)}
    assert found.other == 150
    assert found.rows == len(cells) // 2
    assert Categories.of(pl.Series(["v000", "new"]), found.values).other == 1


def test_which_values_are_the_most_frequent_is_not_asked_of_the_rows_that_are_counted() -> None:
    """Of values that are all alike frequent, those that came most often in the reference come no more often in what is counted."""
    random = np.random.default_rng(0)
    cells = pl.Series(random.integers(0, 900, 20_000)).cast(pl.String)
    share = sum(Categories.of(cells).values.values()) / 10_000
    assert share == pytest.approx(50 / 900, rel=0.1)
    has = random.random((20_000, 300)) < 0.02
    flags = Flags.of(has, [f"l{i}" for i in range(300)])
    assert flags.rows == 10_000
    assert sum(flags.values.values()) / 10_000 == pytest.approx(50 * 0.02, rel=0.05)


@pytest.mark.parametrize("far", [0.0, 5e5])
def test_the_mean_of_a_vector_is_kept_as_finely_as_it_varies(far: float) -> None:
    values = far + np.random.default_rng(0).normal(size=(400, 3))
    found = Vectors.of(values, 400)
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=0, atol=2e-4)
    assert Vectors.of(np.full((5, 1), 0.1 + far), 5).mean == pytest.approx((0.1 + far,))


def test_of_texts_that_no_two_rows_share_none_is_kept() -> None:
    texts = pl.Series([f"a text of its own, number {i}" for i in range(99)] + [None])
    assert counted(texts, Categories) == Presence(100, 1)
    assert isinstance(counted(texts.str.slice(0, 6), Categories), Categories)


def test_a_whole_profile_comes_back() -> None:
    profile = Profile({"s.c": PARTS[0]}, {"t": PARTS[2]}, {"s": {"t": PARTS[3]}}, {"s": {"t": PARTS[3]}}, {}, {})
    assert Profile.parse(json.loads(json.dumps(profile.as_json()))) == profile
    with pytest.raises(RegistryError, match="register anew"):
        Profile.parse({"format": 0})
