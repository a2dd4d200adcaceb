"""After the last epoch: what each identity of a retrieval task looks like to the weights that are kept, from all train rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from mtl.network import Network
from mtl.network.heads.retrieval import Retrieval
from mtl.training.batches import Rows, Store
from mtl.training.loop import in_order


@torch.no_grad()
def fill_catalogues(network: Network, train: Rows, device: torch.device) -> None:
    """One pass over `train`, without dropout; nothing where no task is one of retrieval. The network comes back to the CPU."""
    kind = next((kind for kind in network.kinds if isinstance(network.head(kind), Retrieval)), None)
    if kind is None:
        return
    at, home = network.kinds[kind], network.device
    store = Store.of(network.plan, train, device)
    network.to(device).eval()

    def read() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for rows in in_order(network, store):
            batch = store.batch(rows)
            yield network(batch.inputs).logits[kind], batch.targets[at], batch.mask[at]

    cast(Retrieval, network.head(kind)).fill(read())
    network.to(home)
