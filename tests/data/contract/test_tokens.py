"""Tokens and their tags under contract: empty and blank ones, illegal ones, and tags that are not as many as their tokens."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from mtl.errors import DataError, SpecError
from mtl.spec import Spec
from tests.data.contract.conftest import Run, make_spec

LENIENT = {"max_quarantined": 1.0}
INPUT = {"i": {"source": "t", "kind": "tokens", "column": "x"}}
WORDS: list[list[str]] = [["a", "b"], ["a"], ["a", "b", "c"]]


def spec_of(scheme: str = "bio", tasks: dict[str, Any] | None = None, **more: Any) -> Spec:
    task = {"source": "t", "column": "y", "kind": "tagging", "scheme": scheme, **more}
    return make_spec(LENIENT, inputs=INPUT, tasks=tasks or {"y": task})


def table(words: list[Any], tags: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"id": range(len(words)), "x": words, "y": tags}, strict=False)


def of_cells(outcome: Any) -> dict[str, str]:
    """Key → why its label is in quarantine."""
    return {str(key): reason for key, reason in outcome.cells.select("key", "reason").iter_rows()}


@pytest.mark.parametrize("text", ["lists", "json", "python", "blanks"])
def test_tokens_come_as_lists_or_as_text(run: Run, text: str) -> None:
    said: Any = {"lists": lambda row: row, "json": json.dumps, "python": str, "blanks": lambda row: " \t".join(row)}[text]
    outcome = run(spec_of(), table([said(row) for row in WORDS], [said(["O"] * len(row)) for row in WORDS]))
    assert outcome.validated["x"].to_list() == WORDS
    assert outcome.validated["y"].to_list() == [["O", "O"], ["O"], ["O", "O", "O"]]


def test_a_text_in_brackets_that_is_no_list_is_words(run: Run) -> None:
    outcome = run(spec_of(), table(["[sic] what [sic]", "[1, 2]", " "], ["O O O", "O O", None]))
    assert outcome.validated["x"].to_list() == [["[sic]", "what", "[sic]"], ["1", "2"], None]


@pytest.mark.parametrize(
    "cell",
    ["['New' 'York']", "['New', 'Yo", '["hi", "\\ud83d"]', '["hi", "\0"]', "['hi', '\\ud83d']", "['a', ['b']]", "['a', None]"],
)
def test_what_begins_as_a_list_and_is_none_is_quarantined(run: Run, cell: str) -> None:
    """As numpy prints it, cut short, with half of a character, with what is no text."""
    outcome = run(spec_of(), table(["['New', 'York']", cell, "a"], [None] * 3))
    assert outcome.rows["id"].to_list() == ["1"]
    assert outcome.rows["reasons"].list.first()[0].startswith('x: not a list of words such as ["a", "b"], found [')
    assert outcome.validated["x"].to_list() == [["New", "York"], ["a"]]


def test_lists_in_lists_without_end_are_quarantined(run: Run) -> None:
    outcome = run(spec_of(), table(["[" * 99_999 + "]" * 99_999, "a"], [None] * 2))
    assert outcome.rows["id"].to_list() == ["0"]
    assert outcome.validated["x"].to_list() == [["a"]]


@pytest.mark.parametrize("as_text", [False, True])
def test_a_row_of_too_many_characters_is_quarantined(run: Run, as_text: bool) -> None:
    words = [["a" * 6, "b" * 6], ["a" * 6, "b" * 7], None, ["c" * 13], ["a"] * 13]
    cells = [" ".join(row) if row and as_text else row for row in words]
    spec = make_spec(LENIENT, inputs={"i": {**INPUT["i"], "max_chars": 12}})
    outcome = run(spec, table(cells, [0, 1, 0, 1, 0]))
    assert outcome.validated["x"].to_list() == [words[0], None]
    assert all("x: expected at most 12 characters, found " in reason for reason in outcome.rows["reasons"].list.first())


def test_rows_without_a_token_or_with_a_blank_one_are_quarantined(run: Run) -> None:
    words = [["a"], [], ["a", " "], ["a", None], None]
    outcome = run(spec_of(), table(words, [["O"], ["O"], ["O", "O"], ["O", "O"], None]))
    said = {str(key): reasons[0].split(",")[0] for key, reasons in outcome.rows.select("id", "reasons").iter_rows()}
    assert said == {
        "1": "x: expected at least one token", "2": "x: a token that is blank or missing",
        "3": "x: a token that is blank or missing",
    }  # fmt: skip
    assert outcome.validated["x"].to_list() == [["a"], None]


def test_bad_tags_cost_their_label_and_not_the_row(run: Run) -> None:
    words = [["a", "b"]] * 8
    tags = [["O", "B-p"], ["O"], ["O", "I-p"], ["B-q", "I-p"], ["O", "X"], ["O", None], None, ["B-p", "I-p"]]
    outcome = run(spec_of(), table(words, tags))
    illegal = "an I-TYPE that follows neither B-TYPE nor I-TYPE of the same type"
    assert of_cells(outcome) == {
        "1": "expected a tag for each token", "2": illegal, "3": illegal, "4": "expected tags O, B-TYPE and I-TYPE",
        "5": "a tag that is blank or missing",
    }  # fmt: skip
    assert outcome.validated["y"].to_list() == [["O", "B-p"], *[None] * 6, ["B-p", "I-p"]]
    assert outcome.validated.height == 8
    assert outcome.report["labels"]["y"] == {"kept": 2, "quarantined": 5, "missing": 1}


def test_tags_of_a_row_without_tokens_are_too_many(run: Run) -> None:
    outcome = run(spec_of(), table([["a"], None], [["O"], ["O", "O"]]))
    (found,) = outcome.cells.select("value", "reason").rows()
    assert found == ("2 tags for 0 tokens", "expected a tag for each token")


def test_tags_outside_the_named_ones_cost_their_label(run: Run) -> None:
    spec = spec_of("none", classes=["N", "V"])
    outcome = run(spec, table([["a"], ["b"], ["c"]], [["N"], ["V"], ["ADJ"]]))
    assert of_cells(outcome) == {"2": "expected some of N, V"}


def test_iob1_becomes_bio(run: Run) -> None:
    tags = [["I-p", "I-p", "B-p"], ["O", "I-p", "I-q"], ["B-p", "I-p", "O"]]
    outcome = run(spec_of("iob1"), table([["a", "b", "c"]] * 3, tags))
    assert outcome.validated["y"].to_list() == [["B-p", "I-p", "B-p"], ["O", "B-p", "B-q"], ["B-p", "I-p", "O"]]
    assert not outcome.cells.height


def test_classes_in_iob1_are_those_of_bio(run: Run) -> None:
    """A spec names the tags that the file has, and one of each type is enough."""
    tags = [["I-p", "I-p"], ["O", "B-p"], ["I-q", "O"]]
    outcome = run(spec_of("iob1", classes=["O", "I-p"]), table([["a", "b"]] * 3, tags))
    assert outcome.validated["y"].to_list() == [["B-p", "I-p"], ["O", "B-p"], None]
    assert of_cells(outcome) == {"2": "expected some of O, B-p, I-p"}


def test_any_tag_is_one_where_there_are_no_spans(run: Run) -> None:
    outcome = run(spec_of("none"), table([["a", "b"]], [["I-p", "?"]]))
    assert outcome.validated["y"].to_list() == [["I-p", "?"]]


def test_tasks_on_one_column_agree_on_the_scheme(run: Run) -> None:
    task = {"source": "t", "column": "y", "kind": "tagging", "scheme": "bio"}
    spec = spec_of(tasks={"y": task, "z": {**task, "scheme": "none"}})
    with pytest.raises(SpecError, match=r"(?s)tasks\.z\.column.*scheme 'bio'.*scheme 'none'.*same scheme"):
        run(spec, table([["a"]], [["O"]]))


def test_numbers_are_words(run: Run) -> None:
    assert run(spec_of(), table([[1, 2]], [["O", "O"]])).validated["x"].to_list() == [["1", "2"]]


def test_lists_of_lists_are_no_tokens(run: Run) -> None:
    with pytest.raises(DataError, match=r"(?s)column 'x'.*lists of words"):
        run(spec_of(), table([[["a"]]], [["O"]]))
