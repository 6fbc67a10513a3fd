"""Functions that torch writes in Python: their parameters can be looked at, and Python itself refuses wrong ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from reference_engine.ops.declare import Op

REQUIRED: Any = inspect.Parameter.empty

#: Which of two functions a flag chooses, and what refusals call the one that is chosen without it.
BY_FLAG = {
    **{f"nn.functional.max_pool{n}d": f"_max_pool{n}d" for n in (1, 2, 3)},
    **{f"nn.functional.adaptive_max_pool{n}d": f"_adaptive_max_pool{n}d" for n in (1, 2, 3)},
    **{f"nn.functional.fractional_max_pool{n}d": f"_fractional_max_pool{n}d" for n in (2, 3)},
    "unique": "_return_output",
    "unique_consecutive": "_consecutive_return_output",
}
_SPOKEN = {**BY_FLAG, "nn.functional.threshold": "_threshold"}

#: What functions call their parameters, where methods call them otherwise.
_NAMES = {"split": {"self": "tensor", "split_size": "split_size_or_sections"}}


def parameters(op: Op, is_method: bool) -> dict[str, Any]:
    """Names and defaults, in order; where results can be written to ``out``, it stands before the dtype."""
    names = {} if is_method else {"self": "input", **_NAMES.get(op.name, {})}
    made = {names.get(p.name, p.name): REQUIRED if p.required else p.default for p in op.params}
    if op.out and not is_method and "." not in op.name:
        last = {name: made.pop(name) for name in ("dtype",) if name in made}
        made = {**made, "out": None, **last}
    return made


def spoken(name: str, is_method: bool) -> str:
    """What refusals call the function of a dotted name."""
    short = name.rpartition(".")[2]
    return f"Tensor.{short}" if is_method else _SPOKEN.get(name, short)


def checker(op: Op, is_method: bool) -> Callable[..., None]:
    """A function with the parameters of the op, which does nothing: to be called for what Python has to say."""
    names = parameters(op, is_method)
    listed = [name if default is REQUIRED else f"{name}=_defaults[{name!r}]" for name, default in names.items()]
    if op.name.startswith("nn.functional."):
        places = sum(not p.keyword_only for p in op.params)
        listed[places:] = ["*", *listed[places:]] if places < len(listed) else []
    space: dict[str, Any] = {"_defaults": names}
    exec(f"def check({', '.join(listed)}): pass", space)
    made: Any = space["check"]
    made.__name__ = op.name.rpartition(".")[2]
    made.__qualname__ = spoken(op.name, is_method)
    return made


def checked(
    op: Op, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as the op takes them, once Python has nothing against them.

    Raises:
        TypeError: too many, too few, twice, or by a name that no parameter has.
    """
    found = _CHECKERS.get((id(op), is_method))
    if found is None:
        places = sum(not p.keyword_only for p in op.params)
        found = checker(op, is_method), places, list(parameters(op, is_method))
        _CHECKERS[id(op), is_method] = found
    check, places, names = found
    check(*args, **kwargs)
    if len(args) > places:
        kwargs = {**dict(zip(names[places:], args[places:], strict=False)), **kwargs}
        args = args[:places]
    if kwargs and not is_method and op.name in _NAMES:  # by place, as the op has other names
        given = {**parameters(op, is_method), **dict(zip(names, args, strict=False)), **kwargs}
        return tuple(given.values()), {}
    return args, kwargs


_CHECKERS: dict[tuple[int, bool], tuple[Callable[..., None], int, list[str]]] = {}


def signature(op: Op, is_method: bool) -> inspect.Signature:
    """What ``inspect`` says of the function."""
    if op.name in BY_FLAG and not is_method:
        return inspect.signature(lambda *args, **kwargs: None)
    return inspect.signature(checker(op, is_method))
