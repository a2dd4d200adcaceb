"""The spec: params.yaml as frozen models; every error names the line to change."""

from mtl.spec.base import label_text
from mtl.spec.inputs import Input, InputPart, TabularInput, TextInput, VectorInput
from mtl.spec.learning import Encoding, Evaluation, Gate, Model, Training
from mtl.spec.read import SPEC, parse_spec, place, read_spec
from mtl.spec.schema import Spec
from mtl.spec.tables import Column, Entity, Expectation, Source, Split
from mtl.spec.tasks import METRICS, NUMBERS, OF_CLASSES, Task
from mtl.spec.transfer import Distillation, Regularizers
from mtl.spec.tuning import Choices, Range, Tune

__all__ = [
    "METRICS", "NUMBERS", "OF_CLASSES", "SPEC", "Choices", "Column", "Distillation", "Encoding", "Entity", "Evaluation",
    "Expectation", "Gate", "Input", "InputPart", "Model", "Range", "Regularizers", "Source", "Spec", "Split", "TabularInput",
    "Task", "TextInput", "Training", "Tune", "VectorInput", "label_text", "parse_spec", "place", "read_spec",
]  # fmt: skip
