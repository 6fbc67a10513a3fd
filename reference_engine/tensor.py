"""Tensor: a look into a storage (``tensor_base.py``), with what autograd keeps beside it.

Operations are attached by ``reference_engine.ops``; here is what a tensor *is*.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_engine import dtypes, levels
from reference_engine.autograd import hooks, leaf
from reference_engine.dispatcher import watching
from reference_engine.modes import state
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor_base import TensorBase
from reference_engine.versions import VersionCounter

if TYPE_CHECKING:
    from reference_engine.autograd.node import Node
    from reference_engine.dtypes import dtype
    from reference_engine.storage import Storage


class Tensor(TensorBase):
    """A multi-dimensional array that remembers how it was made.

    Mirrors ``torch.Tensor``: https://docs.pytorch.org/docs/stable/tensors.html
    """

    __array_priority__ = 1000  # numpy must ask our reflected operators first
    __hash__ = id

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """``torch.Tensor(2, 3)`` (uninitialised, here zeros), ``torch.Tensor([..])``, or a subclass instance."""
        from reference_engine import creation

        return creation.legacy_constructor(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @classmethod
    def _make(
        cls, storage: Storage, d: dtype, shape: tuple[int, ...], strides_: tuple[int, ...], offset: int
    ) -> Tensor:
        """A tensor over existing memory, with no history and a version counter of its own."""
        t: Tensor = object.__new__(cls)
        t._storage, t._dtype, t._shape, t._strides, t._offset = storage, d, shape, strides_, offset
        t._version_counter = VersionCounter()
        if state.inference:
            t._inference = True
        return t

    def _alias(self) -> Tensor:
        """The same memory and version counter, without history."""
        t: Tensor = object.__new__(Tensor)
        t._storage, t._dtype, t._shape, t._strides, t._offset = (
            self._storage, self._dtype, self._shape, self._strides, self._offset,
        )  # fmt: skip
        t._version_counter = self._version_counter
        if self._conj or self._neg:
            t._conj, t._neg = self._conj, self._neg
        if self._inference:
            t._inference = True
        if self._tangent is not None:
            t._tangent = self._tangent
        if self._sparse is not None:
            t._sparse = self._sparse.alias()
        if self._level is not None:
            t._level, t._below, t._batch_dim = self._level, self._below, self._batch_dim
        return t

    # -- autograd ----------------------------------------------------------------------------------------------

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf. A view whose base changed gets a new one here."""
        view = self._view
        if view is not None and view.attr_version != self._version_counter.value:
            from reference_engine import views

            views.refresh_history(self)
        return self._node

    @property
    def requires_grad(self) -> bool:
        if self._leaf_requires_grad or self._node is not None:
            return True
        return self._view is not None and self._view.base.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        leaf.set_requires_grad(self, value, "attribute")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Change whether a leaf records operations; returns the tensor."""
        leaf.set_requires_grad(self, requires_grad, "method")
        return self

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def output_nr(self) -> int:
        return self._output_nr

    @property
    def retains_grad(self) -> bool:
        return self._retains_grad

    @property
    def _version(self) -> int:
        if self._inference:
            raise refusal("inference.version_counter")
        return self._version_counter.value

    @property
    def _base(self) -> Tensor | None:
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def grad(self) -> Tensor | None:
        if self._grad is None and not self._retains_grad and self._node is not None and self.requires_grad:
            warn("leaf.grad.read_non_leaf")
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        leaf.set_grad(self, value)

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same memory, without history and with a version counter of its own: changes go unnoticed."""
        levels.refuse_mapped(self, "functorch.vmap.data")
        cite("leaf.data.own_version")
        if watching.used and self._level is None and watching.sees((self,)):
            t: Tensor = watching.shown("detach.default", self)
        else:
            t = self._alias()
        t._version_counter = VersionCounter()
        t._tangent = None
        return t

    @data.setter
    def data(self, value: Any) -> None:
        leaf.set_data(self, value)

    @property
    def grad_dtype(self) -> dtypes.dtype | None:
        """Which dtype the gradient of a leaf has; None allows any."""
        if not switch("leaf.grad_dtype"):
            if "grad_dtype" not in self.__dict__:
                raise AttributeError("'Tensor' object has no attribute 'grad_dtype'")
            return self.__dict__["grad_dtype"]
        if not self.is_leaf and not switch("leaf.grad_dtype.read_non_leaf"):
            raise refusal("leaf.grad_dtype.read_non_leaf")
        return self._dtype if self._grad_dtype is Ellipsis else self._grad_dtype

    @grad_dtype.setter
    def grad_dtype(self, value: Any) -> None:
        leaf.set_grad_dtype(self, value)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Differentiate the graph that ends here: see ``reference_engine.autograd.backward``."""
        from reference_engine import overrides
        from reference_engine.autograd.backward import backward

        if overrides.has_torch_function((self,)):
            return overrides.handle(
                Tensor.backward, (self,), (self,), gradient=gradient, retain_graph=retain_graph,
                create_graph=create_graph, inputs=inputs,
            )  # fmt: skip
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self, *given: Any) -> None:
        """Keep ``.grad`` of a non-leaf. Nothing happens for a leaf, or when called again."""
        if given:
            raise refusal("leaf.retain_grad.arguments", given=len(given))
        leaf.retain_grad(self)

    def register_hook(self, hook: Callable[..., Any]) -> hooks.RemovableHandle:
        """Call ``hook(grad)`` each time the gradient of this tensor is computed; a returned tensor replaces it."""
        return leaf.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[..., Any]) -> hooks.RemovableHandle:
        """Call ``hook(tensor)`` after ``.grad`` of this leaf was accumulated."""
        if not switch("hooks.post_accumulate.exists"):
            raise AttributeError("'Tensor' object has no attribute 'register_post_accumulate_grad_hook'")
        return leaf.register_post_accumulate_grad_hook(self, hook)

    def detach(self) -> Tensor:
        from reference_engine import overrides, views

        if overrides.has_torch_function((self,)):
            return overrides.offer(Tensor.detach, (self,), (self,), {}, native=True)
        return views.detach(self)

    def detach_(self) -> Tensor:
        from reference_engine import views

        return views.detach_in_place(self)

    def _as_numpy(self) -> np.ndarray[Any, Any]:
        return self._read()

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (Tensor, int, float, complex)):
            raise refusal("tensor.contains.type", type=type(element))
        return bool((self == element).any().item())

    def __delitem__(self, index: Any) -> None:
        raise TypeError("Tensor does not support deleting items")

    def __iter__(self) -> Any:
        if not self._shape:
            raise refusal("tensor.iter.zero_dim")
        return iter(self.unbind(0))

    def __format__(self, spec: str) -> str:
        if not self._shape and not self._storage.meta:
            return self.item().__format__(spec)
        return object.__format__(self, spec)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from reference_engine import printing

        return printing.of_tensor(self, tensor_contents)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) - {"volatile"})  # to ask for it would warn

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return leaf.deepcopy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        from reference_engine import serialization

        return serialization.reduce(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = any(
            "__torch_function__" in vars(base) for base in cls.__mro__ if base is cls or Tensor not in base.__mro__
        )
        if own and not cls.__module__.startswith("reference_engine."):
            from reference_engine import subclass_calls

            subclass_calls.offered(cls, Tensor)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from reference_engine import overrides

        return overrides.of_subclass(cls, func, types, args, kwargs)

    __torch_dispatch__ = classmethod(watching._unset)

    def as_subclass(self, cls: type[Any]) -> Any:
        """A differentiable alias of this tensor, of another type."""
        from reference_engine.overrides import DisableTorchFunctionSubclass

        if not (isinstance(cls, type) and issubclass(cls, Tensor)):
            raise TypeError(
                "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. "
                "Make sure your class inherits from Tensor."
            )
        with DisableTorchFunctionSubclass():
            made = self._view_alias()
        made.__class__ = cls
        return made

    def __copy__(self) -> Tensor:
        return leaf.shallow_copy(self)

    if TYPE_CHECKING:  # operations are attached by reference_engine.ops

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...


def is_tensor(obj: Any, /) -> bool:
    return isinstance(obj, Tensor)


def tensors_in(values: Sequence[Any]) -> list[Tensor]:
    """The tensors among bound arguments, those in lists included, in order."""
    found: list[Tensor] = []
    for v in values:
        if isinstance(v, Tensor):
            found.append(v)
        elif isinstance(v, (list, tuple)):
            found.extend(x for x in v if isinstance(x, Tensor))
    return found


__all__ = ["Tensor", "is_tensor", "tensors_in", "weakref"]
