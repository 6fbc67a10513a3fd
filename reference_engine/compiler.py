"""``torch.compile`` and ``torch.compiler``: every function is run as it is written, which is what its results are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


def compile(
    model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = "inductor",
    mode: str | None = None, options: Any = None, name: str | None = None, disable: bool = False,
    recompile_limit: int | None = None, isolate_recompiles: bool = False, shapes_spec: Any = None,
) -> Any:  # fmt: skip
    """The function or module itself; a decorator if none is given.

    Raises:
        RuntimeError: both a mode and options.
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    return model if model is not None else lambda function: function


def is_compiling() -> bool:
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """`fn` as it is; a decorator if none is given."""
    return fn if fn is not None else lambda function: function


def allow_in_graph(fn: Any) -> Any:
    return fn


assume_constant_result = allow_in_graph


def reset() -> None:
    """Nothing is kept."""


def cudagraph_mark_step_begin() -> None:
    """There are no such graphs."""


@contextlib.contextmanager
def set_stance(*stance: Any, **options: Any) -> Iterator[None]:
    """How code is compiled inside: not at all."""
    yield


def list_backends(exclude_tags: Any = ()) -> list[str]:
    return ["eager"]


Function = Callable[..., Any]
