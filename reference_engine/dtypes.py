"""Element types: the dtype objects, their NumPy counterparts, and the promotion rules.

Source of the rules: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.dtype
"""

from __future__ import annotations

from typing import Any, Final

import ml_dtypes
import numpy as np

from reference_engine.semantics import switch

_CPP_NAMES = {
    "bool": "bool",
    "uint8": "unsigned char",
    "int8": "signed char",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
    "uint16": "short unsigned int",
    "uint32": "unsigned int",
    "uint64": "long unsigned int",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
    "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
}


_WITH_LEGACY_TYPE = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


class dtype:
    """An element type. Compare with ``is`` or ``==``; prints as ``torch.float32``."""

    __slots__ = (
        "name", "np", "itemsize", "is_floating_point", "is_complex", "_signed", "category", "rank",
        "scalar_name", "tensor_name", "cpp_type_name", "cpp_name", "compute", "family",
    )  # fmt: skip

    def __init__(
        self, name: str, np_dtype: Any, category: int, rank: int, scalar_name: str, tensor_name: str, family: str = ""
    ) -> None:
        self.name = name
        self.family = family  # of dtypes that most kernels are not defined for
        self.np = np.dtype(np_dtype)
        self.itemsize: int = self.np.itemsize
        self.category = category  # 0 bool, 1 integer, 2 floating, 3 complex
        self.rank = rank  # the order within a category
        self.is_floating_point = category == 2
        self.is_complex = category == 3
        self._signed = not name.startswith(("bool", "uint", "float8_e8m0", "quint", "bits"))
        self.scalar_name = scalar_name  # as torch's messages call it: "Float", "ComplexDouble"
        self.tensor_name = f"torch.{tensor_name}Tensor"  # the legacy type name: "torch.FloatTensor"
        legacy = name in _WITH_LEGACY_TYPE  # C++ knows no other by the name of a Python type
        self.cpp_type_name = self.tensor_name if legacy else f"CPU{scalar_name}Type"
        self.cpp_name = _CPP_NAMES.get(name, f"c10::{scalar_name}")  # as messages of templated C++ code call it
        # torch computes reduced-precision pointwise ops and sums in float32 and rounds once at the end
        self.compute = np.dtype(np.float32) if category == 2 and self.itemsize < 4 else self.np

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def is_signed(self) -> bool:
        """Whether there are negative numbers.

        Raises:
            RuntimeError: bits have no meaning as numbers.
        """
        if self.family == "bits":
            raise RuntimeError("Bits types are undefined")
        return self._signed

    @property
    def is_differentiable(self) -> bool:
        """Only floating point and complex tensors can require gradients."""
        return self.category >= 2

    def to_real(self) -> dtype:
        return _TO_REAL.get(self, self)

    def to_complex(self) -> dtype:
        if self.family == "float8":
            raise RuntimeError(f"Unknown Complex ScalarType for {self.scalar_name}")
        return _TO_COMPLEX.get(self, self)


uint8 = dtype("uint8", np.uint8, 1, 0, "Byte", "Byte")
int8 = dtype("int8", np.int8, 1, 1, "Char", "Char")
int16 = dtype("int16", np.int16, 1, 2, "Short", "Short")
int32 = dtype("int32", np.int32, 1, 3, "Int", "Int")
int64 = dtype("int64", np.int64, 1, 4, "Long", "Long")
float16 = dtype("float16", np.float16, 2, 0, "Half", "Half")
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, 2, 0, "BFloat16", "BFloat16")
float32 = dtype("float32", np.float32, 2, 1, "Float", "Float")
float64 = dtype("float64", np.float64, 2, 2, "Double", "Double")
complex64 = dtype("complex64", np.complex64, 3, 0, "ComplexFloat", "ComplexFloat")
complex128 = dtype("complex128", np.complex128, 3, 1, "ComplexDouble", "ComplexDouble")
bool_ = dtype("bool", np.bool_, 0, 0, "Bool", "Bool")

