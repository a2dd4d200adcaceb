"""A packed model with fresh weights, made from tables on by the stages' own functions, and its test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch

from mtl.data.align import align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.encode import encode, raw_rows
from mtl.data.split import split_entities
from mtl.network import build_network
from mtl.registry.package import Package, read_package, write_package
from mtl.spec import Spec


@dataclass(frozen=True)
class Packed:
    """folder: with the tables in `validated` and all sides in `aligned`; test: the aligned side of that name."""

    folder: Path
    spec: Spec
    package: Package
    test: AlignedSet

    def raw(self) -> pl.DataFrame:
        """The rows of test as they are asked of the package."""
        keys = self.test.keys().select("entity", "key")
        return raw_rows(self.spec, self.package.encodings, self.folder / "validated", keys)


def packed_from(tables: Mapping[str, pl.DataFrame], spec: Spec, folder: Path, seen: int | None = None) -> Packed:
    """seen: how many of the keys are told to the package; None: all."""
    for name, frame in tables.items():
        (folder / "validated" / name).mkdir(parents=True)
        frame.write_parquet(folder / "validated" / name / "part-0000.parquet")
    split = split_entities(spec, folder / "validated")
    done = encode(spec, folder / "validated", split)
    write_encoded(folder / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(folder / "encoded", done.encodings, split, folder / "aligned")
    torch.manual_seed(0)
    network = build_network(done.encodings, spec.model).eval()
    write_package(folder / "model", spec, done.encodings, network, done.golden, split.select("entity", "key")[:seen])
    return Packed(folder, spec, read_package(folder / "model"), AlignedSet.read(folder / "aligned" / "test"))


def golden_of(package: Package) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Golden rows, and what was predicted of them."""
    golden = package.golden()
    predicted = [name for name in golden.columns if name.startswith("predicted.")]
    return golden, golden.select(predicted).rename(lambda name: name.removeprefix("predicted."))
