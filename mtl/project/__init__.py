"""What happens before the first run: `mtl check` reads a project aloud, `mtl init` makes one from tables."""

from mtl.project.init import Initialised, init_project

__all__ = ["Initialised", "init_project"]
