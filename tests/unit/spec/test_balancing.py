"""training.balancing, its options, `at` and `every`."""

from __future__ import annotations

from typing import get_args

import pytest

from mtl.spec import Model, Training
from mtl.spec.options import BALANCING_OPTIONS, MEETING, ON_GRADIENTS

BALANCING = "model: {}\ntraining: {lr: 1e-3}"

WRONG = [
    # model, training, key, expected, found, to do
    ("", "balancing: famo, options: {rate: 1}", "training", "an option of famo (lr, decay)", "rate", ""),
    ("", "balancing: dwa, options: {temperature: 0}", "training", "temperature of dwa", "0", ""),
    ("", "balancing: stch, options: {warmup: 1.5}", "training", "warmup", "1.5", ""),
    ("sharing: task_conditioned, options: {embedding: 2.5}", "", "model", "embedding of task_conditioned: a whole", "2.5", ""),
    ("sharing: message_passing, options: {message: 8.5}", "", "model", "message of message_passing: a whole number", "8.5", ""),
    ("", "balancing: mgda, at: head", "training.at", "'representation' or 'parameters'", "'head'", ""),
    ("", "balancing: mgda, every: 0", "training.every", "greater than or equal to 1", "0", ""),
    ("sharing: separate", "balancing: mgda", "training.balancing", "tasks that share", "sharing: separate", "balancing: equal"),
    ("sharing: separate", "balancing: gradnorm", "training.balancing", "tasks that share", "sharing: separate", "balancing: equal"),
    ("sharing: auto, auto: {also: [cgc, hybrid]}", "balancing: nash, at: representation", "training.at", "cgc", "also: hybrid", ""),
    ("sharing: hybrid", "balancing: nash, at: representation", "training.at", "shared_bottom", "sharing: hybrid", "at: auto"),
]


@pytest.mark.parametrize(("model", "training", "key", "expected", "found", "do"), WRONG)
def test_what_is_wrong_is_named(told, model, training, key, expected, found, do) -> None:
    told(BALANCING, f"model: {{{model}}}\ntraining: {{{training}}}", key, expected, found, do)


@pytest.mark.parametrize("sharing", ["shared_bottom", "hybrid"])
def test_what_goes_together(changed, sharing) -> None:
    read = changed(BALANCING, f"model: {{sharing: {sharing}}}\ntraining: {{balancing: cagrad, every: 5, options: {{c: 0.2}}}}")

    assert (read.training.at, read.training.every, read.training.all_options) == ("auto", 5, {"c": 0.2})


def test_losses_may_be_balanced_where_nothing_is_shared(changed) -> None:
    """A weight then only scales a task's step; the run leaves it out."""
    assert changed(BALANCING, "model: {sharing: separate}\ntraining: {balancing: dwa}").training.balancing == "dwa"


def test_the_lists_know_their_names() -> None:
    balancings = get_args(Training.model_fields["balancing"].annotation)
    assert set(ON_GRADIENTS) <= set(balancings)
    assert set(BALANCING_OPTIONS) <= set(balancings)
    assert set(MEETING) <= set(get_args(Model.model_fields["sharing"].annotation))


def test_the_table_has_what_the_spec_offers() -> None:
    from mtl.balancing import BALANCINGS

    assert set(BALANCINGS) == set(get_args(Training.model_fields["balancing"].annotation))
