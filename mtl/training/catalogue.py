"""What each identity of a retrieval task looks like, from all train rows: to the weights of each epoch, whose valid loss reads it,
and to those that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from mtl.network import Network
from mtl.network.heads.retrieval import Retrieval
from mtl.training.batches import Rows, Store
from mtl.training.devices import autocast
from mtl.training.loop import in_order


@torch.no_grad()
def fill_catalogue(network: Network, train: Store, precision: str = "float32") -> None:
    """One pass over the rows of `train` with an identity, without dropout; nothing where no task is one of retrieval."""
    kind = next((kind for kind in network.kinds if isinstance(network.head(kind), Retrieval)), None)
    if kind is None:
        return
    at = network.kinds[kind]
    asked = torch.zeros_like(train.mask[:, :1]).index_fill(0, torch.tensor(at, device=train.mask.device), 1)
    network.eval()

    def read() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for rows in in_order(network, replace(train, mask=train.mask * asked)):
            batch = train.batch(rows)
            with autocast(network.device, precision):
                logits = network(batch.inputs).logits[kind]
            yield logits, batch.targets[at], batch.mask[at]

    cast(Retrieval, network.head(kind)).fill(read())


def fill_for_good(network: Network, train: Rows, device: torch.device) -> None:
    """The same after the last epoch. The network comes back to the CPU."""
    if any(isinstance(network.head(kind), Retrieval) for kind in network.kinds):
        home = network.device
        fill_catalogue(network.to(device), Store.of(network.plan, train, device))
        network.to(home)
