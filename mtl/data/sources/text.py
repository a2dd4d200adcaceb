"""Text files in blocks: decoded as the spec says, with the line named where that fails."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from mtl.errors import DataError, SpecError

BLOCK_BYTES = 4 << 20
LONGEST_ROW = 64 << 20
"""Bytes a single row may have; beyond it a quote mark was surely never closed."""


def text_blocks(path: Path, place: str, encoding: str) -> Iterator[str]:
    """The file's text, cut anywhere. A byte order mark is dropped.

    Raises DataError for bytes that are not in this encoding (with their line) and for an empty file;
    SpecError for an encoding nobody knows.
    """
    decoder = _decoder(encoding, place)
    lines = returns = 0
    blank = True
    for block, last in _blocks(path, place):
        try:
            text = decoder.decode(block, last)
        except UnicodeError as error:
            raise _wrong_encoding(error, place, encoding, lines) from None
        blank = blank and not text.strip()
        lines += text.count("\n")
        returns += text.count("\r")
        if last and not lines and returns > 1:
            raise _old_mac(place)
        if text:
            yield text
    if blank:
        raise DataError(f"{place}: the file is empty", expected="a table", found="no text", do="deliver the file again")


def whole_lines(path: Path, place: str, encoding: str) -> Iterator[str]:
    """The file's text in blocks of whole lines; the last line ends in a line break too."""
    rest = ""
    for text in text_blocks(path, place, encoding):
        head, mark, tail = text.rpartition("\n")
        if not mark:
            rest += text
            continue
        yield rest + head + mark
        rest = tail
    if rest.strip():
        yield rest + "\n"


def _blocks(path: Path, place: str) -> Iterator[tuple[bytes, bool]]:
    """(bytes, is it the last); the last is empty."""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block, False
    except OSError as error:
        raise DataError(f"{place}: the file cannot be read", found=str(error.strerror), do="mend the file's permissions") from None
    yield b"", True


def _decoder(encoding: str, place: str) -> codecs.IncrementalDecoder:
    try:
        name = codecs.lookup(encoding).name
        return codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)("strict")
    except LookupError:
        raise SpecError(
            f"{place}: its source's encoding", expected="an encoding such as utf-8, latin-1, cp1252, utf-16",
            found=repr(encoding), do="correct `encoding` of the source in params.yaml",
        ) from None  # fmt: skip


def _wrong_encoding(error: UnicodeError, place: str, encoding: str, lines: int) -> DataError:
    if not isinstance(error, UnicodeDecodeError):  # utf-16 without its mark
        return DataError(f"{place}: not {encoding}", found=str(error), do="correct `encoding` of the source")
    data, at = bytes(error.object), error.start
    if not lines and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return DataError(
            f"{place}: not {encoding}", expected=f"text in {encoding}", found="the mark of UTF-16 at its start",
            do="write `encoding: utf-16` under this source in params.yaml",
        )  # fmt: skip
    line = lines + data[:at].decode(encoding, "ignore").count("\n") + 1
    around = data[data.rfind(b"\n", 0, at) + 1 :].split(b"\n", 1)[0].decode("latin-1").strip()
    start = max(0, at - data.rfind(b"\n", 0, at) - 30)
    return DataError(
        f"{place}, line {line}: not {encoding}",
        expected=f"text in {encoding}",
        found=f"the byte 0x{data[at]:02X}; read as Latin-1 the line says {around[start : start + 60]!r}",
        do="if it was saved in Latin-1, write `encoding: latin-1` under this source in params.yaml; else save the file as UTF-8",
    )


def _old_mac(place: str) -> DataError:
    return DataError(
        f"{place}: its lines end in a bare carriage return", expected="line ends \\n or \\r\\n", found="\\r only",
        do="convert the line ends, for example with `mac2unix`",
    )  # fmt: skip
