"""A pretrained encoder as this project keeps it: a folder of three files, none of which can execute code when it is read.

    config.json        what is built, as `transformers` knows it
    tokenizer.json     how a text is cut, as `tokenizers` reads it
    model.safetensors  all parameters and buffers, float32

`mtl.pretrained` makes such a folder; here its tokens and its numbers are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mtl.data.ragged import Ragged

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CONFIG, TOKENIZER, WEIGHTS = FILES = ("config.json", "tokenizer.json", "model.safetensors")
TOGETHER = 2**20
"""Characters that are cut into tokens together: memory is then bounded."""


@dataclass(frozen=True)
class PretrainedModel:
    """An encoder and how it is used. `content` says which one it is, `folder` where its files lie now."""

    content: str
    """SHA-256 of the three files."""
    pooling: str
    max_tokens: int
    precision: str
    folder: str = field(default="", compare=False)
    """No part of what is kept: it is set by whoever reads it."""

    @property
    def config(self) -> str:
        """JSON of what is built."""
        return (Path(self.folder) / CONFIG).read_text(encoding="utf-8")

    def weights(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """Name of a parameter or buffer -> its numbers; shared, never to be written to."""
        return weights_in(self.folder, self.content)

    def tokens(self, texts: pl.Series) -> Ragged:
        """int32: 1 + the numbers of each text's tokens, so that 0 is free for padding; none for null. Those that the model puts
        around a text are among them, `max_tokens` in all."""
        tokenizer = _tokenizer(self.folder, self.content, self.max_tokens)
        given = texts.cast(pl.String)
        values, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for part in _parts(given):
            said = [text for text in part if text is not None]
            rows = iter(tokenizer.encode_batch_fast(said))
            ids = [[] if text is None else next(rows).ids for text in part]
            values.append(np.fromiter(chain.from_iterable(ids), np.int32) + np.int32(1))
            lengths.append(np.array([len(one) for one in ids], np.int64))
        return Ragged.of_lengths(np.concatenate(values), np.concatenate(lengths))


def written(texts: pl.Series) -> pl.Series:
    """`texts`, null where nothing but blanks is written: that is no text, here as in the contract."""
    given = texts.cast(pl.String)
    return given.set(~given.str.contains(r"\S").fill_null(False), None)


def content_of(folder: Path, files: Sequence[str] = FILES) -> str:
    """SHA-256 (hex) of the files."""
    digest = hashlib.sha256()
    for name in files:
        with (folder / name).open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


@lru_cache(maxsize=4)
def weights_in(folder: str, content: str) -> Mapping[str, np.ndarray[Any, Any]]:
    """Name of a parameter or buffer -> its numbers; shared, never to be written to."""
    from safetensors.numpy import load_file

    found: Mapping[str, np.ndarray[Any, Any]] = load_file(Path(folder) / WEIGHTS)
    return found


@lru_cache(maxsize=16)
def _tokenizer(folder: str, content: str, max_tokens: int) -> Tokenizer:
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(Path(folder) / TOKENIZER))
    found.no_padding()
    found.enable_truncation(max_tokens)
    return found


def _parts(texts: pl.Series) -> Iterator[pl.Series]:
    """Rows of about TOGETHER characters, in order; 64 more are counted a row, so that empty ones are not free."""
    group = np.cumsum(texts.str.len_chars().fill_null(0).to_numpy().astype(np.int64) + 64) // TOGETHER
    bounds = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(texts)]
    return (texts[start:stop] for start, stop in pairwise(bounds) if start < stop)
