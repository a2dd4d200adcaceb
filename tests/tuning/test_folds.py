from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.errors import SpecError
from mtl.layout import SPLITS
from mtl.tuning.base import Base
from mtl.tuning.data import can_be_dealt, dealt, fold_of

UNITS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 400), st.none() | st.integers(0, 12), st.sampled_from(SPLITS)),
    min_size=1, max_size=120, unique_by=lambda row: row[:2],
)  # fmt: skip


def table(rows: list[tuple[str, int, int | None, str]]) -> pl.DataFrame:
    """A split whose groups stay on one side, as `mtl split` makes it."""
    side = {(entity, group): side for entity, _, group, side in rows if group is not None}
    return pl.DataFrame(
        [(e, str(k), side[e, g] if g is not None else s, None if g is None else str(g)) for e, k, g, s in rows],
        schema={"entity": pl.String, "key": pl.String, "split": pl.String, "group": pl.String}, orient="row",
    )  # fmt: skip


@given(UNITS, st.integers(2, 6), st.integers(0, 3))
def test_every_entity_judges_once_and_is_never_on_two_sides(rows, folds: int, seed: int) -> None:
    split = table(rows)
    known = split.filter(pl.col("split") != "test")
    parts = [dealt(split, folds, seed, part) for part in range(folds)]
    judged = pl.concat([part.filter(pl.col("split") == "valid") for part in parts])
    assert judged.select("entity", "key").sort("entity", "key").equals(known.select("entity", "key").sort("entity", "key"))
    for part in parts:
        assert set(part["split"]) <= {"train", "valid"}
        assert part.select("entity", "key").equals(known.select("entity", "key")), "test is dropped, nobody else"
        groups = part.drop_nulls("group").group_by("entity", "group").agg(pl.col("split").n_unique())
        assert (groups["split"] == 1).all(), "groups stay together"


@given(UNITS, st.integers(2, 6), st.integers(0, 3), st.randoms(use_true_random=False))
def test_folds_are_even_and_do_not_depend_on_the_order_of_rows(rows, folds: int, seed: int, random) -> None:
    known = table(rows).with_columns(split=pl.lit("train"))
    fold = known.with_columns(
        fold=fold_of(known, folds, seed), unit=pl.coalesce(pl.lit("g") + pl.col("group"), pl.lit("k") + pl.col("key"))
    )
    for of_entity in fold.partition_by("entity"):
        units = of_entity.group_by("unit").agg(pl.col("fold").first())
        counts = [int((units["fold"] == f).sum()) for f in range(folds)]
        assert max(counts) - min(counts) <= 1
    order = random.sample(range(known.height), known.height)
    assert fold_of(known[order], folds, seed).equals(fold["fold"][order])


def test_without_folds_only_test_is_dropped() -> None:
    split = table([("a", 1, None, "train"), ("a", 2, None, "valid"), ("a", 3, None, "test")])
    assert dealt(split, None, 0, 0).equals(split[:2])


def test_a_fold_stays_the_same_on_every_machine() -> None:
    known = table([("a", key, None, "train") for key in range(12)])
    assert fold_of(known, 3, 0).to_list() == [1, 0, 2, 1, 2, 0, 0, 2, 0, 2, 1, 1]
    assert fold_of(known, 3, 1).to_list() != fold_of(known, 3, 0).to_list()


def test_what_is_split_by_time_is_not_dealt_into_folds(base) -> None:
    made: Base = base()
    by_time = Base(made.text.replace("seed: 1", "time: asked_at"))
    can_be_dealt(by_time.spec, None)
    can_be_dealt(made.spec, 5)
    with pytest.raises(SpecError, match="--folds 0"):
        can_be_dealt(made.spec, 1)
    with pytest.raises(SpecError, match="newer"):
        can_be_dealt(by_time.spec, 5)
