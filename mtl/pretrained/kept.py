"""Vectors of texts, each computed once: for a stage that was cut short, and for the next run, which has few new texts.

A folder an encoder, its pooling and so on: Parquet files of `hash` (BLAKE2b of the text, 16 bytes) and `vector`. Only what the
last whole run needed stays.
"""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np
import polars as pl
import torch

from mtl.data import pretrained as files
from mtl.data.pretrained import PretrainedModel, written
from mtl.extras import installed
from mtl.files import replacing
from mtl.network import pretrained as network
from mtl.pretrained import vectors
from mtl.pretrained.vectors import embed, frame_of, size_of

WHOLE = "all.parquet"
SECONDS = 20.0
"""What is lost at most when a run is killed."""

Progress = Callable[[str], None]
"""Told now and then how many texts have a vector."""


def kept_vectors(model: PretrainedModel, texts: pl.Series, home: Path, tell: Progress) -> pl.Series:
    """A list of Float32 for each text, null where there is none; those that `home` has are not computed again."""
    each = _Each.of(texts)
    folder = home / key_of(model)
    folder.mkdir(parents=True, exist_ok=True)
    held = _held(folder)
    lacking = each.without(held)
    if len(lacking.texts):
        _make(model, lacking, folder, len(each.texts), tell)
        held = _held(folder)
    found = each.hashes.to_frame().join(held, on="hash", how="left", maintain_order="left")
    if len(lacking.texts) or held.height > found.height:
        _only(folder, found)
    for other in home.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return each.spread(found["vector"])


def known_vectors(model: PretrainedModel, texts: pl.Series, home: Path | None) -> pl.Series:
    """The same of texts that may be new: nothing is written, and without `home` nothing is looked up."""
    each = _Each.of(texts)
    held = _held(home / key_of(model)) if home is not None else _held(None)
    lacking = each.without(held)
    if len(lacking.texts):
        made = np.zeros((len(lacking.texts), size_of(model)), np.float32)
        for at, found in embed(model, lacking.texts, whole=home is not None):
            made[at] = found
        held = pl.concat([held, frame_of(lacking.hashes, made)])
    return each.spread(each.hashes.to_frame().join(held, on="hash", how="left", maintain_order="left")["vector"])


@dataclass(frozen=True)
class _Each:
    """The different texts of a column, and their hashes."""

    given: pl.Series
    texts: pl.Series
    hashes: pl.Series

    @classmethod
    def of(cls, column: pl.Series) -> _Each:
        given = written(column).alias("text")
        texts = given.drop_nulls().unique(maintain_order=True)
        return cls(given, texts, pl.Series("hash", [blake2b(t.encode(), digest_size=16).digest() for t in texts], pl.Binary))

    def without(self, held: pl.DataFrame) -> _Each:
        """Those that `held` has not."""
        lacking = ~self.hashes.is_in(held["hash"].implode())
        return _Each(self.given, self.texts.filter(lacking), self.hashes.filter(lacking))

    def spread(self, vectors: pl.Series) -> pl.Series:
        """The vectors of `texts` on all rows of the column."""
        told = pl.DataFrame([self.texts, vectors])
        return self.given.to_frame().join(told, on="text", how="left", maintain_order="left")["vector"]


def key_of(model: PretrainedModel) -> str:
    """Of everything that a vector's bits depend on beside its text: encoder, use, code and machine."""
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in (files, network, vectors))
    used = {key: value for key, value in asdict(model).items() if key != "folder"}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else torch.backends.cpu.get_cpu_capability()
    parts = [used, sha256(code).hexdigest(), platform.machine(), device, torch.__version__, installed("transformers")]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _make(model: PretrainedModel, each: _Each, folder: Path, total: int, tell: Progress) -> None:
    """Compute, and write what there is every SECONDS."""
    made = np.zeros((len(each.texts), size_of(model)), np.float32)
    stored = np.zeros(len(each.texts), np.bool_)
    done, last, parts = stored.copy(), time.monotonic(), len(list(folder.glob("*.parquet")))

    def write() -> None:
        rows = np.flatnonzero(done & ~stored)
        with replacing(folder / f"{parts:06}.parquet") as partial:
            frame_of(each.hashes.gather(rows), made[rows]).write_parquet(partial, compression="lz4")
        stored[rows] = True

    for at, found in embed(model, each.texts):
        made[at], done[at] = found, True
        tell(f"{total - len(done) + int(done.sum()):,} of {total:,} texts")
        if time.monotonic() - last > SECONDS:
            write()
            parts, last = parts + 1, time.monotonic()
    done[:] = True  # a text without tokens has a vector of zeros
    write()


def _held(folder: Path | None) -> pl.DataFrame:
    """hash, vector of all that lies there, each once; a file that cannot be read counts as none."""
    frames = []
    for file in sorted(folder.glob("*.parquet")) if folder is not None else ():
        try:
            frames.append(pl.read_parquet(file))
        except (OSError, pl.exceptions.PolarsError):
            file.unlink(missing_ok=True)
    empty = pl.DataFrame(schema={"hash": pl.Binary, "vector": pl.List(pl.Float32)})
    return pl.concat([empty, *frames]).unique("hash", maintain_order=True)


def _only(folder: Path, found: pl.DataFrame) -> None:
    """Keep these vectors and no others."""
    parts = [file for file in folder.glob("*.parquet") if file.name != WHOLE]
    with replacing(folder / WHOLE) as partial:
        found.write_parquet(partial, compression="lz4")
    for file in parts:
        file.unlink()
