"""The code lock: exactly the stages that can run a file change with it."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtl import codelock
from mtl.codelock import check_code_lock, imported, stage_hashes, write_code_lock

FILES = {
    "__init__.py": "",
    "errors.py": "",
    "spec/__init__.py": "from pk.spec.schema import Spec\n",
    "spec/schema.py": "from pk.errors import Wrong\n",
    "data/__init__.py": "",
    "data/read.py": "import pk.errors\n",
    "data/encode.py": "from . import read\n",
    "net/__init__.py": "",
    "net/heads.py": "from ..errors import Wrong\n",
    "report/__init__.py": "",
    "report/page.py": "",
    "report/templates/page.html": "<html>",
    "unused.py": "",
    "stages/__init__.py": "",
    "stages/_common.py": "from pk.spec import Spec\n",
    "stages/ingest.py": "from pk.stages._common import need\n\ndef run():\n    from pk.data.read import read\n",
    "stages/encode.py": "from pk.data import (\n    encode,\n)\n",
    "stages/train.py": "if True:\n    try:\n        import pk.net.heads as heads\n    except ImportError:\n        pass\n",
    "stages/report.py": "from pk.report.page import page\n",
}
BEHIND = {
    "__init__.py": {"ingest", "encode", "train", "report"},
    "errors.py": {"ingest", "encode", "train"},
    "spec/schema.py": {"ingest"},
    "data/read.py": {"ingest", "encode"},
    "data/encode.py": {"encode"},
    "data/__init__.py": {"ingest", "encode"},
    "net/heads.py": {"train"},
    "report/templates/page.html": {"report"},
    "stages/_common.py": {"ingest"},
    "stages/train.py": {"train"},
    "unused.py": set(),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "pk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pk"


@pytest.mark.parametrize("file", BEHIND)
def test_a_change_makes_exactly_the_stages_stale_that_reach_it(package: Path, file: str) -> None:
    before = stage_hashes(package)
    (package / file).write_text(FILES[file] + "\n# changed\n")
    after = stage_hashes(package)
    assert {stage for stage in before if before[stage] != after[stage]} == BEHIND[file]


def test_it_does_not_depend_on_where_the_package_lies_or_on_compiled_files(package: Path, tmp_path: Path) -> None:
    before = stage_hashes(package)
    (package / "data/__pycache__").mkdir()
    (package / "data/__pycache__/read.cpython-311.pyc").write_bytes(b"x")
    moved = package.rename(tmp_path.parent / f"{tmp_path.name}-pk")
    moved = moved.rename(moved.parent / "pk") if not (moved.parent / "pk").exists() else moved
    (tmp_path / "elsewhere").mkdir()
    moved = moved.rename(tmp_path / "elsewhere/pk")
    assert stage_hashes(moved) == before


def test_every_stage_of_this_package_is_locked() -> None:
    stages = {path.stem for path in (codelock.PACKAGE / "stages").glob("[!_]*.py")}
    assert stage_hashes().keys() == stages
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in stage_hashes().values())


def test_the_quick_reading_of_imports_misses_none_of_this_package() -> None:
    for path in codelock.PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        names = {a.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom) and n.module and not n.level}
        assert names <= set(imported(text, "mtl.any", path)), path


def test_prose_that_begins_like_an_import_is_no_harm() -> None:
    text = '"""What.\n\nfrom the left import goods, say\n"""\nimport pk.errors\n'
    assert set(imported(text, "pk.a", Path("a.py"))) == {"pk.errors"}


def test_check_names_what_is_stale_and_writing_mends_it(tmp_path: Path) -> None:
    lock = tmp_path / "code.lock.yaml"
    assert check_code_lock(lock) == sorted([*stage_hashes(), "pretrained"])
    write_code_lock(lock)
    assert check_code_lock(lock) == []
    lock.write_text(lock.read_text().replace(f"train: '{stage_hashes()['train']}'", "train: 'feedfeedfeedfeed'") + "gone: '0'\n")
    assert check_code_lock(lock) == ["gone", "train"]


def test_dvc_reads_the_lock_as_text_not_as_numbers(tmp_path: Path) -> None:
    """A hash of digits only, or like 12e4, must not become a number."""
    from ruamel.yaml import YAML

    write_code_lock(tmp_path / "code.lock.yaml")
    read = YAML(typ="safe").load(tmp_path / "code.lock.yaml")
    assert read == {**stage_hashes(), "pretrained": "none"}


def test_writing_the_same_again_does_not_touch_the_file(tmp_path: Path) -> None:
    lock = tmp_path / "code.lock.yaml"
    write_code_lock(lock)
    before = lock.stat().st_mtime_ns
    time.sleep(0.01)
    write_code_lock(lock)
    assert lock.stat().st_mtime_ns == before


def test_it_imports_nothing_heavy() -> None:
    code = "import sys; from mtl.codelock import stage_hashes; stage_hashes(); "
    code += "sys.exit(', '.join({'torch', 'prefect', 'dvc', 'polars', 'mlflow'} & sys.modules.keys()) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
