"""New tensors from literal values."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.program import steps as s

SHAPES: tuple[tuple[int, ...], ...] = (
    (3,),
    (2, 3),
    (2,),
    (),
    (2, 2),
    (3, 2),
    (1, 3),
    (2, 1),
    (1,),
    (4,),
    (2, 3, 2),
    (2, 1, 3),
    (3, 3),
    (0,),
    (2, 0),
    (1, 1, 1),
)
_LIKELY = [8, 8, 6, 4, 6, 4, 3, 3, 3, 3, 3, 2, 3, 0.4, 0.3, 0.3]
_CUMULATIVE = [sum(_LIKELY[: i + 1]) for i in range(len(_LIKELY))]
_QUARTERS = [i / 4 for i in range(-12, 13) if i]
_AWKWARD = (0.0, -0.0, 1.0, -1.0, "nan", "inf", "-inf", 1e-30, 1e30)
_FLAGS = (True, False)
_PATTERNED = 0.06


def number(b: Builder, dtype: str, low: float = -3.0, high: float = 3.0, special: tuple[Any, ...] = ()) -> Any:
    """One literal value: mostly a small multiple of a quarter, which arithmetic keeps exact for a while."""
    if dtype == "bool":
        return b.choose.one_of(_FLAGS)
    if dtype.startswith(("int", "uint")):
        return b.choose.integer(0 if dtype.startswith("u") else -3, 4)
    if special and b.choose.coin(0.15):
        return special_value(b.choose.one_of(special))
    if b.choose.coin(0.7):
        value = b.choose.one_of(_QUARTERS)
        return value if low <= value <= high else low + (high - low) * (abs(value) / 3.25)
    return low + (high - low) * b.choose.integer(0, 999) / 999


def special_value(value: Any) -> Any:
    """A float as a literal that JSON can hold."""
    if isinstance(value, float) and value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value


def values(b: Builder, dtype: str, count: int, **domain: Any) -> tuple[Any, ...]:
    awkward = not dtype.startswith(("int", "uint", "bool")) and b.choose.coin(b.profile.special)
    special = _AWKWARD if awkward else domain.pop("special", ())
    domain.pop("special", None)

    def one() -> Any:
        return number(b, dtype, special=special, **domain)

    if count > 1 and b.choose.coin(_PATTERNED):
        return _pattern(b, one, count, dtype)
    if dtype.startswith("complex"):
        return tuple(s.Complex(one(), one()) for _ in range(count))
    return tuple(one() for _ in range(count))


def _pattern(b: Builder, one: Any, count: int, dtype: str) -> tuple[Any, ...]:
    """Values that repeat: ties, zero rows and singular matrices."""

    def value() -> Any:
        return s.Complex(one(), one()) if dtype.startswith("complex") else one()

    zero: Any = False if dtype == "bool" else 0
    kind = b.choose.integer(0, 3)
    if kind == 0:
        return (zero,) * count
    if kind == 1:
        return (value(),) * count
    if kind == 2:  # rows alike, where there are two
        row = [value() for _ in range(max(count // 2, 1))]
        return tuple((row * count)[:count])
    some = [value() for _ in range(count)]
    cut = b.choose.integer(1, count)
    return (*((zero,) * cut), *some[cut:]) if b.choose.coin(0.5) else (*some[:-cut], *((zero,) * cut))


def numel(shape: tuple[int, ...]) -> int:
    n = 1
    for size in shape:
        n *= size
    return n


def shape(b: Builder) -> tuple[int, ...]:
    """A small shape: often that of a tensor that is there, so that things combine."""
    if b.tensors and b.choose.coin(0.5):
        return tuple(b.tensors[b.choose.one_of(list(b.tensors))].shape)
    return b.choose.weighted(SHAPES, _CUMULATIVE)


def tensor(b: Builder) -> None:
    if len(b.tensors) < 12:
        new(b, shape(b))


def new(
    b: Builder, of: tuple[int, ...], dtype: str | None = None, requires_grad: bool | None = None, **domain: Any
) -> str:
    """Emit a tensor of a shape; returns its name."""
    if dtype is None:
        dtype = b.choose.weighted(*b.profile.dtype_table())
    floating = dtype.startswith(("float", "bfloat", "complex"))
    if requires_grad is None:
        requires_grad = floating and b.choose.coin(0.7)
        if not floating and b.spoil():
            requires_grad = True
    name = b.fresh()
    strides, offset, count = None, 0, numel(of)
    if of and count and b.choose.coin(0.14):
        strides, offset, count = _layout(b, of)
    b.emit(
        s.Make(
            name,
            values(b, dtype, max(count + offset, 1), **domain),
            of,
            dtype,
            requires_grad,
            strides=strides,
            offset=offset,
        )
    )
    return name


def _layout(b: Builder, of: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    """Strides, an offset, and how many elements the buffer needs to the last one that is reached."""
    kind = b.choose.weighted(("columns", "gaps", "expanded"), (6, 9, 11))
    strides = list(_row_major(of))
    if kind == "columns":
        strides = list(reversed(_row_major(tuple(reversed(of)))))
    elif kind == "gaps":
        strides = [2 * n for n in strides]
    else:
        strides[b.choose.integer(0, len(of) - 1)] = 0
    offset = b.choose.integer(0, 1)
    return tuple(strides), offset, 1 + sum((n - 1) * k for n, k in zip(of, strides, strict=True))


def _row_major(of: tuple[int, ...]) -> tuple[int, ...]:
    out, step = [], 1
    for size in reversed(of):
        out.append(step)
        step *= size
    return tuple(reversed(out))
