"""What each method promises, over sampled, ill-conditioned and degenerate gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.balancing.weightings import WEIGHTINGS

NON_CONFLICTING = ("mgda", "nash", "fairgrad", "upgrad", "dualproj")
IN_ANY_ORDER = ("mgda", "cagrad", "imtl_g", "nash", "aligned", "fairgrad", "upgrad", "dualproj")
LINEAR = ("pcgrad", "upgrad")
SCALE_FREE = ("nash", "imtl_g")
DEGREE = {
    "pcgrad": 1, "gradvac": 1, "mgda": 1, "cagrad": 1, "imtl_g": 1, "aligned": 1, "upgrad": 1, "dualproj": 1,
    "nash": 0, "fairgrad": -1 / 3,  # α = 2: w ~ c^(−2/(1 + 1/2)), times c
}  # fmt: skip


@pytest.mark.parametrize("name", NON_CONFLICTING)
@pytest.mark.on("sampled", "scaled", "degenerate")
def test_no_loss_rises(conformance: Any, name: str, gradients: Tensor) -> None:
    conformance.non_conflicting(conformance.method(name), gradients)


@pytest.mark.on("stationary")
def test_where_nothing_helps_all_nothing_is_done_to_anyone(conformance: Any, gradients: Tensor) -> None:
    """Bargaining stops, MGDA's point is zero but for rounding; the projections may go where nobody is hurt."""
    assert not conformance.method("nash")(gradients).any()
    assert not conformance.method("fairgrad")(gradients).any()
    assert conformance.method("mgda")(gradients).norm() <= 1e-7 * gradients.norm()
    for name in ("upgrad", "dualproj"):
        assert (gradients @ conformance.method(name)(gradients)).min() >= -1e-9 * gradients.norm() ** 2


@pytest.mark.parametrize("name", ["pcgrad", "gradvac", "cagrad"])
def test_two_tasks_in_conflict_are_reconciled(conformance: Any, name: str) -> None:
    """With two tasks these three never conflict either: PCGrad's theorem 1, and CAGrad once c is near 1."""
    options = {"c": 0.999} if name == "cagrad" else {}
    for seed in range(10):
        conformance.non_conflicting(conformance.method(name, **options), conformance.draw(2, 3, seed, 0.9))


@pytest.mark.parametrize("name", IN_ANY_ORDER)
@pytest.mark.on("sampled", "scaled", "degenerate")
def test_order_of_tasks_does_not_matter(conformance: Any, name: str, gradients: Tensor) -> None:
    conformance.invariant_to_order(conformance.method(name), gradients)


@pytest.mark.parametrize("name", ["pcgrad", "gradvac"])
def test_order_of_two_tasks_does_not_matter(conformance: Any, name: str) -> None:
    for seed in range(5):
        conformance.invariant_to_order(conformance.method(name), conformance.draw(2, 3, seed, 0.9))


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.on("sampled", "scaled", "degenerate")
def test_linear_under_scaling(conformance: Any, name: str, gradients: Tensor) -> None:
    conformance.linear_under_scaling(conformance.method(name), gradients)


@pytest.mark.parametrize("name", SCALE_FREE)
@pytest.mark.on("sampled", "degenerate")
def test_scales_of_tasks_do_not_matter(conformance: Any, name: str, gradients: Tensor) -> None:
    """Nash bargaining by its axioms; IMTL-G by its definition, but for the sign of its sum."""
    method = conformance.method(name)

    def up(g: Tensor) -> Tensor:
        update = method(g)
        return update * torch.sign(g[-1] @ update) if name == "imtl_g" else update

    conformance.same_direction_at_any_scales(up, gradients)


