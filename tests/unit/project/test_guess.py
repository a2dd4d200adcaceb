"""From tables to a whole project."""

from __future__ import annotations

import polars as pl
import pytest

from mtl.errors import DataError
from mtl.project.guessed import plain_name


def names(columns) -> list[str]:
    return [column.name for column in columns]


def test_every_column_is_key_target_input_or_left_out(people, guess) -> None:
    found = guess(people, ["person_id"], ["sick", "pressure", "health"])

    assert names(found.inputs["t"]) == ["age", "height", "sex", "smoker", "town"]
    assert [(t.name, t.kind) for t in found.tasks] == [("sick", "binary"), ("pressure", "regression"), ("health", "ordinal")]
    assert found.left_out["t"] == []


def test_a_key_is_guessed_where_one_is_in_every_table(people, guess) -> None:
    two = {"a": people.drop("sick"), "b": people.select("person_id", "sick")}
    found = guess(two, [], ["sick"])

    assert found.keys == ("person_id",)
    assert any("person_id" in doubt for doubt in found.doubts)
    with pytest.raises(DataError, match="no column looks like the key"):
        guess({"a": people.drop("person_id", "sick"), "b": people.select("sick")}, [], ["sick"])


def test_a_lone_table_without_a_key_has_its_rows_numbered(people, guess) -> None:
    found = guess(people.drop("person_id").with_columns(row=pl.lit("a")), [], ["sick"])

    assert found.keys == ("row_2",)
    assert found.sources["t"].row_number == "row_2"
    assert "row" in [*names(found.inputs["t"]), *names(found.left_out["t"])]
    assert any("numbered" in doubt for doubt in found.doubts)
    assert guess(people, ["person_id"], ["sick"]).sources["t"].row_number is None


@pytest.mark.parametrize(
    ("keys", "targets", "what", "found"),
    [
        (["person_id"], ["sik"], "target 'sik'", "'sick'"),
        (["person"], ["sick"], "no key column 'person'", "'person_id'"),
        (["sex"], ["sick"], "the key sex repeats", "2 keys more than once"),
        (["smoker"], ["sick"], "rows without a key", "rows without"),
        (["person_id"], [], "no target", "none"),
    ],
)
def test_a_key_or_target_that_cannot_be_used_is_named_with_the_nearest(people, guess, keys, targets, what, found) -> None:
    with pytest.raises(DataError) as caught:
        guess(people, keys, targets)
    assert what in caught.value.what
    assert found in caught.value.found
    assert caught.value.do


def test_repeated_keys_are_settled_by_a_date(people, guess) -> None:
    dated = people.with_columns(seen=pl.lit("2020-01-05"))
    again = dated.head(5).with_columns(seen=pl.lit("2021-01-05"))
    found = guess(pl.concat([dated, again]), ["person_id"], ["sick"])

    assert found.sources["t"].latest_by == "seen"


def test_a_column_that_gives_a_label_away_is_left_out_with_its_task(people, guess) -> None:
    telling = people.with_columns(pill=pl.when(pl.col("sick") == "yes").then(pl.lit("blue")).otherwise(pl.lit("none")))
    telling = telling.with_columns(cuff=pl.col("pressure") * 2 + 1)
    found = guess(telling, ["person_id"], ["sick", "pressure"])

    assert {"pill", "cuff"}.isdisjoint(names(found.inputs["t"]))
    why = {one.name: one.why for one in found.left_out["t"]}
    assert "sick" in why["pill"]
    assert "pressure" in why["cuff"]


def test_a_giveaway_in_another_table_is_found_over_the_join(people, guess) -> None:
    other = people.select("person_id", note=pl.col("sick").replace_strict({"yes": "b", "no": "a"})).sample(
        fraction=1.0, shuffle=True, seed=1
    )
    found = guess({"t": people, "o": other}, ["person_id"], ["sick"])

    assert names(found.inputs["o"]) == []
    assert names(found.left_out["o"]) == ["note"]


def test_a_group_a_time_and_a_given_split_are_found(people, guess) -> None:
    rows = pl.int_range(pl.len())
    given = people.with_columns(split=pl.when(rows % 5 == 0).then(pl.lit("test")).otherwise(pl.lit("train")))
    grouped = people.with_columns(household_id=rows // 3)
    timed = people.with_columns(visited=pl.date(2020, 1, 1) + pl.duration(days=rows % 50))
    born = people.with_columns(birth_date=pl.date(1980, 1, 1) + pl.duration(days=rows % 50))

    splits = [guess(frame, ["person_id"], ["sick"]).split for frame in (given, grouped, timed, born)]

    assert [(s.way, s.column) for s in splits] == [("column", "split"), ("by", "household_id"), ("time", "visited"), ("", "")]


def test_what_decides_the_split_is_no_input(people, guess) -> None:
    found = guess(people.with_columns(household_id=pl.int_range(pl.len()) // 3), ["person_id"], ["sick"])
    assert "household_id" not in names(found.inputs["t"])


def test_a_code_for_missing_far_above_the_rest_is_read_as_missing(people, guess) -> None:
    coded = people.with_columns(age=pl.when(pl.int_range(pl.len()) < 4).then(9999).otherwise("age"))
    found = guess(coded, ["person_id"], ["sick"])

    assert found.sources["t"].codes == ("9999",)
    age = next(c for c in found.inputs["t"] if c.name == "age")
    assert age.range.high < 9999
    assert any("9999" in doubt for doubt in found.doubts)


def test_names_are_made_of_whatever_letters_a_column_has() -> None:
    taken: set[str] = set()
    for text, name in {
        "Kündigung": "Kundigung",
        "NR-AR": "NR_AR",
        "5th grade": "x_5th_grade",
        "年龄": "unnamed",
        "岁": "unnamed_2",
    }.items():
        assert plain_name(text, taken) == name
        taken.add(name)


def test_a_target_may_be_named_with_its_table(people, guess) -> None:
    found = guess({"t": people, "o": people.select("person_id", "health")}, ["person_id"], ["o.health"])
    assert [(t.source, t.column) for t in found.tasks] == [("o", "health")]
    assert "health" not in names(found.inputs["t"]), "a copy of the target is no input"
