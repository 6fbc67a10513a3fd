"""Custom Functions that compute with NumPy, for suites that try whatever can be done to a Function."""

from __future__ import annotations

from typing import Any

import numpy as np

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.autograd.function import Function
from reference_engine.testing._internal.autograd_function_samples import (
    sample_inputs_forward_default_args,
    sample_inputs_numpy_cube,
    sample_inputs_numpy_mul,
    sample_inputs_numpy_sort,
    sample_inputs_numpy_take,
    sample_inputs_select,
)
from reference_engine.testing._internal.common_dtype import all_types_and
from reference_engine.testing._internal.opinfo.core import OpInfo


def to_numpy(tensor: Any) -> Any:
    return tensor.cpu().numpy()


def _made(array: Any) -> Any:
    return torch.tensor(array)


def in_front(x: Any, dim: int | None) -> Any:
    """A batch along the first dimension, or one slice that all share."""
    return x.unsqueeze(0) if dim is None else x.movedim(dim, 0)


class NumpyCube(Function):
    """The cube, and its derivative as a second output."""

    @staticmethod
    def forward(input: Any) -> Any:
        x = to_numpy(input)
        return _made(x**3), _made(3 * x**2)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0], output[1])
        ctx.save_for_forward(inputs[0], output[1])

    @staticmethod
    def backward(ctx: Any, grad_output: Any, grad_saved: Any) -> Any:
        x, slope = ctx.saved_tensors
        return NumpyMul.apply(grad_output, slope) + 6 * NumpyMul.apply(grad_saved, x)

    @staticmethod
    def vmap(info: Any, in_dims: Any, input: Any) -> Any:
        return NumpyCube.apply(input), (in_dims[0], in_dims[0])

    @staticmethod
    def jvp(ctx: Any, input_tangent: Any) -> Any:
        x, slope = ctx.saved_tensors
        return NumpyMul.apply(input_tangent, slope), 6 * NumpyMul.apply(input_tangent, x)


class CubeGenVmap(Function):
    """The cube, batched by running its parts batched."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, outputs: Any) -> None:
        ctx.save_for_backward(inputs[0], outputs[1])
        ctx.save_for_forward(inputs[0], outputs[1])

    @staticmethod
    def backward(ctx: Any, grad_output: Any, grad_saved: Any) -> Any:
        x, slope = ctx.saved_tensors
        return grad_output * slope + 6 * grad_saved * x

    @staticmethod
    def jvp(ctx: Any, input_tangent: Any) -> Any:
        x, slope = ctx.saved_tensors
        return input_tangent * slope, 6 * NumpyMul.apply(input_tangent, x)


class NumpyCubeNotComposable(Function):
    """The cube with a derivative that cannot be differentiated."""

    @staticmethod
    def forward(input: Any) -> Any:
        x = to_numpy(input)
        return _made(x**3), x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.x = output[1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_output: Any, grad_saved: Any) -> Any:
        return _made(3 * to_numpy(grad_output) * ctx.x**2)


class NumpyMul(Function):
    """A product."""

    @staticmethod
    def forward(x: Any, y: Any) -> Any:
        return _made(to_numpy(x) * to_numpy(y))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        x, y = ctx.saved_tensors
        return (
            NumpyMul.apply(grad_output, y) if ctx.needs_input_grad[0] else None,
            NumpyMul.apply(grad_output, x) if ctx.needs_input_grad[1] else None,
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, y: Any) -> Any:
        return NumpyMul.apply(in_front(x, in_dims[0]), in_front(y, in_dims[1])), 0

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, y_tangent: Any) -> Any:
        x, y = ctx.saved_tensors
        return x_tangent * y + y_tangent * x


class MulGenVmap(Function):
    """A product, batched by running its parts batched."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, y: Any) -> Any:
        return x * y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, outputs: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        x, y = ctx.saved_tensors
        return (
            MulGenVmap.apply(grad_output, y) if ctx.needs_input_grad[0] else None,
            MulGenVmap.apply(grad_output, x) if ctx.needs_input_grad[1] else None,
        )

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, y_tangent: Any) -> Any:
        x, y = ctx.saved_tensors
        return x_tangent * y + y_tangent * x


class NumpyExp_(Function):
    """The exponential, in place."""

    @staticmethod
    def forward(x: Any) -> Any:
        array = to_numpy(x)
        np.exp(array, array)
        return x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_dirty(inputs[0])
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        return NumpyMul.apply(grad_output, ctx.saved_tensors[0])

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        NumpyExp_.apply(x)
        return x, in_dims[0]

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any) -> Any:
        x_tangent.mul_(ctx.saved_tensors[0])  # a tangent changes in place as its tensor does
        return x_tangent


class NumpyTake(Function):
    """Elements along a dimension by index; ``ind_inv`` undoes it."""

    @staticmethod
    def forward(x: Any, ind: Any, ind_inv: Any, dim: int) -> Any:
        return _made(np.take_along_axis(to_numpy(x), to_numpy(ind), dim))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ind, ind_inv, ctx.dim = inputs
        ctx.save_for_backward(ind, ind_inv)
        ctx.save_for_forward(ind, ind_inv)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(grad_output, ind_inv, ind, ctx.dim), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, ind: Any, ind_inv: Any, dim: int) -> Any:
        ranks = [t.dim() - (d is not None) for t, d in zip((x, ind, ind_inv), in_dims, strict=False)]
        wrapped = dim if dim >= 0 else dim + max(ranks)
        batches = [
            in_front(t, d).expand(info.batch_size, *in_front(t, d).shape[1:])
            for t, d in zip((x, ind, ind_inv), in_dims, strict=False)
        ]
        return NumpyTake.apply(*batches, wrapped + 1), 0

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, ind_tangent: Any, ind_inv_tangent: Any, _: Any) -> Any:
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(x_tangent, ind, ind_inv, ctx.dim)


