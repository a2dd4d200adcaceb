"""What happens before the first run: `mtl check` reads a project aloud, `mtl init` makes one from tables or an example."""

from mtl.project.asked import init_asked
from mtl.project.examples import listing
from mtl.project.init import Initialised, init_example, init_project

__all__ = ["Initialised", "init_asked", "init_example", "init_project", "listing"]
