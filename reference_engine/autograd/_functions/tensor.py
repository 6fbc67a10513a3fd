"""Two conversions written as custom Functions, from the time before such operations were differentiable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.function import Function
from reference_engine.semantics import refusal, switch, warn

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


class Type(Function):
    """The tensor in another dtype."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, dest_type: Any) -> Any:
        if switch("function.type.deprecated"):
            warn("function.type_deprecated")
        ctx.input_type = tensor.dtype
        return tensor.type(dest_type)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return grad_output.type(ctx.input_type), None


class Resize(Function):
    """The tensor in another shape of as many elements."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, sizes: tuple[int, ...]) -> Any:
        """A view where the memory allows it.

        Raises:
            RuntimeError: another number of elements.
        """
        ctx.sizes, ctx.input_sizes = sizes, tensor.size()
        if math.prod(sizes) != tensor.numel():
            raise refusal(
                "function.resize.numel", wanted="x".join(map(str, sizes)), wanted_numel=math.prod(sizes),
                given="x".join(map(str, tensor.size())), given_numel=tensor.numel(),
            )  # fmt: skip
        return tensor.contiguous().view(*sizes)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        return grad_output.contiguous().view(ctx.input_sizes), None