class TakeGenVmap(Function):
    """Elements by index, batched by running its parts batched."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, ind: Any, ind_inv: Any, dim: int) -> Any:
        return torch.take_along_dim(x, ind, dim)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, outputs: Any) -> None:
        _, ind, ind_inv, ctx.dim = inputs
        ctx.save_for_backward(ind, ind_inv)
        ctx.save_for_forward(ind, ind_inv)

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        ind, ind_inv = ctx.saved_tensors
        return TakeGenVmap.apply(grad_output, ind_inv, ind, ctx.dim), None, None, None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, ind_tangent: Any, ind_inv_tangent: Any, _: Any) -> Any:
        ind, ind_inv = ctx.saved_tensors
        return TakeGenVmap.apply(x_tangent, ind, ind_inv, ctx.dim)


class NumpySort(Function):
    """The values with the indices that sort them, and those that undo it."""

    @staticmethod
    def forward(x: Any, dim: int) -> Any:
        array = to_numpy(x)
        ind = np.argsort(array, axis=dim)
        return _made(array), _made(ind), _made(np.argsort(ind, axis=dim))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.dim = inputs[1]
        _, ind, ind_inv = output
        ctx.mark_non_differentiable(ind, ind_inv)
        ctx.save_for_backward(ind, ind_inv)
        ctx.save_for_forward(ind, ind_inv)

    @staticmethod
    def backward(ctx: Any, grad_output: Any, _0: Any, _1: Any) -> Any:
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(grad_output, ind_inv, ind, ctx.dim), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, dim: int) -> Any:
        x = x.movedim(in_dims[0], 0)
        return NumpySort.apply(x, (dim if dim >= 0 else dim + x.dim() - 1) + 1), (0, 0, 0)

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, _: Any) -> Any:
        ind, ind_inv = ctx.saved_tensors
        return NumpyTake.apply(x_tangent, ind, ind_inv, ctx.dim), None, None


class Select(Function):
    """One slice of the first dimension."""

    @staticmethod
    def forward(x: Any, idx: int) -> Any:
        return x[idx]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.x_shape, ctx.idx = inputs[0].shape, inputs[1]

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        result = grad_output.new_zeros(ctx.x_shape)
        result[ctx.idx] = grad_output
        return result, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, idx: int) -> Any:
        return Select.apply(x.movedim(in_dims[0], 1), idx), 0

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, _: Any) -> Any:
        return Select.apply(x_tangent, ctx.idx)


class ScaleGradGenVmap(Function):
    """The identity, whose derivative is not one."""

    generate_vmap_rule = True
    scale = 3.14

    @staticmethod
    def forward(x: Any) -> Any:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, outputs: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        return grad_output * ScaleGradGenVmap.scale

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any) -> Any:
        return x_tangent * ScaleGradGenVmap.scale


class ForwardHasDefaultArgs(Function):
    """A forward with a default."""

    @staticmethod
    def forward(x: Any, idx: Any = (2,)) -> Any:
        return x[idx]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.x_shape, ctx.idx = inputs[0].shape, inputs[1]

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        result = grad_output.new_zeros(ctx.x_shape)
        result[ctx.idx] = grad_output
        return result, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, idx: Any) -> Any:
        return ForwardHasDefaultArgs.apply(x.movedim(in_dims[0], 1), idx), 0

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, _: Any) -> Any:
        return ForwardHasDefaultArgs.apply(x_tangent, ctx.idx)


_DTYPES = all_types_and(dtypes.bool_, dtypes.half)


def _info(name: str, op: Any, samples: Any, **traits: Any) -> OpInfo:
    traits = {"supports_forward_ad": True, "supports_fwgrad_bwgrad": True, **traits}
    return OpInfo(
        f"{name}AutogradFunction", op=op, sample_inputs_func=samples, dtypes=_DTYPES, supports_out=False, **traits
    )


autograd_function_db = [
    _info("NumpyCube", NumpyCube.apply, sample_inputs_numpy_cube),
    _info("NumpyExpMarkDirty", lambda x: NumpyExp_.apply(x.clone()), sample_inputs_numpy_cube),
    _info("NumpyMul", NumpyMul.apply, sample_inputs_numpy_mul),
    _info(
        "NumpyCubeNotComposable", lambda x: NumpyCubeNotComposable.apply(x)[0], sample_inputs_numpy_cube,
        supports_forward_ad=False, supports_fwgrad_bwgrad=False,
    ),
    _info("NumpySort", NumpySort.apply, sample_inputs_numpy_sort, gradcheck_wrapper=lambda y, ind: y),
    _info("NumpyTake", NumpyTake.apply, sample_inputs_numpy_take),
    _info("Select", Select.apply, sample_inputs_select),
    _info("CubeGenVmap", CubeGenVmap.apply, sample_inputs_numpy_cube),
    _info("MulGenVmap", MulGenVmap.apply, sample_inputs_numpy_mul),
    _info("ScaleGradGenVmap", ScaleGradGenVmap.apply, sample_inputs_numpy_cube),
    _info("ForwardHasDefaultArgs", ForwardHasDefaultArgs.apply, sample_inputs_forward_default_args),
]  # fmt: skip
