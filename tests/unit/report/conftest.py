"""A workspace after a run, made up: 11 tasks as NHANES gives them, or 139 tasks from one column."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.report import write_report
from mtl.spec import Spec, read_spec

FIXED = Path(__file__).parent / "fixed"
Facts = tuple[str, str, float, float, float]

NHANES: dict[str, Facts] = {
    # task: kind, unit, this model, single-task, trees (r2, auc or qwk)
    "systolic_bp": ("regression", "mmHg", 0.397, 0.392, 0.408),
    "diastolic_bp": ("regression", "mmHg", 0.311, 0.268, 0.315),
    "hba1c": ("regression", "%", 0.227, 0.212, 0.176),
    "total_cholesterol": ("regression", "mg/dL", 0.197, 0.157, 0.188),
    "hdl_cholesterol": ("regression", "mg/dL", 0.268, 0.262, 0.257),
    "body_fat_pct": ("regression", "%", 0.824, 0.834, 0.831),
    "diabetes": ("binary", "", 0.881, 0.874, 0.869),
    "arthritis": ("binary", "", 0.805, 0.789, 0.795),
    "asthma": ("binary", "", 0.579, 0.610, 0.589),
    "trouble_sleeping": ("binary", "", 0.695, 0.679, 0.679),
    "general_health": ("ordinal", "", 0.412, 0.405, 0.398),
}
HEADLINE = {"regression": "r2", "binary": "auc", "ordinal": "qwk"}
OTHERS = {
    "regression": ("r2", "mae", "rmse", "correlation"),
    "binary": ("auc", "average_precision", "f1", "accuracy", "log_loss", "brier", "calibration_error"),
    "ordinal": ("qwk", "accuracy", "f1", "mae", "log_loss"),
}
BANDS = (
    ("gender", "Female", 0.01), ("gender", "Male", -0.01), ("age", "under 18", -0.08), ("age", "18 to 40", 0.0),
    ("age", "40 to 60", 0.02), ("age", "60 and over", 0.03),
)  # fmt: skip
CLASSES = ["Poor", "Fair", "Good", "Very good", "Excellent"]


def dump(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


def fixed(name: str) -> Any:
    return json.loads((FIXED / name).read_text(encoding="utf-8"))


def schools(count: int) -> dict[str, Facts]:
    """Tasks made of one column; sharing helps some and hurts others."""
    random = np.random.default_rng(3)
    pairs = zip(random.uniform(0.15, 0.5, count), random.normal(0.01, 0.03, count))
    return {f"exam_{i:03d}_school_{i * 7 % 139}": ("regression", "points", b + g, b, b + g / 3) for i, (b, g) in enumerate(pairs)}


def versus(kind: str, ours: float, rival: float, spread: float) -> dict[str, Any]:
    """A comparison whose verdict follows from its interval, as without a correction."""
    loss, own = (math.sqrt(max(1 - v, 0.01)) if kind == "regression" else 1 - v for v in (rival, ours))
    delta = 100 * (loss - own) / loss
    low, high = delta - spread, delta + spread
    verdict = "better" if low > 0 else "no worse" if low > -2 else "worse" if high < 0 else "cannot tell"
    diff = {"diff": loss - own, "low": low * loss / 100, "high": high * loss / 100}
    return {**diff, "delta_pct": delta, "delta_low": low, "delta_high": high, "verdict": verdict}


def measured(value: float, alone: float, trees: float | None, scale: float) -> dict[str, Any]:
    found = {"value": value, "low": value - 0.02, "high": value + 0.02, "single_task": alone, "trees": trees}
    return {key: None if v is None else v * scale for key, v in found.items()}


def pictures(kind: str, ours: float, random: np.random.Generator) -> dict[str, Any]:
    if kind == "regression":
        true = random.normal(120, 18, 400)
        predicted = 120 + ours * (true - 120) + random.normal(0, 9, 400)
        return {"calibration": None, "scatter": {"true": true.tolist(), "predicted": predicted.tolist()}}
    bins = np.linspace(0.05, 0.95, 10)
    observed, count = np.clip(bins + random.normal(0, 0.05, 10), 0, 1), random.integers(5, 300, 10)
    return {"calibration": {"predicted": bins.tolist(), "observed": observed.tolist(), "count": count.tolist()}, "scatter": None}


def evaluated(name: str, facts: Facts, random: np.random.Generator) -> dict[str, Any]:
    """One task of evaluation.json."""
    kind, unit, ours, alone, trees = facts
    n = int(random.integers(700, 1600))
    metrics = {}
    for metric in OTHERS[kind][1:]:
        value = float(random.uniform(0.2, 0.8))
        scale = 10 if metric in ("mae", "rmse") and kind == "regression" else 1
        metrics[metric] = measured(value, value - 0.01, None if metric == "f1" else value, scale)
    if name == "asthma":
        metrics["average_precision"] = dict.fromkeys(metrics["f1"]) | {"undefined": "one class only in test"}
    slices = [
        {
            "column": c,
            "band": b,
            "n": n // 3,
            "value": ours + d,
            "low": ours + d - 0.05,
            "high": ours + d + 0.05,
            "single_task": alone + d,
        }
        for c, b, d in BANDS
    ]
    rivals = {
        "single_task": versus(kind, ours, alone, random.uniform(0.6, 2.4)),
        "trees": versus(kind, ours, trees, random.uniform(1, 4)),
    }
    return {
        "kind": kind, "unit": unit, "metric": HEADLINE[kind], "n_test": n, "classes": CLASSES if kind == "ordinal" else [],
        "metrics": {HEADLINE[kind]: measured(ours, alone, trees, 1), **metrics}, "vs": rivals,
        "slices": slices, "slices_left_out": 1, **pictures(kind, ours, random),
    }  # fmt: skip


def trained(folder: Path, tasks: list[str], epochs: int, single: bool, random: np.random.Generator) -> None:
    """history.csv and summary.json of one run."""
    rows = []
    for task in tasks:
        floor, speed, harm = random.uniform(0.3, 0.8), random.uniform(3, 9), random.uniform(0.001, 0.006)
        stop = int(random.integers(epochs // 2, epochs)) if single else epochs
        for epoch in range(1, stop + 1):
            fall = (1 - floor) * math.exp(-epoch / speed)
            train = floor * 0.8 + fall - 0.002 * epoch
            valid = floor + fall + harm * max(0, epoch - 15) + random.normal(0, 0.004)
            rows.append({"epoch": epoch, "task": task, "train_loss": train, "valid_loss": valid})
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_csv(folder / "history.csv")
    best = {t: int(random.integers(8, epochs)) if single else 19 for t in tasks}
    gates = {} if single else {t: random.uniform(0.1, 0.95, 2).tolist() for t in tasks}
    kind = {"sharing": "separate", "parameters": 1_402_113} if single else {"sharing": "hybrid", "parameters": 141_323}
    seen = {
        task: {"labels": 500, "an_epoch": 0.25 if at else 3.2, "to_best": 4.75 if at else 60.8} for at, task in enumerate(tasks)
    }
    dump(folder / "summary.json", {"best_epoch": best, "gates": gates, "device": "cpu", "balancing": "equal", "seen": seen, **kind})


def related(root: Path, tasks: list[str], random: np.random.Generator) -> None:
    """relatedness.json of the candidate and reports/choice.json: three families of tasks, one of which fights another."""
    count = len(tasks)
    family = np.arange(count) % 3
    cosine = np.where(family[:, None] == family, 0.3, 0.02) - 0.25 * (np.abs(family[:, None] - family) == 2)
    cosine = cosine + random.normal(0, 0.03, (count, count))
    cosine = np.where(np.eye(count) > 0, 1.0, (cosine + cosine.T) / 2)
    affinity = (0.004 * cosine + random.normal(0, 0.0004, (count, count))).round(6)
    conflicts = (0.5 - cosine / 2).round(6)
    matrices = {"cosine": cosine.round(6).tolist(), "conflicts": conflicts.tolist(), "affinity": affinity.tolist()}
    norms = random.uniform(0.1, 2, count).round(6).tolist()
    seen = {"tasks": tasks, "at": "representation", "steps": 20, "points": 6, "norms": norms, **matrices}
    dump(root / "reports/training/candidate/relatedness.json", seen)
    gain = {"value": 1.2, "error": 0.4, "likely": 1.1, "doubt": 0.3, "loss": 0.51, "alone": 0.52}
    plain = {"sharing": "shared_bottom", "groups": None, "weights": {}, "alone": [], "networks": 1, "error": 0.3, "chosen": False}
    lost = gain | {"value": -2.0, "likely": -1.8}
    rest = {"score": 1.4, "groups": [tasks[1:], tasks[:1]], "alone": tasks[:1], "networks": 2, "hurt": [], "chosen": True}
    each = {"score": 0.0, "sharing": "separate", "alone": tasks, "networks": count, "hurt": [], "tasks": {}}
    rows = [
        plain | {"score": 1.1, "hurt": tasks[:1], "tasks": {t: lost if t == tasks[0] else gain for t in tasks}},
        plain | rest | {"tasks": dict.fromkeys(tasks[1:], gain)},
        plain | each,
    ]
    dump(root / "reports/choice.json", {
        "asked": "auto", "sharing": "shared_bottom", "groups": rest["groups"], "weights": {}, "why": f"{tasks[0]} stands alone.",
        "tasks": tasks, "budget": {"trainings": 16, "used": 12, "folds": 4}, "alternatives": rows, "relatedness": matrices,
    })  # fmt: skip


def expectation(at: int, column: str) -> dict[str, Any]:
    fails = at % 7 == 5
    kind = "expect_column_proportion_of_non_null_values_to_be_between"
    observed = "0.31" if fails else "0.62"
    return {
        "type": kind,
        "column": column,
        "severity": "warn",
        "success": not fails,
        "expected": "0.40 to 0.90",
        "observed": observed,
    }


def validated(root: Path, tasks: list[str]) -> None:
    """reports/validation and data/quarantine of every source."""
    for at, found in enumerate(fixed("validation.json")):
        labels = {
            t: {"kept": 5000 + i, "quarantined": 184 if t == "diabetes" else 0, "missing": 3000 - i}
            for i, t in enumerate(tasks[at::5])
        }
        count = {"type": "expect_table_row_count_to_be_between", "column": None, "severity": "stop", "success": True}
        expectations = [count | {"expected": "at least 1", "observed": "many"}, *(expectation(i, t) for i, t in enumerate(labels))]
        more = {"labels": labels, "compared_with": "spec", "expectations": expectations}
        dump(root / f"reports/validation/{found['source']}.json", found | more)
        folder = root / "data/quarantine" / found["source"]
        folder.mkdir(parents=True, exist_ok=True)
        rows = pl.int_range(found["rows_quarantined"], eager=True).alias("row").to_frame().cast(pl.UInt32)
        texts = {"respondent_id": "93720", "age": "400", "gender": "Male", "bmi": None}
        columns = [pl.lit(v, pl.String).alias(k) for k, v in texts.items()]
        reasons = pl.concat_list(pl.lit("age: expected 0 … 120, found 400")).alias("reasons")
        rows.select(*columns, "row", reasons).write_parquet(folder / "rows.parquet")


def decided(root: Path, done: dict[str, Any]) -> None:
    """reports/registration.json: rejected if a task is worse."""
    verdicts = {t: d["vs"]["single_task"]["verdict"] for t, d in done.items()}
    bad = [t for t, verdict in verdicts.items() if verdict == "worse"]
    rules: list[dict[str, Any]] = [
        {"rule": "no worse than single_task", "task": t, "passed": t not in bad, "detail": f"{t} is {v}"}
        for t, v in verdicts.items()
    ]
    rules.append({"rule": "share of cannot tell", "passed": True, "detail": "0.18 ≤ 1.00"})
    dump(root / "reports/registration.json", {
        "decision": "rejected" if bad else "promoted", "model": "nhanes", "version": 4, "champion_before": 3, "rules": rules,
        "reasons": [f"{t} is worse than its single-task network" for t in bad],
        "vs_champion": {t: {"diff": 0.004, "low": -0.003, "high": 0.012, "verdict": "no worse"} for t in done},
    })  # fmt: skip


def make_workspace(root: Path, count: int = 11, tasks: dict[str, Facts] | None = None) -> Spec:
    """Files of a whole run under `root`; its spec."""
    random = np.random.default_rng(1)
    tasks = tasks or (NHANES if count == 11 else schools(count))
    done = {name: evaluated(name, facts, random) for name, facts in tasks.items()}
    mean, trees = {"value": 2.1, "low": 0.8, "high": 3.3}, {"value": 1.4, "low": -0.2, "high": 2.9}
    sizes = {"rows_test": 1674, "resamples": 2000, "confidence": 0.95, "tolerance": 0.02}
    dump(root / "reports/evaluation.json", {**sizes, "tasks": done, "delta_m": mean, "delta_m_trees": trees})
    dump(root / "reports/metrics.json", {"tasks": {}, "delta_m": 2.1, "delta_m_low": 0.8, "delta_m_high": 3.3})
    labels = {
        t: {"kind": f[0], "train": 3500 + 13 * i, "valid": 480 + i, "test": 1010 + 3 * i} for i, (t, f) in enumerate(tasks.items())
    }
    dump(root / "reports/encoding.json", fixed("encoding.json") | {"tasks": labels})
    dump(root / "reports/cost.json", fixed("cost.json"))
    trained(root / "reports/training/candidate", list(tasks), 29, False, random)
    trained(root / "reports/training/single_task", list(tasks), 40, True, random)
    related(root, list(tasks), np.random.default_rng(5))
    validated(root, list(tasks))
    decided(root, done)
    shutil.copy(FIXED / "dvc.lock", root / "dvc.lock")
    return read_spec(FIXED / "params.yaml")


Page = Callable[[Path, Spec], str]


@pytest.fixture(scope="session")
def workspace() -> Callable[..., Spec]:
    return make_workspace


@pytest.fixture(scope="session")
def page() -> Page:
    """The report of a workspace, as text."""

    def written(root: Path, spec: Spec) -> str:
        write_report(root, spec, root / "reports/report.html")
        return (root / "reports/report.html").read_text(encoding="utf-8")

    return written


@pytest.fixture(scope="session")
def nhanes(tmp_path_factory: pytest.TempPathFactory, page: Page) -> str:
    """The page of the 11-task workspace."""
    root = tmp_path_factory.mktemp("nhanes")
    return page(root, make_workspace(root))


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory, page: Page) -> str:
    """The page of the 139-task workspace."""
    root = tmp_path_factory.mktemp("crowded")
    return page(root, make_workspace(root, 139))
