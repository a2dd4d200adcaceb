"""training.regularizers, training.distillation, and the options of the sharings that exchange."""

from __future__ import annotations

import pytest

from mtl.spec import Regularizers, Training

WRONG = [
    # old, new, key, expected, found, to do
    ("lr: 1e-3", "lr: 1e-3, regularizers: {men: 1}", "training.regularizers.men", "a key of the spec", "'men'", "'mean'"),
    ("lr: 1e-3", "lr: 1e-3, regularizers: {mean: -1}", "training.regularizers.mean", "greater than or equal to 0", "-1", ""),
    ("lr: 1e-3", "lr: 1e-3, distillation: {weight: 0}", "training.distillation.weight", "greater than 0", "0", ""),
    ("lr: 1e-3", "lr: 1e-3, distillation: {anneal: 0}", "training.distillation.anneal", "greater than or equal to 1", "0", ""),
    ("lr: 1e-3", "lr: 1e-3, distillation: {temperature: 0}", "training.distillation.temperature", "greater than 0", "0", ""),
    ("model: {}", "model: {sharing: cross_stitch, options: {start: 2}}", "model", "start of cross_stitch: at least 0", "2", ""),
    ("model: {}", "model: {sharing: cross_stitch, options: {first: 1}}", "model", "an option of cross_stitch (start)", "first", ""),
    ("model: {}", "model: {sharing: message_passing, options: {message: 0}}", "model", "message of message_passing", "0", ""),
    ("model: {}", "model: {sharing: task_conditioned, options: {embedding: 0}}", "model", "at least 1", "0", ""),
]


@pytest.mark.parametrize(("old", "new", "key", "expected", "found", "do"), WRONG)
def test_what_is_wrong_is_named(told, old, new, key, expected, found, do) -> None:
    told(old, new, key, expected, found, do)


def test_nobody_teaches_himself(refused, changed) -> None:
    error = refused("model: {}\ntraining: {lr: 1e-3}", "model: {sharing: separate}\ntraining: {distillation: {}}")

    assert error.what.endswith("training.distillation")
    assert "sharing: separate" in error.found
    assert changed("training: {lr: 1e-3}", "training: {distillation: {}}").training.distillation.weight == 1


def test_tasks_on_their_own_learn_nothing_from_each_other() -> None:
    asked = Training.model_validate({"lr": 0.5, "regularizers": {"mean": 1, "low_rank": 2}, "distillation": {}})
    assert asked.regularizers.lambdas == {"mean": 1, "low_rank": 2}
    alone = asked.alone()
    assert (alone.regularizers, alone.distillation, alone.lr) == (Regularizers(), None, 0.5)
    assert alone == Training(lr=0.5)
    assert Regularizers(mean=0, low_rank=0.1).lambdas == {"low_rank": 0.1}
