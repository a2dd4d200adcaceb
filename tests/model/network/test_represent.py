"""What an encoder makes of its input, whoever shares it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl.data.encodings import Encodings
from mtl.network import build_network
from mtl.network.represent import represent
from mtl.network.sharing import SHARINGS
from mtl.spec import Model
from tests.model.conftest import rows_for, table, task
from tests.tagging import rows_of, tokens
from tests.tagging import task as tagging

INPUTS = {"x": table("x", 4, (3,)), "y": table("y", 2)}
TASKS = (task("a", "regression", ("x",)), task("b", "binary", ("x", "y"), 2), task("c", "regression", ("y",)))


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("members", [1, 3])
def test_it_is_one_vector_a_row_however_many_rows_are_read_at_once(sharing: str, members: int) -> None:
    torch.manual_seed(0)
    encodings = Encodings(dict(INPUTS), TASKS)
    network = build_network(encodings, Model(sharing=sharing, width=8, depth=2, dropout=0.5, members=members)).train()
    arrays = rows_for(encodings, 20, 0).inputs
    for name in INPUTS:
        found = represent(network, arrays, name)
        assert found.shape == (20, 8)
        assert np.allclose(found, represent(network, arrays, name, batch_size=3), atol=1e-6)
        assert found.std(axis=0).max() > 0
    assert network.training


def test_another_input_has_no_say_in_it() -> None:
    torch.manual_seed(0)
    encodings = Encodings(dict(INPUTS), TASKS)
    network = build_network(encodings, Model(width=8, depth=2))
    one, other = rows_for(encodings, 20, 0).inputs, rows_for(encodings, 20, 1).inputs
    assert np.array_equal(represent(network, one, "x"), represent(network, {"x": one["x"], "y": other["y"]}, "x"))
    assert not np.allclose(represent(network, one, "x"), represent(network, other, "x"))


def test_an_input_that_is_tagged_is_pooled() -> None:
    torch.manual_seed(0)
    encodings = Encodings({"words": tokens("words")}, (tagging("tags", "tagging", ("words",)),))
    network = build_network(encodings, Model(width=8, depth=2))
    assert represent(network, rows_of(encodings, 10, 0).inputs, "words").shape == (10, 8)
