"""Pictures: an epoch of mtl over an epoch of a loop by hand with the same network."""
