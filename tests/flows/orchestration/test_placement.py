from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mtl.errors import MtlError, TrainingError
from mtl.layout import CHECKPOINTS
from mtl.orchestration.graph import is_stale
from mtl.orchestration.placement import gpu
from mtl.orchestration.placement.checkpoints import Mirror
from mtl.orchestration.placement.files import files_of, lock_entry, put_lock_entry
from mtl.orchestration.placement.parcel import Parcel
from mtl.spec import Spec, read_spec
from tests.flows.conftest import ROOT, command


def test_a_parcel_is_json_and_comes_back_as_it_was() -> None:
    parcel = Parcel(
        "train", "here", "abc", {"params.yaml": "x"}, ("data/aligned/train",), ("models/candidate",), "store", None, {"A": "1"}
    )
    assert Parcel.read(parcel.as_json()) == parcel


def test_a_parcel_of_another_version_is_refused_in_words() -> None:
    data = Parcel("train", "here", "abc", {}, (), ()).as_json()
    with pytest.raises(MtlError, match="same version of mtl"):
        Parcel.read(data | {"something": "newer"})


def test_what_moves_is_what_other_stages_made(toy: Path) -> None:
    assert files_of(toy, "split") == (("out/people", "out/labs"), ("out/split",))
    assert files_of(toy, "ingest@people") == ((), ("out/people",))
    with pytest.raises(MtlError, match="unknown stage"):
        files_of(toy, "nothing")


def test_an_entry_that_is_put_back_makes_the_stage_up_to_date(toy: Path) -> None:
    """As from another checkout: the outputs are here, only the entry was lost."""
    command(toy, "dvc", "repro", "split")
    entry = lock_entry(toy, "split")
    put_lock_entry(toy, "split", {"cmd": "another"})
    assert is_stale(toy, "split")
    put_lock_entry(toy, "split", entry)
    assert not is_stale(toy, "split")
    assert lock_entry(toy, "split") == entry


def checkpoint(root: Path, text: str) -> Path:
    path = root / CHECKPOINTS / "KEY" / "run.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_checkpoint_goes_on_elsewhere_and_is_gone_after_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.orchestration.placement.checkpoints.EVERY", 0.02)
    first, second, store = tmp_path / "first", tmp_path / "second", tmp_path / "store"
    with Mirror(first, "train", str(store)):
        checkpoint(first, "epoch 7")
        until = time.monotonic() + 5
        while not list(store.rglob("run.safetensors")) and time.monotonic() < until:
            time.sleep(0.01)
        assert [path.read_text() for path in store.rglob("run.safetensors")] == ["epoch 7"]  # before the end: a kill leaves it
    with Mirror(second, "train", str(store)) as mirror:
        assert (second / CHECKPOINTS / "KEY" / "run.safetensors").read_text() == "epoch 7"
        mirror.succeeded = True
    assert not list(store.rglob("*.safetensors"))


def test_a_failed_stage_leaves_its_last_checkpoint_in_the_store(tmp_path: Path) -> None:
    with Mirror(tmp_path / "here", "train", str(tmp_path / "store")):
        checkpoint(tmp_path / "here", "epoch 3")
    assert [path.read_text() for path in (tmp_path / "store").rglob("run.safetensors")] == ["epoch 3"]


def spec_for(device: str) -> Spec:
    spec = read_spec(ROOT / "params.yaml")
    return spec.model_copy(update={"training": spec.training.model_copy(update={"device": device})})


def test_a_gpu_stage_without_a_gpu_says_so_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no nvidia-smi
    with pytest.raises(TrainingError, match="none on this worker"):
        gpu.must_have_gpu(spec_for("cuda"), {})
    assert "trains on the CPU" in gpu.must_have_gpu(spec_for("auto"), {})


def test_the_drivers_list_is_believed_for_the_devices_that_are_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text('#!/bin/sh\ncase "$*" in *--id=1*) echo "Card One";; *) echo "Card Zero"; echo "Card One";; esac\n')
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu.must_have_gpu(spec_for("cuda"), {}) == "GPU: Card Zero; Card One"
    assert gpu.must_have_gpu(spec_for("cuda"), {"CUDA_VISIBLE_DEVICES": "1"}) == "GPU: Card One"
    with pytest.raises(TrainingError):
        gpu.must_have_gpu(spec_for("cuda"), {"CUDA_VISIBLE_DEVICES": ""})
