from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from mtl.dvc_home import keep_dvc_home


def said(root: Path) -> dict[str, dict[str, str]]:
    config = ConfigParser(interpolation=None)
    config.read(root / ".dvc/config.local")
    return {section: dict(config[section]) for section in config.sections()}


def test_what_else_stands_there_is_kept_and_a_moved_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a/.dvc").mkdir(parents=True)
    (tmp_path / "a/.dvc/config.local").write_text("['remote \"store\"']\n    password = 100%sure\n")
    assert keep_dvc_home(tmp_path / "a")
    assert not keep_dvc_home(tmp_path / "a")
    moved = (tmp_path / "a").rename(tmp_path / "b")
    assert keep_dvc_home(moved)
    assert said(moved) == {"'remote \"store\"'": {"password": "100%sure"}, "core": {"site_cache_dir": f"{moved}/.mtl/dvc"}}


def test_a_folder_without_dvc_is_left_alone(tmp_path: Path) -> None:
    assert not keep_dvc_home(tmp_path)
    assert list(tmp_path.iterdir()) == []
