"""The errors a user can meet, and the exit code each ends with.

    MtlError
    ├── SpecError           exit 2: params.yaml says something that cannot be done
    ├── DataError           exit 1: a table, file or server is not what the spec says
    │   ├── ContractError   too many rows or labels broke the contract
    │   ├── LeakError       an input column gives a label away
    │   └── UnfitError      a task or an input cannot be learned from these rows
    ├── TrainingError       exit 1: training could not go on
    └── RegistryError       exit 1: the registry could not be asked, or refused

Every message names the thing, what was expected, what was found and what to do.
"""

from __future__ import annotations


class MtlError(Exception):
    """Base of all errors that end in one message and no traceback."""

    exit_code = 1

    def __init__(self, what: str, *, expected: str = "", found: str = "", do: str = "") -> None:
        """`what` names the thing (file, column, row, key); the rest completes the sentence."""
        self.what, self.expected, self.found, self.do = what, expected, found, do
        parts = [what]
        if expected:
            parts.append(f"  expected: {expected}")
        if found:
            parts.append(f"  found:    {found}")
        if do:
            parts.append(f"  to do:    {do}")
        super().__init__("\n".join(parts))


class SpecError(MtlError):
    """params.yaml says something that cannot be done."""

    exit_code = 2


class DataError(MtlError):
    """A table, file or server is not what the spec says it is."""


class ContractError(DataError):
    """More rows or labels broke their contract than the source allows."""


class LeakError(DataError):
    """An input column alone gives a task's label away."""


class UnfitError(DataError):
    """A task cannot be learned from the labels there are, or an input from its cells."""


class TrainingError(MtlError):
    """Training could not go on (a loss that is not finite, a device that is not there)."""


class RegistryError(MtlError):
    """The registry could not be reached, or what it holds is not what was put there."""
