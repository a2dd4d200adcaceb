"""The flow `retrain` against a Prefect server: order, outcomes, retries, what the server keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from mtl.orchestration.watch import Outcome, Watcher

from .conftest import STAGES

DRIVER = """
import json, sys
from pathlib import Path
from mtl.orchestration.local import keep_console_quiet
keep_console_quiet()
from mtl.orchestration import flow
from mtl.orchestration.watch import Watcher, watched_by
flow.RETRY_DELAYS[:] = [0.1, 0.1]

class Hears(Watcher):
    told = []
    def finished(self, outcome): self.told.append(vars(outcome))

with watched_by(Hears()):
    for arguments in json.loads(sys.argv[1]):
        Hears.told = []
        fail = arguments.pop("fail", None)
        if fail: Path(fail[0]).write_text(fail[1])
        state = flow.retrain(return_state=True, **arguments)
        if fail: Path(fail[0]).unlink()
        run = str(state.state_details.flow_run_id)
        print(json.dumps({"state": state.name, "message": state.message, "told": Hears.told, "id": run}))
"""


def runs(root: Path, server: str, *calls: dict[str, Any]) -> list[dict[str, Any]]:
    """Call the flow once for each of `calls`, in one process of its own; what it said and what a watcher heard."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(list(calls))],
        cwd=root, env=os.environ | {"PREFECT_API_URL": server, "PREFECT_HOME": str(root / "home")},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def ask(server: str, what: str, **query: Any) -> Any:
    request = Request(f"{server}/{what}/filter", json.dumps(query).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        return json.load(answer)


def of_run(flow_run: str) -> dict[str, Any]:
    return {"id": {"any_": [flow_run]}}


def whats(run: dict[str, Any]) -> dict[str, str]:
    return {told["stage"]: told["what"] for told in run["told"]}


@pytest.mark.slow
def test_ran_then_unchanged_then_only_what_changed(toy: Path, server: str) -> None:
    first, second, forced, wrong = runs(toy, server, {}, {}, {"force": True, "targets": ["split"]}, {"targets": ["tain"]})
    assert whats(first) == dict.fromkeys(STAGES, "ran")
    order = list(whats(first))
    assert order.index("split") > max(order.index("ingest@people"), order.index("ingest@labs"))
    assert (second["message"], set(whats(second).values())) == ("nothing to do", {"unchanged"})
    assert whats(forced) == dict.fromkeys(["ingest@people", "ingest@labs", "split"], "ran")
    assert wrong["state"] == "Failed"
    assert "unknown stage 'tain'" in wrong["message"]

    tasks = ask(server, "task_runs", flow_runs=of_run(first["id"]))
    assert {task["name"] for task in tasks} == set(STAGES)
    train = next(task for task in tasks if task["name"] == "train")
    assert train["task_inputs"]["wait_for"], "the graph of the stages is in Prefect's page of the run"
    logs = ask(server, "logs", logs={"task_run_id": {"any_": [train["id"]]}})
    (run,) = ask(server, "flow_runs", flow_runs=of_run(first["id"]))
    assert {"train begins", f"for the run {run['name']}"} <= {line["message"] for line in logs}
    assert (toy / "code.lock.yaml").is_file()


@pytest.mark.slow
def test_failures_retries_and_what_comes_after(toy: Path, server: str) -> None:
    data, spec, later, mended = runs(
        toy, server, {"fail": ["fail_people", "1"]}, {"fail": ["fail_people", "2"]}, {"fail": ["fail_train", "1"]}, {}
    )
    assert data["state"] == "Failed"
    assert [told["what"] for told in data["told"] if told["stage"] == "ingest@people"] == ["retrying", "retrying", "failed"]
    assert {whats(data)[name] for name in ("split", "train", "trees")} == {"not run"}
    assert "ingest@people: the table is not there\n  expected: one" in data["message"]
    assert "Traceback" not in data["message"]

    assert spec["state"] == "Wrong spec"
    assert [told["what"] for told in spec["told"] if told["stage"] == "ingest@people"] == ["failed"], "no retry mends a spec"

    assert whats(later)["train"] == "failed"
    assert whats(later)["trees"] == "ran", "a neighbour is not held up"
    assert whats(mended)["train"] == "ran"
    assert whats(mended)["split"] == "unchanged"
    (task,) = ask(server, "task_runs", flow_runs=of_run(later["id"]), task_runs={"name": {"any_": ["train"]}})
    assert task["state"]["message"] == "the table is not there\n  expected: one\n  found:    none"


@pytest.mark.slow
def test_artifacts_of_a_run(toy: Path, server: str) -> None:
    """Stages of the names the artifacts look for, and files as the real stages write them."""
    (toy / "dvc.yaml").write_text(
        "stages:\n"
        + "".join(
            f"  {name}: {{cmd: 'exec python stage.py {name} people.csv out/{name}', deps: [people.csv], outs: [out/{name}]}}\n"
            for name in ("validate", "evaluate", "report")
        )
    )
    reports = toy / "reports"
    (reports / "validation").mkdir(parents=True)
    metrics = {"tasks": {"weight": {"metric": "r2", "value": 0.41234, "verdict": "better"}}, "delta_m": 1.0}
    (reports / "metrics.json").write_text(json.dumps(metrics))
    counts = {"source": "people", "rows_in": 9, "rows_kept": 8}
    reason = {"what": "row", "column": "age", "reason": "above max", "count": 1, "examples": []}
    (reports / "validation/people.json").write_text(json.dumps(counts | {"reasons": [reason]}))
    (reports / "registration.json").write_text(
        json.dumps({"decision": "rejected", "model": "m", "version": 3, "reasons": ["worse"]})
    )
    (reports / "report.html").write_text("<html>")
    (run,) = runs(toy, server, {})
    found = {a["key"]: a for a in ask(server, "artifacts", flow_runs=of_run(run["id"]))}
    assert found.keys() >= {"tasks", "quarantine", "report"}
    assert json.loads(found["tasks"]["data"])[0]["value"] == 0.412
    assert json.loads(found["quarantine"]["data"])[0]["reason"] == "above max"
    assert "**rejected** m 3" in found["report"]["data"]
    assert (reports / "report.html").resolve().as_uri() in found["report"]["data"]


def test_a_watcher_hears_nothing_unless_it_is_asked_to() -> None:
    assert Outcome("train", "restored").ok
    assert not Outcome("train", "not run").ok
    assert Watcher().finished(Outcome("train", "ran")) is None
