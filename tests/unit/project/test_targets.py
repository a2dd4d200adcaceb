"""What kind of task a target column makes."""

from __future__ import annotations

import random

import pytest

from mtl.project.guessed import GuessedTask
from mtl.project.targets import guess_task

draw = random.Random(1)
NUMBERS = [round(draw.gauss(50, 10), 2) for _ in range(300)]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("c", [0, 1, None] * 100, "binary"),
        ("c", ["yes", "no", "no"] * 100, "binary"),
        ("c", ["left", "right", "right"] * 100, "binary"),
        ("c", NUMBERS, "regression"),
        ("c", list(range(20)) * 15, "regression"),
        ("rating", [1, 2, 3, 4, 5] * 60, "ordinal"),
        ("digit", list(range(10)) * 30, "multiclass"),
        ("c", ["good", "poor", "Very good", "fair"] * 75, "ordinal"),
        ("c", ["cat", "dog", "bird"] * 100, "multiclass"),
    ],
)
def test_kinds_of_tasks(column, name, values, kind) -> None:
    task = guess_task(column(values, name), "t", "s")
    assert isinstance(task, GuessedTask)
    assert task.kind == kind
    assert task.why


def test_yes_and_no_are_known_in_any_spelling_and_else_the_rarer_is_positive(column) -> None:
    yes = guess_task(column(["Y", "N", "N"] * 100), "t", "s")
    assert (yes.positive, yes.negative, yes.doubts) == ("Y", "N", ())
    ja = guess_task(column(["Ja", "Nein", "Ja"] * 100), "t", "s")
    assert (ja.positive, ja.negative) == ("Ja", "Nein")
    other = guess_task(column(["left", "right", "right"] * 100), "t", "s")
    assert other.positive == "left"
    assert "rarer" in other.doubts[0]


def test_a_third_word_beside_yes_and_no_is_set_aside_if_it_is_rare(column) -> None:
    task = guess_task(column([0, 1] * 200 + ["Borderline"] * 10), "t", "s")
    assert (task.kind, task.positive, task.negative) == ("binary", "1", "0")
    assert task.set_aside == pytest.approx(10 / 410)
    assert "'Borderline'" in task.doubts[0]
    assert guess_task(column([0, 1, "Borderline"] * 100), "t", "s").kind == "multiclass"


def test_ordered_words_are_put_in_their_order_as_the_data_spell_them(column) -> None:
    task = guess_task(column(["Good", "poor?", "very_good", "Fair"] * 75), "t", "s")
    assert task.classes == ("poor?", "Fair", "Good", "very_good")


def test_few_labels_are_pointed_out_and_the_task_may_be_dropped(column) -> None:
    few = guess_task(column(NUMBERS[:50]), "t", "s")
    assert few.may_drop
    assert "only 50 labels" in few.doubts
    rare = guess_task(column([0] * 500 + [1] * 5), "t", "s")
    assert rare.may_drop
    assert "only 5 labels of one of its two classes" in rare.doubts
    assert not guess_task(column(NUMBERS), "t", "s").may_drop


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([None] * 300, "empty"),
        ([1] * 300, "every label is the same"),
        ([f"2020-01-{1 + n % 28:02d}" for n in range(300)], "dates"),
        ([f"word{n}" for n in range(300)], "300 different values"),
    ],
)
def test_columns_that_make_no_task_say_why(column, values, why) -> None:
    reason = guess_task(column(values), "t", "s")
    assert isinstance(reason, str)
    assert why in reason
