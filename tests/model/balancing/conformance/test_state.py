"""What a method carries from step to step, and which tasks it is asked about."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest
import torch

from mtl.balancing.weightings import WEIGHTINGS
from mtl.spec.options import BALANCING_OPTIONS


def run(weighting: Any, steps: range, conformance: Any) -> list[torch.Tensor]:
    weights = []
    for step in steps:
        gradients = conformance.draw(4, 9, step, 0.9)
        present = torch.tensor([0, 2, 3] if step % 3 == 2 else [0, 1, 2, 3])
        torch.manual_seed(step)
        gramian = (gradients @ gradients.T)[present][:, present]
        weights.append(weighting(gramian, present))
    return weights


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_goes_on_from_its_buffers_as_if_it_had_not_stopped(conformance: Any, name: str) -> None:
    options = {"beta": 0.5} if name == "gradvac" else {}
    whole = run(conformance.weighting(name, 4, **options), range(8), conformance)
    first = conformance.weighting(name, 4, **options)
    run(first, range(5), conformance)
    second = conformance.weighting(name, 4, **options)
    second.load_state_dict(first.state_dict())
    for ours, theirs in zip(run(second, range(5, 8), conformance), whole[5:], strict=True):
        assert torch.equal(ours, theirs)


def test_gradvac_carries_something(conformance: Any) -> None:
    weighting = conformance.weighting("gradvac", 4, beta=0.5)
    run(weighting, range(3), conformance)
    assert weighting.expected.abs().sum() > 0.1
    assert list(weighting.state_dict()) == ["expected"]


def test_an_absent_task_leaves_gradvacs_averages_of_it_alone(conformance: Any) -> None:
    weighting = conformance.weighting("gradvac", 4, beta=0.5)
    run(weighting, range(2), conformance)
    before = weighting.expected.clone()
    run(weighting, range(2, 3), conformance)  # without task 1
    assert torch.equal(weighting.expected[1], before[1])
    assert torch.equal(weighting.expected[:, 1], before[:, 1])
    assert (weighting.expected[0, 2:] != before[0, 2:]).all()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_only_random_methods_draw(conformance: Any, name: str) -> None:
    weighting, gradients = conformance.weighting(name, 4), conformance.draw(4, 9, 0, 0.9)
    before = torch.get_rng_state()
    conformance.weights(weighting, gradients)
    assert torch.equal(torch.get_rng_state(), before) == (name not in ("pcgrad", "gradvac"))


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_options_stand_in_the_spec_with_the_same_defaults(name: str) -> None:
    taken = {p.name: p.default for p in signature(WEIGHTINGS[name]).parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert taken == BALANCING_OPTIONS.get(name, {})
