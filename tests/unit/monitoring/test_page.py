from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mtl.monitoring.compare import Finding, compare
from mtl.monitoring.monitor import Monitored, Verdict
from mtl.monitoring.page.page import render
from mtl.monitoring.parts import Categories, Flags, Numbers, Part, Presence, Vectors
from mtl.monitoring.profile import Profile
from mtl.spec import Monitor
from tests.unit.monitoring.conftest import DAY

EVIL = "<script>alert(1)</script>"


def findings() -> list[Finding]:
    """One that drifted of every kind, and one that did not."""
    random = np.random.default_rng(0)
    x = Numbers.of(random.normal(size=1000))
    y = Numbers.of(np.ones(100))
    moved = random.normal(1, 1, (200, 60))
    before: dict[str, Part] = {"s.x": x, "s.y": y, EVIL: Categories(100, 0, {EVIL: 90, "b": 10}, 0), "s.media": Presence(500, 5)}
    after: dict[str, Part] = {
        "s.x": Numbers.of(random.normal(2, 1, 400), x.edges), "s.y": Numbers.of(np.ones(100), y.edges),
        EVIL: Categories(100, 0, {EVIL: 10, "b": 10}, 80), "s.media": Presence(500, 400),
    }  # fmt: skip
    topics = Flags(500, 0, {"a": 50, "b": 100}), Flags(500, 0, {"a": 400, "b": 100})
    embedded = Vectors.of(random.normal(size=(500, 60)), 500), Vectors.of(moved, 200)
    reference = Profile(before, {"topics": topics[0]}, embeddings={"s": {"text@note": embedded[0]}})
    return compare(reference, Profile(after, {"topics": topics[1]}, embeddings={"s": {"text@note": embedded[1]}}), Monitor())


def told(found: list[Finding], verdict: Verdict) -> Monitored:
    rows = {"in": 400, "kept": 400, "quarantined": 0}
    return Monitored(
        "people", DAY, "new.csv", "model", 3, rows, verdict, tuple(found), ("a note",), Monitor(), Path("r.json"), Path("r.html")
    )


def test_it_loads_nothing_and_lets_nothing_else_run() -> None:
    page = render(told(findings(), "drifted"))
    assert not re.search(r"(src|href)=\"(?!#|data:,)", page)
    assert EVIL not in page
    assert "default-src &#39;none&#39;" in page
    assert render(told(findings(), "drifted")) == page


def test_every_kind_that_drifted_has_a_picture_and_all_stand_in_the_table() -> None:
    found = findings()
    assert {type(one.reference) for one in found if one.drifted} == {Numbers, Categories, Presence, Flags, Vectors}
    page = render(told(found, "drifted"))
    assert page.count("<figure") == 5
    assert page.count('<th scope="row">') == len(found) == 6
    assert "5 of 6 comparisons drifted" in page
    assert "a note" in page


def test_what_is_no_verdict_and_what_is_none_is_said() -> None:
    assert "Nothing drifted" in render(told([one for one in findings() if not one.drifted], "nothing drifted"))
    page = render(told([], "too few rows"))
    assert "Too few rows to tell" in page
    assert "100 are needed" in page


def test_the_terminal_has_a_line_for_each_that_drifted() -> None:
    lines = told(findings(), "drifted").summary().splitlines()
    assert lines[0] == "people 2026-11-22: 400 rows against version 3 of model: 5 of 6 comparisons drifted"
    assert len(lines) == 1 + 5 + 2
    assert any(re.fullmatch(r"  s\.x: psi \d+\.\d+ > 0\.2; mean -?0\.0\d+ -> [12]\.\d+", line) for line in lines)
    assert told([], "too few rows").summary().startswith("people 2026-11-22: 400 rows against version 3 of model: too few rows")
