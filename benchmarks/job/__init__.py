"""The whole job: from a raw Parquet file to a model that was scored on test rows, one epoch."""
