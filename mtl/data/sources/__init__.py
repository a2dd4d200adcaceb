"""Sources as they arrive (CSV, NDJSON, Parquet, folders of partitions, SQL) to a folder of Parquet."""

from mtl.data.sources.formats import detect_format
from mtl.data.sources.ingest import Ingested, ingest_source, read_header
from mtl.data.sources.poll import Polled, has_moments, poll_source

__all__ = ["Ingested", "Polled", "detect_format", "has_moments", "ingest_source", "poll_source", "read_header"]
