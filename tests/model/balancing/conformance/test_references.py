"""Each method against its paper's algorithm, written plainly on the gradients themselves in float64, or against TorchJD."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import mtl.balancing.weightings.gradvac
import mtl.balancing.weightings.pcgrad
from mtl.balancing.solvers.min_norm import stationary

torchjd = pytest.importorskip("torchjd.aggregation")


# --- PCGrad and GradVac: order by order -----------------------------------------------------------------------------


def drawn_orders(tasks: int, seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [[j for j in torch.randperm(tasks, generator=generator).tolist() if j != i] for i in range(tasks)]


def surgery(gradients: Tensor, orders: list[list[int]]) -> Tensor:
    """Yu 2020, algorithm 1."""
    total = torch.zeros_like(gradients[0])
    for own, others in zip(gradients, orders, strict=True):
        projected = own.clone()
        for j in others:
            product = projected @ gradients[j]
            if product < 0:
                projected -= product / (gradients[j] @ gradients[j]) * gradients[j]
        total += projected
    return total


def vaccine(gradients: Tensor, orders: list[list[int]], expected: Tensor, beta: float) -> Tensor:
    """Wang 2021, algorithm 1; `expected` [task, task] moves on."""
    total = torch.zeros_like(gradients[0])
    for i, others in enumerate(orders):
        turned = gradients[i].clone()
        for j in others:
            cosine, target = turned @ gradients[j] / (turned.norm() * gradients[j].norm()), expected[i, j].clone()
            if cosine < target:
                by = turned.norm() * (target * (1 - cosine**2).sqrt() - cosine * (1 - target**2).sqrt())
                turned = turned + by / (gradients[j].norm() * (1 - target**2).sqrt()) * gradients[j]
            expected[i, j] = (1 - beta) * target + beta * cosine
        total += turned
    return total


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The same orders for ours and for TorchJD, which draws its own within the loop."""
    now: dict[str, Any] = {}
    for module in (mtl.balancing.weightings.pcgrad, mtl.balancing.weightings.gradvac):
        monkeypatch.setattr(module, "orders", lambda tasks: torch.tensor(now["orders"]).T.numpy())

    original = torch.randperm

    def randperm(count: int, **options: Any) -> Tensor:
        if options:
            return original(count, **options)
        i, order = next(now["rows"])
        whole = len(now["orders"]) == count
        return torch.tensor([*order, i] if whole else [j - (j > i) for j in order])

    now["torchjd"] = lambda: (now.update(rows=enumerate(now["orders"])), monkeypatch.setattr(torch, "randperm", randperm))
    return now


@pytest.mark.on("sampled", "degenerate", "stationary")
def test_pcgrad(conformance: Any, same: Any, orders: dict[str, Any], gradients: Tensor) -> None:
    moving = gradients[gradients.norm(dim=1) > 0]
    if len(moving) < 2:
        return
    orders["orders"] = drawn_orders(len(moving), 1)
    ours = conformance.weights(conformance.weighting("pcgrad", len(moving)), moving)
    size = moving.norm()
    assert (ours @ moving - surgery(moving, orders["orders"])).norm() <= 1e-7 * size
    orders["torchjd"]()
    theirs = torchjd.PCGradWeighting()(moving @ moving.T)
    assert ((ours - theirs) @ moving).norm() <= 1e-7 * size


@pytest.mark.parametrize("tasks", [2, 3, 6, 16])
def test_gradvac_over_some_steps(conformance: Any, same: Any, orders: dict[str, Any], tasks: int) -> None:
    beta, theirs = 0.3, torchjd.GradVacWeighting(0.3, eps=0.0)
    ours, expected = conformance.weighting("gradvac", tasks, beta=beta), torch.zeros(tasks, tasks, dtype=torch.float64)
    turned = 0
    for step in range(5):
        gradients = conformance.draw(tasks, tasks + 3, step, 0.9 if step % 2 else 0.0)
        orders["orders"] = drawn_orders(tasks, step)
        update = conformance.weights(ours, gradients) @ gradients
        same(update, vaccine(gradients, orders["orders"], expected, beta))
        orders["torchjd"]()
        same(update, theirs(gradients @ gradients.T) @ gradients)
        turned += (update - gradients.sum(0)).norm() > 1e-3
    assert turned
    torch.testing.assert_close(ours.expected, expected)


