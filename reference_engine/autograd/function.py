"""``torch.autograd.Function``: operations whose derivative the user writes.

The object that ``forward`` knows as ``ctx`` and the node that stands in the graph are one and the same: an instance
of the class that the metaclass makes for each Function. How a call runs is told in ``custom.py``.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html
"""

from __future__ import annotations

import inspect
import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from reference_engine import levels
from reference_engine.autograd import engine, hooks
from reference_engine.autograd.function_node import _FunctionBase
from reference_engine.autograd.once_differentiable import once_differentiable
from reference_engine.semantics import cite, refusal, switch, warn

AUTOGRAD_FUNCTION_COUNTER = itertools.count()


class FunctionCtx:
    """What ``forward``, ``setup_context`` and ``backward`` may do with their ctx."""

    to_save: Any

    def save_for_backward(self, *tensors: Any) -> None:
        """Save tensors for ``backward``, where they are read as ``ctx.saved_tensors``; None is allowed."""
        running: Any = engine.current_node()
        if running is self:
            cite("function.save_for_backward.late")
        elif self.to_save is not None:
            cite("function.save_for_backward.twice")
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Save tensors for ``jvp``.

        Raises:
            AssertionError: something else than a tensor or None.
        """
        from reference_engine.tensor import Tensor

        for tensor in tensors:
            if not (isinstance(tensor, Tensor) or tensor is None):
                raise refusal("function.save_for_forward.type")
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Say that these inputs were changed in place. They must be returned."""
        self.dirty_tensors = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Deprecated, and without effect."""
        warn("function.mark_shared_storage")

    def mark_non_differentiable(self, *args: Any) -> None:
        """Say that these outputs do not require grad."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether undefined gradients are given to ``backward`` and ``jvp`` as zeros (they are, by default)."""
        self.materialize_grads = value


_ContextMethodMixin = FunctionCtx


class _HookMixin:
    @staticmethod
    def _register_hook(backward_hooks: Any, hook: Any) -> tuple[Any, hooks.RemovableHandle]:
        if backward_hooks is None:
            backward_hooks = OrderedDict()
        return backward_hooks, hooks.add(backward_hooks, hook)


