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
    folder = Path(sys.modules["mtl"].__file__ or "").parent / "stages"
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


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "data/x.parquet"),
        RuntimeError("parquet: File out of specification: underlying IO error: No space left on device (os error 28)"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["os", "polars", "safetensors"],
)
def test_a_full_disk_is_one_message_whoever_noticed_it(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise error

    monkeypatch.setattr("mtl.cli.app", full)
    assert mtl(monkeypatch, "split") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "No space left on device" in said
    assert "make room" in said


def test_an_error_that_is_no_full_disk_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise RuntimeError("a mistake in the code (os error 2)")

    monkeypatch.setattr("mtl.cli.app", wrong)
    with pytest.raises(RuntimeError, match="mistake"):
        main()
