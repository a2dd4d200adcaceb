from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mtl.errors import MtlError
from mtl.orchestration.record import record


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """dvc.lock has changed since the last commit; so has a file of the user's, which is staged."""
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("dvc.lock", "notes.txt"):
        (tmp_path / name).write_text("before\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")
    for name in ("dvc.lock", "notes.txt"):
        (tmp_path / name).write_text("after\n")
    git(tmp_path, "add", "notes.txt")
    return tmp_path


def test_a_commit_takes_the_lock_and_nothing_of_the_users(repository: Path) -> None:
    assert "committed dvc.lock" in record(repository, "commit", "Retrained by calm-owl", "mtl/calm-owl")
    assert git(repository, "show", "--name-only", "--format=%s").split("\n\n") == ["Retrained by calm-owl", "dvc.lock\n"]
    assert git(repository, "status", "--porcelain") == "M  notes.txt\n"


def test_a_branch_of_its_own_moves_neither_head_nor_index_nor_folder(repository: Path) -> None:
    before = git(repository, "rev-parse", "HEAD"), git(repository, "status", "--porcelain")
    assert "mtl/calm-owl" in record(repository, "branch", "Retrained by calm-owl", "mtl/calm-owl")
    assert (git(repository, "rev-parse", "HEAD"), git(repository, "status", "--porcelain")) == before
    assert git(repository, "show", "mtl/calm-owl:dvc.lock") == "after\n"
    assert git(repository, "show", "mtl/calm-owl:notes.txt") == "before\n"
    assert git(repository, "rev-parse", "mtl/calm-owl~1") == before[0]


def test_without_a_change_or_a_wish_nothing_is_recorded(repository: Path) -> None:
    assert record(repository, "none", "x", "y") == ""
    record(repository, "commit", "x", "y")
    assert record(repository, "commit", "x", "y") == ""


def test_a_branch_that_is_there_is_left_as_it_is(repository: Path) -> None:
    record(repository, "branch", "x", "mtl/x")
    before = git(repository, "rev-parse", "mtl/x")
    (repository / "dvc.lock").write_text("later\n")
    assert "there already" in record(repository, "branch", "x", "mtl/x")
    assert git(repository, "rev-parse", "mtl/x") == before


def test_a_refusal_of_git_is_an_error_that_says_so(repository: Path) -> None:
    (repository / ".git/index.lock").touch()  # somebody else is at it
    with pytest.raises(MtlError, match=r"index\.lock"):
        record(repository, "commit", "x", "y")
