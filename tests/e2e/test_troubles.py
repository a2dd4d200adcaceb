"""What goes wrong around a project in production; the champion stays, and the workspace is ready for the next run."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.e2e.site import DAYS, RETRAIN, Site, answers, until
from tests.flows.conftest import command, tables

pytestmark = pytest.mark.e2e


def test_a_scheduled_retraining_is_committed_and_nothing_of_the_persons_with_it(site: Site) -> None:
    site.edit("params.yaml", "record: branch", "record: commit")
    site.mtl("deploy")
    before = command(site.root, "git", "rev-parse", "HEAD").stdout
    done = site.ended(site.start(RETRAIN))
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert site.champion() == "1"
    assert command(site.root, "git", "rev-parse", "HEAD~1").stdout == before
    assert f"Retrained by {done['name']}" in command(site.root, "git", "log", "-1", "--format=%s").stdout
    changed = command(site.root, "git", "show", "--format=", "--name-only", "HEAD").stdout.split()
    assert set(changed) <= {"dvc.lock", "code.lock.yaml"}
    assert "params.yaml" in command(site.root, "git", "status", "--porcelain").stdout


def test_a_broken_delivery_fails_by_name_somebody_is_told_and_the_next_one_mends_it(site: Site) -> None:
    site.ears.heard.clear()
    people = tables()["people"]
    broken = site.ended(site.deliver(people.drop("age")))
    assert broken["state_type"] == "FAILED"
    assert "age" in broken["state"]["message"]
    until(lambda: any("age" in one["text"] for one in site.ears.heard), 20)
    assert site.champion() == "1"
    whole = site.ended(site.deliver(people.with_columns(height=(people["height"] + 0.1).round(1))))
    assert whole["state_type"] == "COMPLETED", whole["state"]["message"]


def test_while_mlflow_is_away_a_run_tries_again_and_fails_and_the_next_one_goes_on(site: Site) -> None:
    champion = site.champion()
    site.edit("params.yaml", "gate: {tolerance: 0.1}", "gate: {tolerance: 0.2}")
    with without_mlflow(site):
        failed = site.ended(site.start(RETRAIN))
    assert failed["state_type"] == "FAILED"
    assert "register" in failed["state"]["message"]
    ran = site.prefect("task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [failed["id"]]}}})
    assert {one["name"]: one["run_count"] for one in ran}["register"] == 3
    until(lambda: answers(site.champion), 90, lambda: site.log("mlflow"))
    assert site.champion() == champion
    done = site.ended(site.start(RETRAIN))
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert command(site.root, "dvc", "status").stdout.strip().endswith("up to date.")


def test_a_day_of_the_past_meets_the_gate_if_told_to(site: Site) -> None:
    spec = (site.root / "params.yaml").read_text()
    versions = len(site.mlflow("model-versions/search?filter=name%3D'small'")["model_versions"])
    done = site.ended(site.start("backfill/backfill", since=DAYS[1], until=DAYS[1], promote=True), within=180)
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert (site.root / "params.yaml").read_text() == spec
    said = json.loads((site.root / "reports/registration.json").read_text())
    assert said["decision"] in ("promoted", "rejected")
    assert len(site.mlflow("model-versions/search?filter=name%3D'small'")["model_versions"]) == versions + 1
    assert (said["decision"] == "promoted") is (site.champion() == str(said["version"]))


@contextmanager
def without_mlflow(site: Site) -> Iterator[None]:
    """Its server is gone, and nobody starts it again meanwhile."""
    supervisor = psutil.Process(json.loads((site.root / ".mtl/services/services.json").read_text())["supervisor"])
    supervisor.send_signal(signal.SIGSTOP)
    try:
        server = site.program("mlflow")
        for one in [*server.children(recursive=True), server]:
            one.kill()
        yield
    finally:
        supervisor.send_signal(signal.SIGCONT)
