"""What tasks learn from each other beside a shared network: regularizers and distillation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mtl.spec.base import Part

Weight = Annotated[float, Field(ge=0)]


class Regularizers(Part):
    """λ of each penalty on what tasks own (heads of one kind, networks of their own); 0: without it."""

    mean: Weight = 0.0
    """Σ_t ‖w_t − w̄‖²: tasks near their mean (Evgeniou & Pontil 2004)."""
    low_rank: Weight = 0.0
    """The trace norm of the tasks' parameters, one row a task (Argyriou, Evgeniou & Pontil 2006)."""

    @property
    def lambdas(self) -> dict[str, float]:
        """Those that are asked for."""
        return {name: weight for name, weight in (("mean", self.mean), ("low_rank", self.low_rank)) if weight > 0}


class Distillation(Part):
    """Single-task networks teach the shared one: loss of a task = its own + weight of the epoch · distance to its teacher."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    """Of the teacher's loss in the first epoch; it falls on a straight line to 0."""
    anneal: Annotated[int, Field(ge=1)] | None = None
    """Epochs after which the weight is 0; none: training.max_epochs."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the softmax and sigmoid on both sides (Hinton 2015), for tasks of classes."""

    def weight_at(self, epoch: int, max_epochs: int) -> float:
        """In epoch 1, 2, …."""
        return self.weight * max(0.0, 1 - (epoch - 1) / (self.anneal or max_epochs))
