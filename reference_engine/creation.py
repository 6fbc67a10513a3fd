"""Making tensors from nothing: values, constants, ranges, and their ``_like`` and ``new_`` forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, meta, strides, subclass_calls
from reference_engine.autograd import saved
from reference_engine.dispatcher import factories
from reference_engine.dtypes import dtype
from reference_engine.layouts import strides_in
from reference_engine.modes import state
from reference_engine.ops.kernels import empty as empty_of
from reference_engine.ops.kernels import from_array, multiply_add
from reference_engine.semantics import cite, quiet, refusal, switch, warn
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor

preserve_format = "torch.preserve_format"


def _finish(t: Tensor, requires_grad: bool) -> Tensor:
    """Set the flag of a fresh leaf."""
    cite("leaf.factory")
    if levels.stack and t._level is None:
        t = levels.fresh(t)
    if requires_grad:
        if not t._dtype.is_differentiable:
            raise refusal("leaf.factory.dtype")
        t._leaf_requires_grad = True
    return t


def _infer_dtype(array: Any) -> dtype:
    if array.dtype.kind == "b":
        return dtypes.bool_
    if array.dtype.kind in "iu":
        return dtypes.int64
    if array.dtype.kind == "c":
        return dtypes.get_default_dtype().to_complex()
    return dtypes.get_default_dtype()


def _plain(data: Any) -> Any:
    """Nested sequences of numbers, with tensors in them replaced by their values."""
    if isinstance(data, Tensor):
        return data._read()
    if isinstance(data, (list, tuple)):
        for x in data:
            if isinstance(x, Tensor) and x.requires_grad and state.grad and switch("tensor.scalar.warns"):
                warn("tensor.scalar.requires_grad")
        return [_plain(x) for x in data]
    return data


def tensor(
    data: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A leaf with a copy of ``data``: a number, nested sequences of numbers, a NumPy array or a tensor."""
    dtype = dtypes.checked(dtype, "tensor")
    if isinstance(data, Tensor):
        warn("tensor.copy_construct", function="torch.tensor")
        if levels.is_mapped(data) or data._sparse is not None:
            return data.detach().clone() if dtype is None else data.detach().to(dtype, copy=True)
        return _finish(from_array(data._read(), dtype or data._dtype), requires_grad)
    if isinstance(data, (np.ndarray, np.generic)):
        array: Any = np.asarray(data)
        found = dtypes.BY_NUMPY.get(array.dtype)
        if found is None and array.dtype.kind != "O":
            found = _infer_dtype(array)
    else:
        array = _to_array(data)
        found = _infer_dtype(array) if array.size or array.dtype.kind != "f" else dtypes.get_default_dtype()
    chosen = dtype or found
    assert chosen is not None
    if array.dtype.kind == "c" and not chosen.is_complex:
        raise refusal("tensor.value.complex_to_real")
    with quiet():  # what is too large becomes infinite
        made = _finish(from_array(dtypes.nearest(array, chosen).astype(chosen.np), chosen), requires_grad)
    saved.before_write(made)
    return made


def _to_array(data: Any) -> Any:
    plain = _plain(data)
    _check_rectangular(plain)
    array = np.array(plain)
    if array.dtype.kind not in "biufc":
        raise refusal("tensor.value.type", type=type(data).__name__)
    if array.size == 0:
        array = array.astype(np.float64)
    return array