half, float_, double = float16, float32, float64
short, int_, long = int16, int32, int64
cfloat, cdouble = complex64, complex128

ALL: Final[tuple[dtype, ...]] = (
    uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128, bool_,
)  # fmt: skip

uint16, uint32, uint64 = (
    dtype(f"uint{bits}", f"uint{bits}", 1, rank, f"UInt{bits}", f"UInt{bits}", "unsigned")
    for rank, bits in ((5, 16), (6, 32), (7, 64))
)  # fmt: skip
float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu = (
    dtype(f"float8_{form}", getattr(ml_dtypes, f"float8_{form}"), 2, -1, f"Float8_{form}", f"Float8_{form}", "float8")
    for form in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz", "e8m0fnu")
)  # fmt: skip
RARE: Final[tuple[dtype, ...]] = (
    uint16, uint32, uint64, float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu,
)  # fmt: skip
"""Of these there are tensors, but few ops."""


def _named_only(name: str, size: int, category: int, scalar_name: str, family: str) -> dtype:
    return dtype(name, f"V{size}", category, -1, scalar_name, scalar_name, family)


NAMED: Final[dict[str, dtype]] = {
    "complex32": _named_only("complex32", 4, 3, "ComplexHalf", ""),
    "float4_e2m1fn_x2": _named_only("float4_e2m1fn_x2", 1, 2, "Float4_e2m1fn_x2", "shell"),
    **{n: _named_only(n, 1, 1, n.capitalize(), "bits") for n in ("bits8", "bits1x8", "bits2x4", "bits4x2")},
    "bits16": _named_only("bits16", 2, 1, "Bits16", "bits"),
    **{f"int{n}": _named_only(f"int{n}", 1, 1, f"Int{n}", "shell") for n in range(1, 8)},
    **{f"uint{n}": _named_only(f"uint{n}", 1, 1, f"UInt{n}", "unsigned") for n in range(1, 8)},
}
"""These can be named, and asked about; this engine makes no tensors of them."""
complex32 = NAMED["complex32"]

BY_NAME: Final[dict[str, dtype]] = {d.name: d for d in (*ALL, *RARE, *NAMED.values())}
BY_NUMPY: Final[dict[Any, dtype]] = {d.np: d for d in (*ALL, *RARE)}


def nearest(array: Any, d: dtype) -> Any:
    """Values as they are before they are rounded to ``d``: without infinities where it has none, without signs."""
    if d is float8_e4m3fn:
        return np.clip(array.astype(np.float64), -448, 448)
    return np.abs(array.astype(np.float64)) if d is float8_e8m0fnu else array


_TO_REAL = {complex32: float16, complex64: float32, complex128: float64}
_TO_COMPLEX = {float32: complex64, float64: complex128, float16: complex64, bfloat16: complex64}

_OF_PYTHON_TYPE: Final[dict[Any, dtype]] = {bool: bool_, int: int64, float: float64, complex: complex128}

_default: dtype = float32


def of_type(given: Any) -> Any:
    """The dtype that a Python type stands for where a dtype is wanted; what is no such type, as it is."""
    if isinstance(given, type) and given in _OF_PYTHON_TYPE:
        if given is not complex or switch("tensor.dtype.of_complex"):
            return _OF_PYTHON_TYPE[given]
    return given


def checked(given: Any, name: str) -> dtype | None:
    """The dtype that a function which makes a tensor was given, if any.

    Raises:
        TypeError: it is none, and no Python type of numbers.
    """
    if given is None or isinstance(given, dtype):
        return given
    found = of_type(given)
    if not isinstance(found, dtype):
        raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(given).__name__}")
    return found


def get_default_dtype() -> dtype:
    """The dtype of a tensor made from Python floats; float32 unless set."""
    return _default


