"""`python -m mtl.orchestration.dvc_child repro …`: the dvc command, which ends when the flow that started it does."""

from __future__ import annotations

import os
import sys

from mtl.process import PARENT, die_with_parent


def main() -> int:
    die_with_parent()
    os.environ[PARENT] = str(os.getpid())  # for the stage: the shell between us runs it by exec
    from dvc.cli import main as dvc

    return int(dvc(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
