"""`sharing: auto` on planted tasks: it keeps together what helps each other and leaves alone what is hurt."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mtl.choosing
from mtl.choosing.choice import Choice, asked_for
from mtl.choosing.choose import choose
from mtl.choosing.done import Done, Taught
from mtl.choosing.training import Job, Workers
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.spec import Distillation, Model, Spec, Training

Make = Callable[..., Encodings]
FRIENDS, STRANGER = ("a", "b", "c", "e"), "d"
TASKS = [("a", "regression"), ("b", "regression"), ("c", "regression"), ("d", "regression"), ("e", "regression")]


def planted(encodings: Encodings, rows: int, seed: int, folder: Path, alike: bool = False) -> AlignedSet:
    """Friends have one signal and few labels; the stranger has another one and all labels. In a narrow trunk it is crowded out.

    With `alike` the stranger is one of the friends too.
    """
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 6)).astype(np.float32)
    shared, own = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2], np.sin(3 * x[:, 3]) + np.abs(x[:, 4])
    names = [task.name for task in encodings.tasks]
    clean = np.stack([own if name == STRANGER and not alike else shared for name in names], 1)
    targets = (clean + 0.3 * random.normal(size=clean.shape)).astype(np.float32)
    few = random.random(targets.shape) < 0.25
    labelled = np.where([name == STRANGER and not alike for name in names], True, few)
    arrays = {"numeric": x, "missing": np.zeros(x.shape, bool), "categorical": np.zeros((rows, 0), np.int32)}
    inputs = {"x": {**arrays, "present": np.ones(rows, bool)}}
    keys = pl.DataFrame(
        {"entity": ["thing"] * rows, "key": [str(i) for i in range(rows)], "group": pl.Series([None] * rows, dtype=pl.String)}
    )
    AlignedSet(inputs, targets * labelled, labelled, tuple(names)).write(folder, keys)
    return AlignedSet.read(folder)


def spec_of(**auto: object) -> Spec:
    model = Model.model_validate(
        {"sharing": "auto", "width": 8, "depth": 2, "dropout": 0.0, "auto": {"budget": 9, "folds": 3, **auto}}
    )
    asked = {"batch_size": 64, "max_epochs": 60, "patience": 8, "lr": 0.01, "device": "cpu", "relatedness": 20}
    return Spec.model_construct(model=model, training=Training.model_validate(asked))


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[AlignedSet, AlignedSet]]:
    def made(encodings: Encodings, alike: bool = False) -> tuple[AlignedSet, AlignedSet]:
        folder = tmp_path_factory.mktemp("aligned")
        return planted(encodings, 900, 0, folder / "0", alike), planted(encodings, 300, 1, folder / "1", alike)

    return made


@pytest.fixture(scope="session")
def decided(sets: Any) -> Choice:
    encodings = five()
    return choose(spec_of(), encodings, *sets(encodings))


def five() -> Encodings:
    from mtl.data.encodings import TaskEncoding
    from mtl.data.inputs.tabular import NumericColumn, TabularEncoding

    columns = tuple(NumericColumn(f"n{i}", f"n{i}", 0.0, 1.0) for i in range(6))
    tasks = tuple(TaskEncoding(n, n, k, "thing", "table", n, ("x",), "r2") for n, k in TASKS)
    return Encodings({"x": TabularEncoding("x", {"thing": "table"}, columns, ())}, tasks)


def test_the_stranger_stands_alone_and_the_friends_together(decided: Choice) -> None:
    assert decided.sharing == "shared_bottom"
    assert decided.groups == (FRIENDS, (STRANGER,))
    together = next(row for row in decided.alternatives if row["networks"] == 1)
    assert together["hurt"] == [STRANGER]
    assert not together["chosen"]
    (chosen,) = [row for row in decided.alternatives if row["chosen"]]
    assert chosen["score"] > 0
    assert "d stands alone" in decided.why


def test_friends_alone_stay_in_one_trunk(sets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workers, "_cores", lambda self, training: 1)  # in this process, which is a third of the work
    encodings = five()
    found = choose(spec_of(), encodings, *sets(encodings, alike=True))
    assert (found.sharing, found.groups) == ("shared_bottom", None)
    assert found.alternatives[0]["score"] > 1


def test_it_is_the_same_again_and_after_a_kill(decided: Choice, sets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short in the middle, one training after the other; `decided` came from processes side by side."""
    monkeypatch.setattr(Workers, "_cores", lambda self, training: 1)
    encodings = five()
    rows = sets(encodings)

    def stop(what: str) -> None:
        if "4 tasks, fold 2" in what:
            raise InterruptedError

    again: dict[str, Any] = {"key": "k", "checkpoints": tmp_path / "checkpoints", "scratch": tmp_path / "scratch"}
    with pytest.raises(InterruptedError):
        choose(spec_of(), encodings, *rows, progress=stop, **again)
    went_on: list[str] = []
    found = choose(spec_of(), encodings, *rows, progress=went_on.append, **again)
    assert found == decided
    assert all("4 tasks, fold" in what and "fold 1" not in what for what in went_on), "what was finished is not trained again"


