"""How a tensor prints.

Layout is decided in three steps, each a function here: one column format for all numbers of the tensor
(`column_format`), the nested brackets filled line by line (`layout`), and the suffixes such as `dtype=...` and
`grad_fn=<...>` that are broken onto a new line when the last one is full (`append_suffixes`).

Everything works on NumPy arrays and plain words, so that it can be read and tested without the engine;
`of_tensor` at the end is what reads those words off a tensor.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from reference_engine.dispatcher import watching
from reference_engine.dtypes import get_default_dtype

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PrintOptions:
    """What `set_printoptions` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}

_options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print. What is left out stays as it is, except `sci_mode`, which returns to automatic."""
    global _options
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = dict(PROFILES.get(profile, {})) if profile is not None else {}
    changes.update({name: value for name, value in given.items() if value is not None})
    _options = dataclasses.replace(_options, sci_mode=sci_mode, **changes)


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments of `set_printoptions`."""
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**changes: Any) -> Iterator[None]:
    """Print with other options inside the block."""
    global _options
    before = _options
    set_printoptions(**changes)
    try:
        yield
    finally:
        _options = before


# --------------------------------------------------------------------------------------------------------------------
# One number


@dataclass(frozen=True)
class ColumnFormat:
    """The form that all numbers of a tensor share.

    `exact` prints integers and bools, `integral` floats that are all whole ("3."), `fixed` and `scientific` the rest.
    """

    notation: Literal["exact", "integral", "fixed", "scientific"]
    width: int
    precision: int

    def text(self, value: Any) -> str:
        """`value` in this notation, right-aligned to the column's width."""
        return self._bare(value).rjust(self.width)

    def _bare(self, value: Any) -> str:
        if self.notation == "exact":
            return str(value)
        if self.notation == "scientific":
            return f"{value:.{self.precision}e}"
        if self.notation == "fixed":
            return f"{value:.{self.precision}f}"
        whole = f"{value:.0f}"
        return whole + "." if math.isfinite(value) else whole


def column_format(values: Array, options: PrintOptions) -> ColumnFormat:
    """The column format for real `values`. Zeros, infinities and nans have no say in it, not even in the width."""
    flat = values.reshape(-1)
    if not is_floating(flat.dtype):
        width = max((len(str(value)) for value in flat.tolist()), default=1)
        return ColumnFormat("exact", max(1, width), options.precision)

    numbers = flat.astype(np.float64)
    telling = numbers[np.isfinite(numbers) & (numbers != 0)]
    if telling.size == 0:
        return ColumnFormat("integral", 1, options.precision)

    magnitudes = np.abs(telling)
    largest, smallest = float(magnitudes.max()), float(magnitudes.min())
    scientific = options.sci_mode
    if scientific is None:
        # A subnormal `smallest` may push the ratio over the top; that is a wide range too.
        with np.errstate(over="ignore"):
            wide = bool(np.float64(largest) / np.float64(smallest) > 1000.0)
        scientific = wide or largest > 1.0e8 or smallest < 1.0e-4
    notation: Literal["integral", "fixed", "scientific"]
    if scientific:
        notation = "scientific"
    elif bool(np.all(telling == np.ceil(telling))):
        notation = "integral"
    else:
        notation = "fixed"
    unaligned = ColumnFormat(notation, 0, options.precision)
    return dataclasses.replace(unaligned, width=max(len(unaligned.text(value)) for value in telling.tolist()))


def complex_text(value: complex, real: ColumnFormat, imaginary: ColumnFormat) -> str:
    """`value` as `a+bj`; the imaginary part is not padded, so its sign touches the real part."""
    tail = imaginary.text(value.imag).lstrip() + "j"
    return real.text(value.real) + (tail if tail[0] in "+-" else "+" + tail)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether `dtype` is a real floating dtype: also bfloat16 and those of 8 bits, which NumPy knows as extensions."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat16", "float8"))


# --------------------------------------------------------------------------------------------------------------------
# Brackets and lines


