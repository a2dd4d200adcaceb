"""The files that every project starts from: the same ones that lie in this repository's root."""

from __future__ import annotations

import shutil
from pathlib import Path

import mtl
from mtl.errors import DataError

FILES = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml", "prefect.yaml", "flows")
"""Files and folders of the template; pyproject.toml puts the same into the wheel, under mtl/template/."""
OF_EXAMPLES = ("examples", "params.yaml", "data/raw")
"""What `mtl init --example` copies, the project in the root among them; in the wheel beside the template."""


def template_root() -> Path:
    """Where the template lies: in the installed package, or in the root of a checkout."""
    package = Path(mtl.__file__).parent
    packed = package / "template"
    return packed if packed.is_dir() else package.parent


def copy_template(target: Path, root: Path | None = None) -> list[Path]:
    """Copy the template into `target`; the files written, relative to it.

    Raises DataError, before anything is written, if a part of the template is missing.
    """
    root = root or template_root()
    missing = [name for name in FILES if not (root / name).exists()]
    if missing:
        raise DataError(
            f"{root}: the template of a project is incomplete", expected=", ".join(FILES), found=f"no {', '.join(missing)}",
            do="install the package again",
        )  # fmt: skip
    wanted = [file for name in FILES for file in _files(root / name)]
    for file in wanted:
        copy = target / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return [file.relative_to(root) for file in wanted]


def _files(path: Path) -> list[Path]:
    """The file, or all files of the folder that a person wrote."""
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
