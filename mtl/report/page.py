"""Puts the sections together into one page that loads nothing from anywhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from mtl.files import replacing
from mtl.report.offline import policy, templates
from mtl.report.reading import Findings, clean, read_findings
from mtl.report.sections import SECTIONS, Section
from mtl.spec import Spec

HERE = Path(__file__).parent


def write_report(root: Path, spec: Spec, target: Path) -> None:
    """Write the page about the workspace `root` to `target`; same files, same bytes.

    Raises DataError for a file under reports/ that is there and cannot be read.
    """
    page = render(read_findings(root, list(spec.sources)), spec)
    with replacing(target) as partial:
        partial.write_text(page, encoding="utf-8")


def render(findings: Findings, spec: Spec) -> str:
    """The page as text."""
    style, script = (HERE / "style.css").read_text(encoding="utf-8"), (HERE / "page.js").read_text(encoding="utf-8")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            name=clean(spec.name),
            sections=[_part(section, findings, spec) for section in SECTIONS],
            tasks=len(findings.tasks),
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script),
        )
    )


@cache
def environment() -> Environment:
    """The report's own templates."""
    return templates(HERE / "templates")


def _part(section: Section, findings: Findings, spec: Spec) -> dict[str, Any]:
    """One section: its place, its title and its HTML, or the line that says why there is none."""
    context = section.context(findings, spec)
    if isinstance(context, str):
        return {"id": section.id, "title": section.title, "short": section.short, "missing": context, "body": ""}
    body = environment().get_template(f"{section.id}.html.j2").render(context)
    return {"id": section.id, "title": section.title, "short": section.short, "missing": "", "body": Markup(body)}
