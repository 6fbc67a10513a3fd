"""``torch.testing.FileCheck``: does a text hold these pieces, in this order?"""

from __future__ import annotations

import re
from typing import Any

_CONTEXT = 2


class FileCheck:
    """A list of checks, to be run on a text."""

    __module__ = "torch"

    def __init__(self) -> None:
        self._checks: list[tuple[str, str, int, bool]] = []

    def _add(self, kind: str, pattern: str, count: int = 1, exactly: bool = False) -> FileCheck:
        self._checks.append((kind, pattern, count, exactly))
        return self

    def check(self, test_string: str) -> FileCheck:
        """Somewhere after what was found before."""
        return self._add("CHECK", test_string)

    def check_not(self, test_string: str) -> FileCheck:
        """Nowhere between what was found before and what is found next."""
        return self._add("CHECK-NOT", test_string)

    def check_same(self, test_string: str) -> FileCheck:
        """Later in the same line."""
        return self._add("CHECK-SAME", test_string)

    def check_next(self, test_string: str) -> FileCheck:
        """In the next line."""
        return self._add("CHECK-NEXT", test_string)

    def check_count(self, test_string: str, count: int, exactly: bool = False) -> FileCheck:
        """So many times."""
        return self._add("CHECK-COUNT", test_string, count, exactly)

    def check_dag(self, test_string: str) -> FileCheck:
        """In any order with those of the same kind beside it."""
        return self._add("CHECK-DAG", test_string)

    def check_regex(self, pattern: str) -> FileCheck:
        return self._add("CHECK-REGEX", pattern)

    def run(self, test_file: Any, text: str | None = None) -> None:
        """Run the checks on a text; with two, those that the first writes down, such as ``# CHECK: piece``.

        Raises:
            RuntimeError: one does not hold.
        """
        if text is not None:
            for kind, count, pattern in re.findall(r"# (CHECK(?:-[A-Z]+)?)(?:-(\d+))?: (.*)", str(test_file)):
                self._add(kind, pattern, int(count or 1))
        _run(self._checks, str(test_file) if text is None else text)


def _run(checks: list[tuple[str, str, int, bool]], text: str) -> None:
    at, forbidden, group_end = 0, list[str](), 0
    previous = ""
    for kind, pattern, count, exactly in checks:
        if kind == "CHECK-NOT":
            forbidden.append(pattern)
            continue
        origin = f"{kind}-{count}" if kind == "CHECK-COUNT" else kind
        start = at
        if kind == "CHECK-DAG":
            start = group_end if previous == "CHECK-DAG" else at
            group_end = start
        found = start
        for _ in range(count):
            found, at_end = _find(text, kind, pattern, start, origin)
            start = at_end
        if exactly:
            _refuse(text, pattern, start, len(text), "CHECK-NOT: " + pattern)
        if kind in ("CHECK-SAME", "CHECK-NEXT"):
            _check_lines(text, kind, pattern, at, found)
        for other in forbidden:
            _refuse(text, other, at, found, "CHECK-NOT: " + other)
        forbidden = []
        at, previous = max(at, start), kind
    for other in forbidden:
        _refuse(text, other, at, len(text), "CHECK-NOT: " + other)


def _find(text: str, kind: str, pattern: str, start: int, origin: str) -> tuple[int, int]:
    if kind == "CHECK-REGEX":
        match = re.compile(pattern).search(text, start)
        if match is None:
            raise RuntimeError(
                f'Expected to find regex "{pattern}" but did not find it\nSearched string:\nFrom {origin}: {pattern}\n'
            )
        return match.span()
    found = text.find(pattern, start)
    if found < 0:
        shown = _shown(text, start, start + len(pattern))
        raise RuntimeError(
            f'Expected to find "{pattern}" but did not find it\nSearched string:\n{shown}From {origin}: {pattern}\n'
        )
    return found, found + len(pattern)


def _refuse(text: str, pattern: str, start: int, end: int, origin: str) -> None:
    found = text.find(pattern, start, end)
    if found >= 0:
        shown = _shown(text, found, found + len(pattern))
        raise RuntimeError(f'Expected to not find "{_visible(pattern)}" but found it\n{shown}From {origin}\n')


def _check_lines(text: str, kind: str, pattern: str, before: int, found: int) -> None:
    between = text[before:found]
    wanted = 0 if kind == "CHECK-SAME" else 1
    if between.count("\n") < wanted:
        raise RuntimeError(f'Expected to find "\\n" but did not find it\nFrom {kind}: {pattern}\n')
    if between.count("\n") > wanted:
        raise RuntimeError(f'Expected to not find "\\n" but found it\n{text}\nFrom {kind}: {pattern}\n')


def _visible(pattern: str) -> str:
    return pattern.replace("\n", "\\n")


def _shown(text: str, start: int, end: int) -> str:
    """The line of a place, marked, with two lines before and after."""
    if start >= len(text):
        return "\n".join(text.split("\n")[-1 - _CONTEXT :])
    lines = text.split("\n")
    number = text.count("\n", 0, start)
    column = start - (text.rfind("\n", 0, start) + 1)
    made = [line + "\n" for line in lines[max(0, number - _CONTEXT) : number + 1]]
    made.append(" " * column + "~" * (min(end, len(text)) - start) + " <--- HERE\n")
    made += [line + "\n" for line in lines[number + 1 : number + 1 + _CONTEXT]]
    return "".join(made)
