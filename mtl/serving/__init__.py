"""The champion at work: predictions of a source's new rows, as tables."""
