"""`mtl init DIR --example NAME`: a finished project on real data, out of `examples/`.

An example is a folder with README.md, params.yaml and data/raw. One without params.yaml is the project in the root itself. Where
the data may not be passed on, needs.yaml stands in their place: who has them, and which files a person brings by `--data`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from mtl.errors import DataError
from mtl.project import template
from mtl.spec import SPEC
from mtl.spec.links import nearest

EXAMPLES, NEEDS, RAW, README = Path("examples"), Path("needs.yaml"), Path("data/raw"), Path("README.md")


@dataclass(frozen=True)
class Needs:
    """Data that an example does not bring along."""

    origin: str
    """Where they come from, in a sentence or two."""
    files: dict[str, str]
    """File in the folder that a person names → its place in the project."""


def examples(root: Path | None = None) -> dict[str, str]:
    """Name of each example → what it shows, the first line below its README's title."""
    found = {}
    for readme in sorted(((root or template.template_root()) / EXAMPLES).glob(f"*/{README}")):
        lines = [line.strip() for line in readme.read_text(encoding="utf-8").splitlines()]
        found[readme.parent.name] = next((line for line in lines if line and not line.startswith("#")), "")
    return found


def listing() -> str:
    """The examples, a line each."""
    known = examples()
    width = max(map(len, known), default=0)
    return "\n".join(f"{name:<{width}}  {line}" for name, line in known.items())


def example_files(name: str, data: Path | None, root: Path | None = None) -> dict[Path, Path]:
    """Place in the new project → file to copy there, of example `name`; `data` is the folder with what it does not bring along.

    Raises DataError for a name that is none, and for data that are not there.
    """
    root = root or template.template_root()
    known = examples(root)
    if name not in known:
        raise DataError(f"--example {name}", expected="an example", found="no such name", do=nearest(name, known))
    folder = root / EXAMPLES / name
    needs = needs_of(folder)
    if needs is None:
        if data is not None:
            raise DataError(f"--data {data}", expected=f"nothing, since {name} brings its data along", do="leave it out")
        whole = folder if (folder / SPEC).is_file() else root
        found = {Path(SPEC): whole / SPEC, README: folder / README}
        return found | {RAW / path: whole / RAW / path for path in _below(whole / RAW)}
    return {Path(SPEC): folder / SPEC, README: folder / README} | dict(_brought(name, needs, data))


def needs_of(folder: Path) -> Needs | None:
    """What the example in `folder` does not bring along; None if it brings everything."""
    if not (folder / NEEDS).is_file():
        return None
    said = YAML(typ="safe").load(folder / NEEDS)
    return Needs(str(said["origin"]).strip(), {str(name): str(place) for name, place in said["files"].items()})


def _brought(name: str, needs: Needs, data: Path | None) -> Iterator[tuple[Path, Path]]:
    """Place in the project, file: each lies in `data`, or in a folder in it."""
    for file, place in needs.files.items():
        places = [] if data is None else [data / file, *sorted(data.glob(f"*/{file}"))]
        there = next((path for path in places if path.is_file()), None)
        if there is None:
            raise DataError(
                f"example {name}: its data are not passed on with mtl", expected=f"{file} ({needs.origin})",
                found="no --data" if data is None else f"no such file in {data}",
                do=f"mtl init DIR --example {name} --data FOLDER, the folder with {', '.join(needs.files)}",
            )  # fmt: skip
        yield Path(place), there


def _below(folder: Path) -> list[Path]:
    """All files below the folder, relative to it."""
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def copy_files(target: Path, files: dict[Path, Path]) -> list[Path]:
    """Copy each to its place in `target`; the places."""
    for place, file in files.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / place)
    return list(files)
