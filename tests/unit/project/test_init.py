"""`mtl init`: tables in, a project that runs out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import polars as pl
import pytest

from mtl.codelock import check_code_lock
from mtl.data.sources import read_header
from mtl.errors import DataError
from mtl.project import init_project
from mtl.project.check import check_columns
from mtl.spec import read_spec

pytestmark = pytest.mark.usefixtures("plain_template")


@pytest.fixture
def files(tmp_path: Path, people: pl.DataFrame) -> list[Path]:
    """Three tables in three formats."""
    parts = {"base.csv": people.drop("sick", "pressure", "health"), "doctor.ndjson": people.select("person_id", "sick", "health"),
             "lab.parquet": people.select("person_id", "pressure")}  # fmt: skip
    for name, frame in parts.items():
        file = tmp_path / name
        {".csv": frame.write_csv, ".ndjson": frame.write_ndjson, ".parquet": frame.write_parquet}[file.suffix](file)
    return [tmp_path / name for name in parts]


def test_a_project_is_whole_and_its_spec_fits_its_tables(tmp_path: Path, files: list[Path]) -> None:
    target = tmp_path / "new project"
    done = init_project(target, files, keys=["person_id"], targets=["sick", "pressure", "health"], name=None)

    for part in (
        "params.yaml",
        "dvc.yaml",
        "prefect.yaml",
        "flows/retrain.py",
        ".dvc/config",
        ".gitignore",
        "README.md",
        "Makefile",
    ):
        assert (target / part).is_file(), part
        assert Path(part) in done.written
    assert (target / "profile.json").read_text().strip() == "{}"
    assert check_code_lock(target / "code.lock.yaml") == []
    assert (target / ".git").is_dir()
    spec = read_spec(target / "params.yaml")
    assert spec.name == "new_project"
    assert [source.path for source in spec.sources.values()] == [
        "data/raw/base.csv",
        "data/raw/doctor.ndjson",
        "data/raw/lab.parquet",
    ]
    check_columns(spec, {name: list(read_header(spec, name, target)) for name in spec.sources}, target)
    assert (target / "data/raw/base.csv").read_bytes() == files[0].read_bytes()


def test_the_same_tables_give_the_same_spec(tmp_path: Path, files: list[Path]) -> None:
    texts = set()
    for folder in ("a/p", "b/p"):
        init_project(tmp_path / folder, files, keys=["person_id"], targets=["sick"], name="same")
        texts.add((tmp_path / folder / "params.yaml").read_text())
    assert len(texts) == 1


def test_a_file_inside_the_folder_is_named_where_it_lies(tmp_path: Path, people: pl.DataFrame) -> None:
    target = tmp_path / "p"
    file = target / "tables" / "all.csv"
    file.parent.mkdir(parents=True)
    people.write_csv(file)

    done = init_project(target, [file], keys=[], targets=["sick"], name="mine")

    assert read_spec(target / "params.yaml").sources["all"].path == "tables/all.csv"
    assert not (target / "data").exists()
    assert "'person_id' is taken as the key" in " ".join(done.doubts)


def test_two_files_of_one_name_become_two_sources(tmp_path: Path, people: pl.DataFrame) -> None:
    for folder, columns in {"x": ["person_id", "age"], "y": ["person_id", "sick"]}.items():
        (tmp_path / folder).mkdir()
        people.select(columns).write_csv(tmp_path / folder / "data.csv")
    init_project(tmp_path / "p", [tmp_path / "x/data.csv", tmp_path / "y/data.csv"], keys=[], targets=["sick"], name=None)

    assert list(read_spec(tmp_path / "p/params.yaml").sources) == ["data", "data_2"]


@pytest.mark.parametrize("kind", ["file", "folder", "target", "missing"])
def test_after_an_error_nothing_was_written(tmp_path: Path, files: list[Path], kind: str) -> None:
    target = tmp_path / "p"
    if kind == "file":
        target.write_text("x")
    elif kind == "folder":
        target.mkdir()
        (target / "notes.txt").write_text("x")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    wanted = [*files, tmp_path / "nothing.csv"] if kind == "missing" else files

    with pytest.raises(DataError):
        init_project(target, wanted, keys=["person_id"], targets=["sik" if kind == "target" else "sick"], name=None)

    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_inside_a_git_work_tree_no_second_one_is_made(tmp_path: Path, files: list[Path]) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    init_project(tmp_path / "p", files, keys=["person_id"], targets=["sick"], name=None)
    assert not (tmp_path / "p" / ".git").exists()


def test_the_project_runs_up_to_the_aligned_set(tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    target = tmp_path / "p"
    init_project(target, files, keys=["person_id"], targets=["sick", "pressure", "health"], name=None)
    monkeypatch.chdir(target)

    for stage in ("ingest", "validate"):
        for source in ("base", "doctor", "lab"):
            import_module(f"mtl.stages.{stage}").run(source)
    for stage in ("split", "encode", "align"):
        import_module(f"mtl.stages.{stage}").run()

    assert (target / "data/aligned/train").is_dir()


def test_the_key_is_no_target(tmp_path: Path, files: list[Path]) -> None:
    """It wrote a project that `mtl check` then refused."""
    target = tmp_path / "new"
    with pytest.raises(DataError, match=r"'person_id'.*the key"):
        init_project(target, files, keys=["person_id"], targets=["person_id", "sick"], name=None)
    assert not target.exists()
