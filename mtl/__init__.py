"""mtl: tables in, one shared multi-task model out, with proof for each task that sharing did not hurt."""

__version__ = "0.1.0"
