"""An indicator of what is missing only where train has gaps: without one, a missing number counts as the mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtl.data.encodings import Encodings
from mtl.network import Network, input_tensors, plan_of
from mtl.spec import Model


@pytest.mark.parametrize("bins", [(), (-1.0, 0.0, 0.5, 2.0)])
@pytest.mark.parametrize("members", [1, 2])
def test_only_columns_with_gaps_tell_that_they_are_missing(bins: tuple[float, ...], members: int, mixed: Encodings) -> None:
    torch.manual_seed(0)
    columns = [replace(c, gaps=i == 1, bins=bins) for i, c in enumerate(mixed.inputs["x"].numeric)]
    encodings = replace(mixed, inputs={"x": replace(mixed.inputs["x"], numeric=tuple(columns))})
    plan = plan_of(encodings)
    assert plan.inputs[0].indicated == [1]
    network = Network(plan, Model(width=8, depth=2, dropout=0.0, members=members)).eval()
    missing = np.concatenate([np.zeros((1, 4), bool), np.eye(4, dtype=bool)])
    arrays = {"numeric": np.zeros((5, 4), np.float32), "missing": missing, "categorical": np.zeros((5, 2), np.int32)}
    tensors = input_tensors(plan, {"x": {**arrays, "present": np.ones(5, bool)}})
    assert tensors["x"]["dense"].shape == (5, 5)
    with torch.no_grad():
        seen = network({name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()}).shared.seen[0]
    moved = [not torch.allclose(row, seen[0], atol=1e-6) for row in seen[1:]]
    assert moved == [False, True, False, False]


def test_a_plan_that_says_nothing_has_an_indicator_for_each(mixed: Encodings) -> None:
    assert replace(plan_of(mixed).inputs[0], gaps=None).indicated == [0, 1, 2, 3]