class BackwardCFunction(_FunctionBase, FunctionCtx, _HookMixin):
    """The base of the node classes that the metaclass makes."""

    _forward_cls: Any
    _autograd_function_id: int

    def __call__(self, *grads: Any, **kwargs: Any) -> Any:
        raise TypeError(f"'{type(self).__name__}' object is not callable")  # unlike other nodes

    def _get_user_fn(self) -> Callable[..., Any]:
        backward, vjp = self._forward_cls.backward, self._forward_cls.vjp
        if backward is not Function.backward and vjp is not Function.vjp:
            raise refusal("function.backward.both")
        return vjp if vjp is not Function.vjp else backward

    def apply(self, *args: Any) -> Any:
        """What the user's ``backward`` or ``vjp`` makes of these gradients."""
        return self._get_user_fn()(self, *([list(args)] if self._boxed else args))

    def apply_boxed(self, grads: list[Any]) -> Any:
        """The same, the gradients handed over in one list that backward may empty."""
        return self._get_user_fn()(self, grads)

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{type(self).__name__} object at {id(self):#x}>"

    def apply_jvp(self, *args: Any) -> Any:
        """What the user's ``jvp`` makes of these tangents."""
        return self._forward_cls.jvp(self, *args)


class FunctionMeta(type):
    """Makes the node class that belongs to each Function: ``MyFunction`` gets ``MyFunctionBackward``."""

    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        node: Any = type(name + "Backward", (BackwardCFunction,), {"_forward_cls": cls})
        node._autograd_function_id = next(AUTOGRAD_FUNCTION_COUNTER)
        node.__module__ = "torch.autograd.function"
        cls._backward_cls = node
        super().__init__(name, bases, attrs)


class _SingleLevelFunction(_FunctionBase, FunctionCtx, _HookMixin, metaclass=FunctionMeta):
    """What the user overrides."""

    clear_saved_tensors_on_access = False
    boxed_grads_call = False

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """``forward(ctx, *args)``; or ``forward(*args)`` beside ``setup_context(ctx, inputs, output)``."""
        raise refusal("function.forward.missing")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Prepare ctx for backward, where ``forward`` takes no ctx."""
        _require("setup_context")
        raise refusal("function.setup_context.missing")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments of ``forward``, given those of its outputs; alias ``vjp``."""
        raise refusal("function.backward.missing")

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs of ``forward``, given those of its arguments."""
        raise refusal("function.jvp.missing")


class Function(_SingleLevelFunction):
    """Base of user-defined operations: subclass it, define ``forward`` and ``backward``, and call ``apply``."""

    generate_vmap_rule = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        _FunctionBase.__init__(made)
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn("function.instantiated", type=type(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise refusal("function.legacy_call")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """How the operation behaves under ``vmap``: returns the output and its batch dimensions."""
        _require("vmap")
        raise refusal("function.vmap.undefined")

    @classmethod
    def _check_transforms(cls, separate: bool) -> None:
        """What ``torch.func`` asks of a Function.

        Raises:
            RuntimeError: it does not define ``setup_context``; or, directly under vmap: it says nothing about vmap, or
                two things.
        """
        if not separate:
            raise refusal("function.setup_context.transforms")
        if levels.stack[-1].kind == "vmap":
            own = cls.vmap is not Function.vmap
            if own and cls.generate_vmap_rule:
                raise refusal("function.vmap.both", function=cls.__name__)
            if not own and not cls.generate_vmap_rule:
                raise refusal("function.vmap.missing", function=cls.__name__)

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` as one step of the graph."""
        from reference_engine.autograd import custom

        separate = switch("function.setup_context") and cls.setup_context is not Function.setup_context
        if levels.stack:
            cls._check_transforms(separate)
        if separate and switch("function.setup_context.defaults_bound"):
            args, kwargs = _with_defaults(cls.forward, args, kwargs)
        if kwargs:
            args = _positional(cls.forward, args, kwargs, 0 if separate else 1)
        return custom.call(cls, args, separate)


def _require(name: str) -> None:
    """Refuse a method that came with setup_context, as Python does where there is none."""
    if not switch("function.setup_context"):
        raise AttributeError(f"type object 'Function' has no attribute '{name}'")


def _of_a_node(name: str) -> property:
    """An attribute of nodes, which an instance of a Function has by version."""

    def read(self: Function) -> Any:
        if not switch("function.instance.is_node"):
            raise refusal("function.instance.attribute", name=name)
        return getattr(super(Function, self), name)

    return property(read)


for _name in (
    "_input_metadata", "_register_hook_dict", "_sequence_nr", "_set_sequence_nr", "name", "next_functions",
    "register_hook", "register_prehook",
):  # fmt: skip
    setattr(Function, _name, _of_a_node(_name))


def _with_defaults(
    forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        bound = inspect.signature(forward).bind(*args, **kwargs)
    except TypeError as error:
        if "missing" in str(error):
            cite("function.setup_context.missing_argument")
        raise
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _positional(forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any], skip: int) -> tuple[Any, ...]:
    """Keywords put into their places: what backward returns is one gradient a place.

    Raises:
        TypeError: an unknown keyword, one given twice, or a gap before one.
    """
    if not switch("function.apply.keywords_bound"):
        raise refusal("function.apply.keywords")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in inspect.signature(forward).parameters.values() if p.kind in kinds][skip:]
    placed = dict(enumerate(args))
    for name, value in kwargs.items():
        if name not in names:
            raise refusal("function.apply.keyword_unknown", name=name)
        if names.index(name) in placed:
            raise refusal("function.apply.keyword_twice", name=name)
        placed[names.index(name)] = value
    for i in range(len(placed)):
        if i not in placed:
            raise refusal("function.apply.keyword_gap", name=names[i], position=i)
    return tuple(placed[i] for i in range(len(placed)))


class InplaceFunction(Function):
    """Kept for old programs; use ``Function``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


__all__ = [
    "BackwardCFunction", "Function", "FunctionCtx", "FunctionMeta", "InplaceFunction", "once_differentiable",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "NestedIOFunction":  # made of Function
        from reference_engine.autograd.nested import NestedIOFunction

        return NestedIOFunction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
