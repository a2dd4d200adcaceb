"""A disk that takes nothing more, in words, whoever noticed it."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from mtl.errors import DataError

FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EROFS)


def unwritable(error: Exception, place: Path) -> DataError | None:
    """What a person can mend; None if the error is another. `place`: where it was, if the error does not say.

    Polars and safetensors tell it in the text of errors of their own, SQLite (DVC's memory is in one) in other words.
    """
    told = re.search(r"\(os error (\d+)\)", str(error))
    number = error.errno if isinstance(error, OSError) else int(told[1]) if told else 0
    if "database or disk is full" in str(error):
        number = errno.ENOSPC
    if number not in (*FULL, *CLOSED):
        return None
    where = getattr(error, "filename", None) or place
    do = (
        "make room (`mtl gc --keep-versions N` frees old versions), then run again"
        if number in FULL
        else "let this user write there"
    )
    return DataError(f"{where}: cannot write", found=os.strerror(number), do=do)
