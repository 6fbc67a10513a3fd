"""Which checks come to a function at all: only those can notice that it was changed."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mutation.groups import ROOT

Functions = frozenset[tuple[str, int]]
"""Functions by their module, a file below the root, and their first line."""


@contextmanager
def watched(modules: Iterable[str]) -> Iterator[set[tuple[str, int]]]:
    """Collects the functions of these modules that are called inside."""
    files = {str(ROOT / module): module for module in modules}
    seen: set[tuple[str, int]] = set()

    def called(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        module = files.get(code.co_filename)
        if module is not None:
            seen.add((module, code.co_firstlineno))

    before = sys.gettrace()
    threading.settrace(called)
    sys.settrace(called)
    try:
        yield seen
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]


def function_at(module: str, text: str, line: int) -> tuple[str, int] | None:
    """The innermost function whose body holds a line; None for what runs when the module is imported."""
    found = None
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if node.body[0].lineno <= line <= (node.end_lineno or 0) and (found is None or first > found):
                found = first
    return None if found is None else (module, found)
