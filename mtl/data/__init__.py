"""From sources to batches: contracts, split, encodings, the aligned set. Knows no networks."""