def set_default_dtype(d: dtype, /) -> None:
    """Set the default floating point dtype.

    Raises:
        TypeError: ``d`` is not a floating point dtype.
    """
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that holds both, as torch defines it (it never widens an int for a float)."""
    a, b = of_type(a), of_type(b)
    if a is b:
        return a
    if a.family or b.family:
        return _promote_rare(a, b)
    if complex32 in (a, b):
        other = b if a is complex32 else a
        return (
            complex64
            if other in (bfloat16, float32)
            else complex128
            if other is float64
            else other
            if other.is_complex
            else complex32
        )
    if a.category != b.category:
        high, low = (a, b) if a.category > b.category else (b, a)
        if high is complex64 and low is float64:
            return complex128
        return high
    if a.category == 1:
        if uint8 in (a, b):
            other = b if a is uint8 else a
            return int16 if other is int8 else other
        return a if a.rank > b.rank else b
    if a.rank == b.rank:  # float16 with bfloat16
        return float32
    return a if a.rank > b.rank else b


def _promote_rare(a: dtype, b: dtype) -> dtype:
    """A wide unsigned integer gives way to a floating point number, and nothing else is defined.

    Raises:
        RuntimeError: everything else.
    """
    families, names = (a.family, b.family), f"{a.scalar_name} and {b.scalar_name}"
    if "bits" in families:
        raise RuntimeError(f"Promotion from {names} is unsupported.")
    if "float8" in families:
        raise RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote {names}")
    if "unsigned" not in families:
        raise RuntimeError(f"Promotion from {names} is unsupported.")
    other = b if a.family == "unsigned" else a
    if not other.is_floating_point:
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {names}")
    return other


def of_scalar(value: Any) -> dtype:
    """The dtype that a Python number contributes to promotion."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (complex, np.complexfloating)):
        return _default.to_complex()
    return _default


def result_type(dimensioned: dtype | None, zero_dim: dtype | None, wrapped: dtype | None) -> dtype:
    """Combine the promoted dtypes of the three priority classes.

    A 0-dim tensor, and after it a Python number, only matters when its *category* is higher than that of the class
    before it.
    """
    current = dimensioned
    for lower in (zero_dim, wrapped):
        if lower is None:
            continue
        if current is None:
            current = lower
        elif lower.category > current.category:
            # a complex scalar with a float64 tensor is complex128: precision comes from the tensor
            if lower.category == 3 and current.category == 2:
                current = current.to_complex()
            else:
                current = promote_types(current, lower)
    assert current is not None
    return current


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether an in-place or ``out=`` result of dtype ``source`` may be written to ``target``."""
    source, target = of_type(source), of_type(target)
    return source.category <= target.category and not (source.category >= 1 and target is bool_)


def _must_be_dtype(d: Any, what: str) -> None:
    if not isinstance(d, dtype):
        raise TypeError(f"{what}(): argument 'type' (position 1) must be torch.dtype, not {type(d).__name__}")


class finfo:
    """Numerical limits of a floating point dtype (of a complex dtype: of its parts).

    Raises:
        TypeError: another dtype.
    """

    def __init__(self, type: dtype | None = None) -> None:
        d = _default if type is None else of_type(type)
        _must_be_dtype(d, "finfo")
        if not d.is_differentiable:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        real = d.to_real()
        info: Any = ml_dtypes.finfo(real.np)  # type: ignore[no-untyped-call]
        self.bits, self.dtype = real.itemsize * 8, real.name
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 1.0 if real.family == "float8" else float(info.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """Numerical limits of an integer dtype.

    Raises:
        TypeError: another dtype.
    """

    def __init__(self, type: dtype) -> None:
        d = of_type(type)
        _must_be_dtype(d, "iinfo")
        if d.is_differentiable or d.np.kind == "V":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        if d is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        info: Any = np.iinfo(d.np)
        self.bits, self.dtype, self.max, self.min = d.itemsize * 8, d.name, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
