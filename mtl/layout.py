"""Where everything lies in a workspace, relative to its root (the folder of params.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SPLITS: Final = ("train", "valid", "test")

INGESTED: Final = Path("data/ingested")
VALIDATED: Final = Path("data/validated")
QUARANTINE: Final = Path("data/quarantine")
PROFILES: Final = Path("data/profiles")
SPLIT: Final = Path("data/split.parquet")
EMBEDDED: Final = Path("data/embedded")
"""What pretrained encoders brought along: themselves, and the vectors of frozen ones."""
EMBEDDED_FACTS: Final = "inputs.json"
"""In it: what is said of each of them."""
ENCODED: Final = Path("data/encoded")
ALIGNED: Final = Path("data/aligned")
TREES: Final = Path("models/trees/predictions.parquet")

ENCODINGS: Final = Path("models/encodings")
CANDIDATE: Final = Path("models/candidate")
SINGLE_TASK: Final = Path("models/single_task")

REPORTS: Final = Path("reports")
VALIDATION: Final = REPORTS / "validation"
ENCODING_REPORT: Final = REPORTS / "encoding.json"
CHOICE: Final = REPORTS / "choice.json"
TRAINING: Final = REPORTS / "training"
METRICS: Final = REPORTS / "metrics.json"
EVALUATION: Final = REPORTS / "evaluation.json"
PLOTS: Final = REPORTS / "plots"
COST: Final = REPORTS / "cost.json"
REGISTRATION: Final = REPORTS / "registration.json"
REPORT: Final = REPORTS / "report.html"

PROFILE: Final = Path("profile.json")
"""Reference profile the expectations compare with; `{}` before there is a champion."""
CODE_LOCK: Final = Path("code.lock.yaml")
DVC_LOCK: Final = Path("dvc.lock")

STATE: Final = Path(".mtl")
CHECKPOINTS: Final = STATE / "checkpoints"
CHOOSING: Final = STATE / "choose"
"""What the stage `choose` has finished, for one that was cut short."""
VECTORS: Final = STATE / "vectors"
"""Vectors of texts that were computed once: for a stage that was cut short, and for the next run."""
TUNING: Final = STATE / "tune"
"""Studies of `mtl tune`, one SQLite file each."""
MLFLOW: Final = Path("mlflow.db")
"""MLflow's own default place, so that a plain `mlflow ui` shows it; artifacts in mlruns/ beside it."""
KEPT: Final = STATE / "ingested"
"""What was made of each partition of a source, so that the next run reads only what is new."""
PREFECT: Final = STATE / "prefect"
