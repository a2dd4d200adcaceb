"""Regularizers: penalties that pull what tasks own towards each other, beside any sharing. One a file."""

from __future__ import annotations

from mtl.network import Network
from mtl.spec import Training
from mtl.training.regularizers.base import Regularizer, Stack, stacks
from mtl.training.regularizers.low_rank import LowRank
from mtl.training.regularizers.mean import Mean
from mtl.training.regularizers.penalty import Penalty

REGULARIZERS: dict[str, type[Regularizer]] = {
    "mean": Mean,
    "low_rank": LowRank,
}


def penalty_of(network: Network, training: Training) -> Penalty:
    """What `training.regularizers` asks of this network."""
    return Penalty.of(network, training.regularizers, REGULARIZERS)


def add_penalty(network: Network, training: Training) -> None:
    """Add its gradient to every parameter's that tasks own; nothing where nothing is asked."""
    if training.regularizers.lambdas:
        penalty_of(network, training).add()


__all__ = ["REGULARIZERS", "Penalty", "Regularizer", "Stack", "add_penalty", "penalty_of", "stacks"]
