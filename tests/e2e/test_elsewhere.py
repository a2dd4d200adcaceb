"""A stage on workers in checkouts of their own: the first dies in the middle of it, and the DVC remote goes away from the third."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.site import RETRAIN, Site, began_at, elsewhere, gone, until
from tests.flows.conftest import command

pytestmark = pytest.mark.e2e

WEIGHTS = "models/single_task/model.safetensors"
FAR = """\
  - name: far
    entrypoint: flows/stage.py:stage
    work_pool: {name: far}

"""


def test_a_stage_runs_in_checkouts_that_share_only_git_the_remote_and_the_servers(site: Site) -> None:
    up = site.root.parent
    command(site.root, "dvc", "remote", "add", "--default", "--force", "store", str(up / "remote"))
    placed = f"  placement: {{baseline: {{pool: far, store: '{up / 'checkpoints'}'}}}}\n"
    site.edit("params.yaml", "  record: branch\n", "  record: none\n" + placed)
    site.learn(epochs=800, width=12)
    site.edit("prefect.yaml", "  - name: score\n", FAR + "  - name: score\n")
    site.commit("placed")
    command(up, "git", "clone", "-q", "--bare", str(site.root), "origin.git")
    here, first = elsewhere(site, "first", "far")
    until(lambda: any(one["name"] == "far" for one in site.prefect("work_pools/filter", {})))
    site.mtl("deploy")
    run = site.start(RETRAIN)
    until(lambda: list((up / "checkpoints/small/baseline").rglob("run.safetensors")), why=lambda: site.log("worker-cpu"))
    gone(first)
    there, second = elsewhere(site, "second", "far")
    done = site.ended(run)
    gone(second)
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert [one["run_count"] for one in site.runs("stage/far")] == [2]
    epochs = [line for line in log(there).splitlines() if "epoch" in line]
    assert "epoch 1/" not in epochs[0], "trained from the beginning again"
    assert "baseline" not in {log.stem for log in (site.root / ".mtl/logs").glob("*.log") if log.stat().st_mtime > began_at(done)}
    assert (site.root / WEIGHTS).read_bytes() == (there / WEIGHTS).read_bytes()
    assert not (here / "models/single_task").exists()
    assert command(site.root, "dvc", "status").stdout.strip().endswith("up to date.")


def test_a_remote_that_is_away_fails_the_stage_in_words_and_what_was_trained_is_not_lost(site: Site) -> None:
    champion, remote = site.champion(), site.root.parent / "remote"
    site.learn(epochs=200, width=16)
    there, worker = elsewhere(site, "third", "far")
    run = site.start(RETRAIN)
    until(lambda: list((there / ".mtl/checkpoints").rglob("run.safetensors")), why=lambda: site.log("worker-cpu"))
    with away(remote):
        failed = site.ended(run)
    assert failed["state_type"] == "FAILED"
    for words in ("baseline: ", "dvc push models/single_task", "the DVC remote", "dvc remote list"):
        assert words in failed["state"]["message"]
    assert site.champion() == champion
    assert "epoch 1/200" in log(there)
    done = site.ended(site.start(RETRAIN))
    gone(worker)
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert "epoch" not in log(there), "trained again"
    assert (site.root / WEIGHTS).read_bytes() == (there / WEIGHTS).read_bytes()
    assert command(site.root, "dvc", "status").stdout.strip().endswith("up to date.")


def log(root: Path) -> str:
    """What the stage said when it was last asked for in this checkout."""
    return (root / ".mtl/logs/baseline.log").read_text()


@contextmanager
def away(remote: Path) -> Iterator[None]:
    """The folder is gone; a file in its place keeps DVC from making a new one."""
    hidden = remote.rename(remote.with_suffix(".away"))
    remote.touch()
    try:
        yield
    finally:
        remote.unlink()
        hidden.rename(remote)
