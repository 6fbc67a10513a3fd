"""``torch.library``: operators of a program's own, with a derivative if they are given one.

Source: https://docs.pytorch.org/docs/stable/library.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from reference_engine.dispatcher import custom_ops, operators
from reference_engine.dispatcher.checks import opcheck
from reference_engine.dispatcher.custom_ops import CustomOpDef, custom_op
from reference_engine.dispatcher.inference import infer_schema
from reference_engine.dispatcher.keys import DispatchKey
from reference_engine.dispatcher.operators import OpOverload
from reference_engine.dispatcher.registered import Registered

__all__ = [
    "CustomOpDef", "Library", "custom_op", "define", "fallthrough_kernel", "get_ctx", "get_kernel", "impl",
    "impl_abstract", "infer_schema", "opcheck", "register_autocast", "register_autograd", "register_fake",
    "register_kernel", "register_torch_dispatch", "register_vmap", "triton_op", "wrap_triton",
]  # fmt: skip

_RESERVED = {"prim"}
_defined: set[str] = set()


def fallthrough_kernel() -> None:
    """Registered in the place of a function, it stands for none.

    Raises:
        NotImplementedError: it is called.
    """
    raise NotImplementedError("fallthrough_kernel() should never be called.")


def _found(op: Any) -> OpOverload:
    """The operator that is meant.

    Raises:
        RuntimeError: there is none of that name.
    """
    if isinstance(op, CustomOpDef):
        return op._opoverload
    if isinstance(op, OpOverload):
        return op
    if isinstance(op, operators.OpOverloadPacket):
        return op.default
    if not isinstance(op, str):
        raise ValueError(f"register_*(op): got unexpected type for op: {type(op)}")
    try:
        return operators.named(op)
    except AttributeError:
        raise RuntimeError(f"operator {op} does not exist") from None


class Library:
    """Definitions and kernels of a namespace.

    Args:
        kind: "DEF" for the one library that defines a namespace, "FRAGMENT" to add to one, "IMPL" for kernels only.

    Raises:
        ValueError: another kind, or a reserved namespace.
        RuntimeError: a second library that defines the namespace.
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in _RESERVED and kind in ("DEF", "FRAGMENT"):
            raise ValueError(f"{ns} is a reserved namespace. Please try creating a library with another name.")
        if kind == "DEF" and ns in _defined:
            raise RuntimeError(
                f"Only a single TORCH_LIBRARY can be used to register the namespace {ns}; please put all of your "
                "definitions in a single TORCH_LIBRARY block.  If you were trying to specify implementations, consider "
                "using TORCH_LIBRARY_IMPL (which can be duplicated).  If you really intended to define operators for "
                "a single namespace in a distributed way, you can use TORCH_LIBRARY_FRAGMENT to explicitly indicate "
                "this."
            )
        if kind == "DEF":
            _defined.add(ns)
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._made: list[str] = []
        self._undo: list[tuple[Registered, str]] = []

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Make an operator known: ``define("f(Tensor x) -> Tensor")``. Returns its name.

        Raises:
            RuntimeError: it is known already, or an unknown `alias_analysis`.
        """
        if alias_analysis not in ("", "FROM_SCHEMA", "CONSERVATIVE"):
            raise RuntimeError(f"Invalid alias_analysis type {alias_analysis}")
        name = schema.partition("(")[0].strip()
        packet = operators.namespace(self.ns)._packet(name.partition(".")[0])
        if (name.partition(".")[2] or "default") in packet._found:
            raise RuntimeError(
                f"Tried to register an operator ({self.ns}::{schema}) with the same name and overload name multiple "
                "times. Each overload's schema should only be registered with a single call to def()."
            )
        listed = tags if isinstance(tags, (list, tuple)) else (tags,)
        custom_ops.define(f"{self.ns}::{name}", schema[schema.index("(") :], listed)
        self._made.append(name)
        return name

    def impl(
        self, op_name: Any, fn: Callable[..., Any], dispatch_key: str = "", *, with_keyset: bool = False,
        allow_override: bool = False,
    ) -> None:  # fmt: skip
        """Register the kernel of an operator for a dispatch key.

        Raises:
            TypeError: no function. RuntimeError: an unknown key.
        """
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        key = dispatch_key or self.dispatch_key or "CompositeImplicitAutograd"
        if key not in DispatchKey.__members__:
            raise RuntimeError(f"could not parse dispatch key: {key}")
        name = op_name._name if isinstance(op_name, OpOverload) else op_name
        name = name if "::" in name else f"{self.ns}::{name}"
        try:
            entry = custom_ops.registered(operators.named(name))
        except AttributeError:
            return  # it may be defined later
        if fn is fallthrough_kernel:
            entry.kernels.pop(key, None)
            return
        entry.kernels[key] = functools.partial(fn, None) if with_keyset else fn
        self._undo.append((entry, key))

    def fallback(self, fn: Callable[..., Any], dispatch_key: str = "", *, with_keyset: bool = False) -> None:
        """A kernel for all operators of a key, which this engine has none of.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("Library.fallback: this engine has no keys that all operators go through")

    def _register_fake(self, op_name: str, fn: Callable[..., Any], *args: Any, **options: Any) -> None:
        custom_ops.registered(_found(f"{self.ns}::{op_name}")).fake = fn

    def _destroy(self) -> None:
        """Forget what was defined and registered here."""
        for entry, key in self._undo:
            entry.kernels.pop(key, None)
        for name in self._made:
            operators.namespace(self.ns)._forget(name.partition(".")[0])
        _defined.discard(self.ns) if self.kind == "DEF" else None
        self._undo, self._made = [], []


