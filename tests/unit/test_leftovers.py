from __future__ import annotations

from pathlib import Path

from mtl.layout import INGESTED, KEPT, PROFILES, VALIDATED, VALIDATION
from mtl.leftovers import clear_leftovers


def test_only_what_a_removed_source_left_goes(tmp_path: Path) -> None:
    for source in ("people", "old"):
        for folder in (INGESTED, KEPT, VALIDATED):
            (tmp_path / folder / source).mkdir(parents=True)
            (tmp_path / folder / source / "part-0000.parquet").touch()
        for folder in (PROFILES, VALIDATION):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / f"{source}.json").touch()
    (tmp_path / VALIDATED / ".gitignore").touch()
    (tmp_path / "data/raw").mkdir()
    gone = clear_leftovers(tmp_path, {"people"})
    assert gone == [INGESTED / "old", KEPT / "old", VALIDATED / "old", PROFILES / "old.json", VALIDATION / "old.json"]
    assert clear_leftovers(tmp_path, {"people"}) == []
    assert (tmp_path / VALIDATED / "people/part-0000.parquet").is_file()
    assert (tmp_path / VALIDATED / ".gitignore").is_file()
    assert (tmp_path / "data/raw").is_dir()


def test_an_empty_workspace_has_none(tmp_path: Path) -> None:
    assert clear_leftovers(tmp_path, {"people"}) == []
