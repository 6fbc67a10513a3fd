"""What an example is, and short spellings for writing one."""

from __future__ import annotations

from typing import Any

import msgspec

from conformance.program import steps as s


class Example(msgspec.Struct, frozen=True):
    """A Program that shows some clauses.

    Attributes:
        name: words with dashes, as shown in reports.
        clauses: the clauses that it exercises, the one it is about first.
        program: the Program.
    """

    name: str
    clauses: tuple[str, ...]
    program: s.Program


def example(name: str, clauses: str | tuple[str, ...], *steps: s.Step, observe: Any = "each") -> Example:
    """An example of the clauses, made of these steps."""
    named = (clauses,) if isinstance(clauses, str) else clauses
    return Example(name, named, s.Program(tuple(steps), observe=observe))


def leaf(out: str, *values: Any, shape: tuple[int, ...] | None = None, dtype: str = "float32") -> s.Make:
    """A leaf that requires grad."""
    return s.Make(out, values, (len(values),) if shape is None else shape, dtype, True)


def plain(out: str, *values: Any, shape: tuple[int, ...] | None = None, dtype: str = "float32") -> s.Make:
    """A tensor that does not require grad."""
    return s.Make(out, values, (len(values),) if shape is None else shape, dtype)


def do(op: str, *args: Any, out: str | tuple[str, ...] = (), form: Any = "method", **kwargs: Any) -> s.Apply:
    """Call a method of the first argument (or in another form); a str argument names a value."""
    outs = (out,) if isinstance(out, str) else out
    return s.Apply(op, tuple(ref(a) for a in args), tuple(kwargs.items()), outs, form)


def ref(value: Any) -> Any:
    """A name as a reference; anything else as it is."""
    return s.Ref(value) if isinstance(value, str) else value
