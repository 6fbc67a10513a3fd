"""Which keywords are for the functions that make tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SIMPLE = ("device", "dtype", "memory_format")


def factory_kwargs(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The keywords for factories among those of a constructor, given as they are or under ``factory_kwargs``.

    Raises:
        TypeError: there are others, or one is given twice.
    """
    if kwargs is None:
        return {}
    others = kwargs.keys() - {*_SIMPLE, "factory_kwargs"}
    if others:
        raise TypeError(f"unexpected kwargs {others}")
    made = dict(kwargs.get("factory_kwargs", {}))
    for name in _SIMPLE:
        if name not in kwargs:
            continue
        if name in made:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        made[name] = kwargs[name]
    return made
