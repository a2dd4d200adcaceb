"""Small encodings and aligned sets, made in memory, for the tests of network, balancing and training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import CategoricalColumn, NumericColumn, TabularEncoding

CLASSES = {"regression": 0, "binary": 2, "multiclass": 4, "ordinal": 5}


def table(name: str, numeric: int, categorical: Sequence[int] = ()) -> TabularEncoding:
    numbers = tuple(NumericColumn(f"{name}_n{i}", f"{name}_n{i}", 0.0, 1.0) for i in range(numeric))
    labels = tuple(
        CategoricalColumn(f"{name}_c{i}", f"{name}_c{i}", tuple(str(v) for v in range(n))) for i, n in enumerate(categorical)
    )
    return TabularEncoding(name, "thing", "table", numbers, labels)


def task(name: str, kind: str, inputs: Sequence[str] = ("x",), classes: int | None = None, weight: float = 1.0) -> TaskEncoding:
    labels = tuple(f"c{i}" for i in range(CLASSES[kind] if classes is None else classes))
    return TaskEncoding(name, name, kind, "thing", "table", name, tuple(inputs), "r2", classes=labels, weight=weight)


def mixed_tasks() -> tuple[TaskEncoding, ...]:
    """Every kind, kinds not beside each other, different class counts within a kind."""
    kinds = [
        ("a", "regression", None),
        ("b", "binary", None),
        ("c", "multiclass", 3),
        ("d", "ordinal", 5),
        ("e", "regression", None),
    ]
    return tuple(task(n, k, classes=c) for n, k, c in [*kinds, ("f", "multiclass", 4), ("g", "ordinal", 3)])


def rows_for(encodings: Encodings, rows: int, seed: int, labelled: float = 0.7, noise: float = 0.3) -> AlignedSet:
    """Random rows whose targets follow the inputs; labels missing at random."""
    random = np.random.default_rng(seed)
    inputs = {name: _arrays(one, rows, random) for name, one in encodings.inputs.items()}
    signal = sum(arrays["numeric"].sum(1) / np.sqrt(arrays["numeric"].shape[1]) for arrays in inputs.values())
    targets = np.stack([_target(t, signal + noise * random.normal(size=rows)) for t in encodings.tasks], 1)
    mask = random.random(targets.shape) < labelled
    return AlignedSet(inputs, np.where(mask, targets, 0).astype(np.float32), mask, tuple(t.name for t in encodings.tasks))


def _arrays(one: TabularEncoding, rows: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    missing = random.random((rows, len(one.numeric))) < 0.1
    numeric = np.where(missing, 0, random.normal(size=missing.shape)).astype(np.float32)
    codes = [random.integers(0, c.codes, rows) for c in one.categorical]
    categorical = np.stack(codes, 1).astype(np.int32) if codes else np.zeros((rows, 0), np.int32)
    return {"numeric": numeric, "missing": missing, "categorical": categorical, "present": np.ones(rows, bool)}


def _target(one: TaskEncoding, signal: np.ndarray) -> np.ndarray:
    if one.kind == "regression":
        return signal
    edges = np.quantile(signal, np.linspace(0, 1, len(one.classes) + 1)[1:-1])
    return np.digitize(signal, edges).astype(np.float32)


@pytest.fixture
def mixed() -> Encodings:
    """One input, seven tasks of all kinds."""
    return Encodings({"x": table("x", 4, (3, 5))}, mixed_tasks())


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
