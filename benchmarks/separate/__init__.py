"""T single-task networks: one `separate` run over training them one after the other."""
