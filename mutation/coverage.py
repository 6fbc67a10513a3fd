"""Which checks come to a function, or say a message, at all: only those can notice that it was changed."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mutation.groups import ROOT

Place = tuple[str, int]
"""A function by its module, a file below the root, and its first line; or a message by its clause, and 0."""

Places = frozenset[Place]


@contextmanager
def watched(modules: Iterable[str]) -> Iterator[set[Place]]:
    """Collects the functions of these modules that are called inside, and the messages that are said."""
    from reference_engine.semantics import Semantics

    files = {str(ROOT / module): module for module in modules}
    seen: set[Place] = set()
    say = Semantics.message

    def said(self: Semantics, clause: str) -> tuple[str, str]:
        seen.add((clause, 0))
        return say(self, clause)

    def called(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        module = files.get(code.co_filename)
        if module is not None:
            seen.add((module, code.co_firstlineno))

    before = sys.gettrace()
    Semantics.message = said  # type: ignore[method-assign]
    threading.settrace(called)
    sys.settrace(called)
    try:
        yield seen
    finally:
        Semantics.message = say  # type: ignore[method-assign]
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]


def function_at(module: str, text: str, line: int) -> Place | None:
    """The innermost function whose body holds a line; None for what runs when the module is imported."""
    found = None
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if node.body[0].lineno <= line <= (node.end_lineno or 0) and (found is None or first > found):
                found = first
    return None if found is None else (module, found)
