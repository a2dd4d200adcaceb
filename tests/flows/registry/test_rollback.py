"""`mtl rollback`: one transaction back to a champion that was; what it put aside does not come back by itself."""

from __future__ import annotations

import shutil
from typing import cast

import pytest

from mtl import layout
from mtl.errors import RegistryError
from mtl.files import read_json, write_json
from mtl.registry import verbs
from mtl.registry.history import Entry, Event, append, champions, put_aside, read_history
from mtl.registry.rollback import roll_back, rollback
from mtl.registry.store import open_store
from tests.flows.registry.conftest import _passed


@pytest.fixture
def two(with_champion, monkeypatch):
    """Version 1 was champion, version 2 replaced it, and the golden rows pass without a fresh process."""
    assert with_champion.register().version == 2
    monkeypatch.setattr("mtl.registry.rollback.golden_trial", _passed)
    return with_champion


def champion(one) -> int:
    return verbs.champion(one.root, one.spec)["version"]


def told(one) -> list[tuple[str, int, int | None]]:
    return [(e.event, e.version, e.before) for e in read_history(open_store(one.root, "people_model"))]


def test_the_champion_before_is_loaded_in_a_fresh_process_and_champion_again(with_champion):
    with_champion.register()
    done = rollback(with_champion.root, with_champion.spec, why="recall fell")
    assert (done.version, done.before, done.trial) == (1, 2, "40 golden rows predicted as when the model was packed")
    assert champion(with_champion) == 1
    assert told(with_champion) == [("promoted", 1, None), ("promoted", 2, 1), ("rolled back", 1, 2)]
    assert read_history(open_store(with_champion.root, "people_model"))[-1].reasons == ("recall fell",)


def test_what_was_rolled_back_does_not_come_back_by_itself(two):
    rollback(two.root, two.spec, why="recall fell")
    again = two.register()
    assert (again.decision, again.version, again.champion_before) == ("rejected", 2, 1)
    assert [rule.rule for rule in again.rules if not rule.passed] == ["not rolled back"]
    assert again.reasons[0].startswith("version 2 was rolled back on 20")
    assert "(recall fell); it does not come back by itself: train on something new, or run `mtl rollback 2`" in again.reasons[0]
    assert champion(two) == 1
    assert two.register() == again


def test_nor_under_another_number_when_only_its_metrics_are_new(two):
    rollback(two.root, two.spec)
    metrics = read_json(two.root / layout.METRICS)
    write_json(two.root / layout.METRICS, metrics | {"delta_m": 1.5})
    again = two.register()
    assert (again.decision, again.version) == ("rejected", 3)
    assert again.reasons[0].startswith("version 3 is the model of version 2, which was rolled back on")


def test_nor_after_its_version_was_freed(two):
    rollback(two.root, two.spec)
    store = open_store(two.root, "people_model")
    store.client.delete_registered_model_alias("people_model", "candidate")
    store.client.delete_model_version("people_model", "2")
    again = two.register()
    assert (again.decision, again.version) == ("rejected", 3)
    assert again.reasons[0].startswith("version 3 is the model of version 2, which was rolled back on")
    assert again.reasons[0].endswith("train on something new")


def test_a_champion_whose_files_are_gone_can_be_put_aside(two):
    shutil.rmtree(verbs.version_folder(open_store(two.root, "people_model"), 2))
    assert rollback(two.root, two.spec).version == 1


def test_by_hand_it_comes_back(two):
    rollback(two.root, two.spec)
    done = rollback(two.root, two.spec, "2")
    assert (done.event, done.version, done.before) == ("promoted", 2, 1)
    assert champion(two) == 2
    assert two.register().reasons == ("already champion",)
    assert told(two)[2:] == [("rolled back", 1, 2), ("promoted", 2, 1)]
    assert rollback(two.root, two.spec).version == 1  # and may go again


def test_the_champion_of_a_rollback_is_not_noted_anew_when_its_content_comes_again(two):
    rollback(two.root, two.spec)
    before = told(two)
    two.train(2)  # what version 1 was made of
    assert two.register().reasons == ("already champion",)
    assert told(two) == before


@pytest.mark.parametrize("step", ["mtl.registry.rollback.append", "mtl.registry.rollback.point"])
def test_a_failing_step_is_taken_back(two, monkeypatch, step):
    def fail(*_, **__):
        raise OSError("no space left on device")

    before = told(two)
    with monkeypatch.context() as patched:
        patched.setattr(step, fail)
        with pytest.raises(RegistryError, match="no space left on device"):
            rollback(two.root, two.spec)
    assert (champion(two), told(two)) == (2, before)