@pytest.mark.parametrize(("budget", "folds", "used"), [(9, 3, 9), (8, 3, 6), (2, 3, 2)])
def test_the_budget_is_kept(budget: int, folds: int, used: int, sets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encodings, trained = five(), list[int]()

    def guessed(self: Workers, jobs: list[Job]) -> Iterator[Done]:
        """Stands for trainings: predictions at random, so that there is always something left to try."""
        for job in jobs:
            trained.append(job.number)
            random, rows = np.random.default_rng(len(trained)), self.folds[job.number].judge.rows
            yield Done({task.name: random.normal(size=rows) for task in job.encodings.tasks})

    monkeypatch.setattr(Workers, "each", guessed)
    found = choose(spec_of(budget=budget, folds=folds), encodings, *sets(encodings))
    assert len(trained) == found.budget["used"] == used
    assert found.budget["folds"] == min(folds, budget // 2)


def test_each_alternative_is_taught_by_what_its_tasks_learned_alone(sets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The single-task networks of a fold are trained once, and a trunk of some tasks hears those of these tasks only."""
    encodings, heard = five(), list[tuple[str, int]]()
    number = {task.name: place for place, task in enumerate(encodings.tasks)}

    def guessed(self: Workers, jobs: list[Job]) -> Iterator[Done]:
        for job in jobs:
            names, judge = [task.name for task in job.encodings.tasks], self.folds[job.number].judge
            heard.append((job.model.sharing, len(names)))
            said = np.array([[[10 * job.number + number[name]]] for name in names], np.float32)
            if job.teaches is None:
                assert job.taught is not None
                assert np.array_equal(job.taught.soft, said)
            together = {name: 2.0 if name == STRANGER else 0.3 for name in names}
            off = together if job.teaches is None else dict.fromkeys(names, 0.5)
            random = np.random.default_rng(len(heard))
            predicted = {n: judge.targets[:, number[n]] + off[n] * random.normal(size=judge.rows) for n in names}
            yield Done(predicted, None, None if job.teaches is None else Taught(said, np.ones(said.shape[:2], np.float32)))

    monkeypatch.setattr(Workers, "each", guessed)
    spec = spec_of()
    distilled = spec.training.model_copy(update={"distillation": Distillation()})
    choose(Spec.model_construct(model=spec.model, training=distilled), encodings, *sets(encodings))
    assert [one for one in heard if one[0] == "separate"] == 3 * [("separate", 5)]
    assert any(sharing != "separate" and tasks < 5 for sharing, tasks in heard), "those without the stranger"


def test_a_choice_survives_its_file_and_is_followed(decided: Choice) -> None:
    import json

    again = Choice.parse(json.loads(json.dumps(decided.as_json(), allow_nan=False)))
    spec, encodings = again.applied(spec_of(), five())
    assert (spec.model.sharing, spec.model.groups) == ("shared_bottom", decided.groups)
    assert encodings == five()
    heavier = Choice("auto", "shared_bottom", weights={"d": 4.0})
    spec, encodings = heavier.applied(spec_of(), five())
    assert spec.training.balancing == "fixed"
    assert [task.weight for task in encodings.tasks] == [1, 1, 1, 4, 1]


def test_without_auto_the_spec_is_the_choice() -> None:
    spec = Spec.model_construct(model=Model(sharing="shared_bottom", groups=(("a",), ("b",))), training=Training())
    choice = asked_for(spec)
    assert (choice.sharing, choice.groups, choice.alternatives) == ("shared_bottom", (("a",), ("b",)), ())
    assert choice.applied(spec, five()) == (spec, five())


def test_the_room_has_no_name_for_test() -> None:
    """Neither a path nor a word of its code leads to test rows: it is given train and valid, and nothing else."""
    for file in Path(mtl.choosing.__path__[0]).glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert not {"test", "ALIGNED", "SPLIT"} & (names | words)
