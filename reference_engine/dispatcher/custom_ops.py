"""``torch.library.custom_op``: a function of tensors that becomes an operator, which nothing looks into."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from reference_engine import dtypes
from reference_engine.autograd.function import Function
from reference_engine.dispatcher import operators
from reference_engine.dispatcher.inference import infer_schema
from reference_engine.dispatcher.operators import OpOverload
from reference_engine.dispatcher.registered import Registered
from reference_engine.dispatcher.schema import FunctionSchema
from reference_engine.modes import no_grad
from reference_engine.tensor import Tensor, tensors_in

_DEVICES = (
    "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, mps, meta, hpu, mtia, "
    "privateuseone"
)
log = logging.getLogger(__name__)


def define(qualname: str, schema: str, tags: Iterable[Any] = ()) -> OpOverload:
    """Make an operator known, with a schema such as ``(Tensor x) -> Tensor``."""
    space, _, name = qualname.partition("::")
    parsed = FunctionSchema(f"{qualname}{schema}")
    packet = operators.namespace(space)._packet(name.partition(".")[0])
    overload = packet._add(OpOverload(packet, parsed, tags=[tag.name for tag in tags]))
    Registered(overload)
    return overload


def registered(overload: OpOverload) -> Registered:
    """What was registered for an operator."""
    found: Registered | None = getattr(overload, "_registered", None)
    return Registered(overload) if found is None else found


def split(qualname: str) -> tuple[str, str]:
    """Namespace and name.

    Raises:
        ValueError: not two of them.
    """
    space, name = qualname.split("::")
    return space, name


def check_device(kind: str) -> str:
    """The dispatch key of a type of device.

    Raises:
        RuntimeError: there is none of that name.
    """
    if kind not in _DEVICES.split(", "):
        raise RuntimeError(f"Expected one of {_DEVICES} device type at start of device string: {kind}")
    return kind.upper()


class CustomOpDef:
    """An operator: a function of tensors that nothing looks into."""

    def __init__(self, namespace: str, name: str, schema: str, fn: Callable[..., Any], tags: Any = None) -> None:
        self._namespace, self._name, self._init_fn, self._schema = namespace, name, fn, schema
        listed = () if tags is None else tags if isinstance(tags, (list, tuple)) else (tags,)
        operators.namespace(namespace)._forget(name)
        self._opoverload = define(f"{namespace}::{name}", schema, listed)
        self._registered = registered(self._opoverload)
        self._registered.custom = True
        self._registered.kernels["CompositeExplicitAutograd"] = self._guarded(fn)
        self._disabled: set[str] = set()

    @property
    def _qualname(self) -> str:
        return f"{self._namespace}::{self._name}"

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._opoverload(*args, **kwargs)

    def _guarded(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The kernel, which may hand on none of its arguments.

        Raises:
            RuntimeError: (from it) a result shares memory with an argument, or with another result.
        """

        def kernel(*args: Any, **kwargs: Any) -> Any:
            result = fn(*args, **kwargs)
            seen = {id(t._storage) for t in tensors_in([*args, *kwargs.values()])}
            for t in tensors_in(result if isinstance(result, (tuple, list)) else [result]):
                if id(t._storage) in seen:
                    raise RuntimeError(
                        f"{self._name} (with implementation in {inspect.getmodule(fn)}): The output of this custom "
                        "operator (1) must not also be an input to this custom operator and (2) may not alias any "
                        "inputs to this custom operator or other returns. The most common way to trigger this error "
                        "is if we have y = custom_op(x) and y and x are the same Tensor. Please instead return a clone "
                        "of the offending output tensor(s) (e.g. return x.clone()) or refactor the custom operator to "
                        "not return y."
                    )
                seen.add(id(t._storage))
            return result

        return kernel

    # -- registrations -------------------------------------------------------------------------------------------

    def register_kernel(self, device_types: Any, fn: Any = None, /) -> Any:
        """Another implementation for some devices; that for the CPU is the one that runs here."""
        kinds = [device_types] if device_types is None or isinstance(device_types, str) else list(device_types)
        keys = ["CPU" if kind is None else check_device(kind) for kind in kinds]

        def take(fn: Callable[..., Any]) -> Callable[..., Any]:
            for key in keys:
                self._registered.kernels[key] = self._guarded(fn)
            return fn

        return take if fn is None else take(fn)

    @contextmanager
    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Iterator[None]:
        """Inside, the kernel that was registered for a device is in use or not."""
        kernels, key = self._registered.kernels, device_type.upper()
        if key not in kernels:
            word = "enable" if enabled else "disable"
            log.warning(
                "Attempted to %s kernel for %s but no kernel was registered for this device type.", word, device_type
            )
            yield
            return
        kept = kernels[key]
        if not enabled:
            del kernels[key]
        try:
            yield
        finally:
            kernels[key] = kept

    def register_autograd(self, backward: Callable[..., Any], /, *, setup_context: Any = None) -> None:
        """The derivative: `setup_context(ctx, inputs, output)` keeps, `backward(ctx, *grads)` computes.

        Raises:
            RuntimeError: the operator writes to its arguments.
        """
        schema = self._opoverload._schema
        if schema.is_mutable or any(r.alias_info is not None for r in schema.returns):
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {self} with schema {schema}. "
                "Please create a functional operator and register an autograd formula for that."
            )
        register_derivative(self._registered, backward, setup_context)

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Shapes without values, which nothing here asks for."""
        self._registered.fake = fn
        return fn

    def register_vmap(self, func: Any = None) -> Any:
        """How it is batched: `func(info, in_dims, *args)` returns the output and its batch dimensions."""

        def take(func: Callable[..., Any]) -> Callable[..., Any]:
            self._registered.vmap = func
            return func

        return take if func is None else take(func)

    def register_torch_dispatch(self, torch_dispatch_class: Any, fn: Any = None, /) -> Any:
        """What is done in place of the ``__torch_dispatch__`` of a mode or of a subclass of Tensor."""

        def take(fn: Callable[..., Any]) -> Callable[..., Any]:
            self._registered.rules[torch_dispatch_class] = fn
            return fn

        return take if fn is None else take(fn)

    def register_autocast(self, device_type: str, cast_inputs: Any) -> None:
        """To what its floating point arguments are cast under autocast.

        Raises:
            ValueError: neither the type of a device nor a dtype.
        """
        register_cast(self._registered, device_type, cast_inputs)


def register_cast(entry: Registered, device_type: Any, cast_inputs: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in ("cpu", "cuda"):
        raise ValueError(f"Unknown device type: {device_type}")
    if not isinstance(cast_inputs, dtypes.dtype):
        raise ValueError(f"Expected `cast_inputs` of type `torch.dtype`, got: `{type(cast_inputs)}`")
    if device_type == "cpu":
        entry.casts = cast_inputs


def register_derivative(entry: Registered, backward: Callable[..., Any] | None, setup: Any) -> None:
    """Have calls of an operator recorded."""
    overload = entry.overload
    named = [argument.name for argument in overload._schema.arguments if argument.kwarg_only]

    def forward(ctx: Any, *args: Any) -> Any:
        with no_grad():
            result = entry.below(args)
        if setup is not None and named:
            keywords = dict(zip(named, args[-len(named) :], strict=True))
            setup(ctx=ctx, inputs=args[: -len(named)], keyword_only_inputs=keywords, output=result)
        elif setup is not None:
            setup(ctx=ctx, inputs=args, output=result)
        return result

    def run(ctx: Any, *grads: Any) -> Any:
        if backward is None:
            raise RuntimeError(
                f"Trying to backward through {overload} but no autograd formula was registered. "
                "Please use register_autograd to add one."
            )
        found = backward(ctx, *grads)
        return (*(found if isinstance(found, tuple) else (found,)), *[None] * len(named)) if named else found

    name = f"GeneratedBackwardFor_{overload._namespace}_{overload._opname}_{overload._overloadname}"
    made: Any = type(name, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(run)})
    if any(argument.kind.startswith("Tensor") and "[]" in argument.kind for argument in overload._schema.arguments):
        made = _of_lists(made, entry)
    entry.derivative = made


def _of_lists(inner: Any, entry: Registered) -> Any:
    """A Function whose arguments may be lists of tensors: it is applied to all that is in them."""
    from reference_engine.utils import _pytree as pytree

    class Applied:
        @staticmethod
        def apply(*values: Any) -> Any:
            flat, spec = pytree.tree_flatten(values)

            def forward(ctx: Any, *leaves: Any) -> Any:
                return inner.forward(_Nested(ctx, spec), *spec.unflatten(leaves))

            def backward(ctx: Any, *grads: Any) -> Any:
                result = inner.backward(_Nested(ctx, spec), *grads)
                result = result if isinstance(result, tuple) else (result,)
                found: list[Any] = []
                for value, grad in zip(values, result, strict=True):
                    leaves = pytree.tree_leaves(value)
                    found += list(grad) if isinstance(value, (list, tuple)) and grad is not None else (
                        [None] * len(leaves) if isinstance(value, (list, tuple)) else [grad]
                    )  # fmt: skip
                return tuple(found)

            body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
            made: Any = type(inner.__name__, (Function,), body)
            return made.apply(*flat)

    return Applied


class _Nested:
    """A ctx whose ``needs_input_grad`` has the shape of the arguments."""

    def __init__(self, ctx: Any, spec: Any) -> None:
        object.__setattr__(self, "_ctx", ctx)
        object.__setattr__(self, "_spec", spec)

    def __getattr__(self, name: str) -> Any:
        if name == "needs_input_grad":
            return self._spec.unflatten(self._ctx.needs_input_grad)
        return getattr(self._ctx, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._ctx, name, value)


def custom_op(
    name: str, fn: Any = None, /, *, mutates_args: str | Iterable[str], device_types: Any = None,
    schema: str | None = None, tags: Any = None,
) -> Any:  # fmt: skip
    """Make a function an operator, under the name ``namespace::name``; a decorator if it is not given."""

    def make(fn: Callable[..., Any]) -> CustomOpDef:
        text = infer_schema(fn, mutates_args=mutates_args) if schema is None else schema
        space, short = split(name)
        made = CustomOpDef(space, short, text, fn, tags)
        if not made._opoverload._schema.is_mutable:
            register_derivative(made._registered, None, None)
        if device_types is not None:
            del made._registered.kernels["CompositeExplicitAutograd"]
            made.register_kernel(device_types, fn)
        return made

    return make if fn is None else make(fn)


__all__ = ["CustomOpDef", "Tensor", "check_device", "custom_op", "define", "registered", "warnings"]
