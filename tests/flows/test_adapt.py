"""`mtl adapt`: a task that was not there, on the champion of a finished project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mtl.adaptation.package import read_adapted
from mtl.adaptation.run import adapt, means_of
from mtl.errors import DataError, LeakError, RegistryError, SpecError
from mtl.registry.package import PREDICTED
from mtl.registry.verbs import champion_package
from mtl.spec import read_spec
from tests.flows.conftest import PARAMS, command

NEW = "  kilos: {source: visits, column: weight, kind: regression, unit: kg}\n"


def declare(root: Path, line: str) -> None:
    """One more task in params.yaml."""
    (root / "params.yaml").write_text((root / "params.yaml").read_text().replace("encoding: {}", f"{line}encoding: {{}}"))


@pytest.fixture
def project_with(copy: Path) -> Path:
    """A finished project that declares the new task."""
    declare(copy, NEW)
    return copy


def test_adapted_predicts_old_tasks_to_the_same_bits_and_the_new_one(
    project_with: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project_with
    folder = adapt(root, "kilos", "low_rank", [40, 100], seeds=2)
    said = capsys.readouterr().out
    assert "4 tasks, which stay as they are" in said
    assert "    40 labels, mean of 2 draws: r2" in said
    assert "next: " in said
    _, champion = champion_package(root, read_spec(root / "params.yaml"))
    adapted = read_adapted(folder)
    rows = pl.read_parquet(root / "data/aligned/valid/golden.parquet")
    old, both = champion.predictions(rows), adapted.predictions(rows)
    assert list(both) == [*old, "kilos"]
    assert all(both[name].tobytes() == old[name].tobytes() for name in old)
    assert np.corrcoef(both["kilos"], old["weight"])[0, 1] > 0.5
    golden = adapted.golden()
    again = adapted.predict(golden).rename(lambda name: PREDICTED + name)
    assert_frame_equal(golden.select(again.columns), again, check_exact=True)
    lines = json.loads((root / "reports/adapted/kilos.json").read_text())["lines"]
    assert [line["labels"] for line in lines][:2] == [40, 100]
    assert all(line["low"] <= line["diff"] <= line["high"] for line in lines)


def test_adapting_again_writes_the_same_bytes(project_with: Path) -> None:
    first, second = (
        {file.name: file.read_bytes() for file in adapt(project_with, "kilos").iterdir() if file.is_file()} for _ in range(2)
    )
    assert first == second


def test_what_cannot_be_adapted_is_said_in_words(copy: Path) -> None:
    declare(copy, NEW + "  lost: {source: visits, column: nowhere, kind: binary}\n")
    with pytest.raises(SpecError, match=r"(?s)task 'kilo'.*write 'kilos'"):
        adapt(copy, "kilo")
    with pytest.raises(SpecError, match="does not predict yet"):
        adapt(copy, "weight")
    with pytest.raises(SpecError, match=r"(?s)--with embedding.*shared_bottom"):
        adapt(copy, "kilos", "embedding")
    with pytest.raises(DataError, match=r"(?s)column 'nowhere'.*dvc repro"):
        adapt(copy, "lost")
    strict = (copy / "params.yaml").read_text().replace("encoding: {}", "encoding: {leak: {threshold: 0.4, on_leak: drop}}")
    (copy / "params.yaml").write_text(strict)
    with pytest.raises(LeakError, match="height alone predicts task 'kilos'"):
        adapt(copy, "kilos")
    with pytest.raises(SpecError, match=r"(?s)--with.*low_rank"):
        means_of("lowrank")


def test_without_a_champion_it_says_how_to_get_one(project: Path) -> None:
    assert "kilos" not in PARAMS
    declare(project, NEW)
    with pytest.raises(RegistryError, match=r"(?s)the champion of 'small'.*mtl run"):
        adapt(project, "kilos")


@pytest.mark.slow
def test_the_verb_says_what_has_to_be_made_first_and_what_it_cannot_read(project_with: Path) -> None:
    """What it does when all is there is done as the README says, in tests/long/test_tune_and_adapt.py."""
    stale = command(project_with, "mtl", "adapt", "--task", "kilos", check=False)
    assert stale.returncode == 1
    assert "dvc repro split" in stale.stderr
    wrong = command(project_with, "mtl", "adapt", "--task", "kilos", "--labels", "many", check=False)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
