"""Which pretrained models a spec names, and where one lies on this machine: a folder of the project, of an installed package, or of
the hub's cache.

Nothing is downloaded: a name of the hub is looked up in its local cache, and an error says how it gets there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from mtl.errors import DataError
from mtl.spec import SPEC, ImageInput, PretrainedTextInput, Spec, read_spec

PACKAGE = "package:"
MARKS = ("pretrained_text", "timm")
"""One of these stands in every spec that names a model."""
READ = ("config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json",
        "added_tokens.json", "*.model")  # fmt: skip
"""Files of a folder that say which model it is: those that are read when it is loaded."""


def models_of(spec: Spec) -> dict[str, str]:
    """Where the spec names a model -> how."""
    found = {}
    for name, one in spec.inputs.items():
        if isinstance(one, PretrainedTextInput):
            found[f"inputs.{name}.model"] = one.model
        elif isinstance(one, ImageInput) and one.weights is not None:
            found[f"inputs.{name}.weights"] = one.weights
    return found


def find_model(model: str, where: str, root: Path = Path()) -> Path:
    """The folder of `model`, as the spec says it at `where`. Raises DataError if there is none, or if it has no safetensors."""
    folder = _of_package(model, where) if model.startswith(PACKAGE) else root / model
    if not model.startswith(PACKAGE) and not folder.is_dir():
        folder = _of_cache(model, where)
    if not (folder / "config.json").is_file():
        raise _none(model, where, f"no config.json in {model}", "name the folder that has it")
    if not any(folder.glob("*.safetensors")):
        raise _none(
            model, where, "no *.safetensors there (weights in another form may execute code when they are loaded)",
            "save the model anew: AutoModel.from_pretrained(…).save_pretrained(FOLDER)",
        )  # fmt: skip
    return folder


def models_behind(root: Path, before: str | None) -> str:
    """A hash of all models that the project's params.yaml names, `none` if it names none; `before` if one is not on this machine,
    which may do all else: what was made of it comes out of DVC's cache."""
    file = root / SPEC
    if not file.is_file() or not any(mark in file.read_text(encoding="utf-8") for mark in MARKS):
        return "none"
    named = models_of(read_spec(file))
    try:
        return content_behind(find_model(model, where, root) for where, model in named.items()) if named else "none"
    except DataError:
        return before or "missing"


def content_behind(folders: Iterable[Path]) -> str:
    """SHA-256 (first 16 hex digits) over names and bytes of the files that say which models these are."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted({file for pattern in READ for file in folder.glob(pattern) if file.is_file()}):
            digest.update(file.name.encode() + b"\x00")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def _of_package(model: str, where: str) -> Path:
    """Found without importing the package, which would execute its code."""
    name, _, inside = model.removeprefix(PACKAGE).partition("/")
    found = find_spec(name) if name.isidentifier() else None
    places = list(found.submodule_search_locations or ()) if found is not None else []
    if not places:
        raise _none(model, where, f"no package {name!r} installed", "install it, or correct the name")
    return Path(places[0]) / inside


def _of_cache(model: str, where: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError) as error:
        found = "neither such a folder in the project nor such a model in the local cache of the Hugging Face hub"
        raise _none(model, where, found, f"correct the folder, or download it once: hf download {model}") from error


def _none(model: str, where: str, found: str, do: str) -> DataError:
    return DataError(f"params.yaml, {where}: {model}", expected="a model on this machine", found=found, do=do)
