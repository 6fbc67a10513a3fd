"""``assert_close``: are two values equal up to a tolerance, and if not, where do they differ?

https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close
"""

from __future__ import annotations

import cmath
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference_engine import creation, dtypes
from reference_engine.dtypes import dtype
from reference_engine.semantics import quiet
from reference_engine.tensor import Tensor

#: Relative and absolute tolerance by dtype; other dtypes are compared exactly.
TOLERANCES: dict[str, tuple[float, float]] = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}

#: Those of `assert_allclose`.
LOOSE_TOLERANCES = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}

Message = str | Callable[[str], str] | None


class Mismatch(Exception):
    """What differs, and where inside nested containers."""

    def __init__(self, text: str, path: tuple[Any, ...] = ()) -> None:
        super().__init__(text)
        self.text, self.path = text, path


@dataclass(frozen=True)
class Options:
    """The arguments of `assert_close` that steer the comparison."""

    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_dtype: bool
    check_stride: bool
    least_atol: float = 0.0
    least_rtol: float = 0.0

    def tolerances(self, *of: dtype) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        found = [TOLERANCES.get(d.name, (0.0, 0.0)) for d in of]
        return max(self.least_rtol, *(r for r, _ in found)), max(self.least_atol, *(a for _, a in found))

    def ignoring_dtype(self) -> Options:
        """The same, for values whose dtypes need not agree."""
        return replace(self, check_dtype=False)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Compare tensors, numbers, and sequences and mappings of them.

    Raises:
        AssertionError: they differ. TypeError: they cannot be compared. ValueError: one tolerance without the other.
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    options = Options(allow_subclasses, rtol, atol, equal_nan, check_dtype, check_stride)
    try:
        compare(actual, expected, options)
    except Mismatch as mismatch:
        text = mismatch.text
        if mismatch.path:
            place = "".join(f"[{key!r}]" if not isinstance(key, int) else f"[{key}]" for key in mismatch.path)
            text += f"\n\nThe failure occurred for item {place}"
        if msg is not None:
            text = msg(text) if callable(msg) else msg
        raise AssertionError(text) from None


def assert_allclose(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
    msg: str = "",
) -> None:  # fmt: skip
    """The older `assert_close`, which makes tensors of what it is given, and does not compare dtypes.

    Warns:
        FutureWarning: always.
    """
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please "
        "use `torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    actual = actual if isinstance(actual, Tensor) else creation.tensor(actual)
    expected = expected if isinstance(expected, Tensor) else creation.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = LOOSE_TOLERANCES.get(actual.dtype.name, (0.0, 0.0))
        others = LOOSE_TOLERANCES.get(expected.dtype.name, (0.0, 0.0))
        rtol, atol = max(rtol, others[0]), max(atol, others[1])
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        check_stride=False, msg=msg or None,
    )  # fmt: skip


def compare(actual: Any, expected: Any, options: Options) -> None:
    """Raise a Mismatch unless the two values are close."""
    if actual is None or expected is None:
        if actual is not expected:
            raise Mismatch(f"None mismatch: {actual} is not {expected}")
    elif is_sequence(actual) and is_sequence(expected):
        if len(actual) != len(expected):
            raise Mismatch(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
        for index, pair in enumerate(zip(actual, expected, strict=True)):
            compare_item(index, *pair, options)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        compare_keys(actual, expected)
        for key in sorted(actual, key=str):
            compare_item(key, actual[key], expected[key], options)
    elif isinstance(actual, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_)):
        if bool(actual) is not bool(expected):
            raise Mismatch(f"Booleans mismatch: {bool(actual)} is not {bool(expected)}")
    elif isinstance(actual, (int, float, complex)) and isinstance(expected, (int, float, complex)):
        compare_numbers(actual, expected, options)
    elif are_tensor_like(actual, expected, options.allow_subclasses):
        compare_tensors(as_tensor(actual), as_tensor(expected), options)
    else:
        raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.")


def compare_item(key: Any, actual: Any, expected: Any, options: Options) -> None:
    try:
        compare(actual, expected, options)
    except Mismatch as inner:
        raise Mismatch(inner.text, (key, *inner.path)) from None


