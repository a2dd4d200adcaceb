"""Recordings: an epoch of mtl over an epoch of a loop by hand with the same network and batches of like length."""
