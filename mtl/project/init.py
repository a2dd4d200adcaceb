"""`mtl init`: tables in, or the name of an example; a project that runs out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mtl.codelock import write_code_lock
from mtl.dvc_home import keep_dvc_home
from mtl.errors import DataError
from mtl.files import replacing, write_json
from mtl.layout import CODE_LOCK, PROFILE
from mtl.project.examples import copy_files, example_files
from mtl.project.guess import guess_project
from mtl.project.guessed import plain_name
from mtl.project.look import look_at
from mtl.project.template import copy_template
from mtl.project.write import params_text
from mtl.spec import SPEC, read_spec

RAW = Path("data/raw")
LARGE = 50 << 20
"""Bytes above which a table is no friend of git."""


@dataclass(frozen=True)
class Initialised:
    """What was made, and what a person should look at."""

    doubts: list[str]
    written: list[Path]
    """Files, relative to the project's folder."""


def init_project(
    target: Path, files: Sequence[Path], *, keys: Sequence[str], targets: Sequence[str], name: str | None
) -> Initialised:
    """Look at `files` and write a project into `target` that runs unchanged.

    A file inside `target` is named where it lies; any other is copied into data/raw. Without `keys` the key is guessed.
    Raises DataError, with nothing written, for a folder that is not empty, a file that cannot be read, a key or target
    that is not there.
    """
    if not files:
        raise DataError("no table", expected="--from FILE", found="none", do="name the tables")
    _need_empty(target, files)
    named = _names(files)
    paths = {source: _path_in(target, source, file) for source, file in named.items()}
    title = plain_name(name or target.resolve().name, set())
    with TemporaryDirectory() as work:
        tables = {source: look_at(file, source, Path(work)) for source, file in named.items()}
        guess = guess_project(tables, {source: path.as_posix() for source, path in paths.items()}, title, keys, targets)
    written = copy_template(target)
    written += list(_bring(target, named, paths, guess.doubts))
    texts = {Path(SPEC): params_text(guess), Path("README.md"): _readme(title, [task.name for task in guess.tasks])}
    written += _finished(target, texts)
    return Initialised(guess.doubts, sorted(written))


def init_example(target: Path, name: str, data: Path | None = None) -> Initialised:
    """Write the example `name` into `target`, ready to run; `data` is the folder with what the example does not bring along.

    Raises DataError, with nothing written, for a folder that is not empty, a name that is no example, data that are not there.
    """
    files = example_files(name, data)
    _need_empty(target, [])
    written = [*copy_template(target), *copy_files(target, files)]
    return Initialised([], sorted([*written, *_finished(target, {})]))


def _need_empty(target: Path, files: Sequence[Path]) -> None:
    """DataError if the folder holds anything but the given files (and git's own folder, or an environment)."""
    if target.exists() and not target.is_dir():
        raise DataError(f"{target}: is a file", expected="a folder, new or empty", found="a file", do="choose another name")
    given = {file.resolve() for file in files}
    for folder, folders, names in os.walk(target):
        folders[:] = [f for f in folders if f not in (".git", ".venv")]
        other = next((Path(folder) / n for n in sorted(names) if (Path(folder) / n).resolve() not in given), None)
        if other:
            raise DataError(
                f"{target}: not empty", expected="a new folder, or one that holds the tables only", found=str(other),
                do="choose another folder",
            )  # fmt: skip


def _names(files: Sequence[Path]) -> dict[str, Path]:
    """Source -> file, named after it."""
    named: dict[str, Path] = {}
    for file in dict.fromkeys(files):
        named[plain_name(file.stem, set(named))] = file
    return named


def _path_in(target: Path, source: str, file: Path) -> Path:
    """Where the project finds the file, relative to its folder."""
    inside = file.resolve().is_relative_to(target.resolve())
    return file.resolve().relative_to(target.resolve()) if inside else RAW / f"{source}{file.suffix.lower()}"


def _bring(target: Path, named: dict[str, Path], paths: dict[str, Path], doubts: list[str]) -> Iterator[Path]:
    """Copy the files that lie elsewhere."""
    for source, file in named.items():
        size = file.stat().st_size
        if size > LARGE:
            doubts.append(f"{paths[source]}: {size >> 20} MB; keep it out of git with `dvc add {paths[source]}`")
        copy = target / paths[source]
        if copy.resolve() != file.resolve():
            with replacing(copy) as partial:
                shutil.copyfile(file, partial)
            yield paths[source]


def _finished(target: Path, texts: dict[Path, str]) -> list[Path]:
    """Write `texts` and what every project has; the files."""
    texts = {**texts, Path("Makefile"): MAKEFILE}
    for path, text in texts.items():
        with replacing(target / path) as partial:
            partial.write_text(text, encoding="utf-8")
    write_json(target / PROFILE, {})
    write_code_lock(target / CODE_LOCK)
    keep_dvc_home(target)
    read_spec(target / SPEC)  # a spec that is refused would be a mistake of this room: say it here
    _git_init(target)
    return [*texts, PROFILE, CODE_LOCK]


def _git_init(target: Path) -> None:
    """Make a git repository, since DVC wants one, unless the folder lies in one already or there is no git."""
    git = shutil.which("git")
    if git is None:
        return
    inside = subprocess.run([git, "rev-parse", "--is-inside-work-tree"], cwd=target, capture_output=True, check=False)
    if inside.returncode:
        subprocess.run([git, "init", "--quiet"], cwd=target, capture_output=True, check=False)


def _readme(name: str, tasks: list[str]) -> str:
    return README.format(name=name, tasks=", ".join(f"`{task}`" for task in tasks))


README = """# {name}

One shared model for {tasks}, made by `mtl`.

- `params.yaml` says what comes in, what is learned and what a new model must prove: the one file to edit.
- `mtl check` reads it aloud; `mtl run` (or `make run`) runs what is stale under Prefect; `make repro` does the same by DVC alone.
- `reports/report.html` is the result. `dvc metrics show`, `dvc metrics diff` and `mlflow ui` show more.
- Commit `params.yaml`, `dvc.lock`, `profile.json` and `code.lock.yaml` with each change.
"""

MAKEFILE = """.PHONY: run repro check
run:                    ## run what is stale, under Prefect
\t@mtl run
repro:                  ## the same graph by DVC alone
\t@mtl lock
\t@dvc repro
check:                  ## what will be done
\t@mtl check
"""
