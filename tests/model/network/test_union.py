"""A batch may hold rows of several entities, with inputs of their own or one they share: none knows who else is in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import VectorEncoding
from mtl.data.ragged import Ragged
from mtl.network import Network, build_network, predict
from mtl.training.batches import Store
from tests.model.conftest import table
from tests.model.conftest import task as task_of
from tests.model.network.conftest import model_of, stirred
from tests.model.training.test_text_fit import WORDS, words
from tests.ragged import ragged_of

Rows = dict[str, Any]
SIGHTS = {"inputs of their own": (("x", "words"), ("numbers",)), "a text that both have": (("x", "words"), ("words", "numbers"))}
"""What the tasks of the first entity see, and those of the second."""
COUNT = 48


def encodings(case: str) -> Encodings:
    first, second = SIGHTS[case]
    tasks = (
        task_of("a", "regression", first), task_of("b", "multiclass", first),
        task_of("c", "binary", second), task_of("d", "regression", second),
    )  # fmt: skip
    vector = VectorEncoding("numbers", {"other": "table"}, "v", "v", (0.0,) * 3, (1.0,) * 3)
    return Encodings({"x": table("x", 3, (4,)), "words": words(), "numbers": vector}, tasks)


FIRST = np.random.default_rng(1).random(COUNT) < 0.6
"""Rows of the first entity, among those of the second."""


def arrays(case: str, seed: int = 0) -> dict[str, Rows]:
    """Each row has its entity's inputs and no others; texts of a row are as long whatever the seed."""
    random, lengths = np.random.default_rng(seed), np.random.default_rng(9).integers(1, 12, COUNT)
    first, second = SIGHTS[case]
    has = {name: np.where(FIRST, name in first, name in second) for name in ("x", "words", "numbers")}
    numeric, codes = random.normal(size=(COUNT, 3)), random.integers(2, 6, (COUNT, 1))
    return {
        "x": {
            "numeric": np.where(has["x"][:, None], numeric, 0).astype(np.float32), "missing": np.zeros((COUNT, 3), bool),
            "categorical": np.where(has["x"][:, None], codes, 0).astype(np.int32), "present": has["x"],
        },
        "words": {
            "tokens": ragged_of([random.integers(2, WORDS, length) for length in lengths * has["words"]]),
            "present": has["words"],
        },
        "numbers": {
            "numeric": np.where(has["numbers"][:, None], random.normal(size=(COUNT, 3)), 0).astype(np.float32),
            "present": has["numbers"],
        },
    }  # fmt: skip


def mixed(ours: Any, theirs: Any, mine: np.ndarray[Any, Any]) -> Any:
    """Rows `mine` of the one, the others of the other."""
    if isinstance(ours, Ragged):
        return ragged_of([(ours if one else theirs)[[row]].values for row, one in enumerate(mine)])
    return np.where(mine.reshape(-1, *[1] * (ours.ndim - 1)), ours, theirs)


def with_others(case: str, mine: np.ndarray[Any, Any]) -> dict[str, Rows]:
    """The rows of one entity as they are, those of the other with other values of the same inputs; some are not even numbers."""
    here, there = arrays(case), arrays(case, seed=1)
    for name in ("x", "numbers"):
        numeric = there[name]["numeric"]
        numeric[there[name]["present"] & (np.arange(COUNT) % 3 == 0)] = np.nan
    return {name: {part: mixed(array, there[name][part], mine) for part, array in of.items()} for name, of in here.items()}


def network_of(case: str, way: str, **more: Any) -> Network:
    torch.manual_seed(5)
    return stirred(build_network(encodings(case), model_of(way, **more))).eval()


@pytest.mark.parametrize("case", SIGHTS)
@pytest.mark.parametrize("members", [1, 3])
def test_rows_of_all_entities_together_are_predicted_as_each_alone(case: str, members: int, way: str) -> None:
    network, whole = network_of(case, way, members=members), arrays(case)
    together = predict(network, encodings(case), whole)
    for mine in (FIRST, ~FIRST, np.arange(COUNT) == 7):
        alone = predict(
            network, encodings(case), {n: {p: a[np.flatnonzero(mine)] for p, a in of.items()} for n, of in whole.items()}
        )
        for name, values in alone.items():
            np.testing.assert_allclose(values, together[name][mine], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", SIGHTS)
@pytest.mark.parametrize("fusion", ["concat", "mean", "attention"])
def test_no_bit_of_one_entitys_predictions_comes_from_the_others_rows(case: str, fusion: str, way: str) -> None:
    network = network_of(case, way, fusion=fusion)
    before = predict(network, encodings(case), arrays(case))
    for mine in (FIRST, ~FIRST):
        after = predict(network, encodings(case), with_others(case, mine))
        assert all(after[name][mine].tobytes() == before[name][mine].tobytes() for name in before)
        for name, values in after.items():
            sees = case == "a text that both have" or (name in "ab") == (mine is not FIRST)
            assert np.array_equal(values[~mine], before[name][~mine], equal_nan=True) != sees


@pytest.mark.parametrize("case", SIGHTS)
def test_no_bit_of_a_gradient_comes_from_rows_without_the_tasks_label(case: str, way: str) -> None:
    """The loss of the first entity's tasks, whatever stands in the rows of the second, as long as they are numbers."""
    network, found = network_of(case, way), []
    others = with_others(case, FIRST)
    finite = {n: {p: np.nan_to_num(a) if p == "numeric" else a for p, a in of.items()} for n, of in others.items()}
    for inputs in (arrays(case), finite):
        labelled = FIRST[:, None] & np.array([[True, True, False, False]])
        rows = AlignedSet(inputs, np.ones((COUNT, 4), np.float32), labelled, tuple("abcd"))
        batch = Store.of(network.plan, rows, torch.device("cpu")).batch(torch.arange(COUNT))
        network.zero_grad()
        network.losses(network(batch.inputs), batch.targets, batch.mask).sum().backward()
        found.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(grad, found[1][name]) for name, grad in found[0].items())
