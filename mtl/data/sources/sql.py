"""SQL: a query against SQLite or PostgreSQL, ordered by the entity's key, through a server-side cursor.

The only file that imports SQLAlchemy (and, through it, psycopg). No password ever enters an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from mtl.data.sources.sql_types import convert, postgresql_types, sqlite_types
from mtl.data.sources.table import Table, check_names, nearest_column
from mtl.errors import DataError, MtlError, SpecError
from mtl.spec import Source

CHUNK_ROWS = 20_000
TIMEOUT_SECONDS = 10


class SqlTable(Table):
    """The rows of a query, or those that a condition lets through."""

    ordered = False

    def __init__(self, name: str, source: Source, keys: Sequence[str], root: Path, where: str = "", rows: str = "") -> None:
        """`where`: a condition in SQL over the query's columns; `rows`: what errors call the rows it lets through."""
        self.place, self.what = "the SQL query" + (f" ({rows})" if rows else ""), f"source {name!r} (SQL)"
        self.name, self.source, self.keys, self.where = name, source, keys, where
        self.url = _url(source, name, root)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.loose = self.sqlite  # what a column holds may differ from part to part
        self.query = (source.query or "").strip().rstrip(";").strip()
        self._schema: pl.Schema | None = None

    def header(self) -> list[str]:
        with self._connect() as connection:
            return self._header(connection)

    def schema(self) -> pl.Schema:
        if self._schema is None:
            with self._connect() as connection:
                names = self._header(connection)
                types = sqlite_types if self.sqlite else postgresql_types
                self._schema = pl.Schema(types(connection, self._from(), names))
        return self._schema

    def declared(self, column: str) -> str:
        """Its columns, with their types where the database knows them without reading (PostgreSQL). DataError without `column`."""
        with self._connect() as connection:
            names = self._header(connection)
            self.column(column, names)
            return repr(names if self.sqlite else postgresql_types(connection, self._from(), names))

    def chunks(self) -> Iterator[pl.DataFrame]:
        schema = self.types or self.schema()
        with self._connect() as connection:
            order = [self.column(name, schema.names()) for name in self.keys]
            if self.source.latest_by:
                order.append(self.column(self.source.latest_by, schema.names()))
            by = ", ".join(_ordered(connection, name, schema[name]) for name in order)
            streaming = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS)
            with closing(_ask(streaming, f"SELECT * FROM {self._from()} ORDER BY {by}")) as result:
                for rows in result.partitions(CHUNK_ROWS):
                    yield convert(rows, schema)

    def measure(self, seen: str = "", below: str = "") -> tuple[int, Any, int]:
        """Rows that the condition `seen` lets through, their largest watermark (None without one), and those of them that
        `below` lets through too; at one moment."""
        with self._connect() as connection:
            names = self._header(connection)
            mark = self.source.watermark
            largest = f"max({_quote(connection, self.column(mark, names))})" if mark else "NULL"
            under = f"count(CASE WHEN {below} THEN 1 END)" if below else "count(*)"
            where = f" WHERE {seen}" if seen else ""
            rows, value, some = _ask(connection, f"SELECT count(*), {largest}, {under} FROM {self._from()}{where}").one()
        return int(rows), value, int(some)

    def locate(self, row: int) -> str:
        return f"row {row + 1} (ordered by {', '.join(self.keys)})"

    def column(self, name: str, names: Sequence[str]) -> str:
        """`name`, if the query gives it; else DataError with the nearest one."""
        if name not in names:
            raise DataError(
                f"{self.what}: the query gives no column {name!r}", expected=f"a column {name!r} in its SELECT",
                found=nearest_column(name, names), do=f"correct `query` of the source {self.name!r} in params.yaml",
            )  # fmt: skip
        return name

    def _header(self, connection: sa.Connection) -> list[str]:
        names = list(_ask(connection, f"SELECT * FROM {self._from()} LIMIT 0").keys())
        check_names(self.what, names)
        return names

    def _from(self) -> str:
        rows = f"(\n{self.query}\n)"  # own lines, so that a comment at the query's end hides nothing
        return f"(SELECT * FROM {rows} AS mtl_all WHERE {self.where}) AS mtl_rows" if self.where else f"{rows} AS mtl_rows"

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        """A read-only connection; whatever the database says against it or the query becomes a DataError."""
        engine = None
        try:
            engine = _engine(self.url, self.what)
            with _opened(engine, self) as connection:
                yield connection
        except MtlError:
            raise
        except SQLAlchemyError as error:
            raise DataError(
                f"{self.what}: the query failed at {_where(self.url)}", expected="a SELECT that the database can run",
                found=self.clean(error), do=f"correct `query` of the source {self.name!r} in params.yaml",
            ) from None  # fmt: skip
        finally:
            if engine is not None:
                engine.dispose()

    def clean(self, error: Exception) -> str:
        """What the database said, on one line and without the password."""
        said = str(error.orig if isinstance(error, DBAPIError) else error)
        lines = [line.strip() for line in said.splitlines() if line.strip() and set(line.strip()) != {"^"}]
        text = "; ".join(lines[:3]) or type(error).__name__
        for secret in _secrets(self.url):
            text = text.replace(secret, "***")
        return text


