"""Write requirements.lock: what pyproject.toml asks for, as it is installed in this environment.

`make pins` resolves nothing itself: it installs pyproject's dependencies with pip (torch first, pinned) and freezes
the outcome, without addresses, so that the lock names packages and versions only.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ["hatchling", "editables"]
"""What `pip install --no-build-isolation --editable .` needs."""
NEVER = {"mtl", "pip"}
HEADER = "# Every package of the environment, pinned. Made by `make pins`; read by `make install`.\n"


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], *BUILD]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "--upgrade", "--upgrade-strategy", "only-if-needed", *wanted], check=True)
    frozen = subprocess.run([*pip, "list", "--format", "freeze"], check=True, capture_output=True, text=True).stdout
    names = [line.split("==") for line in frozen.splitlines() if "==" in line]
    pins = [f"{name}=={version.split('+')[0]}\n" for name, version in names if name.lower() not in NEVER]
    (ROOT / "requirements.lock").write_text(HEADER + "".join(sorted(pins, key=str.lower)), encoding="utf-8")


if __name__ == "__main__":
    main()
