"""Which code is behind each stage, as a hash that DVC can track as a parameter.

`code.lock.yaml` in a project's root maps each stage to a hash of the modules it can reach. With
`params: [{code.lock.yaml: [train]}]` in dvc.yaml a change of code makes exactly the stages stale that run it,
in this repository and in a project that has only the package installed. One line more, `pretrained`, is a hash of the
pretrained models that params.yaml names: they too lie where DVC does not look.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from mtl.files import replacing

PACKAGE = Path(__file__).parent
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+[.\w]+[ \t]+import\b[ \t]*(?:\([^)]*\)|[^(\n]+)|import[ \t]+[^\n]+)", re.MULTILINE)
"""An import statement that begins its line and is continued only in parentheses, as the formatter writes them."""
PRETRAINED = "pretrained"
HEADER = "# Hash of the code behind each stage; written by `mtl lock`, `mtl run` and `make repro`. Commit it.\n"


def stage_hashes(package: Path = PACKAGE) -> dict[str, str]:
    """Stage -> first 16 hex digits of the SHA-256 over every module of the package that the stage can import.

    Files of another kind that lie in a reached package (a page's template, its style) count with it. Stages are the modules of
    `stages/`, `__init__` and names with a leading underscore left out. Imports are read from the syntax tree,
    those inside functions and under TYPE_CHECKING included: nothing is executed.
    """
    imports = _import_graph(package)
    digests = {name: _digest(_path(package, name)) for name in imports}
    prefix = f"{package.name}.stages."
    stages = sorted(n.removeprefix(prefix) for n in imports if n.startswith(prefix) and "._" not in n and n.count(".") == 2)
    return {stage: _combined(_closure(prefix + stage, imports), digests) for stage in stages}


def write_code_lock(path: Path) -> None:
    """Write the lock, unless it already says the same (its time of change then stays)."""
    text = HEADER + "".join(f"{stage}: '{digest}'\n" for stage, digest in _now(path).items())
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def check_code_lock(path: Path) -> list[str]:
    """Stages whose code is not what the lock says, those it lacks or has too many included; all without a lock. Of models
    `pretrained`."""
    locked, now = _read(path), _now(path)
    return sorted(stage for stage in locked.keys() | now.keys() if locked.get(stage) != now.get(stage))


def _now(path: Path) -> dict[str, str]:
    """What the lock at `path` should say."""
    from mtl.pretrained.source import models_behind

    return stage_hashes() | {PRETRAINED: models_behind(path.parent, _read(path).get(PRETRAINED))}


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#"))
    pairs = (line.partition(":") for line in lines)
    return {stage.strip(): digest.strip().strip("'\"") for stage, _, digest in pairs}


def _digest(path: Path) -> bytes:
    whole = hashlib.sha256(path.read_bytes())
    if path.name == "__init__.py":
        for file in sorted(_data_files(path.parent)):
            whole.update(b"\0" + file.relative_to(path.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.digest()


def _data_files(folder: Path) -> Iterator[Path]:
    """What lies in a package and is no module; subfolders that are packages of their own left out."""
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir() and not (entry / "__init__.py").exists():
            yield from _data_files(entry)
        elif entry.is_file() and entry.suffix not in (".py", ".pyc"):
            yield entry


def _combined(modules: set[str], digests: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(modules):
        whole.update(name.encode() + b"\0" + digests[name])
    return whole.hexdigest()[:16]


def _closure(start: str, imports: dict[str, set[str]]) -> set[str]:
    """Every module reachable from `start`; importing a module also runs the packages around it."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name in seen or name not in imports:
            continue
        seen.add(name)
        todo.extend(imports[name])
        todo.append(name.rpartition(".")[0])
    return seen


def _import_graph(package: Path) -> dict[str, set[str]]:
    """Module -> the modules of the package it imports anywhere in its text."""
    modules = {_name(package, path): path for path in package.rglob("*.py")}
    return {name: {m for m in imported(path.read_text("utf-8"), name, path) if m in modules} for name, path in modules.items()}


def imported(text: str, module: str, path: Path) -> Iterator[str]:
    """Candidates: of `from a.b import c` both a.b and a.b.c, since c may be a submodule."""
    inside = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(_import_statements(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, inside)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _import_statements(text: str) -> ast.Module:
    """The syntax tree of the import statements alone: parsing all of 200 modules takes 0.3 s, this 0.03 s.

    Prose in a docstring that begins like an import makes the quick way fail; the whole text is then parsed.
    """
    try:
        return ast.parse("\n".join(found.group().strip() for found in IMPORT.finditer(text)))
    except SyntaxError:
        return ast.parse(text)


def _absolute(node: ast.ImportFrom, inside: str) -> str:
    if not node.level:
        return node.module or ""
    parts = inside.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def _name(package: Path, path: Path) -> str:
    parts = [package.name, *path.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(package: Path, name: str) -> Path:
    stem = package.joinpath(*name.split(".")[1:])
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
