"""The spread of members: what it is, in which unit, and that nothing else moves with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, Outputs, build_network, predict, predict_with_spread
from mtl.network.encoders import Arrays
from mtl.registry.package import table
from tests.model.network.conftest import model_of

RowsOf = Callable[..., AlignedSet]


def ensemble(encodings: Encodings, members: int = 4, way: str = "shared_bottom") -> Network:
    torch.manual_seed(0)
    network = build_network(encodings, model_of(way, members=members, width=8))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network


def test_it_is_the_members_standard_deviation(way: str, mixed: Encodings, rows: RowsOf) -> None:
    """Of the very predictions whose mean is the prediction; batches change nothing."""
    network, inputs = ensemble(mixed, way=way), rows(mixed, 30, 1).inputs
    values, spread = predict_with_spread(network, mixed, inputs, batch_size=64)
    members: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for member in range(4):
        for name, of_member in one_member(network, mixed, inputs, member).items():
            members[name].append(of_member)
    for name in values:
        assert spread[name].shape == values[name].shape
        found, wanted = (values[name], spread[name]), (np.mean(members[name], axis=0), np.std(members[name], axis=0, ddof=1))
        digits = 1e-5 if name in ("h", "i", "j") else 2e-6  # float32: means are e to the power of a number, quantiles are sums
        np.testing.assert_allclose(found, wanted, rtol=digits, atol=2e-6)
    plain = predict(network, mixed, inputs, batch_size=64)
    assert all(plain[name].tobytes() == values[name].tobytes() for name in values)


def one_member(network: Network, encodings: Encodings, inputs: Mapping[str, Arrays], member: int) -> dict[str, np.ndarray]:
    """What one member says: `decode` over it alone."""
    decode = network.decode

    def of_one(outputs: Outputs) -> list[torch.Tensor]:
        return decode(replace(outputs, logits={kind: x[:, :, member : member + 1] for kind, x in outputs.logits.items()}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "decode", of_one)
        return predict(network, encodings, inputs)


def test_a_regressions_spread_is_in_its_unit(rows: RowsOf, make: Callable[..., Encodings]) -> None:
    plain = make([("a", "regression")])
    scaled = Encodings(plain.inputs, (replace(plain.tasks[0], mean=120.0, std=15.0),))
    network, inputs = ensemble(plain), rows(plain, 9, 0).inputs
    expected = predict_with_spread(network, plain, inputs)[1]["a"] * 15
    np.testing.assert_allclose(predict_with_spread(network, scaled, inputs)[1]["a"], expected, rtol=1e-12)


def test_one_member_has_no_spread(mixed: Encodings, rows: RowsOf) -> None:
    assert predict_with_spread(ensemble(mixed, 1), mixed, rows(mixed, 5, 0).inputs)[1] == {}


def test_the_table_has_a_column_of_it_beside_each_task(mixed: Encodings, rows: RowsOf) -> None:
    values, spread = predict_with_spread(ensemble(mixed), mixed, rows(mixed, 20, 2).inputs)
    frame = table(mixed.tasks, values, spread)
    assert table(mixed.tasks, values).columns == [name for name in frame.columns if not name.endswith("_spread")]
    assert [n for n in frame.columns if n.endswith("_spread")] == [f"{t.name}_spread" for t in mixed.tasks]
    assert frame["a_spread"].to_list() == spread["a"].tolist()
    chosen = frame["c"].cast(str).replace_strict({label: i for i, label in enumerate(mixed.tasks[2].classes)})
    assert frame["c_spread"].to_list() == [spread["c"][row, label] for row, label in enumerate(chosen)]


def test_a_task_that_is_called_so_keeps_its_name(make: Callable[..., Encodings], rows: RowsOf) -> None:
    of = make([("a", "regression"), ("a_spread", "binary")])
    values, spread = predict_with_spread(ensemble(of), of, rows(of, 6, 0).inputs)
    frame = table(of.tasks, values, spread)
    assert frame.columns == ["a", "a_spread_", "a_spread", "a_spread_spread"]
    assert frame["a_spread"].to_list() == values["a_spread"].tolist()
