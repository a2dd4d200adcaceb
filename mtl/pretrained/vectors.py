"""Texts → vectors, by a frozen encoder.

A text's vector does not depend on the texts beside it: all batches of texts of about one length have the same shape, so that
the same sums are made in the same order (what is short of a batch is filled up), and each is worked on by one thread. So one
can be kept and used again, and the bytes are the same however many cores there are. Batches run side by side.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import lru_cache, partial
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mtl.data.pretrained import PretrainedModel
from mtl.data.ragged import Ragged
from mtl.network.pretrained import hidden_size, pooled, run, skeleton

STEP = 8
"""Lengths are rounded up to a multiple of it."""
TOKENS = 2048
"""Tokens of a batch: enough for matrix products of a good size, few enough to stay in the cache."""

Floats = np.ndarray[Any, np.dtype[np.float32]]
Made = tuple[np.ndarray[Any, np.dtype[np.int64]], Floats]


def embed(model: PretrainedModel, texts: pl.Series, whole: bool = True) -> Iterator[Made]:
    """Numbers of some of the texts and their vectors [text, hidden size], again and again until all are made, short ones first.

    `texts` has no null; one without tokens is left out. With `whole`, the last batch of a length is filled up, and a text has
    the same vector, bit for bit, in whatever company.
    """
    tokens = model.tokens(texts)
    encoder = _Encoder(model)
    batches = list(_batches(tokens))
    workers = 1 if encoder.device.type == "cuda" else max(1, min(_cores(), len(batches)))
    with ThreadPoolExecutor(workers, initializer=encoder.begin) as pool:
        try:
            yield from pool.map(partial(encoder.made, tokens, whole=whole), batches)
        finally:
            pool.shutdown(cancel_futures=True)


def frame_of(texts: pl.Series, vectors: Floats) -> pl.DataFrame:
    """text (or whatever stands for it), vector (a list of Float32)."""
    return pl.DataFrame([texts, pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])).arr.to_list()])


def size_of(model: PretrainedModel) -> int:
    """Numbers of a vector."""
    return hidden_size(model.config)


class _Encoder:
    """The network with its weights, where it runs."""

    def __init__(self, model: PretrainedModel) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module, self.weights = skeleton(model.config), _loaded(model.folder, model.content, self.device.type)
        self.pooling, self.half = model.pooling, model.precision == "bf16"
        self._of_thread = threading.local()

    def begin(self) -> None:
        """In each thread before all else: a call puts the weights into its module for a while, so each has one of its own."""
        torch.set_num_threads(1)
        self._of_thread.module = deepcopy(self.module)

    @torch.inference_mode()
    def made(self, tokens: Ragged, batch: np.ndarray[Any, np.dtype[np.int64]], whole: bool) -> Made:
        ids = _padded(tokens[batch])
        if whole:
            rows = max(1, TOKENS // ids.shape[1])
            ids = ids[torch.arange(rows).clamp(max=len(ids) - 1)]
        ids = ids.to(self.device)
        there = ids > 0
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            states = run(self._of_thread.module, self.weights, (ids - 1).clamp(min=0), there)
        found = pooled(states.float(), there, self.pooling)
        return batch, found[: len(batch)].cpu().numpy()


@lru_cache(maxsize=2)
def _loaded(folder: str, content: str, device: str) -> dict[str, Tensor]:
    given = PretrainedModel(content, "mean", 0, "float32", folder).weights()
    return {name: torch.from_numpy(array).to(device) for name, array in given.items()}


def _batches(tokens: Ragged) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Numbers of texts of one rounded length, as many as a batch of that length holds."""
    rounded = -(-tokens.lengths // STEP) * STEP
    for length in np.unique(rounded[rounded > 0]).tolist():
        mine, rows = np.flatnonzero(rounded == length), max(1, TOKENS // length)
        yield from (mine[start : start + rows] for start in range(0, len(mine), rows))


def _padded(tokens: Ragged) -> Tensor:
    """int64 [text, rounded length], 0 behind a text's end."""
    lengths = tokens.lengths
    out = np.zeros((len(tokens), -(-int(lengths.max()) // STEP) * STEP), np.int64)
    out[np.arange(out.shape[1]) < lengths[:, None]] = tokens.values
    return torch.from_numpy(out)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
