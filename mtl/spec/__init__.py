"""The spec: params.yaml as frozen models; every error names the line to change."""

from mtl.spec.read import SPEC, parse_spec, place, read_spec
from mtl.spec.schema import (
    METRICS,
    Column,
    Encoding,
    Entity,
    Evaluation,
    Expectation,
    Gate,
    Input,
    Model,
    Source,
    Spec,
    Split,
    Task,
    Training,
    label_text,
)

__all__ = [
    "METRICS", "SPEC", "Column", "Encoding", "Entity", "Evaluation", "Expectation", "Gate", "Input", "Model", "Source", "Spec",
    "Split", "Task", "Training", "label_text", "parse_spec", "place", "read_spec",
]  # fmt: skip
