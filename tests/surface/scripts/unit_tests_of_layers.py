"""A test case for layers, and the means that such tests import."""

import unittest

import torch
from torch import nn
from torch.testing._internal.common_cuda import TEST_CUDA, tf32_on_and_off
from torch.testing._internal.common_device_type import get_all_device_types, tol
from torch.testing._internal.common_dtype import get_all_complex_dtypes, get_all_dtypes, get_all_fp_dtypes
from torch.testing._internal.common_nn import NNTestCase, _create_basic_net, _test_module_empty_input
from torch.testing._internal.common_utils import (
    BytesIOContext,
    DeterministicGuard,
    TemporaryDirectoryName,
    TemporaryFileName,
    _assertGradAndGradgradChecks,
    is_iterable_of_tensors,
    make_fullrank_matrices_with_distinct_singular_values,
    make_tensor,
    random_hermitian_pd_matrix,
    torch_to_numpy_dtype_dict,
)


class LayersAreTested(NNTestCase):
    def test_back_and_forth(self):
        given = torch.ones(1, 2, requires_grad=True)
        nn.Linear(2, 3)(given).sum().backward()
        self._zero_grad_input(given)
        self.assertEqual(given.grad, torch.zeros(1, 2))
        with self.assertRaises(NotImplementedError):
            self._forward(nn.Linear(2, 3), given)

    def test_net(self):
        layer, net, sequence = _create_basic_net()
        self.assertEqual(next(iter(dict(sequence.named_parameters()))), "0.dummy_param")
        self.assertEqual(list(dict(net.named_buffers())), ["dummy_buf", "l1.layer_dummy_buf"])
        self.assertEqual(len(list(layer.parameters())), 1)

    @tf32_on_and_off(0.005)
    def test_nothing_in_it(self):
        _test_module_empty_input(self, nn.ReLU(), torch.randn(0, 3))

    def test_derivatives(self):
        given = make_tensor((3,), dtype=torch.double, device="cpu", requires_grad=True)
        _assertGradAndGradgradChecks(self, torch.sin, (given,))


result = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromTestCase(LayersAreTested).run(result)
print(result.testsRun, [trace.splitlines()[-1] for _, trace in result.failures + result.errors])

print(TEST_CUDA, get_all_device_types(), tol(atol=1, rtol=2))
print(get_all_dtypes(include_half=False), get_all_fp_dtypes(), get_all_complex_dtypes())
with TemporaryFileName() as name, TemporaryDirectoryName() as folder, BytesIOContext() as kept:
    torch.save(torch.ones(1), name)
    torch.save(torch.zeros(1), kept)
    print(torch.load(name), type(folder).__name__)
kept.seek(0)
print(torch.load(kept))
with DeterministicGuard(True):
    print(torch.are_deterministic_algorithms_enabled())
print(torch.are_deterministic_algorithms_enabled(), is_iterable_of_tensors([torch.ones(1)]), is_iterable_of_tensors(1))
square = random_hermitian_pd_matrix(3, dtype=torch.complex128, device="cpu")
print(torch.linalg.cholesky(square).shape, torch_to_numpy_dtype_dict[torch.int8].__name__)
print(make_fullrank_matrices_with_distinct_singular_values(2, 3, device="cpu", dtype=torch.double).shape)
