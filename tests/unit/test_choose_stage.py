"""The stage `choose` and what `train` makes of its file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.choosing.choice import asked_for
from mtl.data.encodings import Encodings
from mtl.errors import DataError
from mtl.layout import ALIGNED, CHOICE, ENCODINGS
from mtl.spec import Model, read_spec

SPEC = Path(__file__).parent / "report/fixed/params.yaml"


def test_choose_says_at_once_what_the_spec_says(tmp_path: Path) -> None:
    """Without `sharing: auto` no network is loaded, and test is never opened: it need not even be there."""
    (tmp_path / ALIGNED / "train").mkdir(parents=True)
    (tmp_path / ENCODINGS).mkdir(parents=True)
    shutil.copy(SPEC, tmp_path / "params.yaml")
    told = "import sys; from mtl.stages.choose import run; print(run()); assert not {'torch', 'sklearn'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    choice = json.loads((tmp_path / CHOICE).read_text())
    assert (choice["asked"], choice["sharing"], choice["alternatives"]) == ("hybrid", "hybrid", [])


def test_train_does_not_follow_a_choice_of_another_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.stages._fitting import _chosen

    monkeypatch.chdir(tmp_path)
    spec = read_spec(SPEC)
    auto = spec.model_copy(update={"model": Model(sharing="auto")})
    with pytest.raises(DataError, match="is not there"):
        _chosen(auto, Encodings({}, ()))
    CHOICE.parent.mkdir()
    CHOICE.write_text(json.dumps(asked_for(spec).as_json()))
    with pytest.raises(DataError, match="a choice of another spec"):
        _chosen(auto, Encodings({}, ()))
    assert _chosen(spec, Encodings({}, ()))[0] == spec
