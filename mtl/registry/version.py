"""A candidate as a version of the registered model: looked up by content, or made whole before it gets a number."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mtl.data.bulk import first_within
from mtl.files import read_json, write_json
from mtl.layout import DVC_LOCK, PROFILES
from mtl.registry import pyfunc
from mtl.registry.downloads import fetched
from mtl.registry.figures import FIGURES, read_figures
from mtl.registry.lineage import lineage_tags, read_lineage
from mtl.registry.package import PREDICTED, Package, read_package
from mtl.registry.quiet import no_warnings
from mtl.registry.requirements import pinned
from mtl.registry.runs import delete_logged_model, delete_run
from mtl.registry.store import Store, experiment
from mtl.registry.tracking import log_run
from mtl.registry.undo import Undo
from mtl.spec import SPEC, Spec

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

CONTENT = "mtl.content"
LINEAGE, PROFILES_FOLDER, REFERENCE = "lineage.json", "profiles", "reference.json"
MODEL_FOLDER = "data/candidate"
"""The model in a version's folder: one name in every version, wherever the candidate lay."""
EXAMPLE_ROWS, EXAMPLE_BYTES = 3, 1 << 20
"""Of MLflow's input example at most, bytes of pictures and recordings, which it writes as text; one row at least."""


@dataclass(frozen=True)
class Candidate:
    """What asks to be registered: a workspace, its spec, the model's folder, its metrics, and the key of both.

    `reference`: makes the profile of what the model was trained on that drift is measured from; a version goes without if None.
    """

    root: Path
    spec: Spec
    folder: Path
    metrics: Path
    key: str
    reference: Callable[[Package], Mapping[str, Any]] | None = None


def find_version(store: Store, key: str) -> int | None:
    """The version with this content; the newest, should there be several."""
    found = store.client.search_model_versions(f"name = '{store.name}' AND tag.`{CONTENT}` = '{key}'")
    return max((int(one.version) for one in found), default=None)


def make_version(store: Store, candidate: Candidate, undo: Undo) -> int:
    """A run, a logged model in it, and, last and in one call, the version with all its tags.

    So a version is never half made: whatever ends this process before the last call leaves a run that `sweep` removes.
    """
    client, key = store.client, candidate.key
    run = client.create_run(experiment(store), run_name=f"{store.name}-{key[:8]}", tags={CONTENT: key}).info
    undo.step(f"run {run.run_id}", lambda: delete_run(store, run.run_id))
    log_run(store, run.run_id, candidate.root, candidate.spec, read_json(candidate.metrics))
    model = _log_model(store, run.experiment_id, run.run_id, candidate, undo)
    _registered(store, undo)
    tags = {CONTENT: key, **lineage_tags(read_lineage(candidate.root, candidate.spec))}
    with store.as_default():
        made = client.create_model_version(store.name, f"models:/{model}", run.run_id, tags=tags, model_id=model)
    undo.step(f"version {made.version}", lambda: client.delete_model_version(store.name, str(made.version)))
    client.set_terminated(run.run_id)
    return int(made.version)


def sweep(store: Store, key: str) -> None:
    """Remove runs that a killed registration left; in a shared registry only those of this very content.

    A run whose version stands was killed after it: it is only marked as finished.
    """
    found = store.client.get_experiment_by_name(store.name)
    if found is None:
        return
    running = store.client.search_runs([found.experiment_id], "attributes.status = 'RUNNING'")
    for run in running:
        content = run.data.tags.get(CONTENT)
        if content is None or (content != key and not store.is_own):
            continue
        if find_version(store, content) is None:
            delete_run(store, run.info.run_id)
        else:
            store.client.set_terminated(run.info.run_id)


def version_folder(store: Store, version: int) -> Path:
    """The files of a version: in place if they are local, else a copy that stays until this process ends."""
    return fetched(str(store.client.get_model_version_download_uri(store.name, str(version))), store.uri)