def test_orders_are_fair_and_come_from_torch() -> None:
    from mtl.balancing.weightings.orders import orders as draw

    torch.manual_seed(3)
    first = draw(5)
    assert all(sorted(first[:, i].tolist()) == [j for j in range(5) if j != i] for i in range(5))
    assert (draw(5) != first).any()
    torch.manual_seed(3)
    assert (draw(5) == first).all()
    leads = torch.bincount(torch.tensor([int(draw(4)[0, 0]) for _ in range(600)]), minlength=4)
    assert leads[0] == 0
    assert leads[1:].min() > 140


# --- MGDA ------------------------------------------------------------------------------------------------------------


@pytest.mark.on("sampled", "scaled", "degenerate")
def test_mgda_is_the_nearest_point(conformance: Any, gradients: Tensor) -> None:
    """d is nearest to zero exactly if gᵢ·d ≥ ‖d‖² for all i (Désidéri 2012, theorem 2). Along a long gradient that is a
    matter of its direction's last digits: what is missing there, squared, is what could be gained."""
    weights = conformance.weights(conformance.weighting("mgda", len(gradients)), gradients)
    update = weights @ gradients
    assert weights.min() >= 0
    assert abs(weights.sum() - 1) < 1e-12
    if update.any():
        norms, size = gradients.norm(dim=1), update.norm()
        assert ((gradients @ update) / norms >= (1 - 5e-7) * size**2 / norms - 1e-9 * size).all()
    theirs = torchjd.MGDAWeighting()(gradients @ gradients.T) @ gradients
    assert update.norm() <= theirs.norm() * (1 + 1e-9)


@pytest.mark.on("sampled")
def test_mgda_against_every_face_of_the_hull(conformance: Any, same: Any, gradients: Tensor) -> None:
    if len(gradients) > 5:
        return
    best = None
    for size in range(1, len(gradients) + 1):
        for rows in itertools.combinations(range(len(gradients)), size):
            part = gradients[list(rows)]
            weights = torch.linalg.lstsq(part @ part.T, torch.ones(size, 1, dtype=torch.float64), driver="gelsd").solution[:, 0]
            point = weights / weights.sum() @ part
            if weights.min() >= 0 and (best is None or point.norm() < best.norm()):
                best = point
    same(conformance.method("mgda")(gradients), best)


# --- CAGrad ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
def test_cagrad_has_no_duality_gap(conformance: Any, gradients: Tensor, c: float) -> None:
    """The worst-off task's gain equals the bound of the paper's dual, min over w of g_w·g₀ + c‖g₀‖‖g_w‖, at our own w:
    neither can be better. Counted in the length a task with this gain would move it."""
    weights = conformance.weights(conformance.weighting("cagrad", len(gradients), c=c), gradients)
    mean = gradients.mean(0)
    moving = gradients[gradients.norm(dim=1) > 0]
    update, added = weights @ gradients, weights - 1 / len(gradients)
    radius = c * mean.norm()
    assert (update - mean).norm() <= radius * (1 + 1e-9) + 1e-12 * gradients.norm()
    if stationary(conformance.geometry(gradients)) and (update - mean).norm() < radius * (1 - 1e-6):
        still = update.norm() <= 1e-6 * gradients.norm()  # nothing helps all: a gain of 0 is the best there is
        assert still == (mean.norm() <= 1e-6 * gradients.norm())
        assert still or conformance.slopes(gradients, update).min() >= -1e-6
        return
    if added.sum() <= 0:
        assert mean.norm() <= 1e-6 * gradients.norm()
        return
    w = added / added.sum()
    point = w @ gradients
    bound = point @ mean + radius * point.norm()
    rounding = 1e-12 * moving.norm(dim=1) * update.norm()
    gap = bound - (moving @ update + rounding).min()
    assert gap <= 1e-6 * abs(bound) + 1e-9 * moving.norm(dim=1).min() * update.norm()


@pytest.mark.parametrize("c", [0.0, 0.4, 0.9])
def test_cagrad_goes_on_to_a_stationary_point_of_the_mean(conformance: Any, c: float) -> None:
    """Liu 2021, theorem 3.2: for c < 1 not any Pareto-stationary point will do. Two losses oppose each other along the first
    axis, where every point between their minima is one, whatever the third loss still has to gain along the second."""
    minima = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]], dtype=torch.float64)
    weighting = conformance.weighting("cagrad", 3, c=c)
    curved = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
    for start in ([0.5, 3.0], [0.2, 3.0], [0.9, -1.0]):
        x = torch.tensor(start, dtype=torch.float64)
        for _ in range(300):
            gradients = curved * (x - minima)
            x = x - 0.2 * conformance.weights(weighting, gradients) @ gradients
        assert (curved * (x - minima)).mean(0).norm() < 1e-3


