"""Units: groups of tasks that share nothing are balanced each for itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl.balancing import BALANCINGS
from mtl.balancing.gradnorm import GradNorm
from mtl.spec.options import BALANCING_OPTIONS
from tests.model.balancing.test_losses import ON_LOSSES, TASKS, made, slopes, steps


@pytest.mark.parametrize("name", ON_LOSSES)
def test_units_that_share_nothing_are_weighed_as_if_each_were_alone(name: str) -> None:
    """Also where no task of a unit is in the batch. Of `random`, whose numbers are drawn for all at once, the sums."""
    units = [[0, 3], [1], [2]]
    whole, alone = made(name), [BALANCINGS[name]([TASKS[t] for t in u], **BALANCING_OPTIONS.get(name, {})).double() for u in units]
    whole.meet("parameters", units)
    for step, (losses, present) in enumerate(steps(20)):
        for balancing in (whole, *alone):
            balancing.start_epoch(step)
        found = slopes(whole, losses, present)
        whole.after_step(torch.tensor(losses * 0.9**step), torch.tensor(present))
        for unit, balancing in zip(units, alone, strict=True):
            expected = slopes(balancing, losses[unit], present[unit]) if present[unit].any() else np.zeros(len(unit))
            if name == "random":
                assert found[unit].sum() == pytest.approx(float(present[unit].any()))
                continue
            np.testing.assert_allclose(found[unit], expected, rtol=1e-9)
            balancing.after_step(torch.tensor(losses[unit] * 0.9**step), torch.tensor(present[unit]))
        weights = [balancing.weights() for balancing in (whole, *alone)]
        for unit, one in zip(units, weights[1:], strict=True):
            assert (one is None) == (weights[0] is None)
            if one is not None and weights[0] is not None:
                torch.testing.assert_close(weights[0][unit], one)


def test_gradnorm_keeps_units_that_share_nothing_apart() -> None:
    units = [[0, 3], [1, 2]]
    whole, alone = made("gradnorm"), [BALANCINGS["gradnorm"]([TASKS[t] for t in unit]).double() for unit in units]
    whole.meet("parameters", units)
    for losses, present in steps(20):
        norms = np.sqrt(losses)
        for balancing, unit in zip((whole, *alone), ([0, 1, 2, 3], *units), strict=True):
            assert isinstance(balancing, GradNorm)
            balancing._learn(*(torch.tensor(x[unit]) for x in (losses, present, norms)))
        for unit, balancing in zip(units, alone, strict=True):
            assert isinstance(whole, GradNorm)
            torch.testing.assert_close(whole.scale[unit], balancing.weights())