def test_one_killed_between_history_and_alias_is_finished_by_the_next(two, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("mtl.registry.undo.Undo.__exit__", lambda *_: None)
        patched.setattr("mtl.registry.rollback.point", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rollback(two.root, two.spec)
    assert champion(two) == 2
    assert rollback(two.root, two.spec).version == 1
    assert told(two)[2:] == [("rolled back", 1, 2)]


def test_one_killed_between_history_and_alias_is_not_forgotten_by_a_registration(two, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("mtl.registry.undo.Undo.__exit__", lambda *_: None)
        patched.setattr("mtl.registry.rollback.point", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rollback(two.root, two.spec, why="recall fell")
    before = told(two)
    again = two.register()
    assert (again.decision, again.version, told(two)) == ("promoted", 2, before)
    assert "was cut short: run `mtl rollback 1` again" in again.reasons[0]
    assert "cut short" in read_json(two.root / layout.REGISTRATION)["reasons"][0]
    assert two.register() == again
    append(open_store(two.root, "people_model"), "rejected", 3, 2, ["another, meanwhile"])
    assert two.register() == again
    rollback(two.root, two.spec, "1", why="recall fell")
    assert champion(two) == 1
    assert two.register().decision == "rejected"


@pytest.mark.slow
def test_a_model_that_does_not_load_leaves_the_champion(with_champion):
    with_champion.register()
    folder = verbs.version_folder(open_store(with_champion.root, "people_model"), 1)
    (folder / "data/candidate/model.safetensors").write_bytes(b"no weights")
    before = told(with_champion)
    with pytest.raises(RegistryError, match="version 1 of 'people_model' cannot be champion again"):
        rollback(with_champion.root, with_champion.spec)
    assert (champion(with_champion), told(with_champion)) == (2, before)


def test_it_is_no_way_around_the_gate(two):
    two.gate(floors={"asthma": 0.99})
    two.train(1, ci_low=0.1)
    assert (two.register().decision, champion(two)) == ("rejected", 2)
    with pytest.raises(RegistryError, match=r"one that was champion: 1\n.*it never was"):
        rollback(two.root, two.spec, 3)
    with pytest.raises(RegistryError, match="another version than the champion"):
        rollback(two.root, two.spec, "v2")
    with pytest.raises(RegistryError, match="no such version"):
        rollback(two.root, two.spec, 9)


def test_without_a_champion_before_it_says_so(with_champion):
    with pytest.raises(RegistryError, match="the champion before version 1 of 'people_model'"):
        rollback(with_champion.root, with_champion.spec)


def test_without_a_champion_it_says_so(workspace):
    with pytest.raises(RegistryError, match="none was promoted"):
        rollback(workspace.root, workspace.spec)
    (workspace.root / "mlflow.db").unlink()
    with pytest.raises(RegistryError, match="none was promoted"):
        rollback(workspace.root, workspace.spec)
    assert not (workspace.root / "mlflow.db").exists()


def test_what_it_says(two, capsys):
    lines = roll_back(two.root, None, "")
    assert lines[0].startswith("version 1 of people_model is champion again; it takes the place of version 2 (")
    assert lines[1] == "version 2 does not come back by itself; `mtl rollback 2` brings it back"
    verbs.print_history(two.root)
    assert capsys.readouterr().out.splitlines()[-1].endswith("version   1  rolled back  champion again, in place of 2; by hand")
    assert "may come again by itself" in roll_back(two.root, "2", "")[1]


def entry(event: str, version: int, before: int | None) -> Entry:
    return Entry(cast("Event", event), version, before, (), "2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("entries", "pile", "aside"),
    [
        ([("promoted", 1, None), ("rejected", 2, 1), ("promoted", 3, 1)], [1, 3], set()),
        ([("promoted", 1, None), ("promoted", 2, 1), ("promoted", 3, 2), ("rolled back", 2, 3)], [1, 2], {3}),
        ([("promoted", 1, None), ("promoted", 2, 1), ("rolled back", 1, 2), ("promoted", 2, 1)], [1, 2], set()),
        ([("promoted", 1, None), ("promoted", 2, 1), ("promoted", 3, 2), ("rolled back", 1, 3), ("promoted", 4, 1)], [1, 4], {3}),
        ([("promoted", 1, None), ("promoted", 3, 2)], [1, 2, 3], set()),  # the alias was moved to 2 by hand
        ([("promoted", 1, None), ("promoted", 2, 1), ("promoted", 1, 2)], [1, 2, 1], set()),
    ],
)  # fmt: skip
def test_champions_lie_one_upon_the_other(entries, pile, aside):
    history = [entry(*one) for one in entries]
    assert champions(history) == pile
    assert set(put_aside(history)) == aside
