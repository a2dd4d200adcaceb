"""Small encodings and aligned sets, made in memory, for the tests of network, balancing and training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs import InputEncoding
from mtl.data.inputs.tabular import CategoricalColumn, NumericColumn, TabularEncoding
from mtl.data.ragged import Ragged
from mtl.spec import LISTS, NUMBERS

pytest.register_assert_rewrite("tests.model.network.reading", "tests.model.training.reading")

CLASSES = {"regression": 0, "binary": 2, "multiclass": 4, "ordinal": 5, "count": 0, "quantile": 0, "multilabel": 3, "retrieval": 6}
LEVELS = (0.1, 0.5, 0.9)
OWN: dict[str, dict[str, Any]] = {
    "quantile": {"levels": LEVELS}, "retrieval": {"size": 8, "temperature": 0.1}, "count": {"dispersion": 5.0},
}  # fmt: skip


def table(name: str, numeric: int, categorical: Sequence[int] = ()) -> TabularEncoding:
    numbers = tuple(NumericColumn(f"{name}_n{i}", f"{name}_n{i}", 0.0, 1.0) for i in range(numeric))
    labels = tuple(
        CategoricalColumn(f"{name}_c{i}", f"{name}_c{i}", tuple(str(v) for v in range(n))) for i, n in enumerate(categorical)
    )
    return TabularEncoding(name, {"thing": "table"}, numbers, labels)


def task(name: str, kind: str, inputs: Sequence[str] = ("x",), classes: int | None = None, weight: float = 1.0) -> TaskEncoding:
    labels = tuple(f"c{i}" for i in range(CLASSES[kind] if classes is None else classes))
    return TaskEncoding(
        name, name, kind, "thing", "table", name, tuple(inputs), "r2", classes=labels, weight=weight, **OWN.get(kind, {})
    )


def mixed_tasks() -> tuple[TaskEncoding, ...]:
    """Every kind, kinds not beside each other, different class counts within a kind."""
    kinds = [
        ("a", "regression", None),
        ("b", "binary", None),
        ("c", "multiclass", 3),
        ("d", "ordinal", 5),
        ("e", "regression", None),
    ]
    more = [("f", "multiclass", 4), ("g", "ordinal", 3), ("h", "count", None), ("j", "quantile", None)]
    scattered = replace(task("i", "count"), distribution="negative_binomial")
    return (*(task(n, k, classes=c) for n, k, c in [*kinds, *more]), scattered)


def rows_for(encodings: Encodings, rows: int, seed: int, labelled: float = 0.7, noise: float = 0.3) -> AlignedSet:
    """Random rows whose targets follow the inputs; labels missing at random."""
    random = np.random.default_rng(seed)
    inputs = {name: _arrays(one, rows, random) for name, one in encodings.inputs.items()}
    signal = sum(arrays["numeric"].sum(1) / np.sqrt(arrays["numeric"].shape[1]) for arrays in inputs.values())
    targets = np.stack([_target(t, signal + noise * random.normal(size=rows)) for t in encodings.tasks], 1)
    mask = random.random(targets.shape) < labelled
    at = {t.name: j for j, t in enumerate(encodings.tasks)}
    lists = {t.name: _lists(targets[:, at[t.name]] * mask[:, at[t.name]]) for t in encodings.tasks if t.kind in LISTS}
    plain = mask & np.array([t.kind not in LISTS for t in encodings.tasks])
    return AlignedSet(inputs, np.where(plain, targets, 0).astype(np.float32), mask, tuple(at), lists=lists)


def _lists(target: np.ndarray) -> Ragged:
    """Of class k the labels 1 … k."""
    lengths = target.astype(np.int64)
    return Ragged.of_lengths(np.concatenate([np.arange(1, k + 1, dtype=np.int32) for k in lengths]), lengths)


def _arrays(one: InputEncoding, rows: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    assert isinstance(one, TabularEncoding)
    missing = random.random((rows, len(one.numeric))) < 0.1
    numeric = np.where(missing, 0, random.normal(size=missing.shape)).astype(np.float32)
    codes = [random.integers(0, c.codes, rows) for c in one.categorical]
    categorical = np.stack(codes, 1).astype(np.int32) if codes else np.zeros((rows, 0), np.int32)
    return {"numeric": numeric, "missing": missing, "categorical": categorical, "present": np.ones(rows, bool)}


def _target(one: TaskEncoding, signal: np.ndarray) -> np.ndarray:
    if one.kind == "count":
        return np.floor(2 * np.exp(signal))
    if one.kind in NUMBERS:
        return signal
    edges = np.quantile(signal, np.linspace(0, 1, len(one.classes) + 1)[1:-1])
    return np.digitize(signal, edges).astype(np.float32)


def noted(monkeypatch: pytest.MonkeyPatch, of: type, method: str, note: Callable[..., int]) -> list[int]:
    """From now on what `note` says of the arguments of each call of this method."""
    whole, found = getattr(of, method), list[int]()

    def watched(self: Any, *given: Any) -> Any:
        found.append(note(*given))
        return whole(self, *given)

    monkeypatch.setattr(of, method, watched)
    return found


@pytest.fixture
def mixed() -> Encodings:
    """One input, seven tasks of all kinds."""
    return Encodings({"x": table("x", 4, (3, 5))}, mixed_tasks())


@pytest.fixture
def listed() -> Encodings:
    """Labels that are lists, before and behind ones that are none."""
    tasks = (task("l", "multilabel", classes=4), task("a", "regression"), task("m", "multilabel", classes=2), task("b", "binary"))
    return Encodings({"x": table("x", 4, (3,))}, tasks)


@pytest.fixture
def similar() -> Encodings:
    """Two tasks of retrieval, of different sizes, with one of another kind between."""
    tasks = (task("r", "retrieval", classes=6), task("a", "regression"), task("s", "retrieval", classes=4))
    return Encodings({"x": table("x", 4, (3,))}, (*tasks[:2], replace(tasks[2], size=3, temperature=0.5)))


@pytest.fixture
def two_inputs() -> Encodings:
    """Tasks with different sight: `a` sees x, `b` sees y, `c` both, `d` x again."""
    tasks = (
        task("a", "regression", ["x"]),
        task("b", "binary", ["y"]),
        task("c", "ordinal", ["x", "y"]),
        task("d", "regression", ["x"]),
    )
    return Encodings({"x": table("x", 3, (2,)), "y": table("y", 5)}, tasks)


@pytest.fixture
def rows() -> Callable[..., AlignedSet]:
    return rows_for


@pytest.fixture
def make() -> Callable[..., Encodings]:
    """make([(name, kind), …]) → encodings with one input `x` of four numbers."""

    def encodings(tasks: Sequence[tuple[str, str]], numeric: int = 4, weights: Sequence[float] | None = None) -> Encodings:
        weighted = zip(tasks, weights or [1.0] * len(tasks), strict=True)
        return Encodings({"x": table("x", numeric)}, tuple(task(n, k, weight=w) for (n, k), w in weighted))

    return encodings
