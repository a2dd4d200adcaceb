"""The pull step of every deployment: a flow runs in its worker's own folder."""

from __future__ import annotations

import os
from pathlib import Path


def own_folder() -> dict[str, str]:
    """Go to the folder that the worker was started for.

    Not Prefect's `set_working_directory` with `{{ $MTL_WORKSPACE }}`: a variable that is set where `prefect deploy` runs is put
    in there and then, and workers elsewhere would look for the folder of the one who deployed.
    """
    folder = os.environ.get("MTL_WORKSPACE") or str(Path.cwd())
    os.chdir(folder)
    return {"directory": folder}
