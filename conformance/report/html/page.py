"""What every page shares: templates with autoescape, one inlined script and style, and no way to the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib import resources
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from conformance.report.evidence import VERDICT_GLYPHS, VERDICT_LABELS
from conformance.report.headline import plural
from conformance.report.html.wording import mark_differences, prose

VERDICT_LETTERS: dict[str, str] = {
    "divergence": "d",
    "known_deviation": "k",
    "conforms": "c",
    "not_exercised": "o",
    "not_applicable": "n",
}
"""A letter for each verdict, by which the cells of a large table are written down for the script that builds them."""


def render_page(template: str, **context: object) -> str:
    """A whole page: self-contained, and forbidden by its own policy to load or send anything."""
    return _encodable(environment().get_template(template).render(context))


def render_part(template: str, **context: object) -> Markup:
    """A piece of a page that is already escaped."""
    return Markup(_encodable(environment().get_template(template).render(context)))


def _encodable(text: str) -> str:
    """A lone surrogate in a hostile name can't be encoded: it is shown as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def environment() -> Environment:
    """The Jinja environment: everything that is not Markup is escaped, and a misspelt name is an error."""
    made = Environment(
        loader=PackageLoader("conformance.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        in_script=in_script,
        python=highlighted,
        web_link=web_link,
        fragment=fragment,
        number=lambda n: f"{n:,}",
        counted=plural,
        prose=prose,
        letter=lambda verdict: VERDICT_LETTERS[verdict],
    )
    made.globals.update(
        verdict_letters=VERDICT_LETTERS,
        verdict_labels=VERDICT_LABELS,
        verdict_glyphs=VERDICT_GLYPHS,
        style=_asset("style.css"),
        script=_asset("app.js"),
    )
    made.globals["mark_differences"] = mark_differences
    made.globals["policy"] = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_digest('style.css')}; script-src {_digest('app.js')}"
    )
    return made


def in_script(value: object) -> Markup:
    """JSON that may stand inside a ``<script>`` element: nothing in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(_SPECIAL_IN_SCRIPT.sub(r"\\u003c", text))


# What changes how the rest of the element is read; anything else is text there, and may stay readable.
_SPECIAL_IN_SCRIPT = re.compile(r"<(?=[/!]|script)", re.IGNORECASE)


def highlighted(source: str) -> Markup:
    """A Python script with its tokens marked; Pygments escapes the text."""
    if len(source) > 20_000:
        return escape(source)
    return Markup(highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)))


def web_link(address: str | None) -> str | None:
    """The address if it is a web page's; anything else (``javascript:`` above all) is no link."""
    if not address:
        return None
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    return address.strip() if parts.scheme in ("http", "https") and parts.netloc else None


def fragment(identifier: str) -> str:
    """An element's id as it stands after ``#`` in a link."""
    return quote(identifier.encode("utf-8", "backslashreplace"), safe="-._~!$'()*,;:@")


def _asset(name: str) -> Markup:
    return Markup((resources.files("conformance.report.html") / "templates" / name).read_text("utf-8"))


def _digest(name: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(_asset(name).encode()).digest()).decode()}'"
