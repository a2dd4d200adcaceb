"""A full or closed disk is said in words, whichever library met it; other errors are left alone."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors import SafetensorError
from safetensors.numpy import save_file

from mtl.unwritable import unwritable

FULL = Path("/dev/full")
"""Linux's own: whatever is written to it finds no room."""


def python(_: Path) -> None:
    with FULL.open("w") as file:
        file.write("x")


def polars(_: Path) -> None:
    pl.DataFrame({"x": range(100_000)}).write_parquet(FULL)


def sqlite(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "x.db")) as base:
        base.execute("PRAGMA max_page_count = 2")
        base.execute("CREATE TABLE x (y)")
        base.execute("INSERT INTO x VALUES (?)", ["y" * 100_000])


@pytest.mark.parametrize(
    ("write", "raised"), [(python, OSError), (polars, pl.exceptions.ComputeError), (sqlite, sqlite3.OperationalError)]
)
def test_a_full_disk_is_said(write: Callable[[Path], None], raised: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(raised, match=r"full|No space") as caught:
        write(tmp_path)
    said = unwritable(caught.value, tmp_path)
    assert said is not None
    assert said.found == "No space left on device"
    assert "make room" in said.do


def test_a_closed_one_needs_no_room(tmp_path: Path) -> None:
    said = unwritable(PermissionError(errno.EACCES, "Permission denied", "there"), tmp_path)
    assert said is not None
    assert (said.what, said.do) == ("there: cannot write", "let this user write there")


def test_what_is_something_else_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(SafetensorError, match="No such file") as caught:
        save_file({"x": np.zeros(3)}, tmp_path / "no/such/folder")
    for error in (caught.value, ValueError("disk"), FileNotFoundError(errno.ENOENT, "no such file")):
        assert unwritable(error, tmp_path) is None
