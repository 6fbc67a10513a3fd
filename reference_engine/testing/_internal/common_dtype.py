"""Groups of dtypes, as tests ask for them."""

from __future__ import annotations

from reference_engine import dtypes
from reference_engine.dtypes import dtype

Dtypes = tuple[dtype, ...]

_FLOATING: Dtypes = (dtypes.float32, dtypes.float64)
_COMPLEX: Dtypes = (dtypes.complex64, dtypes.complex128)
_INTEGRAL: Dtypes = (dtypes.uint8, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64)


def _joined(first: Dtypes, more: Dtypes) -> Dtypes:
    return tuple(dict.fromkeys(first + more))


def empty_types() -> Dtypes:
    return ()


def floating_types() -> Dtypes:
    return _FLOATING


def floating_types_and_half() -> Dtypes:
    return (*_FLOATING, dtypes.half)


def floating_types_and(*more: dtype) -> Dtypes:
    return _joined(_FLOATING, more)


def complex_types() -> Dtypes:
    return _COMPLEX


def complex_types_and(*more: dtype) -> Dtypes:
    return _joined(_COMPLEX, more)


def floating_and_complex_types() -> Dtypes:
    return _FLOATING + _COMPLEX


def floating_and_complex_types_and(*more: dtype) -> Dtypes:
    return _joined(_FLOATING + _COMPLEX, more)


def integral_types() -> Dtypes:
    return _INTEGRAL


def integral_types_and(*more: dtype) -> Dtypes:
    return _joined(_INTEGRAL, more)


def all_types() -> Dtypes:
    return _FLOATING + _INTEGRAL


def all_types_and(*more: dtype) -> Dtypes:
    return _joined(_FLOATING + _INTEGRAL, more)


def all_types_and_complex() -> Dtypes:
    return _FLOATING + _INTEGRAL + _COMPLEX


def all_types_and_complex_and(*more: dtype) -> Dtypes:
    return _joined(_FLOATING + _INTEGRAL + _COMPLEX, more)


def double_types() -> Dtypes:
    return (dtypes.float64, dtypes.complex128)
