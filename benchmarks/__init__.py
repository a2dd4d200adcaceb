"""Benchmarks: mtl and its peers on the same work, in one run, as ratios. `python -m benchmarks --help`."""
