"""The template of a project is this repository's own files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mtl.errors import DataError
from mtl.project.template import FILES, OF_EXAMPLES, copy_template, template_root

ROOT = Path(__file__).parents[3]


def test_this_checkout_holds_the_whole_template_and_the_wheel_carries_it() -> None:
    assert template_root() == ROOT
    assert [name for name in (*FILES, *OF_EXAMPLES) if not (ROOT / name).exists()] == []
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {name: f"mtl/template/{name}" for name in (*FILES, *OF_EXAMPLES)}


def test_files_are_copied_as_they_are(tmp_path: Path, plain_template: Path) -> None:
    (plain_template / "flows/__pycache__").mkdir()
    (plain_template / "flows/__pycache__/retrain.pyc").write_text("")
    written = copy_template(tmp_path, plain_template)

    assert Path("flows/retrain.py") in written
    assert {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()} == set(written)


def test_a_part_that_is_missing_is_named_before_anything_is_copied(tmp_path: Path, plain_template: Path) -> None:
    (plain_template / "dvc.yaml").unlink()
    with pytest.raises(DataError, match=r"no dvc\.yaml"):
        copy_template(tmp_path, plain_template)
    assert list(tmp_path.iterdir()) == []
