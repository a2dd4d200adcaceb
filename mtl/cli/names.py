"""The stages as sub-commands: name -> help."""

from __future__ import annotations

SOURCE_STAGES = {
    "ingest": "Read a source as it arrives into data/ingested (a stage).",
    "validate": "Check every row of a source against its contract (a stage).",
}
STAGES = {
    "split": "Decide which entities train, choose and judge (a stage).",
    "embed": "Bring in pretrained encoders, and what frozen ones make of each text (a stage).",
    "encode": "Fit encodings on train, check for leaks, select columns (a stage).",
    "align": "Join inputs and targets into arrays with masks (a stage).",
    "choose": "Decide which tasks share, if the spec leaves it open (a stage).",
    "train": "Train the shared model (a stage).",
    "baseline": "Train one network a task, the honest rival (a stage).",
    "trees": "Fit boosted trees, one a task (a stage).",
    "evaluate": "Measure every model on test, with intervals and verdicts (a stage).",
    "register": "Ask the gate; register, and promote what earns it (a stage).",
    "report": "Write reports/report.html (a stage).",
}
