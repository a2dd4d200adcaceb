"""`mtl validate SOURCE`: rows that keep their contract -> data/validated; the rest, with reasons -> data/quarantine."""

from __future__ import annotations

from mtl.data.contract.validate import validate_source
from mtl.files import read_json
from mtl.layout import INGESTED, PROFILE, PROFILES, QUARANTINE, VALIDATED, VALIDATION
from mtl.spec import read_spec
from mtl.stages._needs import need


def run(source: str) -> str:
    need(f"validate@{source}", INGESTED / source)
    done = validate_source(
        read_spec(),
        source,
        INGESTED / source,
        read_json(PROFILE) if PROFILE.is_file() else {},
        validated=VALIDATED / source,
        quarantine=QUARANTINE / source,
        report=VALIDATION / f"{source}.json",
        profile=PROFILES / f"{source}.json",
    )
    return f"{source}: {done.summary()}"
