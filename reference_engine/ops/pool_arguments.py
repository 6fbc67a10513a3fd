"""What pools are told: numbers for each dimension of space, and what is refused, in the order of torch's checks."""

from __future__ import annotations

from typing import Any

from reference_engine.ops.windows import Ints
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Options = tuple[Ints, Ints, Ints, Ints]  # the window, its steps, padding, and dilation
_NUMBER = {2: "two", 3: "three"}
_SIDES = {1: "HW", 2: "HW", 3: "THW"}
_POSITIONS = {"kernel_size": 2, "output_size": 2, "stride": 3, "padding": 4, "dilation": 5}
_EITHER, _OMITTED = "either be a single int", "either be omitted, a single int"
_FORMS = {
    ("max", 2): {"kernel_size": _EITHER, "stride": _OMITTED, "dilation": "be either a single int"},
    ("max", 3): {"kernel_size": _EITHER, "stride": _OMITTED, "dilation": "be either a single int"},
    ("avg", 2): {"kernel_size": _EITHER, "stride": _OMITTED, "padding": _EITHER},
    ("avg", 3): {
        "kernel_size": "be a single int", "stride": "be omitted, a single int", "padding": "be a single int",
    },
}  # fmt: skip
_FORMS_1D = {
    "kernel_size": "an int, list of ints or tuple of ints",
    "stride": "None, an int, list of ints, or tuple of ints",
    "padding": "an int, list of ints, or tuple of ints",
    "dilation": "an int, list of ints or tuple of ints",
}


def ints(op: str, name: str, value: Any) -> Ints:
    """The numbers of one argument.

    Raises:
        TypeError: they are none.
    """
    position = _POSITIONS[name]
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, (list, tuple)):
        got = type(value).__name__
        raise refusal(
            "ops.arguments.type", op=op, name=name, position=position, expected="tuple of ints", got=got
        )  # fmt: skip
    for at, each in enumerate(value):
        if not isinstance(each, int) or isinstance(each, bool):
            got = type(each).__name__
            raise refusal("nn.pool.element", op=op, name=name, position=position, got=got, at=at)
    return tuple(value)


def _read(op: str, kernel: Any, stride: Any, padding: Any, dilation: Any) -> dict[str, Ints]:
    return {
        "kernel_size": ints(op, "kernel_size", kernel),
        "stride": () if stride is None else ints(op, "stride", stride),
        "padding": ints(op, "padding", padding),
        "dilation": ints(op, "dilation", dilation),
    }


def options(kind: str, dims: int, given: Any, rank: int) -> Options:
    """The numbers of a pool for each dimension, of which one may stand for all.

    Args:
        kind: "max" or "avg". given: kernel size, stride, padding and dilation as the call has them.

    Raises:
        RuntimeError: there are too few of them, or too many.
    """
    op = f"{kind}_pool{dims}d"
    read = _read(op, *given)
    if dims == 1:
        _refuse_counts_1d(kind, op, read, rank)
    else:
        for name, values in read.items():
            if len(values) in (1, dims) or (name == "stride" and not values):
                continue
            if kind == "max" and name == "padding":
                raise refusal("nn.pool.count_padding", op=op, number=_NUMBER[dims])
            raise refusal("nn.pool.count", op=op, name=name, form=_FORMS[kind, dims][name], number=_NUMBER[dims])
    kernel, stride, padding, dilation = (v * dims if len(v) == 1 else v for v in read.values())
    return kernel, stride or kernel, padding, dilation


def _refuse_counts_1d(kind: str, op: str, read: dict[str, Ints], rank: int) -> None:
    if kind == "avg":
        refuse_rank_argument(op, rank)
    for name, values in read.items():
        if len(values) == 1 or (name == "stride" and not values):
            continue
        if kind == "avg":
            raise refusal("nn.pool.one_int", op=op, name=name, got=len(values))
        raise refusal("nn.pool.count1d", name=name, form=_FORMS_1D[name], got=len(values))


def refuse_rank_argument(op: str, rank: int) -> None:
    """Raise unless there is a sequence with channels, or a batch of them."""
    if rank not in (2, 3):
        raise refusal("nn.pool.rank_argument", rank=rank, op=op)


def refuse_max1d(input: Tensor, options: Options) -> None:
    """Raise what a pool along one dimension refuses before it is made one of images."""
    (kernel,), (stride,), (padding,), (dilation,) = options
    for name, value in (("kernel_size", kernel), ("stride", stride)):
        if value <= 0:
            raise refusal("nn.pool.positive1d", name=name, bound="greater than zero", value=value)
    if padding < 0:
        raise refusal("nn.pool.positive1d", name="padding", bound="non-negative", value=padding)
    if padding > kernel // 2:
        raise refusal("nn.pool.padding1d", pad=padding, kernel=kernel)
    if dilation <= 0:
        raise refusal("nn.pool.positive1d", name="dilation", bound="greater than zero", value=dilation)


