"""New files are told of when they are whole: once each, also when the server or the looker was away meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.orchestration import arrivals
from mtl.orchestration.arrivals import Arrivals, Watched, said
from mtl.spec import Spec, read_spec
from tests.flows.conftest import PARAMS

EVENTS = st.lists(st.tuples(st.sampled_from(["write", "remove", "look"]), st.sampled_from("abc")), max_size=30)
QUIET = [("look", ""), ("look", "")]


@given(EVENTS)
def test_each_file_that_stays_is_told_of_once(events: list[tuple[str, str]]) -> None:
    lies = {"a": (0, 0)}
    watched, told = Watched(dict(lies)), []
    for clock, (event, file) in enumerate([*events, *QUIET], 1):
        if event == "write":
            lies[file] = (clock, clock)
        elif event == "remove":
            lies.pop(file, None)
        else:
            before, files = watched.seen, watched.look(dict(lies))
            assert not files or before == lies, "told of while it was still being written"
            if files:
                told += [(one, lies[one]) for one in files]
                watched.told = dict(lies)
    assert len(told) == len(set(told))
    assert {of for of in lies.items() if of != ("a", (0, 0))} <= set(told)
    assert ("a", (0, 0)) not in told


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "visits").mkdir()
    (tmp_path / "visits/2026-11-01.csv").write_text("id\n1\n")
    text = PARAMS.replace("visits.csv", "visits") + "operations: {services: {watch: {visits: 2, people: 5}}}\n"
    (tmp_path / "params.yaml").write_text(text)
    return read_spec(tmp_path / "params.yaml")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(arrivals, "tell", lambda root, spec, source, text: found.append(text))
    return found


def test_a_delivery_is_told_of_when_it_is_whole(tmp_path: Path, spec: Spec, told: list[str]) -> None:
    looker = Arrivals(tmp_path, spec)
    looker.look(0)
    looker.look(2)
    assert told == []
    with (tmp_path / "visits/2026-11-02.csv").open("w") as file:
        for second in (4, 6, 8):
            file.write("2\n")
            file.flush()
            looker.look(second)
    (tmp_path / "visits/.2026-11-03.csv").write_text("still on its way")
    assert told == []
    looker.look(9)  # not yet due
    assert told == []
    looker.look(10)
    looker.look(12)
    assert told == ["visits has new data: 2026-11-02.csv"]
    (tmp_path / "people.csv").write_text("id\n1\n")
    for second in (15, 20, 25):
        looker.look(second)
    assert told[1:] == ["people has new data"]


def test_what_arrives_while_nobody_looks_or_hears_is_told_of_later(
    tmp_path: Path, spec: Spec, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Arrivals(tmp_path, spec)
    for day in range(2, 7):
        (tmp_path / f"visits/2026-11-0{day}.csv").write_text("id\n")

    def away(*_: object) -> None:
        raise OSError("no server")

    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "tell", away)
        looker = Arrivals(tmp_path, spec)
        looker.look(0)
        with pytest.raises(OSError, match="no server"):
            looker.look(2)
    for _ in range(2):
        looker = Arrivals(tmp_path, spec)
        looker.look(0)
        looker.look(2)
    assert told == ["visits has new data: 2026-11-02.csv, 2026-11-03.csv, 2026-11-04.csv and 2 more"]


def test_a_memory_that_was_cut_short_is_as_none(tmp_path: Path, spec: Spec, told: list[str]) -> None:
    Arrivals(tmp_path, spec)
    (tmp_path / arrivals.TOLD).write_text('{"visits": {"2026')
    looker = Arrivals(tmp_path, spec)
    looker.look(0)
    looker.look(2)
    assert told == []


def test_a_file_by_itself_has_no_name_to_say() -> None:
    assert said("people", ["."]) == "people has new data"
