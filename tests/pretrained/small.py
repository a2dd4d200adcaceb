"""A small project of one input, and a folder that looks like a pretrained model."""

from __future__ import annotations

from pathlib import Path

PRETRAINED = "kind: pretrained_text, column: text, model: tiny"
SPEC = """\
name: small
entities: {doc: {key: id}}
sources: {docs: {path: docs.csv}}
inputs: {facts: {source: docs, INPUT}}
tasks: {score: {source: docs, column: score, kind: regression}}
encoding: {}
model: {}
training: {}
evaluation: {}
gate: {}
"""


def write_spec(root: Path, facts: str = PRETRAINED) -> None:
    """`params.yaml` of a project whose input `facts` is this."""
    (root / "params.yaml").write_text(SPEC.replace("INPUT", facts))


def model_folder(at: Path, weights: bytes = b"weights") -> Path:
    at.mkdir(parents=True)
    (at / "config.json").write_text("{}")
    (at / "model.safetensors").write_bytes(weights)
    return at
