from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtl.data.split import split_entities
from mtl.errors import DataError
from mtl.spec import Spec

from .conftest import Write, spec_of


def with_split(**rule: Any) -> Spec:
    return spec_of(entities={"person": {"key": "id", "split": rule}})


def people(n: int, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(i) for i in range(n)], **columns})


def sides(table: pl.DataFrame) -> dict[str, str]:
    return dict(table.select("key", "split").iter_rows())


def test_ratios_are_near_what_was_asked(write: Write) -> None:
    table = split_entities(with_split(train=0.6, valid=0.1, test=0.3, seed=1), write(people=people(20_000)))
    share = {s: (table["split"] == s).mean() for s in ("train", "valid", "test")}
    assert share == pytest.approx({"train": 0.6, "valid": 0.1, "test": 0.3}, abs=0.015)


def test_the_split_of_these_keys_never_changes(write: Write) -> None:
    """Guards stability across machines and versions: these sides were written down once (s for test)."""
    table = split_entities(with_split(train=0.5, valid=0.25, test=0.25, seed=7), write(people=people(40)))
    assert "".join({"train": "t", "valid": "v", "test": "s"}[side] for side in sides(table).values()) == GUARD


GUARD = "ttsttvsvtststvtsvtvttstvtsvtttttttttttsv"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_an_entity_keeps_its_side_whoever_joins(write: Write, seed: int) -> None:
    spec = with_split(seed=seed)
    few = sides(split_entities(spec, write(people=people(300))))
    many = sides(split_entities(spec, write(people=people(900))))
    assert all(many[key] == side for key, side in few.items())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(40, 200), seed=st.integers(0, 99))
def test_no_group_on_two_sides(write: Write, count: int, seed: int) -> None:
    frame = people(400, household=[str(i % count) for i in range(400)])
    table = split_entities(with_split(by="household", seed=seed, train=0.4, valid=0.3, test=0.3), write(people=frame))
    assert table.group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1


def test_time_runs_from_train_to_test_and_equal_times_stay_together(write: Write) -> None:
    day = pl.Series([i // 7 for i in range(700)]).cast(pl.Date)
    table = split_entities(with_split(time="day"), write(people=people(700, day=day)))
    days = (
        table.join(people(700, day=day), left_on="key", right_on="id")
        .group_by("split")
        .agg(pl.col("day").min().alias("a"), pl.col("day").max().alias("b"))
    )
    first, last = (dict(days.select("split", c).iter_rows()) for c in ("a", "b"))
    assert last["train"] < first["valid"] <= last["valid"] < first["test"]


def test_a_given_split_is_kept_and_valid_cut_from_train_if_there_is_none(write: Write) -> None:
    given = ["test" if i % 4 == 0 else "train" for i in range(400)]
    table = sides(split_entities(with_split(column="part"), write(people=people(400, part=given))))
    assert all((table[str(i)] == "test") == (given[i] == "test") for i in range(400))
    assert 20 < sum(side == "valid" for side in table.values()) < 60


def test_a_given_split_of_another_word_is_named(write: Write) -> None:
    with pytest.raises(DataError, match="'holdout'"):
        split_entities(with_split(column="part"), write(people=people(3, part=["train", "holdout", "test"])))


def test_an_expression_chooses_test_and_takes_the_whole_group_along(write: Write) -> None:
    frame = people(300, site=[f"s{i % 30}" for i in range(300)], late=[1.0 if i % 30 == 3 and i > 100 else 0.0 for i in range(300)])
    table = split_entities(with_split(test="late > 0.5", by="site"), write(people=frame))
    assert set(table.filter(pl.col("split") == "test")["group"]) == {"s3"}
    assert (table.filter(pl.col("group") == "s3")["split"] == "test").all()


def test_a_bad_expression_is_an_error_that_shows_it(write: Write) -> None:
    with pytest.raises(DataError, match="no_such_column"):
        split_entities(with_split(test="no_such_column > 1"), write(people=people(30)))


def test_an_expression_that_is_neither_true_nor_false_is_an_error(write: Write) -> None:
    with pytest.raises(DataError, match="neither true nor false"):
        split_entities(with_split(test="age + 1"), write(people=people(30, age=[1.0] * 30)))


def test_an_empty_side_is_an_error(write: Write) -> None:
    with pytest.raises(DataError, match="empty"):
        split_entities(with_split(), write(people=people(2)))


def test_sources_with_partly_the_same_entities_are_split_over_their_union(write: Write) -> None:
    spec = spec_of(sources={"people": {"path": "a"}, "visits": {"path": "b"}})
    table = split_entities(spec, write(people=people(200), visits=people(300).tail(250)))
    assert table.height == 300
    assert table["key"].is_unique().all()


def test_sources_that_disagree_about_a_group_are_named(write: Write) -> None:
    spec = spec_of(
        entities={"person": {"key": "id", "split": {"by": "home"}}}, sources={"people": {"path": "a"}, "visits": {"path": "b"}}
    )
    tables = write(people=people(50, home=["x"] * 50), visits=people(50, home=["x"] * 49 + ["y"]))
    with pytest.raises(DataError, match="'49'"):
        split_entities(spec, tables)


@pytest.mark.parametrize("column", ["split", "entity", "rows", "len"])
def test_time_may_have_a_name_of_ours(write: Write, column: str) -> None:
    table = split_entities(with_split(time=column), write(people=people(100, **{column: list(range(100))})))
    days = {key: int(key) for key in table["key"]}
    latest = {side: max(days[key] for key, s in sides(table).items() if s == side) for side in ("train", "valid", "test")}
    assert latest["train"] < latest["valid"] < latest["test"]


def test_a_split_by_a_column_called_key_is_refused_unless_it_is_the_key(write: Write) -> None:
    folder = write(people=people(100, key=["a", "b"] * 50))
    with pytest.raises(DataError, match="column 'key'"):
        split_entities(with_split(by="key"), folder)
    spec = spec_of(entities={"person": {"key": "key", "split": {"test": "key LIKE '%7'"}}})
    table = split_entities(spec, write(people=pl.DataFrame({"key": [str(i) for i in range(100)]})))
    assert set(table.filter(pl.col("split") == "test")["key"]) == {str(i) for i in range(7, 100, 10)}
