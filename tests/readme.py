"""Both READMEs, and the commands they give."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """The command lines of each fenced block without a language, comments left out."""
    blocks = [body for language, body in FENCED.findall(text) if not language]
    return [[line.split("#")[0].strip() for line in block.splitlines() if line.strip()] for block in blocks]
