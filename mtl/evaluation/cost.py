"""What a model costs: parameters, seconds of training, microseconds a predicted row, each against single-task.

Wall-clock lives in `.mtl/cost/STAGE.json` and `reports/cost.json` and nowhere else, since neither is an output of DVC.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mtl.files import read_json, write_json
from mtl.layout import CANDIDATE, COST, SINGLE_TASK, STATE

if TYPE_CHECKING:
    from mtl.data.aligned import AlignedSet
    from mtl.data.encodings import Encodings
    from mtl.network.network import Network

NOTES: Final = STATE / "cost"
WEIGHTS: Final = {"candidate": CANDIDATE / "model.safetensors", "single_task": SINGLE_TASK / "model.safetensors"}
"""Stage -> the weights that its seconds belong to."""
KEPT = 100
"""Notes of so many models are kept of each stage."""
REPEATS = 7
"""Timed calls at most."""
MEASURED_ROWS = 8192
ENOUGH = 5.0
"""Seconds of timed calls after which there are no more."""


def note_cost(stage: str, data: dict[str, Any], root: Path = Path()) -> None:
    """Keep what `stage` measured of the model it has just made, e.g. {"seconds", "parameters", "device"}.

    Kept under the hash of the weights: when DVC brings an older model back from its cache, its own note is read again.
    """
    notes = _notes(stage, root)
    key = _key(stage, root)
    notes.pop(key, None)
    notes[key] = data
    write_json(root / NOTES / f"{stage}.json", dict(list(notes.items())[-KEPT:]))


def read_costs(root: Path = Path()) -> dict[str, dict[str, Any]]:
    """Stage -> its note of the model that lies there now; a stage without one is left out."""
    found = {}
    for file in sorted((root / NOTES).glob("*.json")):
        note = _notes(file.stem, root).get(_key(file.stem, root))
        if note is not None:
            found[file.stem] = note
    return found


def tells_of_what_lies_there(cost: Mapping[str, Any], root: Path = Path()) -> bool:
    """Whether the content of reports/cost.json was measured of the models that lie there now (if it says of which).

    DVC does not keep that file: when it brings older models back from its cache, their evaluation is not run again.
    """
    here = weights_of(root)
    return bool(cost.get("of", here) == here)


def weights_of(root: Path) -> dict[str, str]:
    """Stage -> the hash of its weights."""
    return {stage: _key(stage, root) for stage in WEIGHTS}


def _notes(stage: str, root: Path) -> dict[str, Any]:
    """All notes of a stage; a file that cannot be read (a kill, a full disk) counts as none."""
    try:
        notes = read_json(root / NOTES / f"{stage}.json")
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _key(stage: str, root: Path) -> str:
    weights = root / WEIGHTS[stage] if stage in WEIGHTS else None
    if weights is None or not weights.is_file():
        return "any"
    with weights.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def microseconds_a_row(predict: Callable[[], object], rows: int, repeats: int = REPEATS) -> float:
    """Median wall-clock of `predict()` over `rows`, after one call to warm up; of fewer calls once they took long enough."""
    predict()
    seconds: list[float] = []
    while len(seconds) < repeats and sum(seconds) < ENOUGH:
        start = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e6 / rows


def measure_cost(
    encodings: Encodings, test: AlignedSet, model: Network, single_task: Network, root: Path = Path()
) -> dict[str, Any]:
    """Measure both networks on up to 8,192 test rows, merge the notes of training, write reports/cost.json."""
    from mtl.network.predict import predict

    rows = min(test.rows, MEASURED_ROWS)
    inputs = {name: {part: array[:rows] for part, array in arrays.items()} for name, arrays in test.inputs.items()}
    networks = {"model": model, "single_task": single_task}
    parameters = {side: sum(p.numel() for p in network.parameters()) for side, network in networks.items()}
    speed = {
        side: microseconds_a_row(partial(predict, network, encodings, inputs), rows) for side, network in networks.items() if rows
    }
    data = {"of": weights_of(root)} | cost_table(parameters, speed, read_costs(root))
    write_json(root / COST, data)
    return data


def cost_table(parameters: Mapping[str, float], speed: dict[str, float], notes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The content of reports/cost.json; what was not measured (training restored from a cache) is left out.

    `taught`: the single-task networks were the model's teachers, so their seconds are part of its own. `adopted` names tasks that
    the model took over from single-task networks: the seconds are then without theirs, which nobody measured one by one, so
    there is no ratio.
    """
    candidate, single = notes.get("candidate", {}), notes.get("single_task", {}).get("seconds")
    taught, own = bool(candidate.get("taught")), candidate.get("seconds")
    whole = own if not taught else None if own is None or single is None else own + single
    seconds: dict[str, Any] = {"model": whole, "single_task": single}
    parts: dict[str, Any] = {"train": {"seconds": seconds["model"]}, "single_task": {"seconds": seconds["single_task"]}}
    parts = {name: part for name, part in parts.items() if part["seconds"] is not None}
    adopted = {"adopted": candidate["adopted"]} if candidate.get("adopted") and not taught else {}
    pairs: dict[str, Mapping[str, Any]] = {"parameters": parameters, "predict_us_per_row": speed, "train_seconds": seconds}
    table: dict[str, Any] = parts | {name: against for name, pair in pairs.items() if (against := _against(pair))}
    if taught and "train_seconds" in table:
        table["train_seconds"] |= {"taught": True}
    if adopted:
        table["train"] |= adopted
        table["train_seconds"] = {side: v for side, v in table["train_seconds"].items() if side != "ratio"} | adopted
    return table


def _against(pair: Mapping[str, Any]) -> dict[str, float]:
    """{"model", "single_task", "ratio"} as far as known."""
    known = {side: value for side, value in pair.items() if value is not None}
    if len(known) == 2 and known["single_task"] > 0:
        known["ratio"] = known["model"] / known["single_task"]
    return known
