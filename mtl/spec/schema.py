"""params.yaml as one frozen model: which sections there are, and what one says of another."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mtl.spec.base import Name, Part
from mtl.spec.inputs import Input
from mtl.spec.learning import Encoding, Evaluation, Gate, Model, Training
from mtl.spec.operations import Operations
from mtl.spec.tables import Entity, Source
from mtl.spec.tasks import Task
from mtl.spec.tuning import Tune


class Spec(Part):
    """The whole of params.yaml."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]
    """Name of the registered model."""
    entities: dict[Name, Entity]
    sources: dict[Name, Source]
    inputs: dict[Name, Input]
    tasks: dict[Name, Task]
    encoding: Encoding
    model: Model
    training: Training
    evaluation: Evaluation
    gate: Gate
    tune: Tune = Tune()
    operations: Operations = Operations()

    def entity_of(self, source: str) -> str:
        """Name of the entity a source's rows are about."""
        return self.sources[source].entity or next(iter(self.entities))

    def sources_of(self, entity: str) -> list[str]:
        return [name for name in self.sources if self.entity_of(name) == entity]

    def input_sources(self, name: str) -> dict[str, str]:
        """Entity -> the source of it that an input reads."""
        return {self.entity_of(source): source for source in self.inputs[name].all_sources}

    def inputs_of(self, task: str) -> tuple[str, ...]:
        """Names of the inputs a task may see, in the spec's order."""
        wanted, entity = self.tasks[task].inputs, self.entity_of(self.tasks[task].source)
        of_entity = [name for name in self.inputs if entity in self.input_sources(name)]
        return tuple(n for n in of_entity if wanted is None or n in wanted)