@contextmanager
def _scoped_library(*args: Any, **kwargs: Any) -> Iterator[Library]:
    """A library that is forgotten at the end."""
    library = Library(*args, **kwargs)
    try:
        yield library
    finally:
        library._destroy()


def define(qualname: Any, schema: Any, *, lib: Library | None = None, tags: Any = ()) -> Any:
    """Make an operator known: ``define("mylib::f", "(Tensor x) -> Tensor")``.

    Raises:
        ValueError: no such name, or no such schema.
    """
    if callable(schema):  # the older form, a decorator
        return _decorated_define(qualname, lib, tags)(schema)
    if not isinstance(qualname, str):
        raise ValueError(f"define(qualname, schema): expected qualname to be instance of str, got {type(qualname)}")
    space, name = _names(qualname)
    if not re.fullmatch(r"\(.*\) -> .*", schema):
        raise ValueError(
            f'define(qualname, schema, ...): expected schema to look like e.g. "(Tensor x) -> Tensor" but got '
            f'"{schema}"'
        )
    (lib or Library(space, "FRAGMENT")).define(name + schema, tags=tags)


def _decorated_define(library: Any, schema: Any, tags: Any) -> Any:
    def take(function: Callable[..., Any]) -> Callable[..., Any]:
        name = library.define(schema, tags=tags)
        library.impl(name, function)
        return function

    return take


def _names(qualname: str) -> tuple[str, str]:
    parts = qualname.split("::")
    if len(parts) != 2:
        raise ValueError(
            f'Expected `qualname` to be of the form "namespace::name", but got {qualname}. The qualname passed to the '
            "torch.library APIs must consist of a namespace and a name, e.g. aten::sin"
        )
    return parts[0], parts[1]


def impl(qualname: Any, types: Any, func: Any = None, *, lib: Library | None = None) -> Any:
    """Register a kernel of an operator for types of devices, or for a dispatch key; "default" is for all devices."""
    if isinstance(qualname, Library):  # the older form: a library, a name and a key
        library, name, key = qualname, types, func or ""

        def take_older(function: Callable[..., Any]) -> Callable[..., Any]:
            library.impl(name, function, key)
            return function

        return take_older
    given = [types] if isinstance(types, str) else list(types)
    keys = [_key(each) for each in given]

    def take(function: Callable[..., Any]) -> Callable[..., Any]:
        space, _ = _names(qualname)
        for key in keys:
            (lib or Library(space, "FRAGMENT")).impl(qualname, function, key)
        return function

    if func is None:
        return take
    take(func)
    return None


