"""Puts the page together, in the style of the report."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup

from mtl.files import replacing
from mtl.monitoring.compare import Finding
from mtl.monitoring.page.pictures import picture
from mtl.report import page as report
from mtl.report.offline import policy, templates

if TYPE_CHECKING:
    from mtl.monitoring.monitor import Monitored

HERE = Path(__file__).parent
MOST_PICTURES = 48
"""Of what drifted; all of it stands in the table."""
MEASURES = {
    "psi": "population stability index: Σ (b − r) ln(b / r) over bins or classes; of several labels the largest of one",
    "js": "Jensen-Shannon distance (base 2) between the shares of the values: 0 the same, 1 nothing in common",
    "nulls": "change of the share of rows without a value",
    "mean": "shift of a vector's mean in standard deviations of the reference, root mean square over its numbers",
}


def write_page(told: Monitored, target: Path) -> None:
    """Write the page to `target`; the same findings, the same bytes."""
    text = render(told)
    with replacing(target) as partial:
        partial.write_text(text, encoding="utf-8")


def render(told: Monitored) -> str:
    """The page as text."""
    style = "".join((folder / "style.css").read_text(encoding="utf-8") for folder in (report.HERE, HERE))
    script = (report.HERE / "page.js").read_text(encoding="utf-8")
    drifted, found = told.drifted, told.findings
    return _environment().get_template("page.html.j2").render(
        told=told, css={"drifted": "bad", "nothing drifted": "good"}.get(told.verdict, ""),
        pictures=[(one, picture(one)) for one in drifted[:MOST_PICTURES]], more=max(0, len(drifted) - MOST_PICTURES),
        rows=[_row(one) for one in found], measures={m: MEASURES[m] for m in MEASURES if any(f.measure == m for f in found)},
        style=Markup(style), script=Markup(script),
        policy=policy(style, script),
    )  # fmt: skip


def _row(one: Finding) -> dict[str, Any]:
    return {"of": one, "p": "< 0.0001" if one.p_of_all < 1e-4 else f"{one.p_of_all:.2g}", "state": _state(one)}


def _state(one: Finding) -> tuple[str, str, str]:
    """CSS class, sign and word: never by colour alone."""
    if one.drifted:
        return ("worse", "▼", "drifted")
    if one.distance > one.threshold:
        return ("cannot-tell", "?", "may be chance")
    return ("better", "●", "as before")


@cache
def _environment() -> Environment:
    return templates(HERE)
