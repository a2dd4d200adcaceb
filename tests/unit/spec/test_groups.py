"""Groups of tasks and `sharing: auto` in the spec: what is wrong is told by its line."""

from __future__ import annotations

import pytest

WRONG = [
    ("model: {groups: [[sick], [wieght]]}", "model.groups", "a task", "'wieght'", "write 'weight'"),
    ("model: {groups: [[sick], [sick]]}", "model.groups", "each task in a group once", "'sick' twice", ""),
    ("model: {groups: [[sick], []]}", "model.groups", "at least one task in each group", "an empty group", ""),
    ("model: {groups: [[sick]], sharing: hybrid}", "model", "groups with sharing: shared_bottom", "sharing: hybrid", ""),
    ("model: {groups: [[sick]], sharing: auto}", "model", "groups with sharing: shared_bottom", "sharing: auto", ""),
    ("model: {sharing: auto, auto: {also: [seperate]}}", "model", "sharings to try (shared_bottom", "seperate", ""),
    ("model: {sharing: auto, auto: {also: [auto]}}", "model", "sharings to try", "auto", ""),
    ("model: {sharing: auto, depth: 1, auto: {also: [mmoe, ple]}}", "model", "a depth of at least 2", "1", ""),
    ("model: {sharing: auto, auto: {budget: 1}}", "model.auto.budget", "greater than or equal to 2", "1", ""),
    ("model: {}\ntraining: {relatedness: 0}", "training.relatedness", "greater than or equal to 1", "0", ""),
]


@pytest.mark.parametrize(("text", "key", "expected", "found", "do"), WRONG)
def test_what_is_wrong_is_told_in_words(told, text, key, expected, found, do) -> None:
    old = "model: {}\ntraining: {lr: 1e-3}" if "training" in text else "model: {}"
    assert told(old, text, key, expected, found, do).what.endswith(key)


def test_groups_name_tasks_and_those_that_are_made_of_one(changed) -> None:
    assert changed("model: {}", "model: {groups: [[weight], [sick]]}").model.groups == (("weight",), ("sick",))
    spec = changed(
        "weight: {source: labs, column: weight, kind: regression}\nencoding: {}\nmodel: {}",
        "weight: {source: labs, column: weight, kind: regression, for_each: {column: ward}}\nencoding: {}\n"
        "model: {groups: [[weight, sick], [weight_7]]}",
    )
    assert spec.model.groups == (("weight", "sick"), ("weight_7",))


def test_auto_has_defaults_that_work(changed) -> None:
    auto = changed("model: {}", "model: {sharing: auto}").model.auto
    assert auto.budget >= 3 * auto.folds
    assert changed("lr: 1e-3", "relatedness: null").training.relatedness is None
