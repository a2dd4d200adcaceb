"""Each stage in a few lines: what it reads, which room it calls, what it writes. One file a stage.

A stage runs at the project's root, knows no other stage, and imports its rooms late: the code lock follows these
imports, so that a change of the code behind a stage, and only behind it, makes the stage stale.
"""
