"""Convolutions in any number of dimensions, and their transposes: three sums over windows, and what relates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains, shadow
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, empty, from_array, noisy
from reference_engine.ops.supported import HALF_LATER, NEVER_BOOL, refuse_unsupported
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]

# -- three sums: each is linear in two arrays, and gives what the third is multiplied by -------------------------------


def _windows(x: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """Shape (n, c, *positions, *kernel): a look at what each position of the kernel sees."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    axes = tuple(range(2, x.ndim))
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    every = tuple(slice(None, None, s) for s in stride) + tuple(slice(None, None, d) for d in dilation)
    return seen[(slice(None), slice(None), *every)]


def _letters(dims: int) -> tuple[str, str]:
    return "xyz"[:dims], "ijk"[:dims]


def correlate(x: Array, w: Array, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    """What each kernel finds at each position."""
    dims = w.ndim - 2
    at, inside = _letters(dims)
    seen = _windows(x, w.shape[2:], stride, padding, dilation)
    seen = seen.reshape(x.shape[0], groups, -1 if x.shape[1] else 0, *seen.shape[2:])
    kernels = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    found = np.einsum(f"ngc{at}{inside},goc{inside}->ngo{at}", seen, kernels, optimize=True)
    return found.reshape(x.shape[0], w.shape[0], *found.shape[3:])


def spread(g: Array, w: Array, shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    """The transpose of ``correlate`` in its first argument: what is found goes back to where it was seen."""
    dims = w.ndim - 2
    made = np.zeros((*shape[:2], *(n + 2 * p for n, p in zip(shape[2:], padding, strict=True))), g.dtype)
    at, _ = _letters(dims)
    parts = g.reshape(g.shape[0], groups, g.shape[1] // groups, *g.shape[2:])
    kernels = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    for where in np.ndindex(*w.shape[2:]):
        share = np.einsum(f"ngo{at},goc->ngc{at}", parts, kernels[(..., *where)], optimize=True)
        spots = tuple(
            slice(k * d, k * d + s * (n - 1) + 1, s) if n else slice(0, 0)
            for k, d, s, n in zip(where, dilation, stride, g.shape[2:], strict=True)
        )
        made[(slice(None), slice(None), *spots)] += share.reshape(shape[0], shape[1], *g.shape[2:])
    inner = tuple(slice(p, p + n) for p, n in zip(padding, shape[2:], strict=True))
    return made[(slice(None), slice(None), *inner)]


def kernels_of(x: Array, g: Array, shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    """The transpose of ``correlate`` in its second argument."""
    dims = len(shape) - 2
    at, inside = _letters(dims)
    seen = _windows(x, shape[2:], stride, padding, dilation)
    seen = seen[(slice(None), slice(None), *(slice(0, n) for n in g.shape[2:]))]
    seen = seen.reshape(x.shape[0], groups, x.shape[1] // groups, *seen.shape[2:])
    parts = g.reshape(g.shape[0], groups, g.shape[1] // groups, *g.shape[2:])
    found = np.einsum(f"ngc{at}{inside},ngo{at}->goc{inside}", seen, parts, optimize=True)
    return found.reshape(shape)


# -- the op ------------------------------------------------------------------------------------------------------------


def _output_shape(
    x: Ints, w: Ints, stride: Ints, padding: Ints, dilation: Ints, transposed: bool, extra: Ints, groups: int
) -> Ints:
    sizes = []
    for n, k, s, p, d, e in zip(x[2:], w[2:], stride, padding, dilation, extra, strict=True):
        reach = d * (k - 1)
        sizes.append((n - 1) * s - 2 * p + reach + e + 1 if transposed else (n + 2 * p - reach - 1) // s + 1)
    return (x[0], w[1] * groups if transposed else w[0], *sizes)


def _forward(
    input: Tensor, weight: Tensor, bias: Any, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> Tensor:  # fmt: skip
    d = input._dtype
    x, w = input._read().astype(d.compute), weight._read().astype(d.compute)
    shape = _output_shape(x.shape, w.shape, stride, padding, dilation, transposed, output_padding, groups)

    def convolve(x: Array, w: Array) -> Array:
        if not x.size or not w.size:
            return np.zeros(shape, x.dtype)
        if transposed:
            return spread(x, w, shape, stride, padding, dilation, groups)
        return correlate(x, w, stride, padding, dilation, groups)

    made = convolve(x, w)
    if bias is not None:
        made = made + bias._read().astype(d.compute).reshape(-1, *[1] * (x.ndim - 2))
    return from_array(_summed(made, convolve, [x, w], d), d)


def _summed(made: Array, fn: Callable[..., Array], arrays: list[Array], d: dtypes.dtype) -> Array:
    """Rounded as what is added up is, products of all arrays, however small the sum."""
    if shadow.active is None:
        return made
    rounded = shadow.sum_is_rounded(reduce(np.multiply.outer, arrays), d)
    return noisy(made, fn, arrays, d, floor=fn(*(np.abs(a) for a in arrays)), rounded=rounded)


def _backward(
    grad_output: Tensor, input: Tensor, weight: Tensor, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int, wanted: str,
) -> tuple[Tensor, ...]:  # fmt: skip
    d = input._dtype
    g, x, w = (t._read().astype(d.compute) for t in (grad_output, input, weight))
    g, x, w = g, np.conj(x), np.conj(w)
    options = (stride, padding, dilation, groups)
    nothing = empty((0,), d)
    made = [nothing, nothing, nothing]

    def of_input(g: Array, w: Array) -> Array:
        if not g.size or not w.size or not x.size:
            return np.zeros(x.shape, g.dtype)
        if not transposed:
            return spread(g, w, x.shape, *options)
        found = correlate(g, w, *options)  # output padding may show one position too many
        return found[tuple(slice(0, n) for n in x.shape)]

    def of_weight(g: Array, x: Array) -> Array:
        if not g.size or not x.size:
            return np.zeros(w.shape, g.dtype)
        return kernels_of(g, x, w.shape, *options) if transposed else kernels_of(x, g, w.shape, *options)

    def of_bias(g: Array) -> Array:
        return np.sum(g, axis=(0, *range(2, g.ndim)))

    if "i" in wanted:
        made[0] = from_array(_summed(of_input(g, w), of_input, [g, w], d), d)
    if "w" in wanted:
        made[1] = from_array(_summed(of_weight(g, x), of_weight, [g, x], d), d)
    if "b" in wanted:
        made[2] = from_array(_summed(of_bias(g), of_bias, [g], d), d)
    return tuple(made)


def _of_weight_again(
    grad_output: Tensor, of_input: Tensor, size: Ints, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    groups: int,
) -> Tensor:  # fmt: skip
    """What the gradient of the input says of the weight: a convolution with batch and channels exchanged, and cut."""
    import reference_engine as engine

    large, small = (grad_output, of_input.conj()) if transposed else (of_input.conj(), grad_output)
    options = [dilation, padding, stride, False, (0,) * len(stride), 1]
    parts = [
        run(_CONVOLUTION, [a.transpose(0, 1), b.transpose(0, 1), None, *options])
        for a, b in zip(large.chunk(groups, 1), small.chunk(groups, 1), strict=True)
    ]
    made = parts[0] if groups == 1 else engine.cat(parts, 1)
    for d, n in enumerate(size[2:], 2):
        if made._shape[d] > n:
            made = made.narrow(d, 0, n)
    return made.transpose(0, 1)


_OPTIONS = "int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups"


def _vjp(
    grad: Tensor, input: Tensor, weight: Tensor, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int, needs: set[str],
) -> dict[str, Any]:  # fmt: skip
    wanted = "".join(name[0] for name in ("input", "weight", "bias") if name in needs)
    options = [stride, padding, dilation, transposed, output_padding, groups]
    made = zip(("input", "weight", "bias"), run(_BACKWARD, [grad, input, weight, *options, wanted]), strict=True)
    return {name: value for name, value in made if name in needs}


def _double(
    grads: list[Tensor | None],
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    output_padding: Ints,
    groups: int,
    wanted: str,
    needs: set[str],
) -> dict[str, Any]:
    """A convolution is linear in the input and in the weight, so its derivatives are convolutions again."""
    options = [stride, padding, dilation, transposed, output_padding, groups]
    asked = "i" in wanted, "w" in wanted, "b" in wanted  # the others hold nothing
    of_input, of_weight, of_bias = (grad if made else None for grad, made in zip(grads, asked, strict=True))
    made: dict[str, Any] = {}
    if "grad_output" in needs:
        terms = []
        if of_input is not None:
            terms.append(run(_CONVOLUTION, [of_input, weight.conj(), None, *options]))
        if of_weight is not None:
            terms.append(run(_CONVOLUTION, [input.conj(), of_weight, None, *options]))
        if of_bias is not None:
            terms.append(of_bias.view((-1, *[1] * (len(input._shape) - 2))).expand(grad_output._shape))
        total = None
        for term in terms:
            total = term if total is None else total + term
        made["grad_output"] = total
    if "input" in needs and of_weight is not None:
        made["input"] = run(_BACKWARD, [grad_output, input, of_weight, *options, "i"])[0]
    if "weight" in needs and of_input is not None:
        made["weight"] = _of_weight_again(
            grad_output, of_input, weight._shape, stride, padding, dilation, transposed, groups
        )
    return made


_CONVOLUTION = declare(
    f"_convolution(Tensor input, Tensor weight, Tensor? bias, {_OPTIONS}) -> Tensor",
    forward=_forward, vjp={"input, weight, bias": _vjp}, node="ConvolutionBackward0", function=False,
)  # fmt: skip
_BACKWARD = declare(
    f"_convolution_backward(Tensor grad_output, Tensor input, Tensor weight, {_OPTIONS}, str wanted) -> (Tensor, "
    "Tensor, Tensor)",
    forward=_backward,
    vjp={"grad_output, input, weight": _double},
    node="ConvolutionBackwardBackward0",
    function=False,
)

# -- what may be convolved ---------------------------------------------------------------------------------------------


def _each(value: Any, dims: int, name: str) -> Ints:
    given = (value,) if isinstance(value, int) else tuple(value)
    if len(given) == 1:
        return given * dims
    if len(given) != dims:
        raise refusal("nn.conv.options", name=name, dims=dims, got=list(given))
    return given


def _check(
    input: Tensor, weight: Tensor, bias: Any, stride: Ints, padding: Ints, dilation: Ints, transposed: bool, groups: int
) -> None:
    x, w = input._shape, weight._shape
    if min(padding, default=0) < 0:
        raise refusal("nn.conv.padding")
    if min(stride, default=1) <= 0:
        raise refusal("nn.conv.stride")
    if not transposed:
        if w[0] % groups:
            raise refusal("nn.conv.groups", groups=groups, weight=list(w))
        if x[1] != w[1] * groups:
            raise refusal(
                "ops.conv.channels", groups=groups, weight=list(w), input=list(x), expected=w[1] * groups, got=x[1]
            )
        channels = w[0]
    else:
        if x[1] != w[0]:
            raise refusal(
                "nn.conv_transpose.channels",
                transposed=int(transposed),
                weight=list(w),
                input=list(x),
                expected=w[0],
                got=x[1],
            )
        channels = w[1] * groups
    if bias is not None and bias._shape != (channels,):
        clause = "nn.conv_transpose.bias" if transposed else "nn.conv.bias"
        raise refusal(clause, weight=list(w), channels=channels, bias=list(bias._shape))
    if not transposed:
        padded = [n + 2 * p for n, p in zip(x[2:], padding, strict=True)]
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, w[2:], strict=True)]
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise refusal("nn.conv.kernel_size", size=" x ".join(map(str, padded)), kernel=" x ".join(map(str, reach)))
    if input._dtype is not weight._dtype:
        raise refusal("nn.conv.weight_dtype", input=input.dtype.scalar_name, weight=weight.dtype.scalar_name)


def _kernel(dims: int, transposed: bool, dilation: Ints) -> tuple[str, Mapping[str, str]]:
    """What refusals call the kernel of a convolution, and with which switches its dtypes came."""
    flat = 3 if dims == 3 else 2
    if transposed:
        return f"slow_conv_transpose{flat}d_out_cpu", {**HALF_LATER, "bfloat16": "nn.conv_transpose.bfloat16"}
    if any(d > 1 for d in dilation):
        return "slow_conv_dilated<>", HALF_LATER
    return "compute_columns3d" if dims == 3 else "slow_conv2d_cpu", HALF_LATER


def _convolve(
    dims: int,
    name: str,
    input: Tensor,
    weight: Tensor,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    transposed: bool = False,
    output_padding: Any = 0,
) -> Tensor:
    rank = len(input._shape)
    if rank not in (dims + 1, dims + 2):
        raise refusal("nn.conv.rank", low=dims + 1, high=dims + 2, name=name, size=list(input._shape))
    batched = input if rank == dims + 2 else input.unsqueeze(0)
    strides, dilations = _each(stride, dims, "stride"), _each(dilation, dims, "dilation")
    if isinstance(padding, str):
        batched, pads = _named_padding(batched, weight, padding, strides, dilations)
    else:
        pads = _each(padding, dims, "padding")
    extra = _each(output_padding, dims, "output_padding")
    _check(batched, weight, bias, strides, pads, dilations, transposed, groups)
    if transposed:
        shape = _output_shape(batched._shape, weight._shape, strides, pads, dilations, True, extra, groups)
        if any(n < 1 for n in shape[2:]):
            lead = (1,) if dims == 1 else ()  # computed as an image of one row
            words = [" x ".join(map(str, (*lead, *sizes[2:]))) for sizes in (batched._shape, shape)]
            raise refusal("nn.conv_transpose.output_size", size=words[0], output=words[1])
    kernel, late = _kernel(dims, transposed, dilations)
    refuse_unsupported(kernel, input._dtype, late, NEVER_BOOL)
    made = run(_CONVOLUTION, [batched, weight, bias, strides, pads, dilations, transposed, extra, groups])
    return made if rank == dims + 2 else made.squeeze(0)


def _named_padding(input: Tensor, weight: Tensor, padding: str, stride: Ints, dilation: Ints) -> tuple[Tensor, Ints]:
    """'same' keeps the size; where the padding is odd, the end gets one more."""
    import reference_engine as engine

    if padding == "valid":
        return input, (0,) * len(stride)
    if padding != "same":
        raise refusal("nn.conv.padding_name", padding=padding)
    if any(s != 1 for s in stride):
        raise refusal("nn.conv.same_stride")
    totals = [d * (k - 1) for d, k in zip(dilation, weight._shape[2:], strict=True)]
    if any(t % 2 for t in totals):
        after = [n for t in reversed(totals) for n in (0, t % 2)]
        functional: Any = engine.nn.functional
        input = functional.pad(input, after)
    return input, tuple(t // 2 for t in totals)


def _plain(dims: int) -> Any:
    def forward(
        input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
    ) -> Tensor:
        return _convolve(dims, f"conv{dims}d", input, weight, bias, stride, padding, dilation, groups)

    return forward


def _transposed(dims: int) -> Any:
    def forward(
        input: Tensor,
        weight: Tensor,
        bias: Any,
        stride: Any,
        padding: Any,
        output_padding: Any,
        groups: int,
        dilation: Any,
    ) -> Tensor:
        name = f"conv_transpose{dims}d"
        return _convolve(dims, name, input, weight, bias, stride, padding, dilation, groups, True, output_padding)

    return forward


for _dims in (1, 2, 3):
    declare(
        f"nn.functional.conv{_dims}d(Tensor input, Tensor weight, Tensor? bias=None, any stride=1, any padding=0, "
        "any dilation=1, "
        "int groups=1) -> Tensor",
        forward=_plain(_dims),
        composite=True,
        aliases=(f"conv{_dims}d",),
        method=False,
        samples=domains.real(
            shapes=f"conv{_dims}d", arguments={"stride": (1, 2), "padding": (0, 1), "dilation": (1, 2), "groups": (1,)}
        ),
    )
    declare(
        f"nn.functional.conv_transpose{_dims}d(Tensor input, Tensor weight, Tensor? bias=None, any stride=1, "
        "any padding=0, "
        "any output_padding=0, int groups=1, any dilation=1) -> Tensor",
        forward=_transposed(_dims),
        composite=True,
        aliases=(f"conv_transpose{_dims}d",),
        method=False,
        samples=domains.real(
            shapes=f"conv_transpose{_dims}d",
            arguments={"stride": (1, 2), "padding": (0, 1), "output_padding": (0,), "dilation": (1, 2), "groups": (1,)},
        ),
    )


def gradient_of_convolution(
    of: str, dims: int, grad_output: Tensor, input: Tensor, weight: Tensor, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Tensor:  # fmt: skip
    """The gradient of a convolution by its "input" or its "weight"."""
    options = [_each(stride, dims, "stride"), _each(padding, dims, "padding"), _each(dilation, dims, "dilation")]
    found = run(_BACKWARD, [grad_output, input, weight, *options, False, (0,) * dims, groups, of[0]])
    made: Tensor = found[0 if of == "input" else 1]
    return made


def _any_convolution(
    input: Tensor, weight: Tensor, bias: Any, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> Tensor:  # fmt: skip
    rank = len(weight._shape)
    if len(input._shape) != rank:
        raise refusal("nn.conv.dimensions", rank=rank, weight=list(weight._shape), got=len(input._shape),
                      input=list(input._shape))  # fmt: skip
    return _convolve(
        rank - 2, "convolution", input, weight, bias, stride, padding, dilation, groups, transposed, output_padding
    )


declare(
    "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, "
    "bool transposed, int[] output_padding, int groups) -> Tensor",
    forward=_any_convolution, composite=True, method=False,
)  # fmt: skip
