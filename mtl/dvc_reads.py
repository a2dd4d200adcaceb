"""Whether DVC can read params.yaml too, also after it has changed a value in it.

mtl reads YAML with ruamel's own parser, DVC with libyaml's, which refuses some of what the other takes: in `{store: env:NAME}`
the second colon, in `[Poor?, Fair]` the question mark. And `dvc exp run --set-param`, which backfills use, writes the whole
file anew and leaves quotes out where it thinks that none are needed, so that `{store: "env:NAME"}` can be read once and not a
second time.
"""

from __future__ import annotations

from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from mtl.errors import SpecError


def must_be_read_by_dvc(text: str, file: str, *, also_rewritten: bool = False) -> None:
    """Raises SpecError, with the line that DVC could not read; `text` is YAML that mtl reads."""
    versions = {"cannot": text}
    if also_rewritten:
        rewritten = StringIO()
        YAML().dump(YAML().load(text), rewritten)
        versions["cannot once `dvc exp run` has changed a value"] = rewritten.getvalue()
    for how, version in versions.items():
        try:
            YAML(typ="safe").load(version)
        except MarkedYAMLError as error:
            mark = error.context_mark or error.problem_mark
            line = version.splitlines()[mark.line].strip() if mark else str(error.problem)
            raise SpecError(
                f"{file}: DVC reads it too, and {how}", expected="values with a colon or a question mark on lines of their own",
                found=line[:100], do="write it in lines, `key: value` or `- value`, and not in { } or [ ]",
            ) from None  # fmt: skip
