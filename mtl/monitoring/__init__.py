"""Drift: what the champion was trained on, counted once at its registration, against what arrives now."""
