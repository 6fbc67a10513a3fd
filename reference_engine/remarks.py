"""What is known of the numbers in a memory: which clause of the specification they are an instance of.

Numbers are looked at, or written over, long after the operation that made them. The clause is kept with their memory,
so that it is cited there too.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from reference_engine.semantics import cite

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

_clauses: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""By memory."""


def remember(t: Tensor, clause: str) -> None:
    """Cite a clause, and keep it with the memory of a tensor."""
    cite(clause)
    _clauses[t._storage] = clause


def remembered(t: Tensor) -> str | None:
    """The clause that the numbers of a tensor are an instance of, if any."""
    return _clauses.get(t._storage) if _clauses else None


def recall(t: Tensor | None) -> None:
    """Cite again what is known of the numbers of a tensor."""
    clause = None if t is None else remembered(t)
    if clause is not None:
        cite(clause)


def hand_on(source: Tensor, copy: Tensor) -> None:
    """What is known of a tensor's numbers holds for a copy of them."""
    clause = remembered(source)
    if clause is not None:
        _clauses[copy._storage] = clause
