"""`mtl train`: the shared model, a function of data, spec, code and machine -> models/candidate."""

from __future__ import annotations

from mtl.layout import CANDIDATE
from mtl.spec import read_spec
from mtl.stages._fitting import fit_and_pack


def run() -> str:
    spec = read_spec()
    return fit_and_pack(spec, spec.model.sharing, CANDIDATE, "candidate")
