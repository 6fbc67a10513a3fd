"""What forwards are made of: pointwise application with promotion, broadcasting and torch's result strides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.dtypes import dtype
from reference_engine.ops import shadow
from reference_engine.rounding import fused_multiply_add
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor

Array = Any
DtypeRule = Callable[[dtype], tuple[dtype, dtype]]  # promoted dtype -> (computed in, result)


def same(promoted: dtype) -> tuple[dtype, dtype]:
    return promoted, promoted


def to_floating(promoted: dtype) -> tuple[dtype, dtype]:
    """Integers and bools are computed in the default floating dtype."""
    d = promoted if promoted.is_differentiable else dtypes.get_default_dtype()
    return d, d


def to_bool(promoted: dtype) -> tuple[dtype, dtype]:
    return promoted, dtypes.bool_


def to_real(promoted: dtype) -> tuple[dtype, dtype]:
    """A complex argument, a real result: abs, angle."""
    return promoted, promoted.to_real()


def promote(values: Sequence[Any]) -> dtype:
    """The dtype of an expression over tensors and Python numbers."""
    dimensioned = zero_dim = wrapped = None
    for v in values:
        if isinstance(v, Tensor):
            if v._shape:
                dimensioned = v._dtype if dimensioned is None else dtypes.promote_types(dimensioned, v._dtype)
            else:
                zero_dim = v._dtype if zero_dim is None else dtypes.promote_types(zero_dim, v._dtype)
        elif v is not None:
            d = dtypes.of_scalar(v)
            wrapped = d if wrapped is None else dtypes.promote_types(wrapped, d)
    return dtypes.result_type(dimensioned, zero_dim, wrapped)


def broadcast_shapes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The common shape.

    Raises:
        RuntimeError: two sizes clash (clause ops.broadcast.mismatch).
    """
    result = shapes[0] if shapes else ()
    for shape in shapes[1:]:
        if shape == result:
            continue
        merged = strides.broadcast(result, shape)
        if isinstance(merged, int):
            a, b = result, shape
            at = merged - max(len(a), len(b))
            raise refusal("ops.broadcast.mismatch", a=a[at], b=b[at], dim=merged)
        result = merged
    return result


def from_array(array: Array, d: dtype, wanted_strides: tuple[int, ...] | None = None) -> Tensor:
    """A fresh tensor that holds ``array`` rounded to ``d``, row-major unless other (dense) strides are wanted."""
    shape = array.shape
    if d.family == "float8":
        array = dtypes.nearest(array, d)
    if wanted_strides is None or wanted_strides == strides.contiguous(shape):
        return adopt(np.array(array, d.np, order="C", copy=True), d)
    result = empty(shape, d, wanted_strides)
    result._array()[...] = array
    return result


def adopt(array: Array, d: dtype) -> Tensor:
    """A tensor over a row-major array of its own dtype that nobody else holds: no copy."""
    storage = Storage(0)
    storage.bytes = array.reshape(-1).view(np.uint8)
    return Tensor._make(storage, d, array.shape, strides.contiguous(array.shape), 0)


def empty(shape: Sequence[int], d: dtype, wanted_strides: tuple[int, ...] | None = None) -> Tensor:
    """A fresh tensor of zeros (this engine has no uninitialised memory)."""
    shape = tuple(shape)
    wanted_strides = strides.contiguous(shape) if wanted_strides is None else wanted_strides
    return Tensor._make(Storage(strides.extent(shape, wanted_strides) * d.itemsize), d, shape, wanted_strides, 0)


Check = Callable[..., None]
HALF = {"float16": "pointwise.float16"}  # most kernels learned half precision on the CPU in one release
_CATEGORIES = ("bool", "int", "float", "complex")
_ALSO_FOR = {
    "unsigned": frozenset({
        "mul_cpu_reduced_float", "div_cpu", "reciprocal_cpu", "eq_cpu", "ne_cpu", "bitwise_and_cpu", "bitwise_or_cpu",
        "bitwise_xor_cpu", "ceil_vml_cpu", "floor_vml_cpu", "trunc_vml_cpu", "round_vml_cpu", "signbit_cpu",
        "isposinf_cpu", "isneginf_cpu",
    }),
    "float8": frozenset({"eq_cpu", "ne_cpu", "abs_cpu"}),
}  # fmt: skip
"""The named kernels that are defined for dtypes that most are not defined for. One without a name is for all."""