def _check_rectangular(data: Any) -> tuple[int, ...]:
    if isinstance(data, np.ndarray):
        return data.shape
    if not isinstance(data, list):
        return ()
    shapes = [_check_rectangular(x) for x in data]
    for s in shapes:
        if s != shapes[0]:
            if s and shapes[0]:
                raise refusal("tensor.value.ragged", expected=shapes[0][0], got=s[0], dim=1)
            raise refusal("tensor.value.mixed")
    return (len(data), *(shapes[0] if shapes else ()))


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """The tensor itself where possible, else a leaf with the data."""
    dtype = dtypes.checked(dtype, "as_tensor")
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and (dtype is None or dtypes.BY_NUMPY.get(data.dtype) is dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor over the memory of a NumPy array (of a copy, if the array is not contiguous)."""
    d = dtypes.BY_NUMPY[array.dtype]
    if not array.flags.c_contiguous:
        return from_array(array, d)
    storage = Storage(0)
    storage.bytes = array.reshape(-1).view(np.uint8)
    return Tensor._make(storage, d, array.shape, strides.contiguous(array.shape), 0)


def shape_of(size: Sequence[Any]) -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    shape = tuple(int(s) for s in size)
    if any(s < 0 for s in shape):
        raise refusal("tensor.size.negative", size=next(s for s in shape if s < 0), shape=list(shape))
    return shape


def is_sparse_layout(layout: Any) -> bool:
    return layout is not None and layout != "torch.strided"


def _sparse_zeros(shape: tuple[int, ...], d: dtype, value: Any, layout: Any) -> Tensor:
    """Zeros in another layout, of which anything but zeros is not made."""
    from reference_engine.sparse import converting

    if value:
        raise refusal("sparse.full")
    return converting.to_layout(from_array(np.zeros(shape), d), layout)


def _sparse_like(like: Tensor, d: dtype, value: Any, layout: Any) -> Tensor:
    from reference_engine.sparse import copying

    if value:
        raise refusal("sparse.unsupported", op="fill_.Scalar", backend="SparseCPU")
    if layout is not None and layout != like.layout:
        return _sparse_zeros(like._shape, d, 0, layout)
    return copying.zeros(like, d)


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    out: Any = None,
) -> Tensor:
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    d = dtype or dtypes.of_scalar(value)
    if is_sparse_layout(layout):
        raise refusal("sparse.full")
    return _finish(from_array(np.full(shape_of((size,)), value).astype(d.np), d), requires_grad)


def _constant(value: int, name: str) -> Any:
    def make(
        *size: Any,
        dtype: dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        out: Any = None,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        d = dtype or dtypes.get_default_dtype()
        shape = shape_of(size)
        if is_sparse_layout(layout):
            return _finish(_sparse_zeros(shape, d, value, layout), requires_grad)
        return _finish(from_array(np.full(shape, value, d.np), d, strides_in(shape, memory_format)), requires_grad)

    make.__name__ = make.__qualname__ = name
    return make


zeros, ones, empty = _constant(0, "zeros"), _constant(1, "ones"), _constant(0, "empty")


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    layout: Any = None,
) -> Tensor:
    """A dense tensor of the same shape and memory order."""
    d = dtype or input._dtype
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if input._sparse is not None or is_sparse_layout(layout):
        if layout != "torch.strided":
            return _finish(_sparse_like(input, d, value, layout), requires_grad)
        input = input.to_dense()

    def make(like: Tensor, sizes: tuple[int, ...] = ()) -> Tensor:
        keeps = memory_format in (None, preserve_format)
        wanted = strides.like(like._shape, like._strides) if keeps else strides_in(like._shape, memory_format)
        return from_array(np.full(like._shape, value).astype(d.np), d, wanted)

    return _finish(levels.alike(make, input, False) if levels.batches() else make(input), requires_grad)


def zeros_like(input: Tensor, **options: Any) -> Tensor:
    return full_like(input, 0, **options)


def ones_like(input: Tensor, **options: Any) -> Tensor:
    return full_like(input, 1, **options)


def empty_like(input: Tensor, **options: Any) -> Tensor:
    return full_like(input, 0, **options)


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    return _finish(empty_of(tuple(size), dtype or dtypes.get_default_dtype(), tuple(stride)), requires_grad)


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A dense tensor whose dimensions vary in memory in the order given, the last one fastest."""
    ndim = len(size)
    if len(physical_layout) != ndim:
        raise refusal("creation.empty_permuted.length", ndim=ndim, got=len(physical_layout))
    steps = [0] * ndim
    for i, d in enumerate(physical_layout):
        if not 0 <= d < ndim:
            raise refusal("creation.empty_permuted.range", high=ndim - 1, dim=d, index=i)
        if d in physical_layout[:i]:
            raise refusal("creation.empty_permuted.duplicate")
    for d, step in zip(physical_layout, strides.contiguous(shape_of([size[d] for d in physical_layout])), strict=True):
        steps[d] = step
    return _finish(empty_of(tuple(size), dtype or dtypes.get_default_dtype(), tuple(steps)), requires_grad)


def arange(
    *args: Any,
    start: Any = None,
    end: Any = None,
    step: Any = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    out: Any = None,
) -> Tensor:
    """``arange(end)``, ``arange(start, end)``, ``arange(start, end, step)``."""
    given = [a.item() if isinstance(a, Tensor) else a for a in args]
    if len(given) == 1:
        given = [0, given[0]]
    low = given[0] if given else (start or 0)
    high = given[1] if len(given) > 1 else end
    by = given[2] if len(given) > 2 else (1 if step is None else step)
    if by == 0:
        raise refusal("tensor.arange.step")
    if (high - low) * by < 0:
        raise refusal("tensor.arange.bounds")
    d = dtype or (dtypes.int64 if all(isinstance(x, int) for x in (low, high, by)) else dtypes.get_default_dtype())
    if d.is_complex or d.family:
        raise refusal("ops.not_implemented_for", op="arange_cpu", dtype=d.scalar_name)
    count = math.ceil((high - low) / by)
    return _finish(from_array((low + by * np.arange(count)).astype(d.np), d), requires_grad)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    out: Any = None,
) -> Tensor:
    d = dtype or dtypes.get_default_dtype()
    if steps < 0:
        raise refusal("tensor.linspace.steps")
    for name, given in (("start", start), ("end", end)):
        if isinstance(given, Tensor) and given._shape:
            raise refusal("tensor.linspace.ends", name=name, ndim=len(given._shape))
    low, high = (d.np.type(x.detach().item() if isinstance(x, Tensor) else x) for x in (start, end))
    if steps == 1:
        values = np.full(1, low)
    else:
        step = (high - low) / d.np.type(max(steps - 1, 1))
        i = np.arange(steps).astype(d.np)
        # each half is counted from its own end
        first, second = (i, low), (i - (steps - 1), high)
        made = [n * step + end if d.category == 1 else multiply_add(n, step, end) for n, end in (first, second)]
        values = np.where(np.arange(steps) < steps // 2, *made)
    made_of_numbers = _finish(from_array(values.astype(d.np), d), requires_grad)
    return _following(made_of_numbers, start, end)


def _following(made: Tensor, start: Any, end: Any) -> Tensor:
    """The steps between two ends, with the history of ends that are tensors: each follows both by its distance."""
    share = from_array(np.linspace(0, 1, made.numel()).astype(made._dtype.np), made._dtype)
    for given, weight in ((start, share * -1 + 1), (end, share)):
        if isinstance(given, Tensor) and given.requires_grad and state.grad and made.numel():
            cite("tensor.linspace.differentiable")
            made = made + (given - given.detach()) * weight
    return made


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    out: Any = None,
) -> Tensor:
    d = dtype or dtypes.get_default_dtype()
    return _finish(from_array(np.eye(n, m).astype(d.np), d), requires_grad)


