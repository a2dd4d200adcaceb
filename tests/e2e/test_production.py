"""A project in production, from its first scheduled run to a rollback; each thing is checked by the servers' own APIs."""

from __future__ import annotations

import time

import polars as pl
import pytest

from tests.e2e.site import DAYS, ON_EVENT, RETRAIN, Site, drifted, killed, until
from tests.flows.conftest import command

SECONDS = 800
"""Epochs of this small project that take some ten seconds."""
MINUTES = 8000


def test_a_second_start_and_a_second_deployment_are_harmless(site: Site) -> None:
    assert "already up" in site.mtl("up", "--detach")
    first = site.mtl("deploy")
    assert "pool cpu" in first
    assert "automation small: silent runs have crashed" in first
    ids = [one["id"] for one in site.prefect("automations/filter", {})]
    second = site.mtl("deploy")
    assert "made" not in second
    assert ids == [one["id"] for one in site.prefect("automations/filter", {})]


def test_the_cron_makes_a_run_that_registers_a_champion(site: Site) -> None:
    before = site.root.joinpath("prefect.yaml").read_text()
    site.edit("prefect.yaml", 'cron: "0 3 * * *", timezone: UTC, active: false', 'cron: "* * * * *", timezone: UTC, active: true')
    site.mtl("deploy")
    until(lambda: any(one["state_type"] == "RUNNING" for one in site.runs(RETRAIN)), why=lambda: site.log("prefect"))
    run = next(one for one in site.runs(RETRAIN) if one["state_type"] == "RUNNING")
    site.root.joinpath("prefect.yaml").write_text(before)
    site.mtl("deploy")  # one is enough
    assert run["auto_scheduled"]
    done = site.ended(run["id"])
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert site.champion() == "1"
    assert {"tasks", "quarantine", "gate", "report", "training-train"} <= set(site.artifacts(run["id"]))
    branches = command(site.root, "git", "branch", "--list", "mtl/*").stdout
    assert f"mtl/{run['name']}" in branches  # record: branch
    assert command(site.root, "git", "show", f"mtl/{run['name']}:dvc.lock").stdout == (site.root / "dvc.lock").read_text()


def test_with_nothing_new_nothing_is_done(site: Site) -> None:
    done = site.ended(site.start(RETRAIN))
    assert done["state"]["message"] == "nothing to do"
    assert done["total_run_time"] < 10  # 1.2 s on a quiet machine
    assert site.champion() == "1"


def test_of_two_at_once_one_is_refused_and_a_person_hears_who_works(site: Site) -> None:
    site.learn(MINUTES, width=16)
    first = site.start(RETRAIN)
    until(lambda: "baseline" in site.stages())
    second = site.ended(site.start(RETRAIN))
    assert second["state_type"] == "CANCELLED"
    assert "concurrency limit" in second["state"]["message"].lower()
    assert site.run(first)["name"] in site.mtl("run", check=False)


def test_a_cancelled_run_leaves_nothing_running(site: Site) -> None:
    run = next(one["id"] for one in site.runs(RETRAIN) if one["state_type"] == "RUNNING")
    site.prefect(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert until(lambda: not site.stages(), 10) < 10
    assert site.ended(run)["state_type"] == "CANCELLED"


def test_a_run_whose_machine_dies_is_crashed_within_90_s_and_goes_on_from_its_checkpoint(site: Site) -> None:
    site.learn(SECONDS, width=16)
    old = site.checkpoints()
    run = site.start(RETRAIN)
    until(lambda: "baseline" in site.stages() and site.checkpoints() - old)
    time.sleep(2)
    killed(site.program("worker-cpu"))
    began = time.monotonic()
    until(lambda: "Crashed" in [one["name"] for one in site.prefect(f"flow_run_states/?flow_run_id={run}")], 100)
    assert time.monotonic() - began < 95
    until(lambda: site.run(run)["run_count"] == 2)
    done = site.ended(run)
    assert done["state_type"] == "COMPLETED"
    epochs = [line for line in (site.root / ".mtl/logs/baseline.log").read_text().splitlines() if "epoch" in line]
    assert "epoch 1/" not in epochs[0], "trained from the beginning again"
    assert "had to be started again" in site.mtl("status")


def test_a_candidate_that_breaks_a_floor_is_refused_and_somebody_is_told_why(site: Site) -> None:
    before = site.champion()
    site.edit("params.yaml", "gate: {tolerance: 0.1}", "gate: {tolerance: 0.1, floors: {weight: 0.999}}")
    site.learn(6, width=8)
    site.ears.heard.clear()
    done = site.ended(site.start(RETRAIN))
    assert done["state_type"] == "COMPLETED"
    assert site.champion() == before
    until(lambda: site.ears.heard)
    assert "refused" in site.ears.heard[0]["title"]
    assert "weight: r2" in site.ears.heard[0]["text"]
    gate = site.artifacts(done["id"])["gate"]["data"]
    assert "0.999" in gate
    site.edit("params.yaml", ", floors: {weight: 0.999}", "")


def test_predictions_are_written_once_a_partition(site: Site) -> None:
    first = site.ended(site.start("score/score", source="visits"))
    assert first["state_type"] == "COMPLETED", first["state"]["message"]
    scored = pl.scan_parquet(site.root / "data/scored/visits/**/*.parquet", hive_partitioning=True).collect()
    assert sorted(map(str, scored["date"].unique())) == list(DAYS)
    again = site.ended(site.start("score/score", source="visits"))
    assert "nothing to do" in again["state"]["message"]


def test_a_batch_as_before_does_nothing_and_a_drifted_one_begins_a_retraining(site: Site) -> None:
    calm = site.ended(site.start("monitor/monitor", source="visits"))
    assert calm["state"]["message"] == f"0 of {len(DAYS)} batches drifted", calm["state"]["message"]
    known = {one["id"] for one in site.runs(ON_EVENT)}
    visits = pl.read_csv(site.root / "visits" / f"{DAYS[0]}.csv").with_columns(pl.col("id") + 5000)
    drifted(visits).write_csv(site.root / "visits" / "2026-11-04.csv")
    site.ears.heard.clear()
    seen = site.ended(site.start("monitor/monitor", source="visits"))
    assert seen["state"]["message"] == "1 of 1 batches drifted", seen["state"]["message"]
    until(lambda: {one["id"] for one in site.runs(ON_EVENT)} - known)
    run = ({one["id"] for one in site.runs(ON_EVENT)} - known).pop()
    until(lambda: any("drifted" in one["title"] and "weight" in one["text"] for one in site.ears.heard))
    done = site.ended(run)
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert "4 files (1 new)" in (site.root / ".mtl/logs/ingest@visits.log").read_text()


def test_one_command_undoes_a_promotion(site: Site) -> None:
    before = site.champion()
    site.mtl("rollback")
    assert site.champion() != before
    done = site.ended(site.start(RETRAIN))
    assert done["state_type"] == "COMPLETED"
    assert site.champion() != before, "what was rolled back came back by itself"


def test_down_leaves_no_process_behind(site: Site) -> None:
    assert "nothing is left running" in site.mtl("down")
    assert not site.stages()


pytestmark = pytest.mark.e2e
