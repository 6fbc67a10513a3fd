"""Functions that make tensors, as operators: ``torch.ones(2)`` is a call of ``aten.ones.default`` for who watches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine import dtypes
from reference_engine.devices import CPU, device, require
from reference_engine.dispatcher import sizes, watching
from reference_engine.layouts import LAYOUTS
from reference_engine.semantics import refusal

_OPTIONS = ("dtype", "layout", "device", "memory_format")


def _sizes(*size: Any) -> tuple[str, list[Any]]:
    only = len(size) == 1 and isinstance(size[0], (list, tuple))
    return "default", [list(size[0] if only else size)]


def _of_size_and_value(size: Any, fill_value: Any) -> tuple[str, list[Any]]:
    return "default", [list(size) if isinstance(size, (list, tuple)) else [size], _number(fill_value)]


def _arange(*args: Any, start: Any = None, end: Any = None, step: Any = None) -> tuple[str, list[Any]]:
    given = [_number(value) for value in (*args, start, end, step) if value is not None]
    return {1: "default", 2: "start", 3: "start_step"}[len(given)], given


def _eye(n: int, m: int | None = None) -> tuple[str, list[Any]]:
    return ("default", [n]) if m is None else ("m", [n, m])


def _randint(*args: Any, low: Any = 0, high: Any = None, size: Any = None) -> tuple[str, list[Any]]:
    given = [*args, *([high] if high is not None else []), *([size] if size is not None else [])]
    *bounds, size = given
    return "low" if len(bounds) == 2 else "default", [*bounds, list(size)]


def _same(*args: Any, **named: Any) -> tuple[str, list[Any]]:
    return "default", [*args, *named.values()]


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "_storage") else value


#: How the arguments of a function become an overload and its positional arguments.
FACTORIES: dict[str, Callable[..., tuple[str, list[Any]]]] = {
    "zeros": _sizes,
    "ones": _sizes,
    "empty": lambda *size: ("memory_format", _sizes(*size)[1]),
    "rand": _sizes,
    "randn": _sizes,
    "full": _of_size_and_value,
    "arange": _arange,
    "linspace": _same,
    "logspace": _same,
    "eye": _eye,
    "randint": _randint,
    "randperm": _same,
    "scalar_tensor": _same,
    "empty_strided": lambda size, stride: ("default", [list(size), list(stride)]),
}
LIKE: dict[str, Callable[..., tuple[str, list[Any]]]] = {
    **{f"{name}_like": _same for name in ("zeros", "ones", "empty", "full", "rand", "randn", "randint")},
    **{f"new_{name}": lambda t, *size: ("default", [t, *_sizes(*size)[1]]) for name in ("zeros", "ones", "empty")},
    "new_full": lambda t, size, fill_value: ("default", [t, list(size), _number(fill_value)]),
    "new_empty_strided": lambda t, size, stride: ("default", [t, list(size), list(stride)]),
}


PLAIN: dict[str, Callable[..., Any]] = {}
"""The functions themselves."""


def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; who watches is shown a call of the operator of that name."""
    PLAIN[name] = function
    arranged = FACTORIES.get(name) or LIKE[name]
    like = name in LIKE
    loose = name.removeprefix("new_") in ("zeros", "ones", "empty", "rand", "randn")

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("dtype") is not None:
            kwargs["dtype"] = dtypes.checked(kwargs["dtype"], name)
        if kwargs.get("device") is not None:
            require(kwargs["device"])
        if "size" in kwargs:
            sizes.check(name, kwargs["size"], None)
            if loose:
                args = (*args, kwargs.pop("size"))
        elif loose:
            sizes.check_loose(name, args[like:])
        elif name.endswith("full") and len(args) > like:
            sizes.check(name, args[like], 1)
        elif name == "randint" and len(args) > 1:
            sizes.check(name, args[-1], len(args))
        if not (watching.used and watching.sees(args)):
            kwargs.pop("pin_memory", None)  # there is no device to pin it for
            return function(*args, **kwargs)
        given = dict(kwargs)
        requires_grad = given.pop("requires_grad", False)
        pinned = given.pop("pin_memory", False)
        options = {key: given.pop(key) for key in _OPTIONS if key in given}
        generator = given.pop("generator", None)
        given.pop("out", None)
        overload, positional = arranged(*args, **given)
        if generator is not None:
            overload = f"{overload}_generator".removeprefix("default_")
            options["generator"] = generator
        result = watching.shown(f"{name}.{overload}", *positional, **_shown(options, like, pinned))
        return _leaf(result) if requires_grad else result

    return made


def _leaf(t: Any) -> Any:
    """A tensor, just made, as a leaf that requires grad."""
    if not t._dtype.is_differentiable:
        raise refusal("leaf.factory.dtype")
    t._leaf_requires_grad = True
    return t


def _shown(options: dict[str, Any], like: bool, pinned: bool) -> dict[str, Any]:
    """The options as an operator is given them: a device is always named, except for a tensor like another."""
    chosen = {key: value for key, value in options.items() if value is not None}
    from reference_engine.dispatcher import pairing  # which needs the tensors that are made here

    if pairing.in_formula():  # it names everything, or nothing
        strided = {"layout": LAYOUTS["strided"], "device": CPU}
        return {} if like and "dtype" not in chosen else {**chosen, **strided}
    if not like or ("device" in chosen and not isinstance(chosen["device"], device)):
        chosen["device"] = CPU
    order = ("generator", "dtype", "layout", "device", "pin_memory", "memory_format")
    chosen["pin_memory"] = pinned
    return {key: chosen[key] for key in order if key in chosen}


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a tensor of data: who watches is shown the tensor, just made."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        if not (watching.used and watching.sees(())):
            return function(*args, **kwargs)
        requires_grad = kwargs.pop("requires_grad", False)
        with watching.DisableTorchDispatch():
            result = function(*args, **kwargs)
        if any(result is given for given in args):
            return result
        result = watching.shown("lift_fresh.default", result)
        return _leaf(result) if requires_grad else result

    return made


def watch(namespace: dict[str, Any], names: Sequence[str]) -> None:
    """Replace functions of a module by their watched forms."""
    for name in names:
        namespace[name] = watched(name, namespace[name])