@pytest.mark.on("sampled")
def test_cagrad_is_no_worse_than_torchjd(conformance: Any, gradients: Tensor) -> None:
    theirs = torchjd.CAGradWeighting(0.4, norm_eps=0.0)(gradients @ gradients.T) @ gradients
    ours = conformance.method("cagrad")(gradients)
    assert (gradients @ ours).min() >= (gradients @ theirs).min() - 1e-6 * (gradients @ theirs).abs().max()
    assert (ours - theirs).norm() <= 5e-3 * ours.norm()  # their conic solver stops at about 1e-3 of the direction


def test_cagrad_between_mean_and_mgda(conformance: Any, same: Any) -> None:
    gradients = conformance.draw(4, 7, 2, 0.9)
    same(conformance.method("cagrad", c=0.0)(gradients), gradients.mean(0))
    near, mgda = conformance.method("cagrad", c=0.999)(gradients), conformance.method("mgda")(gradients)
    assert near @ mgda / near.norm() / mgda.norm() > 0.99


# --- IMTL-G, Aligned-MTL -------------------------------------------------------------------------------------------


@pytest.mark.on("sampled", "scaled", "degenerate")
def test_imtl_g_projects_alike_on_every_gradient(conformance: Any, gradients: Tensor) -> None:
    weights = conformance.weights(conformance.weighting("imtl_g", len(gradients)), gradients)
    moving = gradients[gradients.norm(dim=1) > 0]
    units = moving / moving.norm(dim=1, keepdim=True)
    projections = units @ (weights @ gradients)
    assert abs(weights.sum() - 1) < 1e-6
    if (units @ torch.linalg.pinv(units).sum(1) - 1).norm() < 1e-9:  # three in a plane leave no such direction
        assert projections.std(correction=0) <= 1e-6 * projections.abs().max()
    else:
        assert len(units) > torch.linalg.matrix_rank(units)


def test_imtl_g_may_project_against_everyone(conformance: Any, same: Any) -> None:
    """Where the unscaled weights sum to less than nothing, the sum of 1 turns the update round: the paper's own flaw."""
    gradients = torch.tensor([[1.0, 0, 0], [0.6, 0.8, 0], [0.01, 0.006, 0.002]], dtype=torch.float64)
    weights = conformance.weights(conformance.weighting("imtl_g", 3), gradients)
    assert abs(weights.sum() - 1) < 1e-9
    slopes = conformance.slopes(gradients, weights @ gradients)
    same(slopes, slopes[0].expand(3))
    assert slopes[0] < 0
    same(weights @ gradients, torchjd.IMTLGWeighting()(gradients @ gradients.T) @ gradients)


@pytest.mark.on("sampled")
def test_imtl_g_is_torchjds(conformance: Any, same: Any, gradients: Tensor) -> None:
    same(conformance.method("imtl_g")(gradients), torchjd.IMTLGWeighting()(gradients @ gradients.T) @ gradients)


@pytest.mark.on("sampled", "degenerate", "stationary")
def test_aligned_has_equal_singular_values(conformance: Any, same: Any, gradients: Tensor) -> None:
    """Senushkin 2023, eq. 9: the mean of the rows of σ_min U Vᵀ, where J = U Σ Vᵀ."""
    u, s, v = torch.linalg.svd(gradients, full_matrices=False)
    kept = s > 1e-6 * s[0]
    expected = (s[kept].min() * u[:, kept] @ v[kept]).mean(0)
    ours = conformance.method("aligned")(gradients)
    assert (ours - expected).norm() <= 1e-6 * s[kept].min()
    theirs = torchjd.AlignedMTLWeighting()(gradients @ gradients.T) @ gradients
    assert (ours - theirs).norm() <= 1e-6 * s[kept].min()


# --- Nash, FairGrad ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options", "power"), [
    ("nash", {"max_norm": 0.0}, 1.0), ("fairgrad", {"alpha": 1.0}, 1.0), ("fairgrad", {}, 0.5), ("fairgrad", {"alpha": 0.5}, 2.0),
])  # fmt: skip
@pytest.mark.on("sampled", "scaled", "degenerate")
def test_bargains_hold(conformance: Any, gradients: Tensor, name: str, options: dict[str, float], power: float) -> None:
    """Gw = w^(−p) of every task that moves, up to the rounding of the sum's own terms."""
    weights = conformance.weights(conformance.weighting(name, len(gradients), **options), gradients)
    moves = gradients.norm(dim=1) > 0
    assert (weights[moves] > 0).all()
    assert not weights[~moves].any()
    gramian = (gradients @ gradients.T)[moves][:, moves]
    asked = weights[moves] ** -power
    assert ((gramian @ weights[moves] - asked).abs() <= 1e-6 * asked + 1e-13 * gramian.abs() @ weights[moves]).all()