def dtypes_in(words: str) -> frozenset[dtype]:
    """``"bool complex float16"`` to the dtypes of these categories and names."""
    names = words.split()
    return frozenset(d for d in (*dtypes.ALL, *dtypes.RARE) if d.name in names or _CATEGORIES[d.category] in names)


written_dtype: dtype | None = None
"""The dtype of the tensor that the op being run writes in place: checked before the kernel's own support."""


written: Tensor | None = None
"""The tensor that the op being run writes in place."""


destination: Tensor | None = None
"""The tensor that takes the result of the op being run, in place or as ``out=``."""


common_dtype: dtype | None = None
"""What the elementwise kernel of the op being run computed in, if it wrote to a ``destination``."""


expecting: Callable[..., None] | None = None
"""What looks at the dtypes of several ``out=`` as soon as an op says which its results will have."""


def announce(*results: dtype, refused: str = "") -> None:
    """Say which dtypes the results will have, before a kernel is chosen: ``out=`` must fit, or a clause refuses it."""
    global expecting
    check, expecting = expecting, None
    if check is not None:
        check(results, refused)


def will_write(target: Tensor | None, out: Tensor | None) -> None:
    """Say where the result of the op about to run goes: into ``target`` in place, or into ``out``, or nowhere."""
    global written, written_dtype, destination
    written, destination = target, out if target is None else target
    written_dtype = None if destination is None else destination._dtype


def refuse_rare(t: Tensor, kernel: str) -> None:
    """Raise for a dtype that most kernels are not defined for."""
    if t._dtype.family:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=t._dtype.scalar_name)


def refuse_shared_memory(*others: Tensor | None) -> None:
    """Raise if what is written element by element has places in common, with itself or with what is read meanwhile."""
    if destination is None:
        return
    if strides.may_overlap_internally(destination._shape, destination._strides):
        raise refusal("inplace.internal_overlap")
    refuse_common_memory(destination, [t for t in others if t is not None])


def refuse_common_memory(target: Tensor, others: Sequence[Tensor]) -> None:
    """Raise if ``target`` shares some memory, or all, with what is read while it is written."""
    for t in others:
        if _same_memory(t, target) or partially_overlap(t, target):
            raise refusal("inplace.partial_overlap")


def _same_memory(a: Tensor, b: Tensor) -> bool:
    return a is b or (bool(a.numel()) and a.is_set_to(b))


def resize(t: Tensor, shape: tuple[int, ...], wanted: tuple[int, ...] | None = None) -> None:
    """Give ``t`` another shape, row-major unless other strides are wanted, growing its storage where needed."""
    t._shape, t._strides = shape, strides.contiguous(shape) if wanted is None else wanted
    need = (t._offset + strides.extent(shape, t._strides)) * t._dtype.itemsize
    if need > t._storage.nbytes():
        t._storage.resize_(need)


def resize_out(out: Tensor, shape: tuple[int, ...], wanted: tuple[int, ...] | None = None) -> None:
    """Give ``out=`` the shape of the result, with a warning if it has elements."""
    if out._shape != shape:
        if out.numel():
            warn("ops.out.resized", shape=list(out._shape), result=list(shape))
        resize(out, shape, wanted)


def shape_out(shape: tuple[int, ...]) -> None:
    """Give ``out=`` the shape of the result ahead of the computation, which may yet refuse."""
    if destination is not None and written is None:
        resize_out(destination, shape)


def _resize_for_kernel(shape: tuple[int, ...], computed: dtype) -> None:
    """``out=`` takes the shape of the result before a kernel is chosen, and so does its stand-in of another dtype."""
    if destination is None or written is not None:
        return
    if computed is not destination._dtype and destination._shape != shape and destination.numel():
        warn("ops.out.resized", shape=list(destination._shape), result=list(shape))
    resize_out(destination, shape)


