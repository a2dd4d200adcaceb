"""What a scheduled retraining leaves in git: nothing, a commit on this branch, or a branch of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from mtl.errors import MtlError
from mtl.layout import CODE_LOCK, DVC_LOCK

FILES = (str(DVC_LOCK), str(CODE_LOCK))
NOBODY = {
    f"GIT_{who}_{what}": said for who in ("AUTHOR", "COMMITTER") for what, said in (("NAME", "mtl"), ("EMAIL", "mtl@localhost"))
}
"""Who commits where git knows nobody."""


def record(root: Path, how: Literal["none", "commit", "branch"], message: str, branch: str) -> str:
    """Record dvc.lock in git; what was done, in words, empty if there is nothing to record.

    `commit` takes these files alone, whatever else is staged or changed. `branch` never moves HEAD, the index or the folder.
    Raises MtlError if git refuses.
    """
    files = [name for name in FILES if (root / name).is_file()]
    if how == "none" or not _git(root, "status", "--porcelain", "--", *files).strip():
        return ""
    if how == "branch" and _git(root, "branch", "--list", branch).strip():
        return f"branch {branch} is there already"
    if how == "commit":
        _git(root, "add", "--", *files)
        _git(root, "commit", "--quiet", "--no-verify", "--message", message, "--only", "--", *files)
        return f"committed {', '.join(files)} as {_git(root, 'rev-parse', '--short', 'HEAD').strip()}"
    return _on_a_branch(root, files, message, branch)


def _on_a_branch(root: Path, files: list[str], message: str, branch: str) -> str:
    """A commit on top of HEAD, made in an index of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", "HEAD", env=own)
        _git(root, "add", "--", *files, env=own)
        tree = _git(root, "write-tree", env=own).strip()
    commit = _git(root, "commit-tree", tree, "-p", "HEAD", "-m", message).strip()
    _git(root, "branch", branch, commit)
    return f"recorded {', '.join(files)} on branch {branch}"


def _git(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, env=_identity(root) | dict(env or {})
    )
    if done.returncode:
        raise MtlError(
            f"operations.record: git {arguments[0]}", expected="a git repository that takes a commit",
            found=(done.stderr or done.stdout).strip()[:300], do="mend it, or write `record: none`",
        )  # fmt: skip
    return done.stdout


def _identity(root: Path) -> dict[str, str]:
    """The environment, with somebody to commit as."""
    known = subprocess.run(["git", "-C", str(root), "config", "user.email"], capture_output=True, text=True, check=False)
    return dict(os.environ) if known.stdout.strip() else NOBODY | dict(os.environ)
