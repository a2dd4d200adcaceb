"""A spec around one source, and what a test asks of its table."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import psycopg
import pytest

from mtl.data.sources import Ingested, ingest_source
from mtl.spec import Spec, parse_spec


def make_spec(source: dict[str, Any], key: str | list[str] = "id") -> Spec:
    """A spec whose one source is called `table`."""
    return parse_spec(
        {
            "name": "test",
            "entities": {"thing": {"key": key}},
            "sources": {"table": source},
            "inputs": {"x": {"source": "table", "kind": "tabular", "columns": {"x": {"kind": "numeric"}}}},
            "tasks": {"y": {"source": "table", "column": "y", "kind": "regression"}},
            **{part: {} for part in ("encoding", "model", "training", "evaluation", "gate")},
        }
    )


class Bench:
    """Ingests into a temporary workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.target = root / "data/ingested/table"

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def spec(self, key: str | list[str] = "id", **source: Any) -> Spec:
        return make_spec(source, key)

    def ingest(self, key: str | list[str] = "id", **source: Any) -> Ingested:
        return ingest_source(self.spec(key, **source), "table", self.root, self.target)

    def frame(self) -> pl.DataFrame:
        return pl.read_parquet(sorted(self.target.glob("*.parquet")), hive_partitioning=False)

    def content(self) -> dict[str, bytes]:
        return {p.relative_to(self.target).as_posix(): p.read_bytes() for p in sorted(self.target.rglob("*")) if p.is_file()}

    def csv(self, content: bytes | str, **source: Any) -> pl.DataFrame:
        self.write("t.csv", content)
        self.ingest(path="t.csv", **source)
        return self.frame()

    def ndjson(self, content: bytes | str, **source: Any) -> pl.DataFrame:
        self.write("t.ndjson", content)
        self.ingest(path="t.ndjson", **source)
        return self.frame()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Read text in blocks of so many bytes, so that small files are cut everywhere."""
    return lambda size: monkeypatch.setattr("mtl.data.sources.text.BLOCK_BYTES", size)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server on a port of its own, with one user who has a password."""

    port: int
    socket: Path
    user: str = "reader"
    password: str = "s3cr/et@word"

    def url(self, password: str | None = None, database: str = "postgres") -> str:
        return f"postgresql://{self.user}:{quote(password or self.password, safe='')}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


class NoServerError(Exception):
    """Neither the package pgserver nor the system has a PostgreSQL with that extension that starts here."""


def _binaries(folder: Path, copied: bool) -> Iterator[Path]:
    """Folders with initdb and pg_ctl: those of the package pgserver, then Debian's.

    copied: the package's own into `folder`, with the libraries beside it: an environment in a closed folder is not for `nobody`.
    """
    package = find_spec("pgserver")
    if package is not None and package.submodule_search_locations:
        where = Path(package.submodule_search_locations[0])
        if copied:
            for name in (where.name, f"{where.name}.libs"):
                shutil.copytree(where.with_name(name), folder / name, dirs_exist_ok=True)
            where = folder / where.name
        yield where / "pginstall/bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@contextmanager
def running(folder: Path, extension: str = "plpgsql") -> Iterator[Server]:
    """A server whose files lie in `folder`, with an extension to be had. As root it runs as `nobody`: PostgreSQL refuses root.

    Raises NoServerError where none can be started.
    """
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    (folder / "password").write_text(Server.password, encoding="utf-8")
    (folder / "password").chmod(0o644)
    reasons = []
    for binaries in _binaries(folder, copied=user is not None):
        if not _has(binaries, extension):
            reasons.append(f"{binaries}: no extension {extension}")
            continue
        try:
            port = _start(binaries, folder, user)
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{binaries}: {error} {getattr(error, 'stderr', '')}")
            continue
        try:
            yield Server(port, folder)
        finally:
            _call(user, binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
        return
    raise NoServerError("no PostgreSQL server can be started here: " + ("; ".join(reasons) or "install pgserver or postgresql"))


def _has(binaries: Path, extension: str) -> bool:
    done = subprocess.run([binaries / "pg_config", "--sharedir"], capture_output=True, text=True, check=False)
    return (Path(done.stdout.strip()) / "extension" / f"{extension}.control").is_file()


def _start(binaries: Path, folder: Path, user: str | None) -> int:
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    how = ("-A", "scram-sha-256", "-U", Server.user, f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-sync", "-D", data)
    _call(user, binaries / "initdb", *how)
    options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
    _call(user, binaries / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
    return port


def _call(user: str | None, *command: Path | str) -> None:
    subprocess.run([str(part) for part in command], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, text=True, timeout=60)  # fmt: skip


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real server of our own, ended with the session. The lock pins a package that brings one, so that there is always one."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path may have 107 characters
    try:
        with running(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
