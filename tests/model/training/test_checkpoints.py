"""A killed run goes on and ends with the same bytes; a checkpoint of another run, or a broken one, is never used."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.balancing import BALANCINGS
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import PretrainedVectorEncoding
from mtl.data.pretrained import PretrainedModel
from mtl.network.sharing import SHARINGS
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, checkpoints, fit
from mtl.training.checkpoints import FILE, key_of

FEW = ["shared_bottom", "separate", "hybrid"]
"""Tasks that share everything, nothing (each leaves on its own), and a part: for what does not hang on how they share."""
KILLS = 2
RowsOf = Callable[..., AlignedSet]
MODEL = Model(width=16, depth=2, dropout=0.2)
HERE = Path(__file__).resolve()


class StopError(Exception):
    """Thrown by the tests at the end of an epoch."""


def training(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 10, "patience": 2, "lr": 0.02, "device": "cpu", "balancing": "uncertainty", **more}
    return Training.model_validate(asked)


def bytes_of(fitted: Fitted) -> str:
    """Hash of weights, history and best epochs."""
    parts = [p.detach().numpy().tobytes() for p in fitted.network.parameters()]
    text = f"{fitted.history.rows()} {fitted.best_epoch} {fitted.gates}"
    return hashlib.sha256(b"".join(parts) + text.encode()).hexdigest()


def run(mixed: Encodings, rows: RowsOf, sharing: str, folder: Path | None, stop_after: int | None = None, **more: object) -> Fitted:
    def progress(epoch: Epoch) -> None:
        if epoch.epoch == stop_after:
            raise StopError

    train, valid = rows(mixed, 300, 0), rows(mixed, 120, 1)
    return fit(mixed, train, valid, MODEL, training(**more), sharing=sharing, checkpoints=folder, progress=progress)


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))


@pytest.mark.parametrize(
    ("sharing", "optimizer"), [*((sharing, "adamw") for sharing in SHARINGS), *((sharing, "sgd") for sharing in FEW)]
)
def test_stopped_after_any_epoch_it_ends_with_the_same_bytes(
    sharing: str, optimizer: str, mixed: Encodings, rows: RowsOf, tmp_path: Path
) -> None:
    undisturbed = run(mixed, rows, sharing, None, optimizer=optimizer)
    last = max(undisturbed.history["epoch"])
    for stop_after in sorted({1, last - 1}):
        with pytest.raises(StopError):
            run(mixed, rows, sharing, tmp_path, stop_after, optimizer=optimizer)
        assert len(list(tmp_path.glob(f"*/{FILE}"))) == 1
    assert bytes_of(run(mixed, rows, sharing, tmp_path, optimizer=optimizer)) == bytes_of(undisturbed)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("balancing", sorted(set(BALANCINGS) - {"uncertainty"}))
def test_what_a_balancing_carries_is_in_the_checkpoint(balancing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    asked = {"balancing": balancing, "max_epochs": 4, "patience": 20, "batch_size": 128, "every": 2}
    asked["options"] = {"warmup": 1} if balancing == "stch" else {}
    undisturbed = run(mixed, rows, "shared_bottom", None, **asked)
    for stop_after in (1, 3):
        with pytest.raises(StopError):
            run(mixed, rows, "shared_bottom", tmp_path, stop_after, **asked)
    found = run(mixed, rows, "shared_bottom", tmp_path, **asked)
    assert bytes_of(found) == bytes_of(undisturbed)
    assert found.weights == undisturbed.weights


def test_it_goes_on_where_it_was(mixed: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        run(mixed, rows, "shared_bottom", tmp_path, 3)
    heard: list[int] = []
    train, valid = rows(mixed, 300, 0), rows(mixed, 120, 1)
    fit(mixed, train, valid, MODEL, training(), checkpoints=tmp_path, progress=lambda e: heard.append(e.epoch))
    assert heard[0] == 4


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "zeros", "other"])
def test_a_broken_checkpoint_is_named_and_ignored(
    damage: str, mixed: Encodings, rows: RowsOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StopError):
        run(mixed, rows, "hybrid", tmp_path, 3)
    (file,) = tmp_path.glob(f"*/{FILE}")
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[-100] ^= 1
    broken = {
        "cut": content[: len(content) // 2],
        "flipped": bytes(flipped),
        "empty": b"",
        "zeros": b"\0" * 500,
        "other": b"{}" * 99,
    }
    file.write_bytes(broken[damage])
    with caplog.at_level(logging.WARNING):
        found = run(mixed, rows, "hybrid", tmp_path)
    assert [r.message for r in caplog.records if "starts anew" in r.message]
    assert bytes_of(found) == bytes_of(run(mixed, rows, "hybrid", None))


def test_the_key_knows_everything_the_bytes_depend_on(mixed: Encodings, make: Callable[..., Any]) -> None:
    cpu = torch.device("cpu")
    base: dict[str, Any] = {
        "inputs": "a", "encodings": mixed, "model": MODEL, "training": training(), "sharing": "hybrid", "device": cpu
    }  # fmt: skip
    others = [
        {"inputs": "b"},
        {"encodings": make([("a", "regression")])},
        {"model": Model(width=17)},
        {"training": training(seed=1)},
        {"sharing": "separate"},
    ]
    keys = {key_of(**{**base, **other}) for other in [{}, *others]}
    assert len(keys) == 1 + len(others)
    assert key_of(**base) in keys


def test_the_key_knows_the_version_of_what_reads_a_pretrained_input(mixed: Encodings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one, installed or not."""

    def key(encodings: Encodings) -> str:
        return key_of("a", encodings, MODEL, training(), "hybrid", torch.device("cpu"))

    model = PretrainedModel("content", "mean", 16, "fp32", "folder")
    note = PretrainedVectorEncoding("note", {"thing": "table"}, "note", "note", mean=(), std=(), model=model)
    read = replace(mixed, inputs={**mixed.inputs, "note": note})
    keys: list[tuple[str, str]] = []
    for versions in ({"transformers": "5.20.0"}, {"transformers": "5.21.0"}, {}):

        def version(name: str, versions: dict[str, str] = versions) -> str:
            if name not in versions:
                raise PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr("mtl.extras.version", version)
        keys.append((key(mixed), key(read)))
    assert [len(set(of)) for of in zip(*keys, strict=True)] == [1, 3]


