"""`mtl gc`: what no kept version names goes, from the registry and from a real cache of DVC's; all else stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.dvc_home import keep_dvc_home
from mtl.errors import DataError, MtlError, RegistryError
from mtl.orchestration.collect import collect
from mtl.orchestration.lock import WorkspaceBusyError, workspace_lock
from mtl.registry import verbs
from mtl.registry.collect import collectable, free, keep
from mtl.registry.history import Entry, Event
from mtl.registry.rollback import rollback
from mtl.registry.store import open_store
from tests.flows.registry.conftest import Workspace, _passed

STAGES = """\
stages:
  make:
    cmd: python make.py
    deps: [raw.txt, make.py]
    outs: [out.txt, folder]
"""
MAKE = """\
from pathlib import Path
raw = Path("raw.txt").read_text()
Path("out.txt").write_text(raw * 1000)
Path("folder/inner").mkdir(parents=True)
Path("folder/same").write_text("in every version" * 1000)
Path("folder/inner/own").write_text(raw * 2000)
"""


def dvc(root: Path, *words: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, check=True, capture_output=True, env=environment)


def made(root: Path) -> dict[str, str]:
    return {name: (root / name).read_text() for name in ("out.txt", "folder/same", "folder/inner/own")}


@pytest.fixture(scope="module")
def five(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, dict[str, str]]]:
    """Five versions, each of other data that DVC keeps and each champion in its turn; what each was made of."""
    root = tmp_path_factory.mktemp("five") / "work"
    shutil.copytree(template, root)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "dvc.lock").unlink()
    dvc(root, "init", "-q")
    keep_dvc_home(root)
    (root / "dvc.yaml").write_text(STAGES)
    (root / "make.py").write_text(MAKE)
    workspace, held = Workspace(root), {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mtl.registry.register.golden_trial", _passed)
        for name in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
            patched.delenv(name, raising=False)
        workspace.gate(no_worse_than=["single_task"])
        for number in range(1, 6):
            (root / "raw.txt").write_text(f"version {number} ")
            shutil.rmtree(root / "folder", ignore_errors=True)
            dvc(root, "repro", "-q")
            workspace.train(1, value=0.7 + number / 100)
            done = workspace.register()
            assert (done.decision, done.version) == ("promoted", number)
            held[number] = made(root)
    return root, held


@pytest.fixture
def project(five: tuple[Path, dict[int, dict[str, str]]], tmp_path: Path) -> Workspace:
    shutil.copytree(five[0], tmp_path / "a project", symlinks=True)
    keep_dvc_home(tmp_path / "a project")
    return Workspace(tmp_path / "a project")


def objects(root: Path) -> set[Path]:
    return {file.relative_to(root) for file in (root / ".dvc/cache/files").rglob("*") if file.is_file()}


def known(workspace: Workspace) -> list[int]:
    store = open_store(workspace.root, "people_model")
    return sorted(int(one.version) for one in store.client.search_model_versions("name = 'people_model'"))


def bytes_of(root: Path, *folders: str) -> int:
    return sum(file.stat().st_size for one in folders for file in (root / one).rglob("*") if file.is_file())


@pytest.mark.slow
def test_what_a_kept_version_names_stays_and_the_rest_goes(project, five):
    root, before = project.root, objects(project.root)
    kinds = ("mlruns", ".dvc/cache/files")
    sizes = {kind: bytes_of(root, kind) for kind in kinds}
    told = collect(root, 1, dry=True)
    assert (objects(root), known(project), {kind: bytes_of(root, kind) for kind in kinds}) == (before, [1, 2, 3, 4, 5], sizes)
    done = collect(root, 1)
    assert (done.registry, done.cache) == (told.registry, told.cache)
    assert done.registry.kept == {5: "newest, candidate, champion", 4: "champion before 5"}
    assert known(project) == [4, 5]
    assert {kind: sizes[kind] - bytes_of(root, kind) for kind in kinds} == {kinds[0]: done.registry.size, kinds[1]: done.cache.size}
    assert len(before) - len(objects(root)) == len(done.cache.objects) == 3 * 3  # of each version out.txt, own, the folder's list
    for number in (4, 5):
        verbs.checkout(root, project.spec, number, force=True)
        dvc(root, "checkout", "-q")
        assert made(root) == five[1][number]
    (root / "raw.txt").write_text("version 1 ")
    dvc(root, "repro", "-q")  # DVC remembers that run, but what it made is gone: it is made anew
    assert made(root) == five[1][1]
    verbs.checkout(root, project.spec, 5, force=True)
    collect(root, 1)
    again = collect(root, 1)
    assert (again.registry.versions, again.registry.size, again.cache.objects) == ({}, 0, ())
    assert [entry["version"] for entry in verbs.history(root, project.spec)] == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_the_workspace_keeps_what_its_own_lock_names(project, five):
    verbs.checkout(project.root, project.spec, 2, force=True)
    done = collect(project.root, 1)
    assert sorted(done.registry.versions) == [1, 2, 3]
    shutil.rmtree(project.root / "folder")
    dvc(project.root, "checkout", "-q")
    assert made(project.root) == five[1][2]


@pytest.mark.slow
def test_after_a_rollback_the_champion_before_it_is_kept_too(project, monkeypatch):
    monkeypatch.setattr("mtl.registry.rollback.golden_trial", _passed)
    rollback(project.root, project.spec, 3)
    assert set(collectable(project.root, project.spec, 1).kept) == {5, 4, 3, 2}
    collect(project.root, 1)
    assert rollback(project.root, project.spec).version == 2


@pytest.mark.slow
def test_versions_that_a_killed_call_left_half_are_finished_by_the_next(project, monkeypatch):
    def fail(*_, **__):
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("mtl.registry.collect.delete_run", fail)
        with pytest.raises(RegistryError, match="killed"):
            collect(project.root, 2)
    left = collect(project.root, 2)
    assert len(left.registry.lost) == 2
    assert "and 2 runs without one" in left.lines()[1]
    assert len(list((project.root / "mlruns/people_model/models").iterdir())) == len(known(project))


@pytest.mark.slow
def test_a_shared_cache_or_files_that_are_gone_stop_it(project, tmp_path):
    root, before = project.root, objects(project.root)
    store = open_store(root, "people_model")
    folder = verbs.version_folder(store, 4)
    shutil.move(folder, tmp_path / "away")
    with pytest.raises(RegistryError, match="version 4 of 'people_model'"):
        collect(root, 1)
    shutil.move(tmp_path / "away", folder)
    dvc(root, "cache", "dir", str(tmp_path / "shared"))
    with pytest.raises(DataError, match="another project's"):
        collect(root, 1)
    assert (known(project), objects(root)) == ([1, 2, 3, 4, 5], before)


@pytest.mark.slow
def test_while_a_run_works_here_nothing_is_freed(project):
    code = (
        "import sys\nfrom pathlib import Path\nfrom mtl.orchestration.lock import workspace_lock\n"
        "with workspace_lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(project.root)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceBusyError):
            collect(project.root, 1)
        other.communicate("")
    with workspace_lock(project.root):
        assert known(project) == [1, 2, 3, 4, 5]


def test_without_a_registry_or_dvc_there_is_nothing_to_free(workspace):
    (workspace.root / "mlflow.db").unlink()
    assert collect(workspace.root, 1).lines() == [
        "versions kept: none, since none is registered",
        "freed versions: none, 0.0 MB",
        "freed of DVC's cache: 0 objects, 0.0 MB",
    ]
    assert not (workspace.root / "mlflow.db").exists()


@pytest.mark.parametrize("missing", ["registry", "model", "versions"])
def test_without_a_version_that_says_what_is_needed_the_cache_stays(workspace, missing):
    root = workspace.root
    dvc(root, "init", "-q", "--no-scm")
    keep_dvc_home(root)
    kept = root / ".dvc/cache/files/md5/d4/1d8cd98f00b204e9800998ecf8427e"
    kept.parent.mkdir(parents=True)
    kept.touch()
    if missing == "registry":
        (root / "mlflow.db").unlink()
    elif missing == "versions":
        open_store(root, "people_model").client.create_registered_model("people_model")
    for dry in (True, False):
        with pytest.raises(RegistryError, match="versions of 'people_model'") as told:
            collect(root, 1, dry=dry)
        assert (f"sqlite:///{root}/mlflow.db" in told.value.what, "MLFLOW_TRACKING_URI" in told.value.do) == (True, True)
    assert kept.is_file()
    assert (root / "mlflow.db").exists() == (missing != "registry")


@pytest.mark.slow
@pytest.mark.parametrize("text", [None, "", "stages:\n", "schema: '2.0'\nstages:\n  make:\n    cmd: pyth"])
def test_without_a_whole_lock_of_the_workspace_nothing_is_freed(project, text):
    root, before = project.root, objects(project.root)
    (root / "dvc.lock").unlink()
    if text is not None:
        (root / "dvc.lock").write_text(text)
    with pytest.raises(MtlError, match=r"dvc\.lock|the pipeline"):
        collect(root, 1)
    assert (known(project), objects(root)) == ([1, 2, 3, 4, 5], before)


@pytest.mark.slow
def test_another_name_in_the_spec_frees_nothing(project):
    root, before = project.root, objects(project.root)
    (root / "params.yaml").write_text((root / "params.yaml").read_text().replace("people_model", "persons_model"))
    with pytest.raises(RegistryError, match="versions of 'persons_model'"):
        collect(root, 1)
    assert (known(project), objects(root)) == ([1, 2, 3, 4, 5], before)


@pytest.mark.slow
def test_data_of_a_version_that_becomes_champion_elsewhere_meanwhile_stay(project, five, monkeypatch):
    def late(root, *words):
        open_store(root, "people_model").client.set_registered_model_alias("people_model", "champion", "2")
        return free(root, *words)

    monkeypatch.setattr("mtl.orchestration.collect.free", late)
    done = collect(project.root, 1)
    assert done.lines()[0].endswith("2 (by now champion), 1 (by now champion before 2)")
    assert known(project) == [1, 2, 4, 5]
    assert len(done.cache.objects) == 3
    verbs.checkout(project.root, project.spec, 2, force=True)
    dvc(project.root, "checkout", "-q")
    assert made(project.root) == five[1][2]


events = st.lists(st.tuples(st.sampled_from(["promoted", "rejected", "rolled back"]), st.integers(1, 9)), max_size=20)


@given(events, st.sets(st.integers(1, 9)), st.integers(1, 4))
def test_aliases_the_newest_and_the_way_back_are_always_kept(events: list[tuple[Event, int]], there: set[int], newest: int):
    history, champion = [], None
    for event, number in events:
        history.append(Entry(event, number, champion, (), "2026-01-01T00:00:00+00:00"))
        champion = number if event != "rejected" else champion
    aliases = {"champion": champion} if champion in there else {}
    kept = keep(dict.fromkeys(there), aliases, history, newest)
    assert set(kept) <= there
    assert set(sorted(there)[-newest:]) <= set(kept)
    assert set(aliases.values()) <= set(kept)
    assert all(kept.values())
