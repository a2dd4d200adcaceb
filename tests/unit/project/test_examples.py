"""`mtl init --example`: what there is, what is copied, and what is said where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mtl.cli import main
from mtl.errors import DataError
from mtl.project import init_example
from mtl.project.examples import examples, needs_of
from mtl.spec import read_spec
from mtl.spec.inputs import VectorInput

ROOT = Path(__file__).parents[3]
SPEC = """
entities: {person: {key: id}}
sources: {people: {path: data/raw/people.csv}}
inputs: {facts: {source: people, columns: {age: {kind: numeric}}}}
tasks: {ill: {source: people, column: ill, kind: binary}}
encoding: {}
model: {}
training: {}
evaluation: {}
gate: {}
"""


@pytest.fixture
def root(plain_template: Path) -> Path:
    """A template with the root's own project and three examples: that project, one that is whole, one that needs data."""
    for folder, name in {".": "root", "examples/whole": "whole", "examples/needy": "needy"}.items():
        raw = plain_template / folder / "data/raw"
        raw.mkdir(parents=True)
        (plain_template / folder / "params.yaml").write_text(f"name: {name}\n{SPEC}")
        (raw / "people.csv").write_text(f"id,age,ill,{name}\n")
    (plain_template / "examples/needy/data/raw/people.csv").unlink()
    (plain_template / "examples/needy/needs.yaml").write_text("origin: the moon\nfiles: {men.csv: data/raw/people.csv}\n")
    for name in ("same", "whole", "needy"):
        (plain_template / f"examples/{name}").mkdir(exist_ok=True)
        (plain_template / f"examples/{name}/README.md").write_text(f"# {name}\n\nWhat {name} shows.\n")
    return plain_template


def mtl(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mtl", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("said", [["--example"], ["new", "--example"], ["new", "--example", "--data", "x"]])
def test_without_a_name_they_are_listed(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mtl(monkeypatch, "init", *said) == 0
    shown = ["needy  What needy shows.", "same   What same shows.", "whole  What whole shows."]
    assert capsys.readouterr().out.splitlines() == shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "whose"), [("whole", "whole"), ("same", "root")])
def test_an_example_becomes_a_project(root: Path, tmp_path: Path, name: str, whose: str) -> None:
    """One without a spec is the project of the root."""
    target = tmp_path / "new"
    done = init_example(target, name)
    assert read_spec(target / "params.yaml").name == whose
    assert (target / "README.md").read_text().startswith(f"# {name}")
    assert (target / "data/raw/people.csv").read_text() == f"id,age,ill,{whose}\n"
    assert not (target / "examples").exists()
    for part in ("dvc.yaml", "code.lock.yaml", "profile.json", "Makefile", ".git", "flows/retrain.py"):
        assert (target / part).exists(), part
    assert {Path("params.yaml"), Path("README.md"), Path("data/raw/people.csv"), Path("dvc.yaml")} <= set(done.written)


@pytest.mark.parametrize("where", [".", "set"])
def test_data_that_are_not_passed_on_are_brought(root: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "mine" / where).mkdir(parents=True)
    (tmp_path / "mine" / where / "men.csv").write_text("id,age,ill\n")
    init_example(tmp_path / "new", "needy", tmp_path / "mine")
    assert (tmp_path / "new/data/raw/people.csv").read_text() == "id,age,ill\n"
    assert not (tmp_path / "new/needs.yaml").exists()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "--example", "hole"], 1, ["--example hole", "'whole'"]),
        (["new", "--example", "needy"], 1, ["men.csv", "the moon", "--data FOLDER"]),
        (["new", "--example", "needy", "--data", "."], 1, ["men.csv", "no such file in ."]),
        (["new", "--example", "whole", "--data", "."], 1, ["whole brings its data along"]),
        (["new", "--example", "whole", "--targets", "a"], 2, ["leave one out"]),
        (["new", "--from", "x.csv"], 2, ["no --targets", "--example NAME"]),
        (["new", "--targets", "a", "--data", "."], 2, ["--data without --example"]),
        (["new", "--targets", "a"], 1, ["--from FILE"]),
        (["--example", "whole"], 2, ["the new project's folder"]),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    arguments: list[str],
    code: int,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mtl(monkeypatch, "init", *arguments) == code
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="not empty"):
        init_example(tmp_path, "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_examples_of_this_repository_are_whole() -> None:
    """Each says in a line what it shows, has a spec that can be read, and either its data or where they come from."""
    known = examples(ROOT)
    assert {"nhanes", "census", "molecules", "reviews"} <= set(known)
    assert all(len(line) > 20 for line in known.values()), known
    for name in known:
        folder = ROOT / "examples" / name
        needs, whole = needs_of(folder), folder if (folder / "params.yaml").is_file() else ROOT
        placed = set() if needs is None else set(needs.files.values())
        for source in read_spec(whole / "params.yaml").sources.values():
            assert source.path in placed or (whole / source.path).exists(), (name, source.path)
        assert needs is not None or (whole / "data/raw/README.md").is_file()


def test_the_fingerprint_of_a_molecule_is_a_list_of_bits() -> None:
    one = read_spec(ROOT / "examples/molecules/params.yaml").inputs["fingerprint"]
    assert isinstance(one, VectorInput)
    assert (one.format, one.size) == ("bits", 1024)
