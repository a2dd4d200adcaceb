"""Puts the page together: the report's style, the parts of this room, one file that loads nothing from anywhere."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from mtl.dashboard import sections
from mtl.dashboard.drift import read_batches
from mtl.dashboard.sections import Seen
from mtl.files import replacing
from mtl.layout import REPORTS
from mtl.registry.history import Entry
from mtl.registry.versions import Registered, Version, read_registered
from mtl.report import page as report
from mtl.report.offline import policy, templates
from mtl.report.reading import clean
from mtl.spec import SPEC, read_spec

DASHBOARD = REPORTS / "dashboard.html"
HERE = Path(__file__).parent


def write_dashboard(root: Path) -> Path:
    """Write reports/dashboard.html of the project in `root` from its registry and its drift reports; the path.

    The same registry gives the same bytes. Raises RegistryError where the registry does not answer.
    """
    spec = read_spec(root / SPEC)
    page = render(Seen(_clean(read_registered(root, spec)), read_batches(root)))
    with replacing(root / DASHBOARD) as partial:
        partial.write_text(page, encoding="utf-8")
    return root / DASHBOARD


def render(seen: Seen) -> str:
    """The page as text."""
    style = "".join(file.read_text(encoding="utf-8") for file in (report.HERE / "style.css", HERE / "style.css"))
    script = (report.HERE / "page.js").read_text(encoding="utf-8")
    context: dict[str, Any] = {
        "name": seen.known.name,
        "head": sections.head(seen),
        "champions": sections.champions(seen),
        "metrics": sections.metrics(seen),
        "data": sections.data(seen),
        "drift": sections.drift(seen),
        "decisions": sections.decisions(seen),
        "cost": sections.cost(seen),
    }
    page = _environment().get_template("dashboard.html.j2")
    return page.render(**context, style=Markup(style), script=Markup(script), policy=policy(style, script))


@cache
def _environment() -> Environment:
    """This room's templates, the report's macros among them."""
    return templates(HERE / "templates", report.HERE / "templates")


def _clean(known: Registered) -> Registered:
    """The same with every text fit for a page."""
    versions = tuple(_clean_version(one) for one in known.versions)
    history = tuple(Entry(one.event, one.version, one.before, tuple(clean(list(one.reasons))), one.at) for one in known.history)
    return replace(known, name=clean(known.name), versions=versions, history=history)


def _clean_version(one: Version) -> Version:
    return replace(
        one, metrics=clean(one.metrics), encoding=clean(one.encoding), lineage=clean(one.lineage), figures=clean(one.figures)
    )  # fmt: skip