def refuse_rank1d(shape: Ints) -> None:
    """Raise unless there is a sequence with channels, or a batch of them, that has elements."""
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise refusal("nn.pool.rank1d", shape=list(shape))


def refuse_steps(options: Options) -> None:
    """Raise what keeps the size of the result from being computed."""
    for k, s, p, d in zip(*options, strict=True):
        if s == 0:
            raise refusal("nn.pool.stride")
        if p < 0:
            raise refusal("nn.pool.padding_negative", pad=p)
        if p > int((d * (k - 1) + 1) / 2):  # towards zero
            raise refusal("nn.pool.padding", pad=p, kernel=k, dilation=d)


def refuse_window(shape: Ints, options: Options, op: str) -> None:
    """Raise what the kernel refuses of the window and of the input."""
    kernel, stride, _, dilation = options
    dims = len(kernel)
    for what, letter, values in (
        ("kernel size", "k", kernel), ("stride", "d", stride), ("dilation", "dilation", dilation)
    ):  # fmt: skip
        if min(values) <= 0:
            sides = " ".join(f"{letter}{side}: {v}" for side, v in zip(_SIDES[dims], values, strict=True))
            raise refusal("nn.pool.positive", what=what, sides=sides)
    if dims == 2:
        if len(shape) not in (3, 4) or 0 in shape[-3:]:
            raise refusal("nn.pool.batch", shape=list(shape))
        return
    for dim in range(len(shape) - 4, len(shape)):
        if not shape[dim]:
            raise refusal("nn.pool.empty3d", op=op, shape=list(shape), dim=dim)


def refuse_larger(shape: Ints, kernel: Ints) -> None:
    """Raise if a window of volumes does not fit into the input, padding or not."""
    spatial = shape[-len(kernel) :]
    if any(k > n for k, n in zip(kernel, spatial, strict=True)):
        raise refusal(
            "nn.pool.larger",
            sides=" ".join(f"{side}: {n}" for side, n in zip("THW", spatial, strict=True)),
            kernel=" ".join(f"k{side}: {k}" for side, k in zip("THW", kernel, strict=True)),
        )


# -- adaptive pools ----------------------------------------------------------------------------------------------------


def output_size(op: str, dims: int, wanted: Any, shape: Ints) -> Ints:
    """What an adaptive pool is told, None standing for the size of the input.

    Raises:
        TypeError: something else than numbers. ValueError: more of them than the input has dimensions.
    """
    if dims == 1:
        return ints(op, "output_size", wanted)
    if isinstance(wanted, int):
        return (wanted,) * dims
    if len(shape) <= len(wanted):
        raise refusal("nn.adaptive_pool.default", least=len(wanted) + 1)
    behind = shape[len(shape) - len(wanted) :]
    return ints(op, "output_size", [n if v is None else v for v, n in zip(wanted, behind, strict=True)])


def refuse_adaptive_1d(op: str, out: Ints, rank: int) -> None:
    """Raise what an adaptive pool along one dimension refuses before it is made one of images."""
    refuse_rank_argument(op, rank)
    if len(out) != 1:
        raise refusal("nn.pool.one_int", op=op, name="output_size", got=len(out))


def refuse_adaptive_sizes(dims: int, out: Ints) -> None:
    """Raise for sizes of means that cannot be."""
    if len(out) != dims:
        raise refusal("nn.adaptive_pool.count", op=f"adaptive_avg_pool{dims}d", dims=dims)
    if min(out) < 0:
        text = ", ".join(map(str, out[:2]))
        if dims == 2:
            raise refusal("nn.adaptive_pool.negative", sizes=text)
        raise refusal("nn.adaptive_pool.negative3d", sizes=f"{text},{out[2]}")


def refuse_adaptive(kind: str, dims: int, shape: Ints) -> None:
    """Raise for an input that an adaptive pool cannot see."""
    op = f"adaptive_{kind}_pool{dims}d"
    if len(shape) not in (dims + 1, dims + 2):
        raise refusal(
            "nn.adaptive_pool.rank", op=op, low=dims + 1, high=dims + 2, colon=":" * (kind == "max"),
            shape=list(shape),
        )  # fmt: skip
    seen = (len(shape) - 2, len(shape) - 1) if (kind, dims) == ("avg", 2) else range(1, len(shape))
    for dim in seen:
        if not shape[dim]:
            raise refusal("nn.adaptive_pool.empty", op=op, shape=list(shape), dim=dim)
