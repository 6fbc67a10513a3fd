"""Every id that the engine's source names is defined, and every message is given the fields that it asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import reference_engine
import specs

SOURCES = sorted(Path(reference_engine.__file__).parent.rglob("*.py"))
KINDS = {"refusal": "message", "warn": "message", "cite": "clause", "switch": "switch"}


class Use(NamedTuple):
    """One call of refusal, warn, cite or switch with a literal id."""

    function: str
    entry_id: str
    keywords: frozenset[str]
    open_ended: bool  # ** in the call: which fields it gives is not to be read off
    place: str


def _uses() -> Iterator[Use]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name not in KINDS or (isinstance(node.func, ast.Attribute) and _is_warnings(node.func)):
                continue
            keywords = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
            open_ended = any(keyword.arg is None for keyword in node.keywords)
            for entry_id in _literals(node.args[0]):
                yield Use(name, entry_id, keywords, open_ended, f"{path.name}:{node.lineno}")


def _is_warnings(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id == "warnings"


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


@pytest.mark.parametrize("function", KINDS)
def test_every_id_in_the_engine_is_defined(function: str) -> None:
    loaded = specs.load()
    table = {"message": loaded.messages, "clause": loaded.clauses, "switch": loaded.switches}[KINDS[function]]
    named = [use for use in _uses() if use.function == function]
    assert named
    assert [f"{use.entry_id} ({use.place})" for use in named if use.entry_id not in table] == []


def test_every_message_of_the_engine_is_given_its_fields() -> None:
    messages = specs.load().messages
    lacking = []
    for use in _uses():
        message = messages.get(use.entry_id)
        if message is None or KINDS[use.function] != "message" or use.open_ended:
            continue
        wanted = {field for template in message.template for field in template.fields}
        if not wanted <= use.keywords:
            lacking.append(f"{use.entry_id} ({use.place}): {sorted(wanted - use.keywords)}")
    assert lacking == []
