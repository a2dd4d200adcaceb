"""`mtl choose`: who shares with whom, where the spec says `sharing: auto` -> reports/choice.json; else what the spec says."""

from __future__ import annotations

import shutil

from mtl.choosing.choice import Choice, asked_for
from mtl.files import write_json
from mtl.layout import ALIGNED, CHECKPOINTS, CHOICE, CHOOSING, ENCODINGS
from mtl.spec import Spec, read_spec
from mtl.stages._needs import need


def run() -> str:
    spec = read_spec()
    need("choose", ALIGNED, ENCODINGS)
    choice = _decide(spec) if spec.model.sharing == "auto" else asked_for(spec)
    write_json(CHOICE, choice.as_json())
    shutil.rmtree(CHOOSING, ignore_errors=True)
    used = f", {choice.budget['used']} of {choice.budget['trainings']} trainings" if choice.budget else ""
    return f"{choice.sharing} ({choice.why.rstrip('.')}){used}"


def _decide(spec: Spec) -> Choice:
    """From train and valid alone: test is not opened."""
    from mtl.choosing.choose import choose
    from mtl.codelock import stage_hashes
    from mtl.data.aligned import AlignedSet
    from mtl.data.encodings import Encodings
    from mtl.stages._fitting import content_key
    from mtl.stages._progress import trainings_progress

    train, valid = ALIGNED / "train", ALIGNED / "valid"
    key = f"{stage_hashes()['choose']}-{content_key(train, valid, ENCODINGS)}"  # other code finishes no work of this one
    return choose(
        spec, Encodings.read(ENCODINGS), AlignedSet.read(train), AlignedSet.read(valid), key=key,
        checkpoints=CHECKPOINTS, scratch=CHOOSING / key, progress=trainings_progress("choose"),
    )  # fmt: skip