def layout(values: Array, indent: int, options: PrintOptions | None = None) -> str:
    """The numbers of `values` in nested brackets, for a text that starts in column `indent`."""
    options = options or _options
    if values.size == 0:
        return "[]"
    edge = options.edgeitems if values.size > options.threshold else None
    shown = values if edge is None else summarized(values, edge)
    if values.dtype.kind == "c":
        real, imaginary = column_format(shown.real, options), column_format(shown.imag, options)
        cells = Cells(real.width + imaginary.width + 1, options.linewidth, lambda v: complex_text(v, real, imaginary))
    else:
        column = column_format(shown, options)
        cells = Cells(column.width, options.linewidth, column.text)
    return bracketed(values, indent, cells, edge)


@dataclass(frozen=True)
class Cells:
    """How to print one number, and how many fit on a line."""

    width: int
    linewidth: int
    text: Callable[[Any], str]

    def per_line(self, indent: int) -> int:
        return max(1, (self.linewidth - indent) // (self.width + len(", ")))


def bracketed(values: Array, indent: int, cells: Cells, edge: int | None) -> str:
    """`values` in brackets; `edge` is the number of items kept at either end where the middle is left out."""
    if values.ndim == 0:
        return cells.text(python_values(values))
    elided = edge is not None and len(values) > 2 * edge
    head, tail = (values[:edge], values[len(values) - (edge or 0) :]) if elided else (values, values[:0])
    if values.ndim == 1:
        row = [cells.text(value) for value in python_values(head)]
        if elided:
            row.append(" ..." if edge else "...")
        row += [cells.text(value) for value in python_values(tail)]
        size = cells.per_line(indent)
        lines = [", ".join(row[start : start + size]) for start in range(0, len(row), size)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [bracketed(part, indent + 1, cells, edge) for part in head]
    if elided:
        parts.append("...")
    parts += [bracketed(part, indent + 1, cells, edge) for part in tail]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def summarized(values: Array, edge: int) -> Array:
    """What is left of `values` when only `edge` items at either end of each dimension are shown."""
    if edge == 0:
        return values if values.ndim <= 1 else values[:0]
    for axis, size in enumerate(values.shape):
        if size > 2 * edge:
            values = np.concatenate(
                (values.take(range(edge), axis=axis), values.take(range(size - edge, size), axis=axis)), axis=axis
            )
    return values


def python_values(values: Array) -> Any:
    """`values.tolist()`, also for bfloat16."""
    return (values.astype(np.float32) if is_floating(values.dtype) and values.dtype.kind != "f" else values).tolist()


# --------------------------------------------------------------------------------------------------------------------
# Suffixes


def append_suffixes(text: str, suffixes: Sequence[str], indent: int, linewidth: int, on_new_line: bool = False) -> str:
    """`text` with each suffix after a comma, on a new line where the last one is full, and the closing bracket."""
    column = len(text) - text.rfind("\n") + 1
    for i, suffix in enumerate(suffixes):
        if column + len(suffix) + 2 > linewidth or (on_new_line and not i):
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"


@dataclass(frozen=True)
class Words:
    """What a tensor's text says beside its numbers."""

    dtype: str = "float32"
    default_dtype: str = "float32"
    device: str = "cpu"
    class_name: str = "Tensor"
    requires_grad: bool = False
    grad_fn: str | None = None
    tangent: str | None = None
    contents: str | None = None


def tensor_repr(values: Array | None, shape: Sequence[int], words: Words, options: PrintOptions | None = None) -> str:
    """The text of a tensor; `values` is None where there are none to show (the meta device)."""
    options = options or _options
    prefix = "tensor(" if words.class_name in ("Tensor", "Parameter") else f"{words.class_name}("
    size = f"size={tuple(shape)}"
    dtype = f"dtype=torch.{words.dtype}"
    suffixes: list[str] = []
    if words.device != "cpu":
        suffixes.append(f"device='{words.device}'")
    if words.contents is not None:
        numbers = words.contents
    elif values is None or values.size == 0:
        # No number shows the dtype, so int64 and bool, too, are named here.
        numbers = "..." if values is None else "[]"
        if values is None or len(shape) != 1:
            suffixes.append(size)
        if words.dtype != words.default_dtype:
            suffixes.append(dtype)
    else:
        numbers = layout(values, len(prefix), options)
        if options.edgeitems == 0:
            suffixes.append(size)
        if words.dtype not in implied_dtypes(words.default_dtype):
            suffixes.append(dtype)
    return append_suffixes(prefix + numbers, [*suffixes, *_history(words)], len(prefix), options.linewidth)


def _history(words: Words) -> list[str]:
    said: list[str] = []
    if words.grad_fn is not None:
        said.append(f"grad_fn=<{words.grad_fn}>")
    elif words.requires_grad:
        said.append("requires_grad=True")
    if words.tangent is not None:
        said.append(f"tangent={words.tangent}")
    return said


def sparse_repr(
    parts: Mapping[str, Array], shape: Sequence[int], nnz: int, layout_name: str, words: Words,
    options: PrintOptions | None = None,
) -> str:  # fmt: skip
    """The text of a sparse tensor, which is made of named `parts`, the values last."""
    options = options or _options
    prefix = "tensor(" if words.class_name in ("Tensor", "Parameter") else f"{words.class_name}("
    indent = len(prefix)
    lines = []
    for name, values in parts.items():
        numbers = layout(values, indent + len(f"{name}=tensor("), options)
        lines.append(f"{name}=tensor({numbers}{'' if values.size else f', size={tuple(values.shape)}'})")
    suffixes = [f"size={tuple(shape)}", f"nnz={nnz}"]
    if words.dtype not in implied_dtypes(words.default_dtype):
        suffixes.append(f"dtype=torch.{words.dtype}")
    suffixes.append(f"layout={layout_name}")
    text = prefix + (",\n" + " " * indent).join(lines)
    on_new_line = layout_name == "torch.sparse_coo"
    return append_suffixes(text, [*suffixes, *_history(words)], indent, options.linewidth, on_new_line)


def implied_dtypes(default_dtype: str) -> tuple[str, ...]:
    """The dtypes that a reader takes for granted when none is written."""
    default_complex = "complex128" if default_dtype == "float64" else "complex64"
    return (default_dtype, default_complex, "int64", "bool")


def of_tensor(tensor: Tensor, contents: str | None = None) -> str:
    """What ``repr`` and ``str`` of a tensor give; ``contents`` stand in the place of the numbers."""
    from reference_engine.autograd import forward_ad

    level = tensor._level
    if level is not None and tensor._below is not None:
        if not level.alive and level.kind != "vmap":
            return of_tensor(tensor._below)
        kind = "BatchedTensor" if level.kind == "vmap" else "GradTrackingTensor"
        batch = f", bdim={tensor._batch_dim}" if level.kind == "vmap" else ""
        value = textwrap.indent(of_tensor(tensor._below), "    ")
        return f"{kind}(lvl={level.number}{batch}, value=\n{value}\n)"
    try:
        node = tensor.grad_fn
        history = None if node is None else type(node).__name__
    except RuntimeError:
        # A view made and changed without grad mode has no history that could be told.
        history = "Invalid"
    tangent = forward_ad.tangent_of(tensor) if forward_ad.active else None
    words = Words(
        dtype=tensor.dtype.name,
        default_dtype=get_default_dtype().name,
        device=str(tensor.device),
        class_name=type(tensor).__name__,
        requires_grad=history is None and tensor.requires_grad,
        grad_fn=history,
        tangent=None if tangent is None else of_tensor(tangent),
        contents=contents,
    )
    if contents is not None:
        return tensor_repr(None, tensor._shape, words)
    if watching.used and watching.overrides(type(tensor)):
        raise RuntimeError(f".tolist() is not supported for tensor subclasses, got {type(tensor).__name__}")
    if (kept := tensor._sparse) is not None:
        parts = {name: part._read() for name, part in kept.parts().items()}
        return sparse_repr(parts, tensor._shape, kept.nnz, str(kept.layout), words)
    return tensor_repr(None if tensor.is_meta else tensor._read(), tensor._shape, words)
