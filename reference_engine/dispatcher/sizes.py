"""The sizes that a function which makes a tensor is given: ``zeros(2, 3)``, ``zeros((2, 3))``, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.semantics import switch


def _is_size(value: Any) -> bool:
    if isinstance(value, (int, np.integer)):
        return not isinstance(value, bool)
    return hasattr(value, "_storage") and value.numel() == 1 and value.dtype.category == 1


def check_loose(name: str, given: tuple[Any, ...]) -> None:
    """Refuse what is no shape, and no numbers that make one.

    Raises:
        TypeError: no sizes, or something else than integers.
    """
    if not given:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    first = given[0]
    if not isinstance(first, (list, tuple)):
        if not _is_size(first):
            _refuse_shape(name, first, 1)
        check(name, given, 1)
    elif len(given) > 1:
        raise TypeError(f"{name}() takes 1 positional argument but {len(given)} were given")
    else:
        check(name, first, 1)


def check(name: str, size: Any, position: int | None) -> None:
    """Refuse what is no shape; `position` is where it stands, if it was not given by its name.

    Raises:
        TypeError: no sequence of integers.
    """
    if not isinstance(size, (list, tuple)):
        _refuse_shape(name, size, position)
    for at, value in enumerate(size):
        if _is_size(value):
            continue
        got = _type_name(value)
        if at:
            raise TypeError(
                f"{name}(): argument 'size' failed to unpack the object at pos {at + 1} with error "
                f'"type must be tuple of ints,but got {got}"'
            )
        if position is None:
            _refuse_shape(name, size, None)
        raise TypeError(
            f"{name}(): argument 'size' (position {position}) must be tuple of ints, but found element of type {got} "
            "at pos 0"
        )


def _refuse_shape(name: str, size: Any, position: int | None) -> None:
    place = f"{name}(): argument 'size'" + ("" if position is None else f" (position {position})")
    if position is None or switch("tensor.size.not_a_shape"):
        raise TypeError(f"{place} must be tuple of ints, not {_type_name(size)}")
    raise TypeError(f"{place} must be tuple of ints, but found element of type {_type_name(size)} at pos 0")


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__
