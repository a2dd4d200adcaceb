"""The best constants of labels that are lists are counted as the lists lie, without padding all of train's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network, plan_of
from mtl.network.ragged import RaggedTensor, take
from mtl.spec import Model
from mtl.training.baseline import best_constants
from mtl.training.batches import Store
from tests import tagging

RowsOf = Callable[..., AlignedSet]


def assert_counted(encodings: Encodings, some: AlignedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(encodings, Model(width=8))
    store = Store.of(plan_of(encodings), some, torch.device("cpu"))
    wanted = {}
    for kind, at in network.kinds.items():
        head = network.head(kind)
        if head.listed:
            labels = [take(store.lists[task], store.mask[task].nonzero().flatten())[0] for task in at]
            wanted[kind] = torch.stack([head.constant(lists, place) for place, lists in enumerate(labels)])

    def padded(self: RaggedTensor, rows: Tensor) -> Tensor:
        raise AssertionError(f"{len(rows)} rows are padded")

    monkeypatch.setattr(RaggedTensor, "padded", padded)
    found = best_constants(network, store)
    assert wanted
    for kind, constants in wanted.items():
        assert torch.equal(found[kind], constants)


def test_of_several_labels(listed: Encodings, rows: RowsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_counted(listed, rows(listed, 500, 1), monkeypatch)


@pytest.mark.parametrize("make", tagging.MAKES.values(), ids=tagging.MAKES)
def test_of_tags(make: Callable[[], Encodings], monkeypatch: pytest.MonkeyPatch) -> None:
    assert_counted(make(), tagging.rows_of(make(), 300, 1), monkeypatch)


@pytest.mark.parametrize("labelled", [0.0, 1.0])
def test_of_no_label_or_all(labelled: float) -> None:
    encodings = tagging.alone()
    network = build_network(encodings, Model(width=8))
    some = tagging.rows_of(encodings, 40, 1, labelled=labelled)
    assert best_constants(network, Store.of(plan_of(encodings), some, torch.device("cpu")))["tagging"].isfinite().all()