def refuse_other_out(d: dtype) -> None:
    """Raise if ``out=`` has another dtype than the result, of which no conversion is made."""
    if destination is not None and written is None and destination._dtype is not d:
        raise refusal("ops.out.dtype", expected=d.cpp_name, got=destination._dtype.cpp_name)


def refuse_outside(at: Any, d: int, size: int, writes: bool = False) -> None:
    """Raise if one of these indices is not among the ``size`` places of dimension ``d``."""
    bad = (at < 0) | (at >= size)
    if bad.any():
        if writes:
            cite("indexing.refused.writes_nothing")
        raise refusal("ops.gather.range", index=int(at[bad][0]), dim=d, size=size)


def partially_overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors share memory without being the same look into it."""
    if a._storage is not b._storage or not a.numel() or not b.numel():
        return False
    if not strides.is_non_overlapping_and_dense(a._shape, a._strides):
        return False
    if not strides.is_non_overlapping_and_dense(b._shape, b._strides):
        return False
    (a_first, a_end), (b_first, b_end) = _bytes(a), _bytes(b)
    if (a_first, a_end, a._strides) == (b_first, b_end, b._strides):
        return False
    return a_first < b_end and b_first < a_end


def _bytes(t: Tensor) -> tuple[int, int]:
    """Where in the storage a dense tensor begins and ends."""
    size = t._dtype.itemsize
    return t._offset * size, (t._offset + t.numel()) * size


def note_common_dtype(computed: dtype, result: dtype) -> None:
    """Remember what is computed in: what differs from it is converted through a tensor of its own."""
    global common_dtype
    common_dtype = result if written_dtype is result is dtypes.bool_ else computed


def note_undetected_overlap(target: Tensor, others: Sequence[Tensor], overlapping: bool | None) -> None:
    """Cite that nobody says what is written, where memory overlaps in a way that is not looked for."""
    if overlapping is None and np.bincount(_places(target).ravel()).max(initial=0) > 1:
        cite("inplace.overlap.undetected")
    for other in others:
        if other is not target and share_memory(other, target) and not other.is_set_to(target):
            cite("inplace.overlap.undetected")


def share_memory(a: Tensor, b: Tensor) -> bool:
    """Whether some element of one lies where an element of the other does."""
    if a._storage is not b._storage or not a.numel() or not b.numel():
        return False
    places, others = _places(a), _places(b)
    if places.max() < others.min() or others.max() < places.min():
        return False
    taken = np.zeros(max(places.max(), others.max()) + 1, bool)
    taken[places] = True
    return bool(taken[others].any())


def _places(t: Tensor) -> Array:
    """Where in the storage each element lies, in elements."""
    at = np.full(t._shape, t._offset, np.int64)
    for dim, stride in enumerate(t._strides):
        steps = np.arange(t._shape[dim]) * stride
        at += steps.reshape((-1,) + (1,) * (len(t._shape) - dim - 1))
    return at


def refuse_overlap(out: Tensor, others: Sequence[Tensor]) -> None:
    """Raise if ``out`` cannot be written element by element while the others are read."""
    if strides.may_overlap_internally(out._shape, out._strides):
        raise refusal("inplace.internal_overlap")
    refuse_partial_overlap(out, others)


def read_directly(target: Tensor, others: Sequence[Tensor]) -> Sequence[Tensor]:
    """Those of the operands that a kernel reads where they are: lazily conjugated or negated memory is copied first."""
    if target._conj or target._neg:
        return []
    return [t for t in others if not (t._conj or t._neg)]


def refuse_partial_overlap(target: Tensor, others: Sequence[Tensor]) -> None:
    """Raise if ``target`` shares some memory, but not all, with what is read while it is written."""
    for other in others:
        if other is not target and partially_overlap(other, target):
            raise refusal("inplace.partial_overlap")


def refuse_shape(target: Tensor, shape: tuple[int, ...]) -> None:
    """Raise if a result of this shape does not fit ``target``."""
    if shape != target._shape:
        raise refusal("inplace.broadcast_shape", shape=list(target._shape), result=list(shape))


def note_nan(x: Array) -> Array:
    """Cite, where a nan is among the numbers, that a kernel treats it alike wherever it stands."""
    if np.isnan(x).any():
        cite("nn.activation.nan")
    return x


def refuse_narrow_target(result: dtype) -> None:
    """Raise if the tensor written in place cannot hold what the op being run computes."""
    if written_dtype is not None and not dtypes.can_cast(result, written_dtype):
        raise refusal("inplace.result_dtype", result=result.scalar_name, target=written_dtype.scalar_name)


def refuse_unless_boolean(op: str) -> None:
    """Raise if ``out=`` is not a tensor of truth values."""
    if written_dtype is not None and written_dtype is not dtypes.bool_:
        raise refusal("pointwise.out.boolean", op=op)


_C_NAMES = {
    "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
    "complex64": "c10::complex<float>",
}  # fmt: skip


def refuse_unrepresentable(value: Any, d: dtype) -> None:
    """Raise if a Python number is none of dtype ``d``. A negative one wraps in an unsigned dtype, as in C."""
    if isinstance(value, bool) or not d.category:
        return
    if isinstance(value, complex):
        fits = d.is_complex or not value.imag
    elif d.category == 1:
        info = np.iinfo(d.np)
        low = int(info.min) if info.min else -int(info.max)
        fits = low <= value <= int(info.max)  # nan does not
    else:
        largest = float(np.finfo(np.float32).max)
        fits = d.name not in ("float32", "complex64") or not np.isfinite(value) or abs(value) <= largest
    if not fits:
        raise refusal("pointwise.scalar.overflow", type=_C_NAMES.get(d.name, d.cpp_name))


def factor(value: Any, operand: Array) -> Array:
    """A Python number in the dtype of an operand."""
    return np.asarray(value).astype(operand.dtype)


class elementwise:
    """A forward that applies ``fn`` to arrays element by element.

    Tensors and Python numbers among the arguments take part in promotion and broadcasting.

    Args:
        fn: takes arrays of one dtype and returns an array.
        dtype: the dtype rule.
        params: positions of arguments that are handed to ``fn`` as they are (alpha, a rounding mode).
        exact: the result is exact in its dtype: rounding noise is never added.
        name, not_for: the kernel's name in messages, and the dtypes and categories of dtypes it is not defined for.
        since: dtype to the switch that says whether this version's kernel is defined for it.
        stepwise: half precision is rounded after each operation inside ``fn``, not once at the end.
        number_is_operand: a number counts as an operand where the layout of the result is chosen, not as a parameter.
        ulps: how far apart two good kernels of this function may be, where that is more than a few units.
        floor: near its zeros the function is only as precise as where its size is this.
        rounded: takes the same arrays, and says where a step inside is rounded though the result may be exact by luck.
        keeps_dtype: ``out=`` must have the dtype of the result, rather than one that can hold it.
        made_like: the result of one tensor is made like it beforehand, strides of dimensions of one element included.
        first: called with the promoted dtype and the arguments before shapes and memory are looked at; raises what
            the op refuses because of what it is for.
        check: the same, called after; raises what the kernel refuses.
    """

    def __init__(
        self, fn: Callable[..., Array], dtype: DtypeRule = same, params: Sequence[int] = (), exact: bool = False,
        name: str = "", not_for: str | Sequence[str] = "", since: dict[str, str] | None = None,
        first: Check | None = None, check: Check | None = None, stepwise: bool = False,
        number_is_operand: bool = True, keeps_dtype: bool = False, ulps: float = 0.0, floor: float = 0.0,
        made_like: bool = False, rounded: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self.fn, self.rule, self.params, self.exact = fn, dtype, frozenset(params), exact
        self.first, self.made_like, self.rounded = first, made_like, rounded
        self.name, self.since, self.check, self.stepwise, self.ulps = name, since or {}, check, stepwise, ulps
        self.not_for = dtypes_in(not_for if isinstance(not_for, str) else " ".join(not_for))
        self.number_is_operand, self.keeps_dtype, self.floor = number_is_operand, keeps_dtype, floor
        self.restricted = bool(self.not_for or self.since)

    def __call__(self, *values: Any) -> Tensor:
        tensors: list[Tensor] = []
        alike, numbers = True, False  # tensors of one dtype, shape and layout; Python numbers among the operands
        for i, v in enumerate(values):
            if i in self.params or v is None:
                continue
            if not isinstance(v, Tensor):
                numbers = True
                continue
            if tensors and alike:
                first = tensors[0]
                alike = v._dtype is first._dtype and v._shape == first._shape and v._strides == first._strides
            tensors.append(v)
        first = tensors[0]
        shape, promoted = first._shape, first._dtype
        if numbers or not alike:
            promoted = promote([v for i, v in enumerate(values) if i not in self.params])
        if self.first is not None:
            self.first(promoted, *values)
        if destination is not None and (written is None or first is written):
            refuse_overlap(destination, read_directly(destination, tensors))
        if not alike:
            if written is not None:
                refuse_partial_overlap(written, read_directly(written, tensors))
            shape = broadcast_shapes([t._shape for t in tensors])
            if written is not None and not strides.may_overlap_internally(written._shape, written._strides):
                refuse_shape(written, shape)
        if self.check is not None:
            self.check(promoted, *values)
        computed, result = self.rule(promoted)
        if written_dtype is not None:
            self.refuse_target(result)
            note_common_dtype(computed, result)
        if (self.restricted or computed.family) and self.is_unsupported(computed):
            _resize_for_kernel(shape, computed)
            self.refuse_unsupported(computed)
        if written_dtype is not None and result is dtypes.bool_ and computed.is_complex and len(tensors) + numbers > 1:
            if written_dtype.category in (1, 2):  # truth values are made in the common dtype, and converted
                warn("ops.cast.discards_imaginary")
        compute = computed.np if self.stepwise else computed.compute
        arrays: list[Any] = []
        for i, v in enumerate(values):
            if v is None or i in self.params:
                arrays.append(v)
            elif isinstance(v, Tensor):
                a = v._read()
                arrays.append(a if a.dtype is compute or a.dtype == compute else a.astype(compute))
            else:
                arrays.append(np.asarray(v).astype(compute))
        out = self.fn(*arrays)
        if shadow.active is not None and not self.exact:
            rounded = self.rounded is not None and self.rounded(*arrays)
            out = shadow.active.perturb(self.fn, arrays, out, result, self.ulps, self.floor, rounded, alike=True)
        dense = strides.contiguous(shape)
        wanted = dense
        if len(shape) > 1 and not (alike and first._strides == dense and (not numbers or min(shape) > 1)):
            wanted = self._layout(shape, tensors, numbers)
        if type(out) is not np.ndarray or out.shape != shape:
            return from_array(np.broadcast_to(np.asarray(out), shape), result, wanted)
        if out.base is None and out.dtype == result.np and out.flags.c_contiguous and wanted == dense:
            return adopt(out, result)
        return from_array(out, result, wanted)

    def _layout(self, shape: tuple[int, ...], tensors: list[Tensor], numbers: bool) -> tuple[int, ...]:
        if self.made_like and len(tensors) == 1:
            return strides.like(shape, tensors[0]._strides)
        operands: list[tuple[Sequence[int], Sequence[int]]] = [(t._shape, t._strides) for t in tensors]
        if numbers and self.number_is_operand:
            operands.append(((), ()))  # a number is an operand of another shape, which the layout rule notices
        return strides.of_pointwise_result(shape, operands)

    def refuse_target(self, result: dtype) -> None:
        """Raise if the tensor that will take the result cannot."""
        if self.keeps_dtype and written_dtype is not None and written_dtype is not result:
            raise refusal("pointwise.out.same_dtype", got=written_dtype.scalar_name, expected=result.scalar_name)
        refuse_narrow_target(result)

    def is_unsupported(self, computed: dtype) -> bool:
        """Whether the kernel is not defined for a dtype in the version in force."""
        switch_id = self.since.get(computed.name)
        if computed.family and self.name and self.name not in _ALSO_FOR[computed.family]:
            return True
        return computed in self.not_for or (switch_id is not None and not switch(switch_id))

    def refuse_unsupported(self, computed: dtype) -> None:
        """Raise if the kernel is not defined for a dtype in the version in force."""
        if self.is_unsupported(computed):
            raise refusal("ops.not_implemented_for", op=self.name, dtype=computed.scalar_name)


def wrap_dim(dim: int, ndim: int, wrap_scalar: bool = True) -> int:
    """A dimension number in range, counting negative ones from the end.

    Raises:
        IndexError: out of range (clause ops.dim.range).
    """
    bound = ndim if ndim or not wrap_scalar else 1
    if not -bound <= dim < bound:
        if bound <= 0:
            raise refusal("ops.dim.scalar", dim=dim)
        raise refusal("ops.dim.range", low=-bound, high=bound - 1, dim=dim)
    return dim + bound if dim < 0 else dim


def wrap_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Several dimensions, each once; None or none at all means every dimension.

    Raises:
        IndexError: one is out of range. RuntimeError: one appears twice (clause ops.dim.duplicate).
    """
    if dims is None or (isinstance(dims, (tuple, list)) and not dims):
        return tuple(range(ndim))
    wrapped = []
    for dim in (dims,) if isinstance(dims, int) else dims:
        w = wrap_dim(int(dim), ndim)
        if w in wrapped:
            raise refusal("ops.dim.duplicate", dim=w)
        wrapped.append(w)
    return tuple(w for w in wrapped if ndim)


