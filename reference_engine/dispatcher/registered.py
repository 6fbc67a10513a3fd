"""Operators of a program's own: what was registered for one, and what of it a call runs.

The order is the dispatcher's: batches (vmap), autocast, autograd, who watches, and then the kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from reference_engine import autocasting, levels, modes, views
from reference_engine.autograd import custom_batches
from reference_engine.dispatcher import pairing, watching
from reference_engine.dispatcher.operators import OpOverload
from reference_engine.tensor import Tensor, tensors_in

_UNRECORDED = (
    "{}: an autograd kernel was not registered to the Autograd key(s) but we are trying to backprop through it. This "
    "may lead to silently incorrect behavior. This behavior is deprecated and will be removed in a future version of "
    "PyTorch. If your operator is differentiable, please ensure you have registered an autograd kernel to the correct "
    "Autograd key (e.g. DispatchKey::Autograd, DispatchKey::CompositeImplicitAutograd). If your operator is not "
    "differentiable, or to squash this warning and use the previous behavior, please register "
    "torch::CppFunction::makeFallthrough() to DispatchKey::Autograd."
)
AUTOGRAD = ("AutogradCPU", "Autograd")
KERNELS = ("CPU", "CompositeExplicitAutograd", "CompositeImplicitAutograd")


class Registered:
    """All that was registered for one operator.

    Attributes:
        kernels: functions by dispatch key.
        derivative: the Function that records a call, where one was made.
        custom: made by ``custom_op``, so that its kernel is never recorded.
        rules: by class of mode or tensor, what is done in place of its ``__torch_dispatch__``.
    """

    def __init__(self, overload: OpOverload) -> None:
        self.overload, self.kernels = overload, dict[str, Callable[..., Any]]()
        self.derivative: Any = None
        self.vmap: Callable[..., Any] | None = None
        self.fake: Callable[..., Any] | None = None
        self.casts: Any = None
        self.custom = False
        self.rules: dict[type[Any], Callable[..., Any]] = {}
        overload._kernel = self.call
        overload._registered = self  # type: ignore[attr-defined]

    # -- a call --------------------------------------------------------------------------------------------------

    def call(self, *values: Any) -> Any:
        level = levels.innermost() if levels.stack else None
        if level is not None and level.kind == "vmap" and any(levels.is_mapped(t) for t in tensors_in(values)):
            return self._batched(level, values)
        if self.casts is not None and autocasting.state.enabled:
            autocasting.state.enabled = False
            try:
                return self.call(*[self._cast(value) for value in values])
            finally:
                autocasting.state.enabled = True
        return self.below(values) if modes.state.beneath else self._recorded(values)

    def _cast(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(self._cast(each) for each in value)
        return value.to(self.casts) if isinstance(value, Tensor) and value.is_floating_point() else value

    def _recorded(self, values: Sequence[Any]) -> Any:
        """The autograd kernel, or the derivative, or what the kernel itself records."""
        for key in AUTOGRAD:
            if key in self.kernels:
                return self._called(self.kernels[key], values)
        wanted = modes.state.grad and any(t.requires_grad for t in tensors_in(values))
        if self.derivative is not None and wanted:
            return self.derivative.apply(*values)
        if self.derivative is not None or self.custom:
            with modes.no_grad() if wanted else nullcontext():
                return self.below(values)
        if not any(key in self.kernels for key in KERNELS[:2]) and "CompositeImplicitAutograd" in self.kernels:
            return self.below(values)
        result = self.below(values)
        if wanted:
            for t in tensors_in(result if isinstance(result, (list, tuple)) else [result]):
                self._warn_when_differentiated(t)
        return result

    def _warn_when_differentiated(self, t: Tensor) -> None:
        if not t.requires_grad or t.is_leaf:
            return
        name, node = self.overload._name, t.grad_fn
        assert node is not None
        node.register_prehook(lambda grads: warnings.warn(_UNRECORDED.format(name), stacklevel=2))

    def below(self, values: Sequence[Any]) -> Any:
        """Who watches, or the kernel. What is written to counts as changed, whatever the kernel does."""
        if watching.used and watching.sees(values):
            result = self._shown(values)
        else:
            result = self._called(self._kernel(), values)
        for argument, value in zip(self.overload._schema.arguments, values, strict=True):
            if argument.is_write and self.custom:
                for t in tensors_in([value]):
                    views.bump(t)
        return result

    def _shown(self, values: Sequence[Any]) -> Any:
        args, kwargs = pairing.without_defaults(self.overload._schema, values)
        mode = watching.state.stack[-1] if watching.state.stack else None
        if mode is not None and type(mode) in self.rules:
            with watching.beneath(watching.state.stack[:-1]):
                return self.rules[type(mode)](mode, self.overload, (), args, kwargs)
        for kind in watching.subclasses(values) if mode is None else ():
            if kind in self.rules:
                with watching.beneath(watching.state.stack):
                    return self.rules[kind](kind, self.overload, (kind,), args, kwargs)
        return watching.offer(self.overload, args, kwargs)

    def _kernel(self) -> Callable[..., Any]:
        for key in KERNELS:
            if key in self.kernels:
                return self.kernels[key]
        raise NotImplementedError(
            f"Could not run '{self.overload._name}' with arguments from the 'CPU' backend. This could be because the "
            "operator doesn't exist for this backend, or was omitted during the selective/custom build process (if "
            "using custom build). If you are a Facebook employee using PyTorch on mobile, please visit "
            "https://fburl.com/ptmfixes for possible resolutions. "
            f"'{self.overload._name}' is only available for these backends: [{', '.join(self.kernels)}]."
        )

    def _called(self, function: Callable[..., Any], values: Sequence[Any]) -> Any:
        """Call a function of Python: trailing defaults are its own affair."""
        args, kwargs = pairing.without_defaults(self.overload._schema, values)
        return function(*args, **kwargs)

    # -- batches -------------------------------------------------------------------------------------------------

    def _batched(self, level: levels.Level, values: Sequence[Any]) -> Any:
        """By a rule of its own, or slice by slice."""
        from reference_engine.func import trees

        flat, structure = trees.flatten(tuple(values))
        below, dims = custom_batches.unwrapped(flat, level)
        if self.vmap is not None:
            args, kwargs = pairing.without_defaults(self.overload._schema, trees.unflatten(below, structure))
            in_dims = tuple(trees.unflatten(dims, structure))[: len(args)]
            info = custom_batches.VmapInfo(level.size, level.randomness)
            with levels.outside(level):
                result, out_dims = self.vmap(info, in_dims, *args, **kwargs)
            found, shape = trees.flatten(result)
            spread = trees.spread(out_dims, shape) or [None] * len(found)
            return trees.unflatten(custom_batches.wrapped(found, spread, level), shape)
        with levels.outside(level):
            results = [
                self.call(*trees.unflatten(
                    [b if d is None else b.select(d, i) for b, d in zip(below, dims, strict=True)], structure
                ))
                for i in range(level.size)
            ]  # fmt: skip
            many = isinstance(results[0], (tuple, list))
            import reference_engine as engine

            columns = list(zip(*results, strict=True)) if many else [tuple(results)]
            stacked = [engine.stack(column) for column in columns]
        made = [levels.batch(t, 0, level) for t in stacked]
        return type(results[0])(made) if many else made[0]
