"""Where gradients should meet: `training.at: auto` chooses from which tasks have labels on the same rows.

The Gramian at the representation adds up, row by row, how two tasks pull on that row's activations: rows that only one of
them has labels on add nothing. With n_i labels each and n_ij together, its cosines are at most n_ij / √(n_i n_j), whatever
the gradients of the parameters do: with disjoint rows it is diagonal though those may be opposed.
"""

from __future__ import annotations

import torch
from torch import Tensor

ENOUGH = 0.5
"""Of the largest cosine that the gradients of every pair of tasks can show at the representation."""


def overlap(mask: Tensor, together: Tensor) -> float:
    """The least n_ij / √(n_i n_j) over pairs of tasks; 0 for a pair that is not `together` [task, task], which reads other
    activations. mask [task, rows]: 1 where labelled."""
    mask = mask.double()
    labels = mask.sum(1).clamp(min=1).sqrt()
    cosines = (mask @ mask.T) / torch.outer(labels, labels)
    return float((cosines * together).fill_diagonal_(1).min())
