"""A workspace after a run, made up: 11 tasks as NHANES gives them, or 139 tasks from one column."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.report import write_report
from mtl.spec import Spec, parse_spec

NHANES: dict[str, tuple[str, str, float, float, float]] = {
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
SOURCES = {
    "people": (8366, 8349, "age: above 120, found 400"),
    "blood_pressure": (7132, 7132, ""),
    "laboratory": (6401, 6401, ""),
    "body_composition": (5311, 5311, ""),
    "questionnaire": (8366, 8366, ""),
}


def dump(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


def schools(count: int) -> dict[str, tuple[str, str, float, float, float]]:
    random = np.random.default_rng(3)
    gains = random.normal(0.01, 0.03, count)
    base = random.uniform(0.15, 0.5, count)
    return {
        f"exam_{i:03d}_school_{i * 7 % 139}": ("regression", "points", b + g, b, b + g / 3)
        for i, (b, g) in enumerate(zip(base, gains))
    }


def verdict_of(low: float, high: float) -> str:
    if low > 0:
        return "better"
    if low > -2:
        return "no worse"
    return "worse" if high < 0 else "cannot tell"


def versus(kind: str, ours: float, rival: float, spread: float) -> dict[str, Any]:
    loss = math.sqrt(max(1 - rival, 0.01)) if kind == "regression" else 1 - rival
    own = math.sqrt(max(1 - ours, 0.01)) if kind == "regression" else 1 - ours
    delta = 100 * (loss - own) / loss
    low, high = delta - spread, delta + spread
    return {
        "diff": loss - own, "low": low * loss / 100, "high": high * loss / 100,
        "delta_pct": delta, "delta_low": low, "delta_high": high, "verdict": verdict_of(low, high),
    }  # fmt: skip


def evaluated(name: str, facts: tuple[str, str, float, float, float], random: np.random.Generator) -> dict[str, Any]:
    kind, unit, ours, alone, trees = facts
    n = int(random.integers(700, 1600))

    def measured(metric: str, value: float) -> dict[str, Any]:
        if metric == "average_precision" and name == "asthma":
            return {
                "value": None,
                "low": None,
                "high": None,
                "single_task": None,
                "trees": None,
                "undefined": "one class only in test",
            }
        scale = 10 if metric in ("mae", "rmse") and kind == "regression" else 1
        return {"value": value * scale, "low": (value - 0.02) * scale, "high": (value + 0.02) * scale,
                "single_task": (value - 0.01) * scale, "trees": None if metric == "f1" else value * scale}  # fmt: skip

    metrics = {m: measured(m, ours if i == 0 else float(random.uniform(0.2, 0.8))) for i, m in enumerate(OTHERS[kind])}
    metrics[HEADLINE[kind]].update(single_task=alone, trees=trees)
    bands = [
        ("gender", "Female", 0.01),
        ("gender", "Male", -0.01),
        ("age", "under 18", -0.08),
        ("age", "18 to 40", 0.0),
        ("age", "40 to 60", 0.02),
        ("age", "60 and over", 0.03),
    ]
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
        for c, b, d in bands
    ]
    calibration = scatter = None
    if kind == "regression":
        true = random.normal(120, 18, 400)
        scatter = {"true": true.tolist(), "predicted": (120 + ours * (true - 120) + random.normal(0, 9, 400)).tolist()}
    else:
        predicted = np.linspace(0.05, 0.95, 10)
        calibration = {
            "predicted": predicted.tolist(),
            "observed": np.clip(predicted + random.normal(0, 0.05, 10), 0, 1).tolist(),
            "count": random.integers(5, 300, 10).tolist(),
        }
    return {
        "kind": kind, "unit": unit, "metric": HEADLINE[kind], "n_test": n, "metrics": metrics, "slices": slices,
        "classes": ["Poor", "Fair", "Good", "Very good", "Excellent"] if kind == "ordinal" else [],
        "vs": {"single_task": versus(kind, ours, alone, float(random.uniform(0.6, 2.4))), "trees": versus(kind, ours, trees, float(random.uniform(1, 4)))},
        "calibration": calibration, "scatter": scatter,
    }  # fmt: skip


def histories(folder: Path, tasks: list[str], epochs: int, single: bool, random: np.random.Generator) -> None:
    rows = []
    for task in tasks:
        floor, speed, harm = random.uniform(0.3, 0.8), random.uniform(3, 9), random.uniform(0.001, 0.006)
        stop = epochs if not single else int(random.integers(epochs // 2, epochs))
        for epoch in range(1, stop + 1):
            train = floor * 0.8 + (1 - floor) * math.exp(-epoch / speed) - 0.002 * epoch
            valid = floor + (1 - floor) * math.exp(-epoch / speed) + harm * max(0, epoch - 15) + random.normal(0, 0.004)
            rows.append({"epoch": epoch, "task": task, "train_loss": train, "valid_loss": valid})
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_csv(folder / "history.csv")
    best = {t: int(random.integers(8, epochs)) for t in tasks} if single else dict.fromkeys(tasks, min(19, epochs))
    gates = {} if single else {t: [float(random.uniform(0.1, 0.95)) for _ in range(2)] for t in tasks}
    dump(folder / "summary.json", {"best_epoch": best, "parameters": 1_402_113 if single else 141_323, "gates": gates, "device": "cpu",
                                   "sharing": "separate" if single else "hybrid", "balancing": "equal"})  # fmt: skip


def validations(root: Path, tasks: dict[str, Any]) -> None:
    for at, (source, (n, kept, reason)) in enumerate(SOURCES.items()):
        reasons = [{"what": "row", "column": "age", "reason": reason, "count": n - kept,
                    "examples": [{"row": 17 + i, "key": str(93720 + i), "value": "400"} for i in range(5)]}] if reason else []  # fmt: skip
        if source == "blood_pressure":
            reasons.append(
                {
                    "what": "cell",
                    "column": "diastolic_1",
                    "reason": "below 20",
                    "count": 122,
                    "examples": [{"row": 4, "key": "93709", "value": "0"}],
                }
            )
        if source == "questionnaire":
            reasons.append(
                {
                    "what": "cell",
                    "column": "diabetes",
                    "reason": "not one of Yes, No",
                    "count": 184,
                    "examples": [{"row": 9, "key": "93714", "value": "Borderline"}],
                }
            )
        labels = {
            t: {"kept": 5000 + 11 * i, "quarantined": 184 if t == "diabetes" else 0, "missing": 3000 - i}
            for i, t in enumerate(tasks)
            if i % 5 == at
        }
        expectations = [
            {"type": "expect_table_row_count_to_be_between", "column": "", "severity": "stop", "success": True, "expected": "at least 1", "observed": str(n)},
            *({"type": "expect_column_proportion_of_non_null_values_to_be_between", "column": t, "severity": "warn", "success": i % 7 != 5,
               "expected": "0.40 to 0.90", "observed": "0.62" if i % 7 != 5 else "0.31"} for i, t in enumerate(labels)),
        ]  # fmt: skip
        dump(root / f"reports/validation/{source}.json", {
            "source": source, "rows_in": n, "rows_kept": kept, "rows_quarantined": n - kept, "labels": labels, "reasons": reasons,
            "nan_read_as_missing": {"bmi": 3} if source == "people" else {}, "compared_with": "spec", "expectations": expectations,
        })  # fmt: skip
        folder = root / "data/quarantine" / source
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            {"respondent_id": str(93720 + i), "age": "400", "gender": "Male", "bmi": None, "row": 17 + i, "reasons": [reason]}
            for i in range(n - kept)
        ]
        schema = {
            "respondent_id": pl.String,
            "age": pl.String,
            "gender": pl.String,
            "bmi": pl.String,
            "row": pl.UInt32,
            "reasons": pl.List(pl.String),
        }
        pl.DataFrame(rows, schema=schema).write_parquet(folder / "rows.parquet")
        pl.DataFrame(
            {"row": [9], "key": ["93714"], "column": ["diabetes"], "value": ["Borderline"], "reason": ["not one of Yes, No"]}
        ).write_parquet(folder / "cells.parquet")


def a_spec(tasks: dict[str, tuple[str, str, float, float, float]], one_column: bool) -> Spec:
    order = list(SOURCES)
    kinds = {n: {"source": order[i % 4 + 1], "column": n, "kind": k, "unit": u} | ({"classes": ["Poor", "Fair", "Good", "Very good", "Excellent"]} if k == "ordinal" else {})
             for i, (n, (k, u, *_)) in enumerate(tasks.items())}  # fmt: skip
    each = {
        "exam": {"source": "laboratory", "column": "exam", "kind": "regression", "unit": "points", "for_each": {"column": "school"}}
    }
    return parse_spec({
        "name": "nhanes", "entities": {"respondent": {"key": "respondent_id", "split": {"seed": 7}}},
        "sources": {s: {"path": f"data/raw/{s}.csv"} for s in SOURCES},
        "inputs": {"person": {"source": "people", "kind": "tabular", "columns": {"age": {"kind": "numeric", "min": 0, "max": 120}, "gender": {"kind": "categorical"}}}},
        "tasks": each if one_column else kinds,
        "encoding": {}, "model": {"sharing": "hybrid"}, "training": {}, "evaluation": {"slices": {"gender": None, "age": [18, 40, 60]}}, "gate": {},
    })  # fmt: skip


def locked(root: Path) -> None:
    stages: dict[str, Any] = {
        f"ingest@{s}": {"cmd": f"python -m mtl ingest {s}", "deps": [{"path": f"data/raw/{s}.csv", "hash": "md5", "md5": f"{i:x}" * 32, "size": 1000 * (i + 3)}],
                        "outs": [{"path": f"data/ingested/{s}", "hash": "md5", "md5": "ab" * 16 + ".dir", "size": 900, "nfiles": 1}]}
        for i, s in enumerate(SOURCES)
    }  # fmt: skip
    stages["train"] = {
        "cmd": "python -m mtl train",
        "outs": [{"path": "models/candidate", "hash": "md5", "md5": "cafe" * 8 + ".dir", "size": 565292, "nfiles": 5}],
    }
    (root / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}), encoding="utf-8")  # JSON is YAML


def make_workspace(root: Path, count: int = 11, tasks: dict[str, tuple[str, str, float, float, float]] | None = None) -> Spec:
    """Files of a whole run under `root`; its spec."""
    random = np.random.default_rng(1)
    tasks = tasks or (NHANES if count == 11 else schools(count))
    done = {name: evaluated(name, facts, random) for name, facts in tasks.items()}
    ours = {"value": 2.1, "low": 0.8, "high": 3.3}
    dump(root / "reports/evaluation.json", {"rows_test": 1674, "resamples": 2000, "confidence": 0.95, "tolerance": 0.02, "tasks": done,
                                            "delta_m": ours, "delta_m_trees": {"value": 1.4, "low": -0.2, "high": 2.9}})  # fmt: skip
    bad = [t for t, d in done.items() if d["vs"]["single_task"]["verdict"] == "worse"]
    dump(
        root / "reports/metrics.json",
        {
            "tasks": {},
            "delta_m": 2.1,
            "delta_m_low": 0.8,
            "delta_m_high": 3.3,
            "worse_than_single_task": len(bad),
            "worse_tasks": bad,
        },
    )
    rules = [
        {
            "rule": "no worse than single_task",
            "task": t,
            "passed": t not in bad,
            "detail": f"verdict {d['vs']['single_task']['verdict']}",
        }
        for t, d in done.items()
    ]
    rules.append({"rule": "share of cannot tell", "passed": True, "detail": "0.18 ≤ 1.00"})
    dump(root / "reports/registration.json", {
        "decision": "rejected" if bad else "promoted", "model": "nhanes", "version": 4,
        "reasons": [f"{t} is worse than its single-task network" for t in bad] or ["no task is worse than its single-task network"],
        "champion_before": 3, "rules": rules,
        "vs_champion": {t: {"diff": 0.004, "low": -0.003, "high": 0.012, "verdict": "no worse"} for t in tasks},
    })  # fmt: skip
    dump(root / "reports/encoding.json", {
        "inputs": {"person": {"numeric": 21, "categorical": 12, "dropped": {"pregnant": "constant: one value only on train", "bmi_again": "the same as bmi"}}},
        "tasks": {t: {"kind": f[0], "train": 3500 + 13 * i, "valid": 480 + i, "test": 1010 + 3 * i} for i, (t, f) in enumerate(tasks.items())},
        "dropped_tasks": {"rare_thing": "one class only on train"},
        "leaks": [{"input": "person", "column": "insulin", "task": "diabetes", "score": 0.991, "decision": "dropped"}],
        "rows": {"train": 5856, "valid": 836, "test": 1674}, "split": "by a hash of respondent_id, seed 7: 0.7 train, 0.1 valid, 0.2 test",
    })  # fmt: skip
    dump(root / "reports/cost.json", {
        "train": {"seconds": 12.4}, "single_task": {"seconds": 41.0}, "parameters": {"model": 141323, "single_task": 1402113, "ratio": 0.1008},
        "predict_us_per_row": {"model": 3.1, "single_task": 18.2, "ratio": 0.17}, "train_seconds": {"model": 12.4, "single_task": 41.0, "ratio": 0.302},
    })  # fmt: skip
    histories(root / "reports/training/candidate", list(tasks), 29, False, random)
    histories(root / "reports/training/single_task", list(tasks), 40, True, random)
    validations(root, tasks)
    locked(root)
    return a_spec(tasks, one_column=count != 11)


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
