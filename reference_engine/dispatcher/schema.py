"""Schemas: ``aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`` as data.

Mirrors ``torch._C.FunctionSchema`` and ``torch._C.Argument``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

_JIT_NAMES = {
    "Scalar": "number", "SymInt": "int", "ScalarType": "int", "Layout": "int", "MemoryFormat": "int", "Dimname": "str",
}  # fmt: skip
_REAL_NAMES = {"Scalar": "number", "SymInt": "int"}


class Type:
    """The type of an argument, which prints as torch's JIT types do."""

    def __init__(self, text: str, names: dict[str, str]) -> None:
        self.text, self._names = text, names

    def __str__(self) -> str:
        if self.text.endswith("?"):
            return f"Optional[{Type(self.text[:-1], self._names)}]"
        if self.text.endswith("]"):
            return f"List[{Type(self.text.rpartition('[')[0], self._names)}]"
        return self._names.get(self.text, self.text)

    __repr__ = annotation_str = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def kind(self) -> str:
        return "OptionalType" if self.text.endswith("?") else "ListType" if self.text.endswith("]") else f"{self}Type"


class AliasInfo:
    """Which memory an argument shares with results, and whether it is written to."""

    def __init__(self, text: str) -> None:
        before, _, after = text.replace("!", "").partition("->")
        self.is_write = "!" in text
        self.before_set = {part.strip() for part in before.split("|")}
        self.after_set = {part.strip() for part in after.split("|")} if after else self.before_set


class Argument:
    """One argument, or one result."""

    def __init__(self, text: str, kwarg_only: bool = False) -> None:
        text, _, default = text.partition("=")
        match = re.fullmatch(r"(\w+)(\([^)]*\))?((?:\[\d*\]|\?)*)(?:\s+(\w+))?", text.strip())
        if match is None:
            raise ValueError(text)
        base, alias, suffix, self.name = match[1], match[2], match[3], match[4] or ""
        size = re.search(r"\[(\d+)\]", suffix)
        self.N = int(size[1]) if size else None
        self.kind = base + re.sub(r"\d+", "", suffix)
        self._suffix, self._base = suffix, base
        self.alias_info = AliasInfo(alias[1:-1]) if alias else None
        self._alias = alias or ""
        self.kwarg_only, self._default_text = kwarg_only, default
        self.default_value = _value(default, self.N) if default else None
        self.is_out = kwarg_only and self.is_write

    @property
    def type(self) -> Type:
        return Type(self.kind, _JIT_NAMES)

    @property
    def real_type(self) -> Type:
        return Type(self.kind, _REAL_NAMES)

    @property
    def is_write(self) -> bool:
        return self.alias_info is not None and self.alias_info.is_write

    def has_default_value(self) -> bool:
        return bool(self._default_text)

    def text(self) -> str:
        shown = f"{self._base}{self._alias}{self._suffix}" + (f" {self.name}" if self.name else "")
        default = (
            re.sub(r",\s*", ", ", self._default_text) if self._default_text.startswith("[") else self._default_text
        )
        return shown + (f"={default}" if default else "")


def _value(text: str, size: int | None) -> Any:
    if text in ("None", "True", "False"):
        return {"None": None, "True": True, "False": False}[text]
    if text.startswith("["):
        inside = text[1:-1].strip()
        return [_value(part.strip(), None) for part in inside.split(",")] if inside else []
    if text[0] in "\"'":
        return text[1:-1]
    if re.fullmatch(r"-?\d+", text):
        return [int(text)] * size if size else int(text)
    try:
        return float(text)
    except ValueError:
        return {"contiguous_format": 0, "Mean": 1, "long": 4}.get(text, text)


class FunctionSchema:
    """Name, arguments and results of one overload."""

    def __init__(self, text: str) -> None:
        head, inside, results = _parts(text)
        self.name, _, self.overload_name = head.partition(".")
        self.arguments: list[Argument] = []
        kwarg_only = False
        for part in _split(inside):
            if part == "*":
                kwarg_only = True
            else:
                self.arguments.append(Argument(part, kwarg_only))
        self._many = results.startswith("(")
        self.returns = [Argument(part) for part in _split(results[1:-1] if self._many else results)]

    @property
    def is_mutable(self) -> bool:
        return any(argument.is_write for argument in self.arguments)

    @property
    def _is_view_op(self) -> bool:
        """Whether a result shares memory with an argument that is not written to."""
        given = {name for a in self.arguments if a.alias_info and not a.is_write for name in a.alias_info.before_set}
        return any(r.alias_info is not None and given & r.alias_info.before_set for r in self.returns)

    @functools.cached_property
    def positional(self) -> list[Argument]:
        return [argument for argument in self.arguments if not argument.kwarg_only]

    def __str__(self) -> str:
        shown, kwarg_only = [], False
        for argument in self.arguments:
            if argument.kwarg_only and not kwarg_only:
                shown.append("*")
                kwarg_only = True
            shown.append(argument.text())
        results = ", ".join(r.text() for r in self.returns)
        head = f"{self.name}.{self.overload_name}" if self.overload_name else self.name
        return f"{head}({', '.join(shown)}) -> {f'({results})' if self._many else results}"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionSchema) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def _parts(text: str) -> tuple[str, str, str]:
    head, bracket, rest = text.strip().partition("(")
    depth, end = 1, 0
    for end, character in enumerate(rest):  # noqa: B007
        depth += (character == "(") - (character == ")")
        if depth == 0:
            break
    arrow, results = rest[end + 1 :].strip()[:2], rest[end + 1 :].strip()[2:].strip()
    if not bracket or depth or arrow != "->" or not results:
        raise ValueError(text)
    return head.strip(), rest[:end], results


def _split(text: str) -> Sequence[str]:
    """At the commas outside of brackets."""
    return [part for part in re.split(r",\s*(?![^\[\]]*\])(?![^()]*\))", text.strip()) if part]


def parse_schema(text: str) -> FunctionSchema:
    """``torch._C.parse_schema``.

    Raises:
        RuntimeError: not a schema.
    """
    try:
        return FunctionSchema(text)
    except ValueError:
        raise RuntimeError(f"malformed schema: {text}") from None
