"""The stage `embed` where it has nothing to do, and where it cannot do it: no `transformers` is needed to find out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pretrained.small import PRETRAINED, model_folder, write_spec

WITHOUT = "import sys; sys.modules['transformers'] = None; sys.argv = ['mtl', 'embed']; from mtl.cli import main; main()"
LIGHT = "import sys; from mtl.stages.embed import run; print(run()); "
LIGHT += "sys.exit(', '.join({'torch', 'transformers', 'huggingface_hub', 'polars'} & sys.modules.keys()) or 0)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data/validated/docs").mkdir(parents=True)
    return tmp_path


def embed(project: Path, one: str, code: str = WITHOUT) -> subprocess.CompletedProcess[str]:
    write_spec(project, one)
    return subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)


def test_without_such_an_input_it_is_done_at_once(project: Path) -> None:
    done = embed(project, "columns: {x: {kind: numeric}}", LIGHT)
    assert (done.returncode, done.stderr) == (0, ""), "nothing heavy is imported"
    assert json.loads((project / "data/embedded/inputs.json").read_text()) == {}
    assert "no input has a pretrained encoder" in done.stdout


def test_without_the_package_one_line_says_what_to_install(project: Path) -> None:
    model_folder(project / "tiny")
    done = embed(project, PRETRAINED)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install 'transformers" in done.stderr
    assert not (project / "data/embedded").exists()


def test_a_model_that_is_not_there_is_one_error(project: Path) -> None:
    done = embed(project, PRETRAINED.replace("tiny", "package:no_such_package"))
    assert done.returncode == 1
    assert "params.yaml, inputs.facts.model: package:no_such_package" in done.stderr
    assert "Traceback" not in done.stderr