def accumulation(array: Array) -> Array:
    """float16 and bfloat16 are summed in float32."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind in "fV" else array


def multiply_add(factor: Array, other: Any, addend: Array) -> Array:
    """``factor * other + addend`` as processors compute it: floats are rounded once."""
    other = np.asarray(other).astype(addend.dtype)
    plain = factor * other + addend
    if plain.dtype not in (np.float32, np.float64):
        return plain
    fused = fused_multiply_add(factor, other, addend)
    # error-free transformations know no infinity and no negative zero
    return np.where(~np.isfinite(fused) | ((fused == 0) & (plain == 0)), plain, fused)


def nearby(array: Array, d: dtype) -> Array:
    """Under a shadow, a matrix within rounding: a good factorisation is exact for such a one, not for the one given."""
    return array if shadow.active is None else shadow.active.perturb(np.copy, [array], array, d, 4.0)


def near_matrix(matrices: Array, d: dtype, units: float = 2.0) -> Array:
    """The same for what is decomposed by rotations: the error is small beside the matrix, not beside each element."""
    if shadow.active is None or not matrices.size:
        return matrices
    finite = np.where(np.isfinite(matrices), np.abs(matrices), 0)
    size = units * np.sqrt(np.sum(finite**2, (-1, -2), keepdims=True)) * np.finfo(d.to_real().np).eps
    moved = matrices + size * shadow.active.rng.uniform(-1, 1, matrices.shape)
    if d.is_complex:
        moved = moved + 1j * size * shadow.active.rng.uniform(-1, 1, matrices.shape)
    return np.where(np.isfinite(matrices), moved, matrices).astype(matrices.dtype)


def noisy(
    out: Array, fn: Callable[..., Array], arrays: Sequence[Any], d: dtype, floor: Any = 0.0, rounded: Any = False
) -> Array:
    """Pass a computed result through the shadow, if one is active: for forwards that are not ``elementwise``.

    ``floor`` is the size of what was added up on the way, where that may be larger than the result, and ``rounded``
    says whether it was rounded there, which the result need not show.
    """
    if shadow.active is None:
        return out
    return shadow.active.perturb(fn, list(arrays), out, d, floor=floor, rounded=rounded)


__all__ = [
    "HALF", "adopt", "cite", "dtypes_in", "elementwise", "empty", "from_array", "multiply_add",
    "near_matrix", "nearby", "noisy", "promote",
    "same", "to_bool", "to_floating", "to_real",
    "wrap_dim", "wrap_dims", "accumulation", "broadcast_shapes",
]  # fmt: skip
