"""``torch.autograd.Function``: operations whose derivative the user writes.

The object that ``forward`` knows as ``ctx`` and the node that stands in the graph are one and the same: an instance
of the class that the metaclass makes for each Function. How a call runs is told in ``custom.py``.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import levels
from reference_engine.autograd import engine, hooks
from reference_engine.autograd.node import Edge, InputMeta, Node, collect_edges
from reference_engine.modes import no_grad, state
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.versions import SavedTensor

if TYPE_CHECKING:
    from reference_engine.dtypes import dtype
    from reference_engine.tensor import Tensor

AUTOGRAD_FUNCTION_COUNTER = itertools.count()
UNDEFINED = InputMeta((), None)  # no gradient ever arrives for such an output


class _Guarded:
    """An attribute of ctx that may only be read, or only be written, as in torch."""

    def __init__(self, get: Callable[[Any], Any] | None = None, put: Callable[[Any, Any], None] | None = None) -> None:
        self.get, self.put = get, put

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, ctx: Any, owner: type | None = None) -> Any:
        if ctx is None:
            return self
        if self.get is None:
            raise refusal("function.ctx.attribute", name=self.name, access="readable")
        return self.get(ctx)

    def __set__(self, ctx: Any, value: Any) -> None:
        if self.put is None:
            raise refusal("function.ctx.attribute", name=self.name, access="writable")
        self.put(ctx, value)


def _saved_tensors(ctx: _FunctionBase) -> tuple[Any, ...]:
    """What was saved, checked and with its history; in ``jvp``: what was saved for forward."""
    if ctx.saved_for_forward is not None:
        return ctx.saved_for_forward
    if ctx._read_once:
        raise refusal("function.saved_tensors.once")
    if ctx._freed:
        raise refusal("engine.freed_graph")
    found = tuple(s if s is None else s.unpack(looking=True) for s in ctx._saved)
    if ctx._saved and ctx._clears:
        ctx._read_once = True
        ctx._saved = []
    return found


def _raw_saved_tensors(ctx: _FunctionBase) -> tuple[Any, ...]:
    if ctx._freed:
        raise refusal("engine.freed_graph")
    return tuple(SavedTensor(None, ctx) if s is None else s for s in ctx._saved)


def _saved_variables(ctx: _FunctionBase) -> tuple[Any, ...]:
    warn("function.saved_variables")
    return _saved_tensors(ctx)


def _set_materialize(ctx: _FunctionBase, value: Any) -> None:
    if not isinstance(value, bool):
        raise refusal("function.materialize_grads.type")
    ctx._materialize = value


class OutputInfo:
    """What is needed to make zeros in place of an undefined gradient of an output."""

    __slots__ = ("shape", "dtype", "differentiable")

    def __init__(self, shape: tuple[int, ...], dtype: dtype, differentiable: bool) -> None:
        self.shape, self.dtype, self.differentiable = shape, dtype, differentiable

    def zeros(self) -> Tensor:
        from reference_engine.ops.kernels import empty

        made = empty(self.shape, self.dtype)
        made._version_counter.value = 1  # torch fills fresh memory in place
        return levels.fresh(made) if levels.stack else made


class _FunctionBase(Node):
    """The node of a custom Function, and its ctx."""

    to_save: Any = None
    saved_for_forward: Any = None
    dirty_tensors: Any = None
    non_differentiable: Any = None
    needs_input_grad: Any = None
    requires_grad = True
    _materialize = True
    _materialize_non_diff_grads = True
    _freed = False
    _clears = False
    _boxed = False
    _read_once = False

    saved_tensors = _Guarded(_saved_tensors)
    saved_variables = _Guarded(_saved_variables)
    _raw_saved_tensors = _Guarded(_raw_saved_tensors)
    materialize_grads = _Guarded(put=_set_materialize)
    _is_pure_view = _Guarded(put=lambda ctx, value: None)

    def __init__(self) -> None:
        super().__init__()
        self._saved: list[SavedTensor | None] = []
        self._is_variable_input: list[bool] = []
        self._outputs: list[OutputInfo | None] = []

    def name(self) -> str:
        return type(self).__name__

    def maybe_clear_saved_tensors(self) -> None:
        """Forget what was saved, unless the backward that runs keeps its graph."""
        from reference_engine.autograd.engine import current_pass

        running = current_pass()
        if running is None or not running.keep_graph:
            self.release_variables()

    def add_output(self, tensor: Tensor | None) -> int:
        """Register one more result of forward; None stands for one that gets no gradient."""
        if tensor is not None:
            return self.add_input(tensor)
        self.input_metadata.append(UNDEFINED)
        return len(self.input_metadata) - 1

    def release_variables(self) -> None:
        self._saved = []
        self._freed = True

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        """Call the user's backward, and hold what it returns to the arguments of forward."""
        given = [self._given(i, g) for i, g in enumerate(grads)]
        result = self.apply_boxed(given) if self._boxed else self.apply(*given)  # type: ignore[attr-defined]
        return self._gradients(result if isinstance(result, tuple) else (result,))

    def _given(self, i: int, grad: Tensor | None) -> Tensor | None:
        info = self._outputs[i]
        if grad is not None or info is None or not self._materialize:
            return grad
        if not info.differentiable and not self._materialize_non_diff_grads:
            return None
        cite("function.materialize_grads")
        return info.zeros()

    def _gradients(self, result: tuple[Any, ...]) -> list[Tensor | None]:
        """One gradient for each tensor among the arguments.

        Raises:
            RuntimeError: too few or too many gradients, one for an argument that was no tensor, or no tensor.
        """
        from reference_engine.tensor import Tensor

        expected = len(self._is_variable_input)
        if len(result) > expected and all(g is None for g in result[expected:]):
            result = result[:expected]
        if len(result) != expected:
            raise refusal("function.backward.count", node=self.name(), expected=expected, got=len(result))
        found: list[Tensor | None] = []
        for i, (grad, is_tensor) in enumerate(zip(result, self._is_variable_input, strict=True)):
            if not is_tensor:
                if grad is not None:
                    raise refusal("function.backward.non_tensor_input", node=self.name(), position=i + 1)
                continue
            if grad is not None and not isinstance(grad, Tensor):
                raise refusal("function.backward.type", type=type(grad).__name__)
            if grad is None:
                cite("function.backward.none")
            elif not self.needs_input_grad[i]:
                cite("function.backward.not_required")
            found.append(grad)
        return found


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
    bound = inspect.signature(forward).bind(*args, **kwargs)
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


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` that cannot be differentiated: a second derivative through it is refused."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        from reference_engine.tensor import Tensor

        with no_grad():
            outputs = fn(ctx, *args, **kwargs)
        if not state.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        made = refusing_derivative(outputs if isinstance(outputs, tuple) else (outputs,), None)
        return made[0] if len(made) == 1 else made

    return wrapper


class Error(Node):
    """Refuses to be differentiated."""

    graph_name = "torch::autograd::Error"

    def __init__(self, edges: Sequence[Edge], message: str | None) -> None:
        super().__init__(edges)
        self.message = message  # None: the derivative was said not to exist

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        raise refusal("function.once_differentiable") if self.message is None else RuntimeError(self.message)


def refusing_derivative(values: tuple[Any, ...], message: str | None) -> tuple[Any, ...]:
    """The same values, made by a node that can only refuse.

    Without a message, for once_differentiable, they are made of new leaves that require grad: what they were computed
    from is none of the graph's business.
    """
    if message is None:
        values = tuple(None if v is None else v.detach().requires_grad_() for v in values)
    edges = collect_edges(values)
    if all(edge.node is None for edge in edges):
        return tuple(None if v is None else v.detach() for v in values)
    node = Error(edges, message)
    made: list[Any] = []
    for value in values:
        result = None
        if value is not None:
            result = value.detach()
            result._output_nr, result._node = node.add_input(result), node
        made.append(result)
    return tuple(made)


class InplaceFunction(Function):
    """Kept for old programs; use ``Function``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
