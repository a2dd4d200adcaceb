"""`python -m mtl.services.child COMMAND…`: become the command, and end when the supervisor ends, however that happens."""

from __future__ import annotations

import os
import sys

from mtl.process import die_with_parent

if __name__ == "__main__":
    die_with_parent()  # survives exec
    os.execv(sys.argv[1], sys.argv[1:])
