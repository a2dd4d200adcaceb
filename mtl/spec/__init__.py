"""The spec: params.yaml as frozen models; every error names the line to change."""

from mtl.spec.base import label_text
from mtl.spec.input_part import InputPart
from mtl.spec.inputs import Input, PretrainedTextInput, TabularInput, TextInput, TokensInput, VectorInput
from mtl.spec.learning import Encoding, Evaluation, Gate, Model, Training
from mtl.spec.media import AudioAugment, AudioInput, ImageAugment, ImageInput
from mtl.spec.operations import Drift, Monitor, Notify, Operations, Placement, Server, Services
from mtl.spec.read import SPEC, parse_spec, place, read_spec
from mtl.spec.schema import Spec
from mtl.spec.tables import Column, Entity, Expectation, Source, Split
from mtl.spec.tasks import LISTS, METRICS, NUMBERS, OF_CLASSES, SEPARATOR, Task, metrics_of
from mtl.spec.transfer import Distillation, Regularizers
from mtl.spec.tuning import Choices, Range, Tune

__all__ = [
    "LISTS", "METRICS", "NUMBERS", "OF_CLASSES", "SEPARATOR", "SPEC", "AudioAugment", "AudioInput", "Choices", "Column",
    "Distillation", "Drift", "Encoding", "Entity", "Evaluation", "Expectation", "Gate", "ImageAugment", "ImageInput", "Input",
    "InputPart", "Model", "Monitor", "Notify", "Operations", "Placement", "PretrainedTextInput", "Range", "Regularizers",
    "Server", "Services", "Source", "Spec", "Split", "TabularInput", "Task", "TextInput", "TokensInput", "Training", "Tune",
    "VectorInput", "label_text", "metrics_of", "parse_spec", "place", "read_spec",
]  # fmt: skip
