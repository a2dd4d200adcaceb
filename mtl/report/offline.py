"""What every page of ours has in common: templates that escape everything, and a policy under which nothing else runs or loads."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mtl.report import words


def templates(*folders: Path) -> Environment:
    """Templates of these folders, the first one's first, that stop at a name that is not there."""
    made = Environment(
        loader=FileSystemLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["words"] = words
    return made


def policy(style: str, script: str) -> str:
    """The content security policy of a page with this one style and this one script."""
    return f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:"


def _hash(text: str) -> str:
    """What a policy calls an inline style or script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