@pytest.mark.parametrize("name", WEIGHTINGS)
@pytest.mark.on("sampled", "degenerate")
def test_scale_of_all_gradients(conformance: Any, name: str, gradients: Tensor) -> None:
    conformance.homogeneous(conformance.method(name), gradients, DEGREE[name])


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weights_are_finite_numbers_for_any_gradients(conformance: Any, name: str, gradients: Tensor) -> None:
    for dtype in (torch.float64, torch.float32):
        weights = conformance.weighting(name, len(gradients))((gradients @ gradients.T).to(dtype))
        assert weights.shape == (len(gradients),)
        assert weights.dtype == dtype
        assert weights.isfinite().all()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_without_conflict_nobody_is_turned(conformance: Any, same: Any, name: str) -> None:
    """On gradients at right angles and of one length, every method goes the way of the mean."""
    gradients = 3 * torch.eye(4, 6, dtype=torch.float64)
    update = conformance.method(name)(gradients)
    same(update / update.norm(), gradients.mean(0) / gradients.mean(0).norm())


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_zero_gradient_changes_no_direction(conformance: Any, same: Any, name: str) -> None:
    """But for MGDA, whose nearest point it is; where a mean is taken the update shrinks, no more."""
    gradients = conformance.draw(4, 8, 9, 0.9)
    alone = conformance.method(name)(gradients)
    beside = conformance.method(name)(torch.cat([gradients, torch.zeros(1, 8, dtype=torch.float64)]))
    if name == "mgda":
        assert not beside.any()
    elif name not in ("pcgrad", "gradvac"):  # those draw other orders for five tasks than for four
        same(beside / beside.norm(), alone / alone.norm())


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_nothing_to_weigh(conformance: Any, name: str) -> None:
    weighting = conformance.weighting(name, 3)
    assert weighting(torch.zeros(3, 3)).isfinite().all()
    assert weighting(torch.zeros(0, 0), torch.zeros(0, dtype=torch.int64)).shape == (0,)
    assert weighting(torch.full((3, 3), torch.inf)).isnan().all()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_one_task_goes_its_own_way(conformance: Any, same: Any, name: str) -> None:
    gradients = conformance.draw(1, 5, 0)
    update = conformance.method(name)(gradients)
    same(update / update.norm(), gradients[0] / gradients[0].norm())


def test_rounding_of_float32_is_known_for_what_it_is(conformance: Any) -> None:
    """Parallel tasks make a singular Gramian; in float32 its zero eigenvalue is noise, which `aligned` must not balance."""
    for seed in range(6):
        gradients = conformance.draw(6, 2000, seed).float()
        gradients = torch.cat([gradients, 1.7 * gradients[:1]])
        weights = conformance.weighting("aligned", 7)(gradients @ gradients.T)
        exact = conformance.weighting("aligned", 7)(gradients.double() @ gradients.double().T).float()
        assert (weights @ gradients).norm() > 0.1 * gradients.norm(dim=1).min()
        assert torch.allclose(weights @ gradients, exact @ gradients, rtol=1e-3, atol=1e-3)


class TestTheHelpersCanFail:
    """Each property, held against a method known to break it."""

    def test_plain_sum_conflicts(self, conformance: Any) -> None:
        with pytest.raises(AssertionError, match="slopes"):
            conformance.non_conflicting(lambda g: g.sum(0), torch.tensor([[1.0, 0], [-3, 0.1]]))

    def test_first_task_only_depends_on_the_order(self, conformance: Any) -> None:
        with pytest.raises(AssertionError):
            conformance.invariant_to_order(lambda g: g[0], conformance.draw(4, 6, 0))

    @pytest.mark.parametrize("name", ["mgda", "nash", "dualproj"])
    def test_others_are_not_linear_under_scaling(self, conformance: Any, name: str) -> None:
        with pytest.raises(AssertionError):
            conformance.linear_under_scaling(conformance.method(name), conformance.draw(4, 6, 0, 0.9))

    @pytest.mark.parametrize("name", ["mgda", "upgrad", "cagrad", "aligned"])
    def test_others_depend_on_scales(self, conformance: Any, name: str) -> None:
        with pytest.raises(AssertionError):
            conformance.same_direction_at_any_scales(conformance.method(name), conformance.draw(4, 6, 0, 0.9))

    def test_a_square_is_not_homogeneous_of_degree_one(self, conformance: Any) -> None:
        with pytest.raises(AssertionError):
            conformance.homogeneous(lambda g: g.sum(0) * g.norm(), conformance.draw(3, 4, 0), 1)

    @pytest.mark.parametrize("name", ["cagrad", "aligned", "pcgrad", "gradvac"])
    def test_not_every_method_promises_descent(self, conformance: Any, name: str) -> None:
        """Why these are not in NON_CONFLICTING."""
        scales = torch.logspace(-1, 1, 6, dtype=torch.float64)[:, None]
        drawn = [scales * conformance.draw(6, 8, seed, 0.95) for seed in range(20)]
        assert any(conformance.slopes(g, conformance.method(name)(g)).min() < -1e-3 for g in drawn)
