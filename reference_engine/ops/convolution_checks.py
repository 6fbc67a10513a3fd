"""What may be convolved: the refusals of a convolution, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_engine.ops.supported import HALF_LATER, NEVER_BOOL, refuse_unsupported
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def each(value: Any, dims: int, name: str) -> Ints:
    """An option for each dimension; one number is meant for all.

    Raises:
        RuntimeError: neither one number nor as many as there are dimensions.
    """
    given = (value,) if isinstance(value, int) else tuple(value)
    if len(given) == 1:
        return given * dims
    if len(given) != dims:
        raise refusal("nn.conv.options", name=name, dims=dims, got=list(given))
    return given


def refuse_bias_dtype(input: Tensor, bias: Any) -> None:
    """Raise if the bias has another dtype than the input: looked at before anything else."""
    if bias is not None and bias._dtype is not input._dtype:
        raise refusal("nn.conv.bias_dtype", input=input.dtype.cpp_name, bias=bias.dtype.cpp_name)


def refuse_options(weight: Tensor, groups: int) -> None:
    """Raise for what is looked at before the options are spread over the dimensions."""
    if len(weight._shape) < 3:
        raise refusal("nn.conv.weight_rank")
    if groups <= 0:
        raise refusal("nn.conv.groups_positive")


def refuse_shapes(
    input: Tensor, weight: Tensor, bias: Any, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> None:  # fmt: skip
    """Raise for numbers that are no options, and for shapes that do not go together."""
    x, w = input._shape, weight._shape
    _refuse_numbers(stride, padding, dilation, output_padding)
    if len(x) != len(w):
        raise refusal("nn.conv.dimensions", rank=len(w), weight=list(w), got=len(x), input=list(x))
    if w[0] < groups:
        raise refusal("nn.conv.weight_size", groups=groups, weight=list(w))
    if w[0] % groups:
        raise refusal("nn.conv.groups", groups=groups, weight=list(w))
    channels = w[1] * groups if transposed else w[0]
    if not transposed and x[1] != w[1] * groups:
        raise refusal(
            "ops.conv.channels", groups=groups, weight=list(w), input=list(x), expected=w[1] * groups, got=x[1]
        )
    if transposed and x[1] != w[0]:
        raise refusal(
            "nn.conv_transpose.channels", transposed=int(transposed), weight=list(w), input=list(x), expected=w[0],
            got=x[1],
        )  # fmt: skip
    if bias is not None and bias._shape != (channels,):
        clause = "nn.conv_transpose.bias" if transposed else "nn.conv.bias"
        raise refusal(clause, weight=list(w), channels=channels, bias=list(bias._shape))
    if not transposed:
        padded = [n + 2 * p for n, p in zip(x[2:], padding, strict=True)]
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, w[2:], strict=True)]
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise refusal("nn.conv.kernel_size", size=" x ".join(map(str, padded)), kernel=" x ".join(map(str, reach)))
    if 0 in x[2:] and x[0] and x[1]:
        raise refusal("nn.conv.empty", shape=[*x[:2], *_as_image(x[2:], 1)])


def _refuse_numbers(stride: Ints, padding: Ints, dilation: Ints, output_padding: Ints) -> None:
    if min(padding, default=0) < 0:
        raise refusal("nn.conv.padding")
    if min(output_padding, default=0) < 0:
        raise refusal("nn.conv.output_padding")
    if min(stride, default=1) <= 0:
        raise refusal("nn.conv.stride")
    if min(dilation, default=0) < 0 and switch("nn.conv.dilation_checked"):
        raise refusal("nn.conv.dilation")


def _as_image(sizes: Ints, filler: int) -> Ints:
    """One dimension is computed as an image of one row."""
    return (filler, *sizes) if len(sizes) == 1 else sizes


def refuse_in_kernel(
    input: Tensor, weight: Tensor, bias: Any, stride: Ints, dilation: Ints, transposed: bool, output_padding: Ints,
    made: Ints,
) -> None:  # fmt: skip
    """Raise for what the routine that computes it cannot do; ``made`` is the shape of the result."""
    around = _as_image(dilation, 1)
    if min(dilation) <= 0:
        if transposed:
            raise refusal("nn.conv_transpose.dilation", dilation=", ".join(_named("dilation", dilation)))
        raise refusal("nn.conv.dilation_of_each", dilation=list(around))
    kernel, late = _kernel(len(stride), transposed, dilation)
    refuse_unsupported(kernel, input._dtype, late, NEVER_BOOL)
    for other in (weight, bias) if transposed and len(stride) == 3 else (weight,):
        if other is not None and other._dtype is not input._dtype:
            raise refusal("nn.conv.weight_dtype", input=input.dtype.scalar_name, weight=other.dtype.scalar_name)
    if not transposed:
        return
    if any(e >= max(s, d) for e, s, d in zip(output_padding, stride, dilation, strict=True)):
        sizes = [*_named("output_padding", output_padding, 0), *_named("stride", stride), *_named("dilation", dilation)]
        raise refusal("nn.conv_transpose.output_padding", sizes=" ".join(sizes))
    if any(n < 1 for n in made[2:]):
        words = [" x ".join(map(str, _as_image(shape[2:], 1))) for shape in (input._shape, made)]
        raise refusal("nn.conv_transpose.output_size", size=words[0], output=words[1])


def _named(option: str, values: Ints, filler: int = 1) -> list[str]:
    """``["stride_height: 1", "stride_width: 2"]``."""
    values = _as_image(values, filler)
    names = ("depth", "height", "width")[-len(values) :]
    return [f"{option}_{name}: {value}" for name, value in zip(names, values, strict=True)]


def _kernel(dims: int, transposed: bool, dilation: Ints) -> tuple[str, Mapping[str, str]]:
    """What refusals call the kernel of a convolution, and with which switches its dtypes came."""
    flat = 3 if dims == 3 else 2
    if transposed:
        return f"slow_conv_transpose{flat}d_out_cpu", {**HALF_LATER, "bfloat16": "nn.conv_transpose.bfloat16"}
    if any(d > 1 for d in dilation):
        return "slow_conv_dilated<>", HALF_LATER
    return "compute_columns3d" if dims == 3 else "slow_conv2d_cpu", HALF_LATER
