"""A stage on workers in checkouts of their own, the first of which dies in the middle of it."""

from __future__ import annotations

import psutil
import pytest

from tests.e2e.site import RETRAIN, Site, began_at, elsewhere, killed, until
from tests.flows.conftest import command

pytestmark = pytest.mark.e2e

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
    until(lambda: any(one["name"] == "far" for one in site.prefect("work_pools/filter", {})), 30)
    site.mtl("deploy")
    run = site.start(RETRAIN)
    until(lambda: list((up / "checkpoints/small/baseline").rglob("run.safetensors")), 90, lambda: site.log("worker-cpu"))
    killed(psutil.Process(first.pid))
    first.wait()
    there, second = elsewhere(site, "second", "far")
    done = site.ended(run, within=300)
    killed(psutil.Process(second.pid))
    second.wait()
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert [one["run_count"] for one in site.runs("stage/far")] == [2]
    epochs = [line for line in (there / ".mtl/logs/baseline.log").read_text().splitlines() if "epoch" in line]
    assert "epoch 1/" not in epochs[0], "trained from the beginning again"
    assert "baseline" not in {log.stem for log in (site.root / ".mtl/logs").glob("*.log") if log.stat().st_mtime > began_at(done)}
    weights = "models/single_task/model.safetensors"
    assert (site.root / weights).read_bytes() == (there / weights).read_bytes()
    assert not (here / "models/single_task").exists()
    assert command(site.root, "dvc", "status").stdout.strip().endswith("up to date.")