def _key(kind: str) -> str:
    if kind in DispatchKey.__members__:
        return kind
    return "CompositeExplicitAutograd" if kind == "default" else custom_ops.check_device(kind)


def register_kernel(op: Any, device_types: Any, func: Any = None, /, *, lib: Library | None = None) -> Any:
    """``CustomOpDef.register_kernel`` by name."""
    if isinstance(op, CustomOpDef):
        return op.register_kernel(device_types, func)
    name = op._name if isinstance(op, OpOverload) else op
    return impl(name, "default" if device_types is None else device_types, func, lib=lib)


def register_autograd(op: Any, backward: Callable[..., Any], /, *, setup_context: Any = None, lib: Any = None) -> None:
    """``CustomOpDef.register_autograd`` by name."""
    if isinstance(op, CustomOpDef):
        op.register_autograd(backward, setup_context=setup_context)
        return
    overload = operators.named(op) if isinstance(op, str) else _found(op)
    if overload._schema.is_mutable:
        raise RuntimeError(
            f"Cannot register autograd formula for non-functional operator {overload} with schema {overload._schema}. "
            "Please create a functional operator and register an autograd formula for that."
        )
    custom_ops.register_derivative(custom_ops.registered(overload), backward, setup_context)


def register_fake(
    op: Any, func: Any = None, /, *, lib: Any = None, _stacklevel: int = 1, allow_override: bool = True
) -> Any:
    """``CustomOpDef.register_fake`` by name."""

    def take(func: Callable[..., Any]) -> Callable[..., Any]:
        custom_ops.registered(_found(op)).fake = func
        return func

    return take if func is None else take(func)


def impl_abstract(qualname: Any, func: Any = None, *, lib: Any = None, _stacklevel: int = 1) -> Any:
    """The older name of ``register_fake``."""
    return register_fake(qualname, func, lib=lib)


def register_vmap(op: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """``CustomOpDef.register_vmap`` by name."""

    def take(func: Callable[..., Any]) -> Callable[..., Any]:
        custom_ops.registered(_found(op)).vmap = func
        return func

    return take if func is None else take(func)


def register_torch_dispatch(op: Any, torch_dispatch_class: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """``CustomOpDef.register_torch_dispatch`` by name."""

    def take(func: Callable[..., Any]) -> Callable[..., Any]:
        custom_ops.registered(_found(op)).rules[torch_dispatch_class] = func
        return func

    return take if func is None else take(func)


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Any = None) -> None:
    """``CustomOpDef.register_autocast`` by name."""
    custom_ops.register_cast(custom_ops.registered(_found(op)), device_type, cast_inputs)


def get_ctx() -> Any:
    """What a fake kernel may ask; nothing runs one here."""
    return None


def get_kernel(op: Any, dispatch_key: Any) -> Callable[..., Any]:
    """The kernel of an operator for a dispatch key.

    Raises:
        RuntimeError: there is none.
    """
    key = getattr(dispatch_key, "name", dispatch_key)
    overload = _found(op)
    kernel = custom_ops.registered(overload).kernels.get(key)
    if kernel is None:
        raise RuntimeError(f"No kernel for {overload._name} with dispatch key {key}")
    return lambda keyset, *args: kernel(*args)


def triton_op(name: str, fn: Any = None, /, *, mutates_args: str | Iterable[str], schema: str | None = None) -> Any:
    """An operator made of kernels for a GPU; here its own function is all that runs."""
    return custom_op(name, fn, mutates_args=mutates_args, schema=schema)


def wrap_triton(triton_kernel: Any, /) -> Any:
    """There are no kernels for a GPU here.

    Raises:
        ModuleNotFoundError: always.
    """
    raise ModuleNotFoundError("No module named 'triton'")
