"""Teachers of trials: trials that differ only in how they share are taught by the same single-task networks, trained once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from mtl.spec import Spec
from mtl.tuning.data import one_at_a_time

if TYPE_CHECKING:
    from mtl.data.aligned import AlignedSet
    from mtl.data.encodings import Encodings
    from mtl.training.lessons import Lesson


def lesson_for(spec: Spec, encodings: Encodings, train: AlignedSet, valid: AlignedSet, part: int, scratch: str) -> Lesson | None:
    """What teachers say of `train`, the rows of this part: from `scratch`, the search's own folder, or trained and kept there.

    None where the spec asks for no teachers; without a folder too, and `fit` then trains them.
    """
    import torch

    from mtl.training.distillation import is_taught, lesson_on, read_lesson, write_lesson
    from mtl.training.fit import fit

    asked = spec.training.distillation
    if asked is None or not is_taught(spec.training, spec.model.sharing) or not scratch:
        return None
    folder = Path(scratch) / "lessons" / _key(spec, part, asked.temperature)
    with one_at_a_time(folder):
        kept = read_lesson(folder, torch.device("cpu"))
        if kept is not None:
            return kept[0]
        single = fit(encodings, train, valid, spec.model, spec.training.alone(), sharing="separate")
        lesson = lesson_on(single.network, train, asked, spec.training.threads)
        folder.mkdir(exist_ok=True)
        write_lesson(folder, lesson, single.seconds)
        return lesson


def _key(spec: Spec, part: int, temperature: float) -> str:
    """Of all that single-task networks hang on: the spec but for what tasks share and learn from each other."""
    sharing, lessons = {"sharing", "options", "groups", "auto"}, {"distillation", "regularizers", "relatedness"}
    alone = spec.model_dump_json(exclude={"model": sharing, "training": lessons})
    return hashlib.sha256(f"{part} {temperature} {alone}".encode()).hexdigest()[:24]
