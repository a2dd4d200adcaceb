"""Checkpoints: the whole state of a run after an epoch, in one safetensors file, never pickle.

A checkpoint is loaded under its own key only: a hash of everything its bytes depend on. A killed run goes on from the
last one and ends with the same bytes as an undisturbed one, since each epoch seeds its generators anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import mtl
from mtl.extras import installed
from mtl.spec import Model, Training
from mtl.training.batches import Rows
from mtl.training.optimizers import put_states, states_of
from mtl.training.run import Run
from mtl.training.sealed import read_sealed, write_sealed

FILE = "run.safetensors"
ROOMS = ("network", "balancing", "relatedness", "spec", "training")
SHARE = 0.05
"""Largest share of a run's time that goes into checkpoints; where one takes long, epochs in between go without."""


def key_of(inputs: str, encodings: Any, model: Model, training: Training, sharing: str, device: torch.device) -> str:
    """Hash of everything that decides a run's bytes: data, `encodings` (`mtl.data.encodings.Encodings`), spec, code, machine."""
    parts = [inputs, asdict(encodings), model.model_dump(), training.model_dump(), sharing, _code(), _machine(device)]
    parts += [f"{package} {installed(package)}" for package in encodings.packages]  # a pretrained encoder is code of theirs
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def digest(*splits: Rows) -> str:
    """Hash of the arrays of these splits, for a caller that has no key of its own."""
    found = hashlib.blake2b(digest_size=16)
    for rows in splits:
        held = [array for of in rows.inputs.values() for array in of.values()] + list(rows.lists.values())
        arrays = [part for one in held for part in ((one,) if isinstance(one, np.ndarray) else (one.values, one.offsets))]
        for array in (*arrays, rows.targets, rows.labelled):
            found.update(f"{array.shape}{array.dtype}".encode())
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _code() -> str:
    root = Path(mtl.__file__).parent
    files = sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _machine(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return f"{platform.machine()} {device.type} {name} torch {torch.__version__}"


@dataclass
class Checkpoint:
    """The file of one run. Without a folder it does nothing."""

    folder: Path | None
    _wrote: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    @property
    def _file(self) -> Path:
        assert self.folder is not None
        return self.folder / FILE

    def save(self, run: Run, *, last: bool = False) -> None:
        """Write the run's state, unless the last writing was so long and so recent that it would slow the run down; its `last`
        state in any case."""
        start = time.monotonic()
        if self.folder is None or (start - self._wrote < self._took / SHARE and not last):
            return
        write_sealed(self._file, _tensors(run), _state(run))
        self._wrote = time.monotonic()
        self._took = self._wrote - start

    def load(self, run: Run) -> None:
        """Bring `run` to where the checkpoint is; leaves it as it is if there is none, or (with a warning) a broken one."""
        found = None if self.folder is None else read_sealed(self._file, "training starts anew")
        if found is not None:
            _restore(run, *found)

    def within(self, name: str) -> Checkpoint:
        """Another, in a folder of this one's, that is removed with it."""
        return Checkpoint(None if self.folder is None else self.folder / name)

    def remove(self) -> None:
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _tensors(run: Run) -> dict[str, Tensor]:
    found = {f"weights/{name}": p.detach() for name, p in run.parameters.items()}
    found |= {f"balancing/{name}": buffer for name, buffer in run.carried.items()}
    found |= {f"best/{name}": tensor for name, tensor in run.best.items()}
    for name, state in states_of(run.optimizer, run.parameters).items():
        found |= {f"optimizer/{name}/{key}": value for key, value in state.items()}
    if run.tracker is not None:
        found |= {f"relatedness/{name}": tensor for name, tensor in run.tracker.state().items()}
    return found


def _state(run: Run) -> dict[str, Any]:
    stopping = {"score": run.stopping.score, "epoch": run.stopping.epoch}
    return {"epoch": run.epoch, "seconds": run.seconds, "active": run.active, "stopping": stopping, "history": run.history}


def _restore(run: Run, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    if state["active"] != run.active:
        run.put(run.network.only(state["active"]), state["active"])
    states: dict[str, dict[str, Tensor]] = {}
    with torch.no_grad():
        for name, parameter in run.parameters.items():
            parameter.copy_(tensors[f"weights/{name}"])
        for name, buffer in run.carried.items():
            buffer.copy_(tensors[f"balancing/{name}"])
        for name, best in run.best.items():
            best.copy_(tensors[f"best/{name}"])
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        if part == "optimizer":
            parameter_name, _, key = rest.rpartition("/")
            states.setdefault(parameter_name, {})[key] = tensor
    put_states(run.optimizer, run.parameters, states)
    if run.tracker is not None:
        run.tracker.load({name.removeprefix("relatedness/"): t for name, t in tensors.items() if name.startswith("relatedness/")})
    run.epoch, run.seconds = state["epoch"], state["seconds"]
    run.history = [tuple(row) for row in state["history"]]
    run.stopping = replace(run.stopping, score=state["stopping"]["score"], epoch=state["stopping"]["epoch"])