@pytest.mark.on("sampled")
def test_nash_is_the_best_bargain(conformance: Any, gradients: Tensor) -> None:
    """No other update of its length has a larger product of gains (the axiomatic solution, Navon 2022, section 3.1)."""
    update = conformance.method("nash")(gradients)
    assert abs(update.norm() - min(1.0, len(gradients) ** 0.5)) < 1e-9  # cut to max_norm
    best = (gradients @ update).log().sum()
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        other = update + 0.05 * torch.randn(len(update), generator=generator, dtype=torch.float64)
        gains = gradients @ (other / other.norm() * update.norm())
        assert gains.min() <= 0 or gains.log().sum() <= best + 1e-9


@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem:UserWarning")
def test_nash_and_torchjds_go_the_same_way(conformance: Any) -> None:
    """Theirs, after the authors' code, linearises 20 times; the direction agrees to about a hundredth."""
    for seed in range(2):
        gradients = conformance.draw(3, 6, seed)
        theirs = torchjd.NashMTL(3, max_norm=0.0)(gradients)
        ours = conformance.method("nash", max_norm=0.0)(gradients)
        assert ours @ theirs / ours.norm() / theirs.norm() > 0.9999


@pytest.mark.on("sampled")
def test_fairgrad_is_torchjds(conformance: Any, same: Any, gradients: Tensor) -> None:
    ours = conformance.method("fairgrad")(gradients)
    theirs = torchjd.FairGradWeighting(2.0)(gradients @ gradients.T) @ gradients
    same(ours, theirs, 1e-4)  # their general least squares stops at about that


# --- UPGrad, DualProj ------------------------------------------------------------------------------------------------


def nearest_in_cone(gradients: Tensor, start: Tensor) -> Tensor:
    """The nearest x with gᵢ·x ≥ 0, by trying every set of tasks at whose border it may lie."""
    best = None
    for size in range(len(gradients) + 1):
        for rows in itertools.combinations(range(len(gradients)), size):
            part = gradients[list(rows)]
            point = start - torch.linalg.pinv(part) @ (part @ start) if size else start
            inside = (gradients @ point).min() >= -1e-9 * gradients.norm() * start.norm()
            if inside and (best is None or (point - start).norm() < (best - start).norm()):
                best = point
    assert best is not None
    return best


def test_projections(conformance: Any, gradients: Tensor) -> None:
    norms = gradients.norm(dim=1)
    moving = gradients[norms > 0]
    if len(moving) > 5 or norms.max() > 1e6 * norms[norms > 0].min():
        return
    each = torch.stack([nearest_in_cone(moving / moving.norm(dim=1, keepdim=True), g) for g in moving]).sum(0) / len(gradients)
    joint = nearest_in_cone(moving / moving.norm(dim=1, keepdim=True), gradients.mean(0))
    assert (conformance.method("upgrad")(gradients) - each).norm() <= 1e-6 * norms.max()
    assert (conformance.method("dualproj")(gradients) - joint).norm() <= 1e-6 * norms.max()


@pytest.mark.parametrize("name", ["upgrad", "dualproj"])
@pytest.mark.on("sampled")
def test_projections_are_torchjds(conformance: Any, same: Any, name: str, gradients: Tensor) -> None:
    """With TorchJD's own regularisation (1e-4 on the diagonal) out of the way."""
    theirs = {"upgrad": torchjd.UPGradWeighting, "dualproj": torchjd.DualProjWeighting}[name]()
    theirs.projector.reg_eps, theirs.projector.norm_eps = 1e-11, 0.0
    same(conformance.method(name)(gradients), theirs(gradients @ gradients.T) @ gradients, 1e-5)


@pytest.mark.on("scaled", "degenerate")
def test_a_projection_leaves_what_does_not_conflict(conformance: Any, same: Any, gradients: Tensor) -> None:
    """d = Σ projections: nobody is hurt, and weights are only ever added."""
    for name in ("upgrad", "dualproj"):
        weights = conformance.weights(conformance.weighting(name, len(gradients)), gradients)
        assert weights.min() >= 1 / len(gradients) - 1e-12
