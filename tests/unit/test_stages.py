"""What stages promise beside what their rooms do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.layout import ALIGNED, ENCODINGS, SINGLE_TASK
from mtl.spec import Distillation, Model, Regularizers, Spec, Training
from mtl.stages._fitting import _alone, run_key


def test_train_and_baseline_never_share_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`model.sharing: separate` makes them the same run, and `mtl run` runs them side by side."""
    monkeypatch.chdir(tmp_path)
    for folder in (ALIGNED / "train", ALIGNED / "valid", ENCODINGS):
        folder.mkdir(parents=True)
        (folder / "a.npy").write_bytes(b"same")
    spec = Spec.model_construct(model=Model(), training=Training())
    assert run_key("candidate", spec) == run_key("candidate", spec)
    assert run_key("candidate", spec) != run_key("single_task", spec)


def test_the_rival_learns_nothing_from_other_tasks() -> None:
    """Neither teachers nor penalties nor another sharing's options; all else as the spec says."""
    asked = {"distillation": {}, "regularizers": {"mean": 1.0}, "lr": 0.5}
    model = Model(sharing="cross_stitch", options={"start": 0.5}, width=17)
    spec = Spec.model_construct(model=model, training=Training.model_validate(asked))
    alone = _alone(spec, "separate")
    assert (alone.model.sharing, alone.model.options, alone.model.groups, alone.model.width) == ("separate", {}, None, 17)
    assert (alone.training.distillation, alone.training.regularizers, alone.training.lr) == (None, Regularizers(), 0.5)
    assert Model.model_validate(alone.model.model_dump()) == alone.model


def test_teachers_are_part_of_what_a_checkpoint_belongs_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (ALIGNED / "train", ALIGNED / "valid", ENCODINGS, SINGLE_TASK):
        folder.mkdir(parents=True)
    plain = Spec.model_construct(model=Model(), training=Training())
    taught = Spec.model_construct(model=Model(), training=Training(distillation=Distillation()))
    before = [run_key("candidate", spec) for spec in (plain, taught)]
    (SINGLE_TASK / "model.safetensors").write_bytes(b"other")
    after = [run_key("candidate", spec) for spec in (plain, taught)]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)
