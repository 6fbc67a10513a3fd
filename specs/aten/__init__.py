"""The operators below torch's public functions: their schemas and tags, as torch itself prints them.

``schemas.txt`` is recorded (``tests/surface/record_schemas.py``), an overload a line, those of one operator in the
order in which torch tries them. A ``~`` in front marks what torch composes of other operators.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import NamedTuple


class Line(NamedTuple):
    """One overload."""

    schema: str
    composite: bool
    tags: tuple[str, ...]


@functools.cache
def overloads() -> dict[str, list[Line]]:
    """Operator name to its overloads."""
    found: dict[str, list[Line]] = {}
    for line in files(__package__).joinpath("schemas.txt").read_text().splitlines():
        schema, _, tags = line.partition("\t")
        text = schema.removeprefix("~")
        name = text.partition("(")[0].partition(".")[0]
        found.setdefault(name, []).append(Line(f"aten::{text}", schema != text, tuple(filter(None, tags.split(",")))))
    return found
