"""The synthetic data of the MMoE paper (Ma et al. 2018, section 3.2): at any correlation MMoE is at or below shared-bottom.

Two regressions on x ~ N(0, I) of 100 numbers: y_t = w_t·x + Σ_i sin(α_i w_t·x + β_i) + ε, ε ~ N(0, 0.1²), where w_1 and w_2 have
length c and the cosine p between them, the correlation. As in the paper 8 experts of one layer of 16 units, and a
shared bottom with as many parameters.
"""

from __future__ import annotations

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network
from mtl.spec import Model, Training
from mtl.training import fit
from tests.model.conftest import table, task

FEATURES, SEEDS = 100, (0, 1)
ALPHA, BETA, LENGTH = (1.0, 2.0), (0.0, 1.0), 1.0
ENCODINGS = Encodings({"x": table("x", FEATURES)}, (task("a", "regression"), task("b", "regression")))
MMOE = Model(sharing="mmoe", options={"experts": 8}, width=16, depth=1, dropout=0)
BOTTOM = Model(sharing="shared_bottom", width=143, depth=1, dropout=0)
TRAINING = Training(lr=2e-3, batch_size=128, max_epochs=15, patience=15, weight_decay=0)


def directions(correlation: float, random: np.random.Generator) -> np.ndarray:
    """w_1 = c·u_1 and w_2 = c·(p·u_1 + √(1 − p²)·u_2), u_1 and u_2 orthogonal unit vectors."""
    u1, u2 = np.linalg.qr(random.normal(size=(FEATURES, 2)))[0].T
    return LENGTH * np.stack([u1, correlation * u1 + np.sqrt(1 - correlation**2) * u2])


def drawn(w: np.ndarray, rows: int, random: np.random.Generator) -> AlignedSet:
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    along = x @ w.T
    y = along + sum(np.sin(a * along + b) for a, b in zip(ALPHA, BETA, strict=True)) + random.normal(0, 0.1, along.shape)
    inputs = {
        "numeric": x, "missing": np.zeros(x.shape, bool), "categorical": np.zeros((rows, 0), np.int32),
        "present": np.ones(rows, bool),
    }  # fmt: skip
    return AlignedSet({"x": inputs}, y.astype(np.float32), np.ones(y.shape, bool), ("a", "b"))


def loss(model: Model, correlation: float, seed: int) -> float:
    """Mean squared error over both tasks on 4000 fresh rows, after as many epochs as valid asks for."""
    random = np.random.default_rng(seed)
    w = directions(correlation, random)
    train, valid, test = (drawn(w, rows, random) for rows in (4000, 1000, 4000))
    network = fit(ENCODINGS, train, valid, model, TRAINING.model_copy(update={"seed": seed})).network
    from mtl.network import predict

    found = predict(network, ENCODINGS, test.inputs)
    return float(np.mean([(found[t.name] - test.targets[:, i]) ** 2 for i, t in enumerate(ENCODINGS.tasks)]))


def test_budgets_are_equal() -> None:
    sizes = [sum(p.numel() for p in build_network(ENCODINGS, model).parameters()) for model in (MMOE, BOTTOM)]
    assert sizes[0] <= sizes[1] <= 1.01 * sizes[0]


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.5, 1.0])
def test_mmoe_is_at_or_below_shared_bottom(correlation: float) -> None:
    mmoe, bottom = ([loss(model, correlation, seed) for seed in SEEDS] for model in (MMOE, BOTTOM))
    assert np.mean(mmoe) <= np.mean(bottom)
