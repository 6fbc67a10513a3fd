"""A tensor that is two tensors: every operation is done to both."""

from __future__ import annotations

from typing import Any

from reference_engine.dispatcher.subclasses import make_wrapper_subclass
from reference_engine.tensor import Tensor
from reference_engine.utils import _pytree as pytree
from reference_engine.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing


class TwoTensor(Tensor):
    """Holds two tensors of the same shape, layout and dtype."""

    a: Any
    b: Any

    @staticmethod
    def __new__(
        cls: Any, a: Any, b: Any, outer_size: Any = None, outer_stride: Any = None, *, requires_grad: Any = None
    ) -> Any:
        same = a.device == b.device and a.layout == b.layout and a.dtype == b.dtype
        if not (same and a.requires_grad == b.requires_grad):
            raise AssertionError("Expected a and b to have same device, layout, requires_grad, and dtype")
        if a.shape != b.shape:
            raise AssertionError(f"Expected a.shape == b.shape, got {a.shape} != {b.shape}")
        for name in ("stride", "storage_offset"):
            mine, its = getattr(a, name)(), getattr(b, name)()
            if mine != its:
                raise AssertionError(f"Expected a.{name}() == b.{name}(), got {mine} != {its}")
        return make_wrapper_subclass(
            cls, a.size() if outer_size is None else outer_size,
            strides=a.stride() if outer_stride is None else outer_stride, storage_offset=a.storage_offset(),
            device=a.device, layout=a.layout, requires_grad=requires_grad or a.requires_grad, dtype=a.dtype,
        )  # fmt: skip

    def __init__(
        self, a: Any, b: Any, outer_size: Any = None, outer_stride: Any = None, *, requires_grad: Any = None
    ) -> None:
        self.a, self.b = a, b

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"TwoTensor({self.a!r}, {self.b!r})"

    def __tensor_flatten__(self) -> Any:
        return ["a", "b"], None

    @staticmethod
    def __tensor_unflatten__(inner_tensors: Any, meta: Any, outer_size: Any, outer_stride: Any) -> Any:
        if meta is not None:
            raise AssertionError("Expected meta to be None")
        return TwoTensor(inner_tensors["a"], inner_tensors["b"], outer_size, outer_stride)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def run(which: str) -> Any:
            inner = [
                pytree.tree_map_only(TwoTensor, lambda t: getattr(t, which), tree) for tree in (args, kwargs or {})
            ]
            return func(*inner[0], **inner[1])

        flat, spec = pytree.tree_flatten(run("a"))
        pairs = zip(flat, pytree.tree_leaves(run("b")), strict=True)
        out = [cls(a, b) if isinstance(a, Tensor) else a for a, b in pairs]
        return return_and_correct_aliasing(func, args, kwargs or {}, pytree.tree_unflatten(out, spec))

    def get_elem_a(self) -> Any:
        return self.a


class TwoTensorMode(TorchDispatchMode):
    """Inside, new tensors are two tensors."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        made = not any(a.kind.startswith("Tensor") for a in func._schema.arguments)
        return TwoTensor(out, out.clone()) if made and isinstance(out, Tensor) else out


__all__ = ["TwoTensor", "TwoTensorMode"]