def compare_keys(actual: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    missing, additional = expected.keys() - actual.keys(), actual.keys() - expected.keys()
    if missing or additional:
        raise Mismatch(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {sorted(missing)}\n"
            f"Additional keys in the actual mapping: {sorted(additional)}"
        )


def is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def are_tensor_like(actual: Any, expected: Any, allow_subclasses: bool) -> bool:
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if not related or (not allow_subclasses and type(actual) is not type(expected)):
        return False
    return isinstance(actual, (Tensor, np.ndarray, np.generic))


def as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else creation.as_tensor(np.asarray(value))


def compare_numbers(actual: Any, expected: Any, options: Options) -> None:
    """Python numbers; an int and a float differ in dtype."""
    kinds = (type(actual), type(expected))
    if options.check_dtype and kinds[0] is not kinds[1]:
        raise Mismatch(f"The (d)types do not match: {kinds[0]} != {kinds[1]}.")
    rtol, atol = options.tolerances(*(_dtype_of(value) for value in (actual, expected)))
    if not scalars_are_close(actual, expected, rtol, atol, options.equal_nan):
        raise Mismatch(scalar_text(actual, expected, rtol, atol))


def _dtype_of(number: Any) -> dtype:
    if isinstance(number, complex):
        return dtypes.complex128
    return dtypes.float64 if isinstance(number, float) else dtypes.int64


def scalars_are_close(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool) -> bool:
    if actual == expected or (equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return True
    difference = abs(actual - expected)
    return bool(cmath.isfinite(difference) and difference <= atol + rtol * abs(expected))


def scalar_text(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    exact = rtol == 0 and atol == 0
    absolute = abs(actual - expected)
    relative = float("inf") if expected == 0 else absolute / abs(expected)
    allowed = ["" if exact else f" (up to {bound} allowed)" for bound in (atol, rtol)]
    return (
        f"Scalars are not {'equal' if exact else 'close'}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {absolute}{allowed[0]}\n"
        f"Relative difference: {relative}{allowed[1]}"
    )


def compare_tensors(actual: Tensor, expected: Tensor, options: Options) -> None:
    """Attributes first, then values in the common dtype."""
    attributes: list[tuple[str, Any, Any]] = [("shape", actual.shape, expected.shape)]
    if options.check_dtype:
        attributes.append(("dtype", actual.dtype, expected.dtype))
    if options.check_stride:
        attributes.append(("stride()", actual.stride(), expected.stride()))
    for name, mine, theirs in attributes:
        if mine != theirs:
            raise Mismatch(f"The values for attribute '{name}' do not match: {mine} != {theirs}.")
    rtol, atol = options.tolerances(actual.dtype, expected.dtype)
    common = dtypes.promote_types(actual.dtype, expected.dtype)
    first, second = (value_array(tensor, common) for tensor in (actual, expected))
    with quiet():
        close = values_are_close(first, second, rtol, atol, options.equal_nan)
        if close.all():
            return
        if not actual._shape:
            numbers = (actual.item(), expected.item())
            raise Mismatch(scalar_text(*numbers, rtol, atol))
        raise Mismatch(tensor_text(first, second, close, rtol, atol))


def value_array(tensor: Tensor, common: dtype) -> Any:
    values = tensor._read().astype(common.np)
    return values.astype(np.int64) if common.category < 2 else values


def values_are_close(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    if actual.dtype.kind == "i":
        same = actual == expected
        return same if rtol == 0 and atol == 0 else same | (abs(actual - expected) <= atol + rtol * abs(expected))
    difference, allowed = abs(actual - expected), atol + abs(rtol * expected)
    close = (actual == expected) | (np.isfinite(difference.astype(np.float64)) & (difference <= allowed))
    if equal_nan:
        close |= np.isnan(actual) & np.isnan(expected)
    return close


def tensor_text(actual: Any, expected: Any, close: Any, rtol: float, atol: float) -> str:
    """How many elements differ, and where most."""
    exact = rtol == 0 and atol == 0
    absolute = abs(actual - expected)
    divisor = abs(expected)
    if actual.dtype.kind == "i":
        relative = absolute.astype(np.float32) / divisor.astype(np.float32)
    else:
        relative = absolute / divisor
    differing = int(close.size - close.sum())
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n",
        f"Mismatched elements: {differing} / {close.size} ({differing / close.size:.1%})",
    ]
    for name, differences, bound in (("absolute", absolute, atol), ("relative", relative, rtol)):
        masked = np.where(close, differences.dtype.type(0), differences).reshape(-1)
        # A nan is larger than any number.
        undefined = np.isnan(masked.astype(np.float64))
        at = int(undefined.argmax()) if undefined.any() else int(masked.argmax())
        index = tuple(int(i) for i in np.unravel_index(at, close.shape))
        value = int(masked[at]) if masked.dtype.kind == "i" else float(masked[at])
        allowed = "" if exact else f" (up to {bound} allowed)"
        lines.append(f"Greatest {name} difference: {value} at index {index}{allowed}")
    return "\n".join(lines)
