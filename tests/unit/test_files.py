from __future__ import annotations

from pathlib import Path

import pytest

from mtl.files import read_json, replacing, write_json


def test_a_file_takes_its_place_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    with replacing(target) as partial:
        partial.write_text("first")
        assert not target.exists()
    with pytest.raises(ZeroDivisionError), replacing(target) as partial:
        partial.write_text(str(1 / 0))
    assert target.read_text() == "first"
    assert [p.name for p in target.parent.iterdir()] == ["file.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for name in ("a", "b"):
        with replacing(target) as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [p.name for p in target.iterdir()] == ["b"]
    with pytest.raises(FileExistsError), replacing(target) as partial:
        _make_twice(partial)
    assert [p.name for p in target.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def _make_twice(folder: Path) -> None:
    folder.mkdir()
    folder.mkdir()


def test_what_a_killed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".folder.partial").mkdir()
    (tmp_path / ".folder.partial" / "junk").touch()
    with replacing(tmp_path / "folder") as partial:
        partial.mkdir()
    assert list((tmp_path / "folder").iterdir()) == []


def test_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1.5, None, "ü"]})
    assert read_json(tmp_path / "a.json") == {"x": [1.5, None, "ü"]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert read_json(tmp_path / "a.json") == {"x": [1.5, None, "ü"]}


def test_a_kill_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    """The folder was moved aside and its successor had not yet taken its place."""
    old, target = tmp_path / ".folder.old", tmp_path / "folder"
    old.mkdir()
    (old / "a").touch()
    with pytest.raises(ZeroDivisionError), replacing(target) as partial:
        partial.write_text(str(1 / 0))
    assert [p.name for p in target.iterdir()] == ["a"]
    target.replace(old)
    with replacing(target) as partial:
        partial.mkdir()
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
