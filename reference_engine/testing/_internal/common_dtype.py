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


def get_all_int_dtypes() -> list[dtype]:
    return list(integral_types())


def get_all_fp_dtypes(include_half: bool = True, include_bfloat16: bool = True) -> list[dtype]:
    narrow = ((dtypes.float16, include_half), (dtypes.bfloat16, include_bfloat16))
    return [*floating_types(), *(kind for kind, wanted in narrow if wanted)]


def get_all_complex_dtypes(include_complex32: bool = False) -> list[dtype]:
    return [*([dtypes.complex32] if include_complex32 else []), *complex_types()]


def get_all_dtypes(
    include_half: bool = True, include_bfloat16: bool = True, include_bool: bool = True, include_complex: bool = True,
    include_complex32: bool = False,
) -> list[dtype]:  # fmt: skip
    """The dtypes that tests go through."""
    made = get_all_int_dtypes() + get_all_fp_dtypes(include_half, include_bfloat16)
    made += [dtypes.bool_] if include_bool else []
    return made + (get_all_complex_dtypes(include_complex32) if include_complex else [])


def get_all_math_dtypes(device: str) -> list[dtype]:
    """Those that can be computed with on a device."""
    return get_all_int_dtypes() + get_all_fp_dtypes(device.startswith("cuda"), False) + get_all_complex_dtypes()
