"""Who was champion when, and what became of each version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.dashboard.drift import read_batches
from mtl.dashboard.past import ASIDE, OPEN, REFUSED, SERVED, SERVES, fates, reigns, serving
from mtl.dashboard.pictures import Point, over_versions
from mtl.registry.history import Entry, Event
from mtl.registry.versions import Registered
from tests.unit.dashboard.conftest import moment


def test_what_became_of_each(registry: Callable[..., Registered]) -> None:
    found = fates(registry(8))
    assert found[7] is ASIDE
    assert found[6] is REFUSED
    assert found[1] is SERVED
    assert [number for number, fate in found.items() if fate is SERVES] == [8]


def test_a_version_that_no_decision_names_is_not_called_refused(registry: Callable[..., Registered]) -> None:
    silent = replace(registry(8), history=(), aliases={})
    assert set(fates(silent).values()) == {OPEN}


def test_reigns_follow_each_other_without_a_gap(registry: Callable[..., Registered]) -> None:
    turns = reigns(registry(8).history)
    assert [one.version for one in turns] == [1, 2, 4, 5, 7, 5, 8]
    assert [one.end for one in turns[:-1]] == [one.start for one in turns[1:]]
    assert turns[-1].end is None


def test_the_champion_of_the_day_is_the_one_after_the_decision() -> None:
    said: list[tuple[Event, int, int | None]] = [("rejected", 2, 1), ("promoted", 3, 1), ("rejected", 4, 3), ("rolled back", 1, 3)]
    history = tuple(Entry(event, number, before, (), moment(at)) for at, (event, number, before) in enumerate(said))
    assert serving(Registered("m", (), history, {"champion": 1})) == {2: 1, 3: 3, 4: 3, 1: 1}


numbers = st.floats(-1e6, 1e6) | st.none()


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=40), st.booleans(), st.booleans())
def test_any_figures_can_be_drawn(figures: list[tuple[float | None, float | None, float | None]], share: bool, zero: bool) -> None:
    points = [Point(*one, SERVED, "x") for one in figures]
    serving = [value for value, *_ in figures]
    picture = str(over_versions("x", list(range(1, len(points) + 1)), points, serving, share=share, zero=zero))
    assert "nan" not in picture
    assert picture.count("<title>x</title>") == sum((v is not None) + (a is not None and b is not None) for v, a, b in figures)


@pytest.mark.parametrize("text", ["[]", "null", '{"findings": 3}', '{"findings": [1, {"where": null}], "rows": "x"}'])
def test_a_report_of_another_shape_does_no_harm(tmp_path: Path, text: str) -> None:
    (tmp_path / "reports/monitoring").mkdir(parents=True)
    (tmp_path / "reports/monitoring/a.json").write_text(text)
    (batch,) = read_batches(tmp_path)
    assert (batch.source, batch.rows, batch.drifted) == ("a", None, ())
