"""An adapted model as a folder: what `mtl adapt` says of it can be pasted, and it tells spread as the champion does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from mtl.adaptation.judge import Line
from mtl.adaptation.learn import learn
from mtl.adaptation.package import Adapted, read_adapted, write_adapted
from mtl.adaptation.rows import TaskRows
from mtl.adaptation.run import FOLDER, _next
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.errors import DataError, TrainingError
from mtl.network import Network, build_network, input_tensors
from mtl.network.ragged import take_inputs
from mtl.registry.package import PREDICTED, Package, read_package, write_package
from mtl.spec import NUMBERS, Model, Spec, Training
from tests.model.conftest import table
from tests.model.conftest import task as task_of

COLUMNS = ("x_n0", "x_n1")
OLD = (task_of("old", "regression"), task_of("level", "ordinal", classes=3))
TRAINING = Training(max_epochs=2, lr=1e-2, device="cpu")
BETTER = Line(100, 1, "r2", 0.5, 0.4, 0.1, 0.05, 0.15)


def raw(rows: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    keys = {"entity": ["thing"] * rows, "key": [str(i) for i in range(rows)]}
    return pl.DataFrame({**keys, **{name: random.normal(size=rows) for name in COLUMNS}})


def champion_in(folder: Path, members: int) -> Package:
    encodings, model = Encodings({"x": table("x", 2)}, OLD), Model(width=8, depth=1, dropout=0.1, members=members)
    torch.manual_seed(0)
    spec = Spec.model_construct(model=model, training=TRAINING)
    write_package(folder, spec, encodings, build_network(encodings, model), raw(20), raw(5))
    return read_package(folder)


def rows_of(champion: Package, task: TaskEncoding, rows: int, seed: int) -> TaskRows:
    frame = raw(rows, seed)
    inputs = {name: one.apply(frame) for name, one in champion.encodings.inputs.items()}
    signal = frame["x_n0"].to_numpy()
    targets = np.digitize(signal, np.linspace(-1, 1, len(task.classes) - 1)) if task.classes else signal
    return TaskRows(inputs, targets.astype(np.float32)[:, None], frame.select("entity", "key"))


def adapted_in(root: Path, task: TaskEncoding, members: int = 1) -> Adapted:
    champion, target = champion_in(root / "champion", members), root / FOLDER / task.name
    learned = learn(champion.network, task, rows_of(champion, task, 80, 1), rows_of(champion, task, 40, 2), TRAINING)
    target.parent.mkdir(parents=True)
    write_adapted(target, champion, task, learned, 4)
    return read_adapted(target)


def test_what_is_said_last_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapted = adapted_in(tmp_path, task_of("new", "regression"))
    monkeypatch.chdir(tmp_path)
    (line,) = re.findall(r"^ +(.*read_adapted\(.*)$", _next("new", BETTER, "head"), re.MULTILINE)
    *first, last = line.split("; ")
    known: dict[str, Any] = {"frame": raw(7)}
    exec("; ".join(first), known)
    assert eval(last, known).equals(adapted.predict(raw(7)))


def test_a_worse_one_is_told_what_else_there_is() -> None:
    worse = replace(BETTER, diff=-0.1, low=-0.2, high=-0.05)
    assert "--with low_rank" in _next("new", worse, "head")
    said = _next("new", worse, "low_rank")
    assert said.count("mtl run") == 1
    assert "read_adapted" not in said


@pytest.mark.parametrize("kind", ["regression", "binary", "ordinal", "quantile"])
def test_spread_stands_beside_the_new_task_as_beside_the_old(kind: str, tmp_path: Path) -> None:
    new = task_of("new", kind)
    new = replace(new, std=3.0) if kind in NUMBERS else new
    adapted, frame = adapted_in(tmp_path, new, members=3), raw(30, 5)
    found, theirs = adapted.predict(frame), adapted.champion.predict(frame)
    assert found.select(theirs.columns).equals(theirs)
    assert found.columns[: len(theirs.columns)] == theirs.columns
    network, addition = adapted.champion.network, adapted.addition
    tensors = input_tensors(network.plan, rows_of(adapted.champion, new, 30, 5).inputs)
    with torch.no_grad():
        views = addition.views(take_inputs(tensors, torch.arange(30)))
        each = addition.head.predictions(addition(views).double())[0]  # [row, member] or [row, member, class]
    spread = each.std(1).numpy()
    if kind == "ordinal":
        labels = [new.classes.index(label) for label in found["new"]]
        spread = spread[np.arange(30), labels]
    spread = spread[:, 1] if kind == "quantile" else spread
    np.testing.assert_allclose(found["new_spread"], spread * new.std, rtol=1e-9)
    assert (found["new_spread"] > 0).all()
    assert PREDICTED + "new_spread" in adapted.golden().columns


def test_without_members_there_is_no_spread(tmp_path: Path) -> None:
    found = adapted_in(tmp_path, task_of("new", "binary")).predict(raw(5))
    assert found.columns == ["old", "level", *(f"level.c{i}" for i in range(3)), "new"]


@pytest.mark.parametrize("empty", ["train", "valid"])
def test_without_rows_to_learn_from_or_to_stop_by_it_says_so(empty: str, tmp_path: Path) -> None:
    """A task whose labels are all on rows that show none of its inputs."""
    champion, task = champion_in(tmp_path / "champion", 1), task_of("new", "regression")
    train, valid = (rows_of(champion, task, 0 if side == empty else 40, 1) for side in ("train", "valid"))
    with pytest.raises(DataError, match=f"(?s)labels of {empty}.*at least one"):
        learn(champion.network, task, train, valid, TRAINING)


def test_a_training_that_fails_leaves_the_champion_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    champion = champion_in(tmp_path / "champion", 1)
    moved: list[torch.device] = []
    network, task = champion.network, task_of("new", "regression")

    def to(device: str | torch.device) -> Network:
        moved.append(torch.device(device))
        return network

    monkeypatch.setattr(network, "to", to)
    monkeypatch.setattr("mtl.adaptation.learn._epochs", _fails)
    with pytest.raises(TrainingError, match="not finite"):
        learn(network, task, rows_of(champion, task, 40, 1), rows_of(champion, task, 20, 2), TRAINING)
    assert moved == [torch.device("cpu")] * 2, "there, and back"


def _fails(*given: object) -> None:
    raise TrainingError("the loss", expected="a finite number", found="not finite", do="less")
