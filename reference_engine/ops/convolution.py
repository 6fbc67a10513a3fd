"""Convolutions in any number of dimensions, and their transposes: what relates the three sums of ``correlations``."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import convolution_checks as checks
from reference_engine.ops import domains, shadow
from reference_engine.ops.correlations import correlate, kernels_of, spread
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, empty, from_array, noisy
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]

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
    if (made == 0).any():
        cite("nn.conv.zero_sign")
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


def _of_input_again(
    grad_output: Tensor, of_weight: Tensor, size: Ints, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    groups: int,
) -> Tensor:  # fmt: skip
    """What the gradient of the weight says of the input: the transposed convolution, and what is over is cut."""
    extra = (0,) * len(stride)
    if not transposed:
        made = _output_shape(grad_output._shape, of_weight._shape, stride, padding, dilation, True, extra, groups)
        extra = tuple(n - m for n, m in zip(size[2:], made[2:], strict=True))
    options = [stride, padding, dilation, not transposed, extra, groups]
    found: Tensor = run(_CONVOLUTION, [grad_output, of_weight.conj(), None, *options])
    for d, n in enumerate(size[2:], 2):
        if found._shape[d] > n:
            found = found.narrow(d, 0, n)
    return found


_OPTIONS = "int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups"


def _vjp(
    grad: Tensor, input: Tensor, weight: Tensor, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int, needs: set[str],
) -> dict[str, Any]:  # fmt: skip
    wanted = "".join(name[0] for name in ("input", "weight", "bias") if name in needs)
    stride, padding, dilation, output_padding = _spread(
        len(weight._shape) - 2, stride, padding, dilation, output_padding
    )
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
    terms = []
    if of_input is not None:
        terms.append(run(_CONVOLUTION, [of_input, weight, None, *options]))
    if of_weight is not None:
        terms.append(run(_CONVOLUTION, [input, of_weight, None, *options]))
    if of_bias is not None:
        terms.append(of_bias.view((-1, *[1] * (len(input._shape) - 2))).expand(grad_output._shape))
    total = None
    for term in terms:
        total = term if total is None else total + term
    made: dict[str, Any] = {"grad_output": total}
    # each is made whether it is wanted or not, which saved-tensor hooks see
    if of_input is not None:
        made["weight"] = _of_weight_again(
            grad_output, of_input, weight._shape, stride, padding, dilation, transposed, groups
        )
    if of_weight is not None:
        made["input"] = _of_input_again(
            grad_output, of_weight, input._shape, stride, padding, dilation, transposed, groups
        )
    return {name: value for name, value in made.items() if name in needs}


def _checked(
    input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> Tensor:  # fmt: skip
    """The op looks at its arguments itself: what it saves has been saved when it refuses."""
    checks.refuse_options(weight, groups)
    options = _spread(len(weight._shape) - 2, stride, padding, dilation, output_padding)
    strides, pads, dilations, extra = options
    checks.refuse_shapes(input, weight, bias, strides, pads, dilations, transposed, extra, groups)
    shape = _output_shape(input._shape, weight._shape, strides, pads, dilations, transposed, extra, groups)
    checks.refuse_in_kernel(input, weight, bias, strides, dilations, transposed, extra, shape)
    return _forward(input, weight, bias, strides, pads, dilations, transposed, extra, groups)


def _spread(dims: int, stride: Any, padding: Any, dilation: Any, output_padding: Any) -> tuple[Ints, ...]:
    named = {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": output_padding}
    return tuple(checks.each(value, dims, name) for name, value in named.items())


_CONVOLUTION = declare(
    f"_convolution(Tensor input, Tensor weight, Tensor? bias, {_OPTIONS}) -> Tensor",
    forward=_forward, vjp={"input, weight, bias": _vjp}, node="ConvolutionBackward0", function=False,
)  # fmt: skip
_CHECKED = declare(
    "_convolution_of(Tensor input, Tensor weight, Tensor? bias, any stride, any padding, any dilation, "
    "bool transposed, any output_padding, int groups) -> Tensor",
    forward=_checked, vjp={"input, weight, bias": _vjp}, node="ConvolutionBackward0", function=False,
)  # fmt: skip
_BACKWARD = declare(
    f"_convolution_backward(Tensor grad_output, Tensor input, Tensor weight, {_OPTIONS}, str wanted) -> (Tensor, "
    "Tensor, Tensor)",
    forward=_backward,
    vjp={"grad_output, input, weight": _double},
    node="ConvolutionBackwardBackward0",
    function=False,
)

# -- in so many dimensions ---------------------------------------------------------------------------------------------


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
    named = isinstance(padding, str)
    if not transposed and not named and (dims == 2 or switch("nn.conv.bias_dtype_of_all")):
        checks.refuse_bias_dtype(input, bias)
    rank = len(input._shape)
    if rank not in (dims + 1, dims + 2):
        raise refusal("nn.conv.rank", low=dims + 1, high=dims + 2, name=name, size=list(input._shape))
    batched = input if rank == dims + 2 else input.unsqueeze(0)
    if named:
        batched, padding = _named_padding(
            batched, weight, padding, checks.each(stride, dims, "stride"), checks.each(dilation, dims, "dilation")
        )
    given = ((n,) * dims if isinstance(n, int) else n for n in (stride, padding, dilation, output_padding))
    strides, pads, dilations, extra = given  # that their lengths fit is for the op to see
    made = run(_CHECKED, [batched, weight, bias, strides, pads, dilations, transposed, extra, groups])
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
        warn("nn.conv.same_copies")
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
    options = [checks.each(n, dims, of) for n, of in ((stride, "stride"), (padding, "padding"), (dilation, "dilation"))]
    found = run(_BACKWARD, [grad_output, input, weight, *options, False, (0,) * dims, groups, of[0]])
    made: Tensor = found[0 if of == "input" else 1]
    return made


def _any_convolution(
    input: Tensor, weight: Tensor, bias: Any, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> Tensor:  # fmt: skip
    return run(_CHECKED, [input, weight, bias, stride, padding, dilation, transposed, output_padding, groups])


declare(
    "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, "
    "bool transposed, int[] output_padding, int groups) -> Tensor",
    forward=_any_convolution, composite=True, method=False,
)  # fmt: skip
