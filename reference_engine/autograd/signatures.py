"""Calls that do not fit a signature. Python itself refuses them; here the clause is named that it does so by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from reference_engine.semantics import cite

F = TypeVar("F", bound=Callable[..., Any])


def held_to_signature(function: F) -> F:
    """Cite what a call is refused by that lacks an argument or has one too many."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            trace = error.__traceback__
            if trace is not None and trace.tb_next is None:  # the function was not entered
                wrong = "unexpected" if "unexpected keyword" in str(error) else "missing"
                cite(f"{function.__name__}.arguments.{wrong}")
            raise

    return call  # type: ignore[return-value]
