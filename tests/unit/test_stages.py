"""What stages promise beside what their rooms do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.layout import ALIGNED, ENCODINGS
from mtl.stages._fitting import run_key


def test_train_and_baseline_never_share_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`model.sharing: separate` makes them the same run, and `mtl run` runs them side by side."""
    monkeypatch.chdir(tmp_path)
    for folder in (ALIGNED / "train", ALIGNED / "valid", ENCODINGS):
        folder.mkdir(parents=True)
        (folder / "a.npy").write_bytes(b"same")
    assert run_key("candidate") == run_key("candidate")
    assert run_key("candidate") != run_key("single_task")