def version_package(store: Store, version: int) -> Package:
    """The model of a version. Raises RegistryError if a file of it is missing."""
    return read_package(version_folder(store, version) / MODEL_FOLDER)


def _log_model(store: Store, experiment_id: str, run: str, candidate: Candidate, undo: Undo) -> str:
    """Id of the logged model."""
    from mlflow.entities import LoggedModelOutput

    client = store.client
    made = client.create_logged_model(experiment_id, store.name, run, tags={CONTENT: candidate.key}, model_type="multi-task")
    model = made.model_id
    undo.step(f"logged model {model}", lambda: delete_logged_model(store, model, made.artifact_location))
    with tempfile.TemporaryDirectory(prefix="mtl-") as temporary:
        folder = Path(temporary) / "model"
        save_model(folder, candidate, run_id=run, model_id=model)
        client.log_model_artifacts(model, str(folder))
    client.finalize_logged_model(model, "READY")
    client.log_outputs(run, [LoggedModelOutput(model, 0)])
    return str(model)


def save_model(folder: Path, candidate: Candidate, **ids: str) -> None:
    """The candidate as an MLflow model in the new folder `folder`, with lineage, figures, spec, lock, profiles and reference
    beside it."""
    import mlflow.pyfunc
    from mlflow.models import Model

    package = read_package(candidate.folder)
    example = first_within(package.golden().head(EXAMPLE_ROWS), EXAMPLE_BYTES)
    inputs = example.select(package.encodings.names)
    with tempfile.TemporaryDirectory(prefix="mtl-") as temporary, no_warnings():
        data = Path(temporary) / Path(MODEL_FOLDER).name
        shutil.copytree(candidate.folder, data)
        mlflow.pyfunc.save_model(
            str(folder), loader_module=pyfunc.__name__, data_path=str(data), mlflow_model=Model(**ids),
            signature=signature(package), input_example=inputs.to_pandas(), streamable=False,
            pip_requirements=pinned(package.encodings.packages),
        )  # fmt: skip
    write_json(folder / LINEAGE, read_lineage(candidate.root, candidate.spec))
    write_json(folder / FIGURES, read_figures(candidate.root, candidate.spec))
    if candidate.reference is not None:
        write_json(folder / REFERENCE, candidate.reference(package))
    for file in (SPEC, DVC_LOCK):
        if (candidate.root / file).is_file():
            shutil.copyfile(candidate.root / file, folder / file)
    if (candidate.root / PROFILES).is_dir():
        shutil.copytree(candidate.root / PROFILES, folder / PROFILES_FOLDER)


def signature(package: Package) -> ModelSignature:
    """Inputs: columns of doubles, strings, bytes, lists of doubles, strings or whole numbers, each of which may be null; outputs
    as in `Package.predict`."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import Array, DataType

    kinds: dict[pl.DataType, Any] = {
        pl.Float64(): "double", pl.String(): "string", pl.List(pl.Float64): Array(DataType.double), pl.Binary(): "binary",
        pl.List(pl.String): Array(DataType.string), pl.List(pl.Int64): Array(DataType.long),
    }  # fmt: skip
    inputs: list[Any] = [ColSpec(kinds[dtype], name, required=False) for name, dtype in package.encodings.types.items()]
    golden = package.golden()
    predicted = [name for name in golden.columns if name.startswith(PREDICTED)]
    outputs: list[Any] = [
        ColSpec("double" if golden.schema[name].is_numeric() else kinds[golden.schema[name]], name.removeprefix(PREDICTED))
        for name in predicted
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _registered(store: Store, undo: Undo) -> None:
    """The registered model, made if this is its first version."""
    from mlflow.exceptions import MlflowException

    try:
        store.client.get_registered_model(store.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        store.client.create_registered_model(store.name)
        undo.step(f"registered model {store.name}", lambda: store.client.delete_registered_model(store.name))
