"""The one key of a row, and stable numbers made of it."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from mtl.spec import Entity

SEPARATOR = "\x1f"  # ASCII's own unit separator: in no key that a person would type


def key_expr(entity: Entity) -> pl.Expr:
    """The parts of an entity's key as one text, named `key`."""
    return pl.concat_str([pl.col(part).cast(pl.String) for part in entity.key], separator=SEPARATOR).alias("key")


def stable_hash(texts: pl.Series, salt: str) -> np.ndarray:
    """uint64 [n]: BLAKE2b of each text under a salt; the same on every machine and in every version.

    Polars' own hash is fast but promises nothing across versions, so it may not decide a split.
    """
    start = hashlib.blake2b(salt.encode() + b"\x00", digest_size=8)
    out = np.empty(len(texts), dtype=np.uint64)
    for i, text in enumerate(texts):
        one = start.copy()
        one.update(text.encode())
        out[i] = int.from_bytes(one.digest(), "big")
    return out
