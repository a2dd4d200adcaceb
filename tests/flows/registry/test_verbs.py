"""What a user asks of the registry: history, checkout, pinned profile, report; and a folder that was moved."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mtl import layout
from mtl.cli import main
from mtl.errors import RegistryError
from mtl.registry import verbs
from mtl.registry.around import held
from mtl.registry.history import append, read_history
from mtl.registry.store import open_store


def commit(root: Path) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "params.yaml", "dvc.lock"], check=True)
    subprocess.run(["git", "-C", str(root), *identity, "commit", "-qm", "x"], check=True)


@pytest.fixture
def changed(with_champion):
    """params.yaml and dvc.lock went on since the champion was registered, and were committed."""
    root = with_champion.root
    (root / "params.yaml").write_text((root / "params.yaml").read_text() + "# later\n")
    (root / "dvc.lock").write_text("stages: {}\n")
    commit(root)
    return root, with_champion.spec


@pytest.mark.parametrize("version", [1, "1", "v1", "champion"])
def test_checkout_brings_back_spec_and_lock(changed, template, version):
    root, spec = changed
    assert verbs.checkout(root, spec, version) == [root / "params.yaml", root / "dvc.lock"]
    for file in ("params.yaml", "dvc.lock"):
        assert (root / file).read_bytes() == (template / file).read_bytes()


def test_a_version_that_is_promoted_meanwhile_is_no_version_that_is_not_there(monkeypatch):
    """Each look at the registry is followed by the promotion of a version that was made just then."""
    there = [1]

    def seen(what):
        there.append(there[-1] + 1)
        return what

    client = SimpleNamespace(search_model_versions=lambda _: seen([SimpleNamespace(version=str(one)) for one in there]))
    store = SimpleNamespace(uri="sqlite://", name="m", client=client, alias=lambda _: seen(there[-1]))
    monkeypatch.setattr(verbs, "opened", lambda *_: store)
    assert verbs.must_have(Path(), SimpleNamespace(name="m"), "champion") == (store, 1)


def test_who_holds_the_registry_is_said(tmp_path):
    with held(tmp_path), pytest.raises(RegistryError, match=rf"held by process {os.getpid()}: "), held(tmp_path, wait=0.1):
        pass
    with held(tmp_path, wait=0.1):
        pass


def test_checkout_does_not_overwrite_what_is_not_committed(changed):
    root, spec = changed
    mine = (root / "params.yaml").read_text() + "# mine\n"
    (root / "params.yaml").write_text(mine)
    with pytest.raises(RegistryError, match=r"params\.yaml: changes that are not committed"):
        verbs.checkout(root, spec, 1)
    assert (root / "params.yaml").read_text() == mine
    assert (root / "dvc.lock").read_text() == "stages: {}\n"
    verbs.checkout(root, spec, 1, force=True)
    assert "# mine" not in (root / "params.yaml").read_text()


def test_checkout_does_not_overwrite_what_git_could_not_check(changed, monkeypatch):
    """The file is known to git, but its state is not told: HEAD names a commit whose objects are gone."""
    root, spec = changed
    for branch in (root / ".git/refs/heads").iterdir():
        branch.write_text("1" * 40)
    assert verbs.git(root, "ls-files", "--", "params.yaml")
    assert verbs.git(root, "status", "--porcelain", "--", "params.yaml") is None
    mine = (root / "params.yaml").read_text()
    with pytest.raises(RegistryError, match=r"params\.yaml and dvc\.lock: changes that are not committed"):
        verbs.checkout(root, spec, 1)
    assert (root / "params.yaml").read_text() == mine


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_checkout_waits_for_no_run_and_disturbs_none(changed, monkeypatch, capsys, force):
    root, _ = changed
    before = [(root / file).read_bytes() for file in ("params.yaml", "dvc.lock")]
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["mtl", "checkout", "1", *force])
    (root / ".mtl").mkdir(exist_ok=True)
    with (root / ".mtl/run.lock").open("w") as run:
        fcntl.flock(run, fcntl.LOCK_EX)
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 1
    assert "another run works in" in capsys.readouterr().err
    assert [(root / file).read_bytes() for file in ("params.yaml", "dvc.lock")] == before
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert "restored params.yaml" in capsys.readouterr().out


def test_checkout_without_git_asks_for_force(with_champion):
    (with_champion.root / "dvc.lock").write_text("stages: {}\n")
    with pytest.raises(RegistryError, match=r"dvc\.lock: changes"):
        verbs.checkout(with_champion.root, with_champion.spec, 1)


@pytest.mark.parametrize("alias", ["vetted", "v", "v1-2", "vv1"])
def test_an_alias_may_begin_with_v(with_champion, alias):
    root, spec = with_champion.root, with_champion.spec
    open_store(root, spec.name).client.set_registered_model_alias(spec.name, alias, "1")
    assert verbs.must_have(root, spec, alias)[1] == 1


@pytest.mark.parametrize("version", ["7", "nobody", "²", "v²", "vetted"])
def test_checkout_of_a_version_that_is_not_there(with_champion, version):
    with pytest.raises(RegistryError, match=rf"version {version} of 'people_model'\n  expected: one of 1\n"):
        verbs.checkout(with_champion.root, with_champion.spec, version)


def test_without_a_registry_nothing_is_made(workspace):
    (workspace.root / "mlflow.db").unlink()
    assert verbs.history(workspace.root, workspace.spec) == []
    assert verbs.champion(workspace.root, workspace.spec) is None
    with pytest.raises(RegistryError, match="none is registered"):
        verbs.pin_profile(workspace.root, workspace.spec)
    assert not (workspace.root / "mlflow.db").exists()


def test_the_champions_profile_is_pinned(with_champion):
    (with_champion.root / layout.PROFILES / "people.json").write_text('{"rows": 4}')
    with_champion.gate(floors={"asthma": 0.99})
    assert with_champion.register().decision == "rejected"
    verbs.pin_profile(with_champion.root, with_champion.spec)
    assert json.loads((with_champion.root / "profile.json").read_text()) == {"people": {"rows": 3, "columns": {}}}


def test_history_is_in_order_and_says_nothing_twice(with_champion, capsys):
    store = open_store(with_champion.root, "people_model")
    for version in (5, 4, 4, 5):
        append(store, "rejected", version, 1, ["asthma is worse", "x" * 5000])
    found = read_history(store)
    assert [(e.event, e.version) for e in found] == [("promoted", 1), ("rejected", 5), ("rejected", 4), ("rejected", 5)]
    assert all(len(json.dumps(e.reasons)) < 5000 for e in found)
    verbs.print_history(with_champion.root)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "promoted  no champion before" in lines[0]


def test_history_keeps_its_order_when_the_clock_goes_back(with_champion, monkeypatch):
    from datetime import UTC, datetime

    class Past(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("mtl.registry.history.datetime", Past)
    store = open_store(with_champion.root, "people_model")
    append(store, "rejected", 2, 1, ["a"])
    append(store, "rejected", 3, 1, ["a"])
    assert [e.version for e in read_history(store)] == [1, 2, 3]


def test_the_report_is_attached_to_the_run_of_its_version(with_champion):
    root, spec = with_champion.root, with_champion.spec
    (root / layout.REPORT).write_text("<html></html>")
    assert not verbs.attach_report(root, spec)
    version = with_champion.register().version
    assert verbs.attach_report(root, spec)
    store = open_store(root, spec.name)
    run = store.client.get_model_version(spec.name, str(version)).run_id
    assert "report.html" in {file.path for file in store.client.list_artifacts(run)}


def test_a_version_tells_where_it_comes_from(with_champion, monkeypatch):
    monkeypatch.setenv("MTL_FLOW_RUN", "brave-fox")
    commit(with_champion.root)
    version = with_champion.register().version
    tags = verbs.champion(with_champion.root, with_champion.spec)["tags"]
    assert tags["mtl.raw.people.md5"] == "0123456789abcdef0123456789abcdef"
    assert tags["mtl.flow_run"] == "brave-fox"
    assert tags["mtl.git.dirty"] == "false"
    folder = verbs.version_folder(open_store(with_champion.root, "people_model"), version)
    told = json.loads((folder / "lineage.json").read_text())
    assert told["raw"]["people"] == {"path": "data/raw/people.csv", "md5": "0123456789abcdef0123456789abcdef", "size": 12}
    assert told["git"]["revision"] == tags["mtl.git.revision"]
    assert {"params.yaml", "dvc.lock", "profiles", "lineage.json", "data", "MLmodel"} <= {f.name for f in folder.iterdir()}
    assert not [f for f in folder.rglob("*") if f.suffix in (".pkl", ".pickle", ".py")]


def test_a_run_shows_parameters_curves_metrics_and_files(with_champion):
    with_champion.register()
    store = open_store(with_champion.root, "people_model")
    run = store.client.get_run(store.client.get_model_version_by_alias("people_model", "candidate").run_id)
    assert run.data.params["training.lr"] == "0.001"
    assert run.data.params["inputs.person.columns"] == "2"
    assert run.data.metrics["asthma/auc"] == pytest.approx(0.71)
    curve = store.client.get_metric_history(run.info.run_id, "candidate/height/valid_loss")
    assert [(m.step, m.value) for m in curve] == [(1, 0.4), (2, 0.3)]
    assert {"metrics.json", "params.yaml", "dvc.lock"} <= {f.path for f in store.client.list_artifacts(run.info.run_id)}


def test_a_copied_folder_leaves_the_original_alone(with_champion, registered, tmp_path):
    """`with_champion` is such a copy: its champion is read from, and its candidate written to, the copy."""
    before = {f: f.read_bytes() for f in registered.rglob("*") if f.is_file()}
    assert with_champion.register().decision == "promoted"
    assert {f: f.read_bytes() for f in registered.rglob("*") if f.is_file()} == before
    moved = tmp_path / "moved"
    shutil.move(with_champion.root, moved)
    folder = verbs.version_folder(open_store(moved, "people_model"), 1)
    assert folder.is_relative_to(moved)
    assert (folder / "MLmodel").is_file()
