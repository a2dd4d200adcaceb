"""`mtl embed`: encoders from outside, and the vectors that frozen ones make of texts -> data/embedded."""

from __future__ import annotations

from mtl.files import replacing, write_json
from mtl.layout import EMBEDDED, EMBEDDED_FACTS, VALIDATED, VECTORS
from mtl.spec import ImageInput, PretrainedTextInput, read_spec
from mtl.stages._needs import need
from mtl.stages._progress import trainings_progress


def run() -> str:
    spec = read_spec()
    need("embed", *(VALIDATED / source for source in spec.sources))
    line, facts = trainings_progress("embed", every=10), {}
    with replacing(EMBEDDED) as partial:
        partial.mkdir()
        for name, one in spec.inputs.items():
            if isinstance(one, ImageInput) and one.network == "timm":
                from mtl.pretrained.pictures import embed_pictures

                line(f"{name}: building {one.model}")
                facts[name] = embed_pictures(name, one, partial / name)
            elif isinstance(one, PretrainedTextInput):
                from mtl.pretrained.embed import embed_input

                line(f"{name}: reading {one.model}")
                facts[name] = embed_input(spec, name, one, VALIDATED, partial / name, VECTORS, line)
        write_json(partial / EMBEDDED_FACTS, facts)
    return ", ".join(f"{name}: {of['size']} numbers" for name, of in facts.items()) or "no input has a pretrained encoder"
