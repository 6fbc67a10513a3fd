"""Normalisation by neighbouring channels, as a function with a derivative of its own."""

from __future__ import annotations

from typing import Any

from reference_engine.autograd.function import Function
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.tensor import Tensor


class CrossMapLRN2d(Function):
    """Each channel of a batch of images divided by a power of the mean square of those around it."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> Tensor:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        ctx.size, ctx.alpha, ctx.beta, ctx.k = size, alpha, beta, k
        ctx.scale = alpha / size * _window_sums(input.pow(2), size) + k
        output = input * ctx.scale.pow(-beta)
        ctx.save_for_backward(input, output)
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        input, output = ctx.saved_tensors
        ratio = _window_sums(grad_output * output / ctx.scale, ctx.size)
        own = grad_output * ctx.scale.pow(-ctx.beta)
        return own - 2 * ctx.alpha * ctx.beta / ctx.size * input * ratio, None, None, None, None


def _window_sums(values: Tensor, size: int) -> Tensor:
    """The sum over the channels that are at most half a window away."""
    reach = (size - 1) // 2
    made = values.new_zeros(values.shape)
    for c in range(values.size(1)):
        made[:, c] = values[:, max(c - reach, 0) : c + reach + 1].sum(1)
    return made


class CrossMapLRN2dLayer(Module):
    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Any:
        return CrossMapLRN2d.apply(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


CrossMapLRN2dLayer.__name__ = CrossMapLRN2dLayer.__qualname__ = "CrossMapLRN2d"
own_methods("__init__", "forward")(CrossMapLRN2dLayer)
