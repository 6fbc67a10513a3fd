"""``torch.fx``, by name alone: this engine runs eager code and writes down no programs.

The names are there so that libraries which offer to trace can be imported; to trace is refused.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from reference_engine.nn.module import Module

T = TypeVar("T")


def _refuse(what: str) -> NoReturn:
    raise NotImplementedError(f"torch.fx.{what} is not part of this engine: it runs eager code")


class Graph:
    """Operations in the order in which they are done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("Graph")


class GraphModule(Module):
    """A module whose forward is a graph."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("GraphModule")


class Node:
    """One operation of a graph."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("Node")


class Proxy:
    """A value that is not known while a function is traced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("Proxy")


class Tracer:
    """Who turns a module into a graph."""

    def trace(self, root: Any, concrete_args: Any = None) -> NoReturn:
        """Refused.

        Raises:
            NotImplementedError: always.
        """
        _refuse("Tracer")


class Interpreter:
    """Who runs a graph, one operation after the other."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("Interpreter")


class Transformer(Interpreter):
    """Who makes another graph of one."""


def symbolic_trace(root: Any, concrete_args: Any = None) -> NoReturn:
    """Turn a module or function into a graph.

    Raises:
        NotImplementedError: always.
    """
    _refuse("symbolic_trace")


def replace_pattern(gm: Any, pattern: Any, replacement: Any) -> NoReturn:
    """Replace a part of a graph wherever it occurs.

    Raises:
        NotImplementedError: always.
    """
    _refuse("replace_pattern")


def wrap(fn_or_name: T) -> T:
    """Mark a function that is not looked into while another is traced."""
    return fn_or_name


__all__ = [
    "Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer", "replace_pattern",
    "symbolic_trace",
    "wrap",
]  # fmt: skip
