"""Batches scored by a champion of a real registry, in a process of their own, as a person or a schedule does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mtl.registry.verbs import champion_package
from mtl.spec import SPEC, read_spec
from tests.flows.conftest import command
from tests.flows.registry.conftest import Workspace, people

pytestmark = pytest.mark.slow
NEW = people(range(5000, 5050))
"""Rows that nobody has seen; some cells are missing."""
OUT = Path("data/scored/people/date=2026-11-22")


def arrives(root: Path, text: str) -> str:
    place = root / "inbox/date=2026-11-22/people.csv"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return "inbox/date=2026-11-22"


def test_a_partition_is_predicted_by_the_champion_and_again_to_the_byte(with_champion: Workspace) -> None:
    root = with_champion.root
    table = NEW.select(pl.col("key").alias("id"), pl.col("age").cast(pl.String), "colour")
    broken = table.with_columns(age=pl.when(pl.col("id") == "5007").then(pl.lit("old")).otherwise("age"))
    asked = ("mtl", "score", "people", "--from", arrives(root, broken.write_csv()))
    said = command(root, *asked).stdout
    assert said.startswith("people: 49 of 50 rows predicted by version 1 of people_model, 1 in quarantine (1 × age: not a number)")
    (part,) = (root / OUT).iterdir()
    assert said.splitlines()[0].endswith(f"-> {OUT / part.name}")
    content = part.read_bytes()
    assert command(root, *asked).stdout == said
    assert [one.read_bytes() for one in (root / OUT).iterdir()] == [content]
    version, package = champion_package(root, read_spec(root / SPEC))
    known = NEW.filter(pl.col("key") != "5007")
    wanted = package.predict(known)
    found = pl.read_parquet(root / "data/scored/people", hive_partitioning=True)
    assert_frame_equal(found.select(wanted.columns), wanted)
    assert found["id"].to_list() == known["key"].to_list()
    assert (found["model_version"].unique().to_list(), found["date"].n_unique()) == ([version], 1)


def test_a_batch_that_is_not_the_table_that_was_agreed_on_is_refused(with_champion: Workspace) -> None:
    root = with_champion.root
    done = command(root, "mtl", "score", "people", "--from", arrives(root, "id,age\n1,30\n"), check=False)
    assert done.returncode == 1
    assert "inbox/date=2026-11-22: no column 'colour'" in done.stderr
    assert not list((root / "data/scored").iterdir())


def test_without_a_champion_it_says_so(tmp_path: Path, template: Path) -> None:
    (tmp_path / SPEC).write_text((template / SPEC).read_text())
    done = command(tmp_path, "mtl", "score", "people", check=False)
    assert done.returncode == 1
    assert "the champion of 'people_model'" in done.stderr
    assert "mtl run" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == [SPEC]
