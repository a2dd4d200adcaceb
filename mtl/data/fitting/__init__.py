"""Fitting encodings on train rows: columns, tasks, the leak check, the selection of columns."""
