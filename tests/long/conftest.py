"""What these tests share with `tests/flows`: the small finished project, the toy pipeline, and a Prefect server."""

from tests.flows.conftest import copy, finished
from tests.flows.orchestration.conftest import _own_environment, server, toy

__all__ = ["_own_environment", "copy", "finished", "server", "toy"]