def scalar_tensor(value: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    d = dtype or dtypes.get_default_dtype()
    return _finish(from_array(np.asarray(value).astype(d.np), d), requires_grad)


def legacy_constructor(cls: Any, *args: Any, **kwargs: Any) -> Any:
    """``torch.Tensor(...)``: sizes or data, always the default dtype; or another tensor."""
    from reference_engine import legacy_types

    if args and isinstance(args[0], Tensor):
        made = args[0].detach() if not args[0].requires_grad else args[0].view_as(args[0])
    else:
        made = legacy_types.made(dtypes.get_default_dtype(), args)
    if cls is not Tensor:
        made = made._alias()
        made.__class__ = cls
    return made


# -- methods that make tensors like another --------------------------------------------------------------------------


def _new(value: int) -> Any:
    def make(
        self: Tensor,
        *size: Any,
        dtype: dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
    ) -> Tensor:
        return new_filled(self, shape_of(size), value, dtype, requires_grad)

    return make


def new_filled(
    self: Tensor, shape: tuple[int, ...], value: Any, dtype: dtype | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of the same dtype, unless told otherwise; a batch if ``self`` is one."""
    d = dtype or self._dtype
    if self._sparse is not None:
        if value:
            raise refusal("sparse.unsupported", op="fill_.Scalar", backend="SparseCPU")
        return _finish(_sparse_zeros(shape, d, 0, self.layout), requires_grad)

    def make(like: Tensor, sizes: tuple[int, ...] = ()) -> Tensor:
        return from_array(np.full((*sizes, *shape), value).astype(d.np), d)

    return _finish(levels.alike(make, self, True) if levels.batches() else make(self), requires_grad)


def new_strided(
    self: Tensor,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    dtype: dtype | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros in this memory order; a batch if ``self`` is one."""
    d = dtype or self._dtype

    def make(like: Tensor, sizes: tuple[int, ...] = ()) -> Tensor:
        extent = strides.extent(size, stride)
        return empty_of((*sizes, *size), d, (*(extent * s for s in strides.contiguous(sizes)), *stride))

    return _finish(levels.alike(make, self, True) if levels.batches() else make(self), requires_grad)


factories.watch(
    globals(),
    (
        "zeros", "ones", "empty", "full", "arange", "linspace", "eye", "scalar_tensor", "empty_strided", "zeros_like",
        "ones_like", "empty_like", "full_like",
    ),
)  # fmt: skip
tensor, from_numpy = factories.lifted(tensor), factories.lifted(from_numpy)


for _name in ("zeros_like", "ones_like", "empty_like", "full_like"):  # where their argument is
    globals()[_name] = meta.factory(globals()[_name])


def attach() -> None:
    """Attach the ``new_*`` methods to Tensor."""
    cls: Any = Tensor
    cls.new_zeros, cls.new_ones, cls.new_empty = _new(0), _new(1), _new(0)
    cls.new_full = lambda self, size, fill_value, dtype=None, requires_grad=False, **o: new_filled(
        self,
        shape_of((size,)),
        fill_value.item() if isinstance(fill_value, Tensor) else fill_value,
        dtype,
        requires_grad,
    )
    cls.new_empty_strided = lambda self, size, stride, dtype=None, **o: new_strided(
        self, tuple(size), tuple(stride), dtype
    )
    cls.new_tensor = lambda self, data, dtype=None, requires_grad=False, **o: tensor(
        data, dtype=dtypes.checked(dtype, "new_tensor") or self._dtype, requires_grad=requires_grad
    )
    for name in ("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided"):
        setattr(cls, name, meta.factory(factories.watched(name, getattr(cls, name))))
    for name in ("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided", "new_tensor"):
        method = subclass_calls.asking(getattr(cls, name))
        method.__name__, method.__qualname__ = name, f"Tensor.{name}"
        setattr(cls, name, method)
