"""The worker's side: bring this checkout to the flow's revision and inputs, run the stage, push what it made."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from mtl.codelock import check_code_lock
from mtl.dvc_home import keep_dvc_home
from mtl.errors import DataError, MtlError
from mtl.files import replacing
from mtl.layout import CODE_LOCK
from mtl.orchestration.heal import heal_dvc
from mtl.orchestration.lock import workspace_lock
from mtl.orchestration.placement.checkpoints import Mirror
from mtl.orchestration.placement.files import lock_entry, pull, push
from mtl.orchestration.placement.gpu import must_have_gpu, own_devices
from mtl.orchestration.placement.parcel import FILES, Answer, Parcel
from mtl.orchestration.stage import run_stage
from mtl.orchestration.watch import Outcome
from mtl.services.places import workspace_id
from mtl.spec import SPEC, read_spec

Say = Callable[[str], None]


def receive(root: Path, parcel: Parcel, say: Say) -> Answer | Outcome:
    """Run the stage; the failed outcome if it fails.

    Raises MtlError if this checkout cannot be brought to where the flow is.
    """
    if parcel.workspace == workspace_id(root):
        say("the flow's own folder: nothing to bring")
        with own_devices(parcel.env):
            outcome = _run(root, parcel, say)  # the flow holds the workspace
        return Answer(parcel.stage, outcome.what, outcome.seconds, None) if outcome.ok else outcome
    with workspace_lock(root), own_devices(parcel.env):
        _bring(root, parcel, say)
        outcome = _run(root, parcel, say)
        if not outcome.ok:
            return outcome
        push(root, parcel.outputs, parcel.remote, say)
        return Answer(parcel.stage, outcome.what, outcome.seconds, lock_entry(root, parcel.stage))


def _bring(root: Path, parcel: Parcel, say: Say) -> None:
    _to_revision(root, parcel.revision, say)
    for name, text in parcel.files.items():
        with replacing(root / name) as partial:
            partial.write_text(text, encoding="utf-8")
    keep_dvc_home(root)
    for healed in heal_dvc(root):
        say(healed)
    stale = check_code_lock(root / CODE_LOCK)
    if parcel.stage.partition("@")[0] in stale:
        raise MtlError(
            f"the code behind {parcel.stage}", expected="the same on the worker as beside the flow",
            found="something else", do="install the same version of mtl here, or update this checkout",
        )  # fmt: skip
    pull(root, parcel.inputs, parcel.remote, say)


def _run(root: Path, parcel: Parcel, say: Say) -> Outcome:
    if parcel.stage in ("train", "baseline", "choose"):
        say(must_have_gpu(read_spec(root / SPEC), parcel.env))
    with Mirror(root, parcel.stage, parcel.store, say) as mirror:
        outcome = run_stage(root, parcel.stage, force=parcel.force, on_line=say, env=parcel.env)
        mirror.succeeded = outcome.ok
    return outcome


def _to_revision(root: Path, revision: str, say: Say) -> None:
    """This checkout at the revision; changes of its own, beside the files that parcels bring, are an error."""
    own = [f":(exclude){name}" for name in FILES]
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *own).strip()
    if changed:
        raise DataError(
            f"{root}: this worker's checkout has changes of its own", expected="none", found=changed.splitlines()[0],
            do="commit or stash them; a worker's checkout is for its runs alone",
        )  # fmt: skip
    if _git(root, "rev-parse", "HEAD").strip() == revision:
        return
    if not _has(root, revision):
        say(f"fetching {revision[:12]}")
        _git(root, "fetch", "--quiet", "--all", "--tags")
    if not _has(root, revision):
        raise DataError(
            f"git revision {revision[:12]}", expected="one that this checkout can fetch", found="not on any of its remotes",
            do="push it from where the flow runs: git push",
        )  # fmt: skip
    tracked = _git(root, "ls-files", "--", *FILES).split()
    if tracked:
        _git(root, "checkout", "--quiet", "--", *tracked)
    _git(root, "checkout", "--quiet", "--detach", revision)
    say(f"at revision {revision[:12]}")


def _has(root: Path, revision: str) -> bool:
    command = ["git", "-C", str(root), "cat-file", "-e", f"{revision}^{{commit}}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MtlError(f"git {arguments[0]} in {root}", expected="a checkout of the project", found=done.stderr.strip()[:300])
    return done.stdout
