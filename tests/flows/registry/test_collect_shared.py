"""`mtl gc` on a registry in which others register, delete and move aliases too, by hand and at the same time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from mtl.errors import RegistryError
from mtl.registry import collect
from mtl.registry.collect import Collection, collectable, free
from mtl.registry.store import Store, open_store
from mtl.registry.verbs import version_folder
from mtl.registry.versions import read_registered
from tests.flows.registry.conftest import NOT_HERE, Workspace, _passed

NAME = "people_model"


@pytest.fixture(scope="module")
def three(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions, each champion in its turn: of `--keep-versions 1` the first would go."""
    root = tmp_path_factory.mktemp("three") / "work"
    shutil.copytree(template, root)
    workspace = Workspace(root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mtl.registry.register.golden_trial", _passed)
        for name in NOT_HERE:
            patched.delenv(name, raising=False)
        workspace.gate(no_worse_than=["single_task"])
        for number in (1, 2, 3):
            workspace.train(1, value=0.7 + number / 100)
            assert (done := workspace.register()).decision == "promoted", done
    return root


@pytest.fixture
def project(three: Path, tmp_path: Path, quick_trial: None) -> Workspace:
    shutil.copytree(three, tmp_path / "a project")
    return Workspace(tmp_path / "a project")


@pytest.fixture
def store(project: Workspace) -> Store:
    return open_store(project.root, NAME)


def gc(project: Workspace) -> Collection:
    return free(project.root, project.spec, collectable(project.root, project.spec, 1), 1)


def numbers(store: Store) -> list[int]:
    return sorted(int(one.version) for one in store.client.search_model_versions(f"name = '{NAME}'"))


def run_of(store: Store, number: int = 1) -> str:
    return str(store.client.get_model_version(NAME, str(number)).run_id)


def files(root: Path) -> set[Path]:
    return {file.relative_to(root) for file in (root / "mlruns").rglob("*") if file.is_file()}


def folders(root: Path) -> tuple[int, int]:
    """How many runs and how many models have files."""
    own = root / "mlruns" / NAME
    return len([one for one in own.iterdir() if one.name != "models"]), len(list((own / "models").iterdir()))


def by_hand(store: Store, how: str) -> tuple[str, int]:
    """Version 1 registered once more, as in MLflow's UI; its registered model and number."""
    first = store.client.get_model_version(NAME, "1")
    run = store.client.get_run(first.run_id).info
    name, source, run_id = NAME, first.source, first.run_id
    if how == "another name":
        name = "serving"
        store.client.create_registered_model(name)
    elif how == "a run's artifacts":
        source, run_id = f"{run.artifact_uri}/model", None
        shutil.copytree(version_folder(store, 1), source)
    elif how == "a run's name":
        source, run_id = f"runs:/{run.run_id}/model", None
        shutil.copytree(version_folder(store, 1), f"{run.artifact_uri}/model")
    elif how == "the model's folder":
        source, run_id = str(version_folder(store, 1)), None
    with store.as_default():
        made = store.client.create_model_version(name, source, run_id)
    return name, int(made.version)


def test_a_version_goes_with_its_run_its_model_and_all_their_files(project, store):
    run, before = run_of(store), files(project.root)
    found = collectable(project.root, project.spec, 1)
    size = sum((project.root / one).stat().st_size for one in before)
    done = gc(project)
    assert done == found
    assert (list(done.versions), done.lost, numbers(store), folders(project.root)) == ([1], [], [2, 3], (2, 2))
    assert size - sum((project.root / one).stat().st_size for one in files(project.root)) == done.size > 0
    assert store.client.get_run(run).info.lifecycle_stage == "deleted"
    assert gc(project) == Collection(done.kept, {}, {})


@pytest.mark.parametrize("how", ["the run", "another name", "a run's artifacts", "a run's name", "the model's folder"])
def test_what_a_version_by_hand_names_stays_until_that_one_goes(project, store, how):
    run, before, (name, number) = run_of(store), files(project.root), by_hand(store, how)
    names = {run, *models_of(store, run)}
    needed = {file for file in before if names & set(file.parts)}
    done = gc(project)
    assert (list(done.versions), done.runs, done.size) == ([1], {}, 0)
    assert needed <= files(project.root)
    assert store.client.get_run(run).info.lifecycle_stage == "active"
    store.client.delete_model_version(name, str(number))
    assert gc(project).lost == [run]
    assert not needed & files(project.root)


def models_of(store: Store, run: str) -> list[str]:
    where = store.client.get_run(run).info.experiment_id
    return [one.model_id for one in store.client.search_logged_models([where], f"source_run_id = '{run}'")]


@pytest.mark.parametrize("how", ["deleted", "gone"])
def test_a_run_that_was_deleted_by_hand_breaks_nothing(project, store, how):
    run = run_of(store)
    store.client.delete_run(run)
    if how == "gone":  # as `mlflow gc` does
        shutil.rmtree(project.root / "mlruns" / NAME / run)
        store.client._tracking_client.store._hard_delete_run(run)
    first = read_registered(project.root, project.spec).version(1)
    assert first is not None
    assert bool(first.metrics) == (how == "deleted")
    assert first.lineage
    done = gc(project)
    assert (list(done.versions), numbers(store), folders(project.root)) == ([1], [2, 3], (2, 2))
    assert not gc(project).runs


def test_a_version_without_a_run_is_shown_and_freed(project, store):
    by_hand(store, "the model's folder")
    shown = read_registered(project.root, project.spec).version(4)
    assert shown is not None
    assert (shown.run, shown.metrics) == (None, {})
    assert shown.lineage
    project.train(1, value=0.8)
    assert project.register().version == 5
    runs = {number: run_of(store, number) for number in (1, 2)}
    assert (gc(project).versions, numbers(store)) == ({4: None, **runs}, [3, 5])
    assert folders(project.root) == (2, 2)


STEPS = (
    "mtl.registry.runs._remove_files", "mlflow.MlflowClient.delete_logged_model",
    "mlflow.MlflowClient.set_terminated", "mlflow.MlflowClient.delete_run",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done_by_then", [False, True])
def test_what_a_killed_call_leaves_the_next_one_frees(project, store, monkeypatch, step, done_by_then):
    def killed(*words: Any, **named: Any) -> None:
        if done_by_then:
            real(*words, **named)
        raise OSError("killed")

    module, _, name = step.rpartition(".")
    holder: Any = MlflowClient if module.startswith("mlflow") else __import__(module, fromlist=[name])
    real = getattr(holder, name)
    with monkeypatch.context() as patched:
        patched.setattr(holder, name, killed)
        with pytest.raises(RegistryError, match="killed"):
            gc(project)
    gc(project)
    assert (numbers(store), folders(project.root)) == ([2, 3], (2, 2))
    assert not gc(project).runs


def test_files_of_a_run_that_lost_its_version_and_its_entry_are_found(project, store):
    run = run_of(store)
    store.client.delete_model_version(NAME, "1")
    store.client.delete_run(run)
    assert gc(project).lost == [run]
    assert folders(project.root) == (2, 2)
    assert not gc(project).runs


def test_files_that_cannot_be_removed_are_named_and_found_again(project, store, monkeypatch):
    def refused(path: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("mtl.registry.runs.shutil.rmtree", refused)
        with pytest.raises(RegistryError, match="Permission denied") as told:
            gc(project)
    assert "mlruns" in told.value.what
    assert len(gc(project).lost) == 1
    assert folders(project.root) == (2, 2)


def test_a_version_that_is_champion_by_now_is_kept_and_told_of(project, store):
    found = collectable(project.root, project.spec, 1)
    assert list(found.versions) == [1]
    store.client.set_registered_model_alias(NAME, "champion", "1")
    done = free(project.root, project.spec, found, 1)
    assert (done.versions, done.runs, done.size) == ({}, {}, 0)
    assert done.kept == {**found.kept, 1: "by now champion"}
    assert numbers(store) == [1, 2, 3]
    assert store.client.get_run(run_of(store)).info.lifecycle_stage == "active"


def test_what_was_deleted_or_named_by_hand_meanwhile_is_no_obstacle(project, store):
    found = collectable(project.root, project.spec, 1)
    by_hand(store, "the run")
    store.client.delete_model_version(NAME, "1")
    done = free(project.root, project.spec, found, 1)
    assert (list(done.versions), done.runs) == ([1], {})
    assert store.client.get_run(str(found.versions[1])).info.lifecycle_stage == "active"


@pytest.mark.parametrize("before", ["search_runs", "search_model_versions"])
def test_a_registration_that_ends_while_the_registry_is_read_keeps_its_run(project, store, monkeypatch, before):
    real, made = getattr(MlflowClient, before), []

    def late(*words: Any, **named: Any) -> Any:
        if not made:
            made.append(None)
            project.train(1, value=0.8)
            made[0] = project.register().version
        return real(*words, **named)

    monkeypatch.setattr(MlflowClient, before, late)
    found = collect.collectable(project.root, project.spec, 1)
    assert made == [4]
    assert run_of(store, 4) not in found.runs
