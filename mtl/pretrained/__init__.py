"""Encoders that come trained: found, brought into the project's own form, and asked for vectors. Loaded late."""
