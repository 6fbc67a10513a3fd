"""What tests of layers import first: a test case that drives modules and criteria."""

# ruff: noqa: PT009 - these are called by tests of the unittest style
from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine import dtypes, nn
from reference_engine.tensor import Tensor
from reference_engine.testing._internal.case import TestCase


class NNTestCase(TestCase):
    """Its subclasses say how a module is run forwards and backwards."""

    _do_cuda_memory_leak_check = False
    _do_cuda_non_default_stream = False

    def _forward(self, module: Any, input: Any) -> Any:
        raise NotImplementedError

    def _get_parameters(self, module: Any) -> tuple[list[Any], list[Any]]:
        raise NotImplementedError

    def _zero_grad_parameters(self, module: Any) -> None:
        raise NotImplementedError

    def _backward(self, module: Any, input: Any, output: Any, grad_output: Any, create_graph: bool = False) -> Any:
        raise NotImplementedError

    def _zero_grad_input(self, input: Any) -> None:
        """Zeros in place of the gradients of an input, or of each in a sequence."""
        if isinstance(input, Tensor):
            if input.requires_grad and input.grad is not None:
                input.grad.zero_()
                input.grad.detach_()
        else:
            for each in input:
                self._zero_grad_input(each)


def _create_basic_net() -> tuple[Any, Any, Any]:
    """A layer with a parameter and a buffer, a net with it, and a sequence with that net twice."""

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer_dummy_param = nn.Parameter(torch.empty(3, 5))
            self.register_buffer("layer_dummy_buf", torch.zeros(1, 3, 3, 7))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l1 = Layer()
            self.dummy_param = nn.Parameter(torch.empty(3, 5))
            self.register_buffer("dummy_buf", torch.zeros(7, 3, 3, 1))

    layer, net = Layer(), Net()
    return layer, net, nn.Sequential(net, net)


def _test_module_empty_input(
    test_case: Any, module: Any, inp: Any, check_size: bool = True, inference: bool = False
) -> None:
    """A module takes an empty input, and its gradient is empty too."""
    if not inference:
        inp.requires_grad_(True)
    out = module(inp)
    if not inference:
        out.backward(torch.rand_like(out))
    if check_size:
        test_case.assertEqual(out.size(), inp.size())
    if not inference:
        for parameter in module.parameters():
            if parameter.requires_grad and parameter.grad is not None:
                test_case.assertEqual(parameter.grad, torch.zeros_like(parameter.grad))
        test_case.assertEqual(inp.grad, torch.zeros_like(inp))


def _test_bfloat16_ops(
    test_case: Any, op: Any, device: Any, inp_dims: Any = (), prec: float = 1e-2, scale_factor: Any = None
) -> None:
    """A layer in bfloat16 is close to what it is in float32, forwards and backwards."""
    wide = torch.randn(inp_dims, dtype=dtypes.float32, device=device, requires_grad=True)
    made = op(wide)
    grad = torch.randn_like(made)
    made.backward(grad)
    narrow = wide.detach().bfloat16().requires_grad_()
    other = op.bfloat16()(narrow) if isinstance(op, nn.Module) else op(narrow)
    other.backward(grad.bfloat16())
    test_case.assertEqual(made, other, atol=prec, rtol=prec, exact_dtype=False)
    test_case.assertEqual(wide.grad, narrow.grad, atol=prec, rtol=prec, exact_dtype=False)


module_tests: list[dict[str, Any]] = []
criterion_tests: list[dict[str, Any]] = []

__all__ = ["NNTestCase", "criterion_tests", "module_tests"]
