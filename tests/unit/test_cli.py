from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mtl.cli import SOURCE_STAGES, STAGES, main

HEAVY = ("torch", "polars", "great_expectations", "mlflow", "prefect", "dvc", "sklearn", "pandera", "plotly")


def mtl(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mtl", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_help_loads_no_heavy_part() -> None:
    code = (
        "import sys\nfrom mtl.cli import main\nsys.argv = ['mtl', '--help']\n"
        f"try: main()\nexcept SystemExit: pass\nprint([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in (*STAGES, *SOURCE_STAGES, "run", "check", "init", "checkout"))


def test_every_stage_has_a_module_and_every_module_a_stage() -> None:
    folder = Path(sys.modules["mtl.cli"].__file__ or "").parent / "stages"
    modules = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}
    assert modules == {*STAGES, *SOURCE_STAGES}


def test_without_a_project_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mtl(monkeypatch, "check") == 2
    assert "mtl init" in capsys.readouterr().err


def test_a_stage_without_what_it_reads_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    for stage in STAGES:
        assert mtl(monkeypatch, stage) == 1
        assert f"dvc repro {stage}" in capsys.readouterr().err


def test_an_unknown_source_is_named_with_the_nearest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert mtl(monkeypatch, "ingest", "peple") == 2
    assert "'people'" in capsys.readouterr().err
