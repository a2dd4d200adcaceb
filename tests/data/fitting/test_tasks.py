"""Tasks that read tokens: which of them can be learned at all."""

from __future__ import annotations

import polars as pl
import pytest

from mtl.data.fitting.tasks import Target, fit_tasks
from mtl.errors import UnfitError
from tests.data.conftest import spec_of


def fitted(train: list[list[str]]) -> Target:
    """A tagging task of these labels, two tokens of each row read, labels in all splits."""
    words = {"source": "people", "kind": "tokens", "column": "x", "max_tokens": 2}
    task = {"source": "people", "column": "y", "kind": "tagging", "scheme": "none"}
    spec = spec_of(inputs={"words": words}, tasks={"y": task}, encoding={"min_labels": 2})
    rows = pl.DataFrame({"split": ["train"] * len(train) + ["valid", "test"], "label": [*train, train[0], train[0]]})
    (target,), _ = fit_tasks(spec, {"y": rows.with_columns(value=pl.lit(None, pl.String)).with_row_index("key")})
    return target


def test_two_tags_are_a_task() -> None:
    assert fitted([["N", "V"], ["N", "V"]]).task.classes == ("N", "V")


@pytest.mark.parametrize("train", [[["N"], ["N", "N"]], [["N", "N", "V"], ["N"]]])
def test_one_tag_is_no_task_however_many_tokens_have_it(train: list[list[str]]) -> None:
    """Nor is one of which a second tag stands behind all that is read."""
    with pytest.raises(UnfitError, match=r"found:\s+one value only in train \(N\)"):
        fitted(train)
