"""``torch.nn.grad``: the gradients of convolutions, by themselves."""

from __future__ import annotations

from typing import Any

from reference_engine.tensor import Tensor


def _of_input(dims: int) -> Any:
    def gradient(
        input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        from reference_engine.ops.convolution import gradient_of_convolution

        input = grad_output.new_empty(1).expand(input_size)
        return gradient_of_convolution("input", dims, grad_output, input, weight, stride, padding, dilation, groups)

    return gradient


def _of_weight(dims: int) -> Any:
    def gradient(
        input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        from reference_engine.ops.convolution import gradient_of_convolution

        weight = grad_output.new_empty(1).expand(weight_size)
        return gradient_of_convolution("weight", dims, grad_output, input, weight, stride, padding, dilation, groups)

    return gradient


conv1d_input, conv2d_input, conv3d_input = (_of_input(dims) for dims in (1, 2, 3))
conv1d_weight, conv2d_weight, conv3d_weight = (_of_weight(dims) for dims in (1, 2, 3))
