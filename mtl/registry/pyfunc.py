"""MLflow's door to a package: `loader_module` of the registered model. Loads weights and JSON, never a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mtl.registry.package import Package, read_package

if TYPE_CHECKING:
    import pandas as pd


class PackagedModel:
    """What `mlflow.pyfunc.load_model(…)` wraps."""

    def __init__(self, package: Package) -> None:
        self.package = package

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predictions of raw rows: columns as in `Package.predict`. A missing value is null or NaN; a missing vector, None."""
        return self.package.predict(pl.from_pandas(frame)).to_pandas()


def _load_pyfunc(path: str) -> PackagedModel:
    """The model in the folder `path`; the name is MLflow's."""
    return PackagedModel(read_package(Path(path)))
