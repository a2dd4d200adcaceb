"""The transaction: which version, which alias, which decision; and that a failure leaves nothing behind."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from mtl import layout
from mtl.errors import RegistryError
from mtl.files import write_json
from mtl.registry import verbs
from mtl.registry.store import open_store


def state(root: Path) -> dict[str, Any]:
    """All that a user can see of the registry: versions, aliases, history, runs that are not deleted."""
    store = open_store(root, "people_model")
    models = store.client.search_registered_models()
    runs = store.client.search_runs([store.client.get_experiment_by_name("people_model").experiment_id])
    return {
        "versions": sorted(int(v.version) for v in store.client.search_model_versions("name = 'people_model'")),
        "aliases": {k: int(v) for m in models for k, v in m.aliases.items()},
        "history": [(e["event"], e["version"]) for e in verbs.history(root, _spec(root))],
        "runs": sorted((run.info.run_id, run.info.status) for run in runs),
    }  # fmt: skip


def _spec(root: Path) -> Any:
    from mtl.spec import read_spec

    return read_spec(root / "params.yaml")


def test_first_registration_is_loaded_in_a_fresh_process_and_promoted(workspace):
    done = workspace.register()
    assert (done.decision, done.version, done.champion_before) == ("promoted", 1, None)
    assert done.rules[-1].rule == "golden rows in a fresh process"
    assert done.rules[-1].detail == "40 golden rows predicted as when the model was packed"
    found = state(workspace.root)
    assert found["aliases"] == {"candidate": 1, "champion": 1}
    assert found["history"] == [("promoted", 1)]
    assert [status for _, status in found["runs"]] == ["FINISHED"]
    assert json.loads(workspace.written) == done.as_json()


@pytest.mark.usefixtures("quick_trial")
def test_the_same_candidate_is_looked_up_and_not_made_again(workspace):
    workspace.register()
    before, first = state(workspace.root), workspace.written
    began = time.perf_counter()
    again = workspace.register()
    assert time.perf_counter() - began < 3
    assert (again.decision, again.version, again.reasons) == ("promoted", 1, ("already champion",))
    assert state(workspace.root) == before
    assert workspace.written == first  # which tells of the promotion; a run killed after it ends with the same bytes


@pytest.mark.usefixtures("quick_trial")
@pytest.mark.parametrize("lost", ["", "{", '{"decision": "promoted", "model": "m", "version": 1, "rules": []}'])
def test_without_the_first_answer_it_says_that_the_candidate_is_champion(workspace, lost):
    workspace.register()
    (workspace.root / "reports/registration.json").write_text(lost)
    workspace.register()
    assert json.loads(workspace.written)["reasons"] == ["already champion"]


@pytest.mark.usefixtures("quick_trial")
def test_a_then_b_then_a_when_b_is_worse(workspace):
    workspace.register()
    workspace.train(2)
    worse = workspace.register()
    assert (worse.decision, worse.version, worse.champion_before) == ("rejected", 2, 1)
    assert {said["verdict"] for said in worse.vs_champion.values()} == {"worse"}
    assert worse.reasons[0].startswith("height is worse against the champion")
    assert state(workspace.root)["aliases"] == {"candidate": 2, "champion": 1}
    again = workspace.register()
    assert again == worse
    assert state(workspace.root)["history"] == [("promoted", 1), ("rejected", 2)]
    workspace.train(1)
    back = workspace.register()
    assert (back.decision, back.version, back.reasons) == ("promoted", 1, ("already champion",))
    found = state(workspace.root)
    assert found["aliases"] == {"candidate": 1, "champion": 1}
    assert found["versions"] == [1, 2]
    assert found["history"] == [("promoted", 1), ("rejected", 2)]


@pytest.mark.usefixtures("quick_trial")
def test_a_then_b_then_a_when_the_champion_is_not_asked(workspace):
    workspace.gate(no_worse_than=["single_task"])
    decisions = []
    for seed in (1, 2, 1):
        workspace.train(seed)
        done = workspace.register()
        decisions.append((done.decision, done.version, done.champion_before))
    assert decisions == [("promoted", 1, None), ("promoted", 2, 1), ("promoted", 1, 2)]
    found = state(workspace.root)
    assert found["history"] == [("promoted", 1), ("promoted", 2), ("promoted", 1)]
    assert found["versions"] == [1, 2]


@pytest.mark.usefixtures("quick_trial")
def test_a_better_candidate_replaces_the_champion(workspace):
    workspace.train(2)
    workspace.register()
    workspace.train(1)
    better = workspace.register()
    assert (better.decision, better.version, better.champion_before) == ("promoted", 2, 1)
    assert {said["verdict"] for said in better.vs_champion.values()} == {"better"}
    assert verbs.champion(workspace.root, workspace.spec)["version"] == 2


@pytest.mark.parametrize("variable", ["DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"])
def test_in_an_experiment_the_registry_is_not_touched(workspace, monkeypatch, variable):
    (workspace.root / "mlflow.db").unlink()
    monkeypatch.setenv(variable, "x")
    assert workspace.register().decision == "not_asked"
    assert json.loads(workspace.written)["version"] is None
    assert not (workspace.root / "mlflow.db").exists()
    assert not (workspace.root / ".mtl").exists()


def test_broken_golden_rows_reject_and_leave_the_champion(workspace):
    import polars as pl

    workspace.gate(no_worse_than=["single_task"])
    golden = workspace.root / layout.CANDIDATE / "golden.parquet"
    pl.read_parquet(golden).with_columns(pl.col("predicted.height") + 0.01).write_parquet(golden)
    done = workspace.register()
    assert done.decision == "rejected"
    assert "40 of 40 golden rows differ in 'height'" in done.reasons[0]
    found = state(workspace.root)
    assert found["aliases"] == {"candidate": 1}
    assert found["history"] == [("rejected", 1)]


STEPS = (
    "mtl.registry.version.log_run",
    "mtl.registry.version.save_model",
    "mtl.registry.version.read_lineage",
    "mtl.registry.register.contest",
    "mtl.registry.register.judge",
    "mtl.registry.register.golden_trial",
    "mtl.registry.register.append",
    "mtl.registry.register.write_json",
)
CALLS = (
    "create_run", "log_batch", "log_artifact", "create_logged_model", "log_model_artifacts", "finalize_logged_model", "log_outputs",
    "create_model_version", "set_terminated", "set_registered_model_alias", "set_registered_model_tag",
)  # fmt: skip


def fail(*_: Any, **__: Any) -> Any:
    raise OSError("no space left on device")


@pytest.mark.parametrize("step", STEPS)
def test_a_failing_step_is_taken_back(with_champion, monkeypatch, step):
    before, files = state(with_champion.root), _files(with_champion.root)
    written = with_champion.written
    with monkeypatch.context() as patched:
        patched.setattr(step, fail)
        with pytest.raises(RegistryError, match=r"no space left|champion"):
            with_champion.register()
    assert state(with_champion.root) == before
    assert _files(with_champion.root) == files
    assert with_champion.written == written
    assert with_champion.register().decision == "promoted"


@pytest.mark.parametrize("call", CALLS)
def test_a_failing_call_of_mlflow_is_taken_back(with_champion, monkeypatch, call):
    from mlflow import MlflowClient

    before, files = state(with_champion.root), _files(with_champion.root)
    real, failed = getattr(MlflowClient, call), []

    def once(*arguments: Any, **named: Any) -> Any:
        if failed:
            return real(*arguments, **named)
        failed.append(call)
        return fail()

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, call, once)
        with pytest.raises(RegistryError, match="no space left on device"):
            with_champion.register()
    assert failed
    assert state(with_champion.root) == before
    assert _files(with_champion.root) == files


def test_the_first_registration_of_all_can_be_taken_back(workspace, monkeypatch, quick_trial):
    monkeypatch.setattr("mtl.registry.register.append", fail)
    with pytest.raises(RegistryError, match="was taken back"):
        workspace.register()
    found = state(workspace.root)
    assert (found["versions"], found["aliases"], found["runs"]) == ([], {}, [])


def test_what_cannot_be_taken_back_is_said(with_champion, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setattr("mtl.registry.register.append", fail)
    monkeypatch.setattr(MlflowClient, "delete_model_version", fail)
    with pytest.raises(RegistryError, match=r"still there: version 2"):
        with_champion.register()


def test_a_killed_registration_is_swept_away(with_champion, monkeypatch):
    """A kill leaves no chance to undo: a run that never ended, with a model that has no version."""
    before = state(with_champion.root)
    with monkeypatch.context() as patched:
        patched.setattr("mtl.registry.undo.Undo.__exit__", lambda *_: None)
        patched.setattr("mlflow.MlflowClient.create_model_version", fail)
        with pytest.raises(OSError, match="no space"):
            with_champion.register()
    assert len(state(with_champion.root)["runs"]) == len(before["runs"]) + 1
    assert with_champion.register().version == 2
    found = state(with_champion.root)
    assert [status for _, status in found["runs"]] == ["FINISHED"] * 2
    assert found["versions"] == [1, 2]


def test_a_promotion_killed_before_it_was_written_down_is_written_down_later(with_champion):
    store = open_store(with_champion.root, "people_model")
    tags = store.client.get_registered_model("people_model").tags
    for tag in tags:
        store.client.delete_registered_model_tag("people_model", tag)
    with_champion.train(2)
    with_champion.register()
    assert state(with_champion.root)["history"] == [("promoted", 1)]


def test_two_fresh_folders_write_the_same_bytes(workspace, template, tmp_path, quick_trial):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(template, other)
    written = []
    for root in (workspace.root, other):
        one = type(workspace)(root)
        for seed in (1, 2):
            one.train(seed)
            one.register()
        written.append(one.written)
    assert written[0] == written[1]


def test_a_slice_below_its_floor_is_refused_and_named(workspace):
    cut = [
        {"column": "colour", "band": "red", "n": 40, "value": 0.61},
        {"column": "colour", "band": "blue", "n": 41, "value": 0.72},
    ]
    write_json(workspace.root / layout.EVALUATION, {"tasks": {"asthma": {"metric": "auc", "slices": cut}}})
    workspace.gate(slices={"asthma": {"colour=red": 0.65, "colour=blue": 0.7}})
    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace("{resamples: 200}", "{resamples: 200, slices: {colour: null}}"))
    done = workspace.register()
    assert (done.decision, done.reasons) == ("rejected", ("asthma, colour=red (40 labels): auc 0.61, at least 0.65 asked",))


def test_a_gate_that_asks_for_nothing_says_so(workspace):
    workspace.gate(no_worse_than=[])
    done = workspace.register()
    assert (done.decision, done.reasons[0].partition(",")[0]) == ("rejected", "the gate asks for nothing")


def test_no_candidate_is_said(workspace):
    import shutil

    shutil.rmtree(workspace.root / layout.CANDIDATE)
    with pytest.raises(RegistryError, match="models/candidate: not there"):
        workspace.register()


def test_a_champion_whose_files_are_gone_is_an_error_that_says_so(with_champion):
    import shutil

    shutil.rmtree(with_champion.root / "mlruns")
    with pytest.raises(RegistryError, match=r"the champion, version 1 of 'people_model', cannot be asked"):
        with_champion.register()
    assert state(with_champion.root)["versions"] == [1]


def _files(root: Path) -> set[str]:
    """Every file of a run or model."""
    return {str(f.relative_to(root)) for f in (root / "mlruns").rglob("*") if f.is_file()}