def test_other_data_do_not_meet_the_checkpoint(mixed: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        run(mixed, rows, "shared_bottom", tmp_path, 3)
    train, valid, heard = rows(mixed, 300, 5), rows(mixed, 120, 1), list[int]()
    fit(mixed, train, valid, MODEL, training(), checkpoints=tmp_path, progress=lambda e: heard.append(e.epoch))
    assert heard[0] == 1


def test_a_slow_disk_does_not_slow_training(
    mixed: Encodings, rows: RowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where writing takes long, epochs in between go without a checkpoint."""
    import mtl.training.sealed as module

    written: list[Path] = []
    save = module.save_file

    def slow(tensors: Any, path: Path, **more: Any) -> None:
        written.append(path)
        time.sleep(0.2)
        save(tensors, path, **more)

    monkeypatch.setattr("mtl.training.checkpoints.SHARE", 0.05)
    monkeypatch.setattr(module, "save_file", slow)
    run(mixed, rows, "shared_bottom", tmp_path, patience=20)
    assert len(written) == 1


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Training processes are killed (SIGKILL) at random moments, twice each; the third comes to its end."""
    told = subprocess.run([sys.executable, str(HERE), str(tmp_path)], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in told.splitlines()]
    assert len(lines) == (KILLS + 2) * len(FEW)
    for sharing, (undisturbed, *killed, end) in zip(FEW, zip(*[iter(lines)] * (KILLS + 2), strict=True), strict=True):
        assert [word for word, _ in killed] == ["killed"] * KILLS, sharing
        assert end == undisturbed, sharing


def _shapes() -> Any:
    spec = importlib.util.spec_from_file_location("shapes", HERE.parents[1] / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    shapes = sys.modules["shapes"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shapes)
    return shapes


def _train(sharing: str, folder: Path, told: Connection) -> None:
    """One run that tells each epoch, and its hash at the end."""
    shapes = _shapes()
    mixed = Encodings({"x": shapes.table("x", 4, (3, 5))}, shapes.mixed_tasks())
    train, valid = shapes.rows_for(mixed, 500, 0), shapes.rows_for(mixed, 120, 1)
    asked = training(patience=7 if sharing == "separate" else 20, max_epochs=16)
    told.send(
        bytes_of(fit(mixed, train, valid, MODEL, asked, sharing=sharing, checkpoints=folder, progress=lambda _: told.send("")))
    )


def _until(epochs: int, sharing: str, folder: Path, chance: random.Random) -> str:
    """Start a run in a process of its own; kill it some epochs later, or wait for its hash."""
    fork = multiprocessing.get_context("fork")  # torch and what its optimizers import are there once; no thread runs yet
    here, there = fork.Pipe(duplex=False)
    child = fork.Process(target=_train, args=(sharing, folder, there))
    child.start()
    for _ in range(epochs):
        if word := here.recv():
            return f"done {word}"
    time.sleep(chance.random() * 0.03)
    child.kill()
    child.join()
    return f"killed {child.exitcode}"


def _main(sharing: str, folder: Path) -> None:
    checkpoints.SHARE = float("inf")
    importlib.import_module("torch._dynamo")
    chance = random.Random(sharing)
    print(_until(1000, sharing, folder / "undisturbed", chance))
    for epochs in [chance.randint(1, 4) for _ in range(KILLS)] + [1000]:
        print(_until(epochs, sharing, folder / "killed", chance))


if __name__ == "__main__":
    for one in FEW:
        _main(one, Path(sys.argv[1]) / one)