def _url(source: Source, name: str, root: Path) -> sa.URL:
    """The URL with the driver we use, and SQLite's file below `root`."""
    what, text = f"source {name!r}: url", source.url or ""
    if text.startswith("env:"):
        text = _from_environment(text.removeprefix("env:"), what)
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):  # its message is not shown: it may hold what was given
        raise SpecError(
            what, expected="sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE", found="something else",
            do="correct `url` (or the environment variable it names); write @ : / in a password as %40 %3A %2F",
        ) from None  # fmt: skip
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite":
        return _sqlite_file(url, what, root)
    raise SpecError(
        what,
        expected="sqlite:///FILE or postgresql://…",
        found=f"{kind}://…",
        do="copy the table to one of them, or export it as CSV",
    )


def _secrets(url: sa.URL) -> set[str]:
    """The password, wherever the URL holds it, as it is and as a URL writes it."""
    plain = {str(p) for p in (url.password, url.query.get("password")) if p}
    return plain | {quote(p, safe="") for p in plain} | {quote_plus(p) for p in plain}


def _from_environment(variable: str, what: str) -> str:
    value = os.environ.get(variable)
    if not value:
        close = get_close_matches(variable, list(os.environ), n=1, cutoff=0.8)
        raise DataError(
            f"{what}: the environment variable {variable!r} is not set", expected="a database URL in it",
            found=f"nothing; there is {close[0]!r}" if close else "nothing", do=f"export {variable}=postgresql://… and run again",
        )  # fmt: skip
    return value


def _sqlite_file(url: sa.URL, what: str, root: Path) -> sa.URL:
    if not url.database or url.database == ":memory:":
        raise SpecError(what, expected="sqlite:///FILE", found="no file", do="name the database's file")
    path = root / url.database
    if not path.is_file():
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = get_close_matches(path.name, there, n=1, cutoff=0.5)
        raise DataError(
            f"{what}: there is no database file {url.database}", expected=url.database,
            found=f"nearest in its folder: {close[0]}" if close else "nothing like it", do="correct `url`, or bring the file here",
        )  # fmt: skip
    return sa.URL.create("sqlite", database=path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})


def _engine(url: sa.URL, what: str) -> sa.Engine:
    sqlite = url.get_backend_name() == "sqlite"
    try:
        return sa.create_engine(url, connect_args={} if sqlite else {"connect_timeout": TIMEOUT_SECONDS}, poolclass=sa.NullPool)
    except (NoSuchModuleError, ImportError):
        raise DataError(f"{what}: the database driver is missing", do="pip install 'psycopg[binary]'") from None


@contextmanager
def _opened(engine: sa.Engine, table: SqlTable) -> Iterator[sa.Connection]:
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise DataError(
            f"{table.what}: no connection to {_where(engine.url)}", expected="a database server that lets us in",
            found=table.clean(error), do="start the server, or correct `url` (host, port, user, database); then run again",
        ) from None  # fmt: skip
    options: dict[str, Any] = {"no_parameters": True}
    if engine.dialect.name == "postgresql":
        options |= {"postgresql_readonly": True}
    with connection.execution_options(**options):
        yield connection


def _ask(connection: sa.Connection, statement: str) -> sa.CursorResult[Any]:
    """Run as it is written: neither `:name` nor `%` in it means a parameter."""
    return connection.exec_driver_sql(statement)


def _quote(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _ordered(connection: sa.Connection, name: str, dtype: pl.DataType) -> str:
    """Text by its bytes: PostgreSQL's own order depends on the server's language."""
    quoted = _quote(connection, name)
    by_bytes = dtype == pl.String and connection.dialect.name == "postgresql"
    return f'CAST({quoted} AS text) COLLATE "C"' if by_bytes else quoted


def _where(url: sa.URL) -> str:
    if url.get_backend_name() == "sqlite":
        return unquote(Path(url.database or "").name)
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}:{url.port or url.query.get('port') or 5432}/{url.database or ''}".rstrip("/")
