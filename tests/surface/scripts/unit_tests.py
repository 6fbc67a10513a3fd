"""Tests in the manner of torch's own suite."""

import io
import unittest

import torch
from torch.testing._internal.common_device_type import dtypes, instantiate_device_type_tests, onlyCPU, onlyCUDA
from torch.testing._internal.common_utils import TestCase, gradcheck, instantiate_parametrized_tests, parametrize


class TestComparing(TestCase):
    def test_equal(self):
        for x, y in (
            (torch.ones(2), torch.ones(2)),
            (torch.ones(2), [1.0, 1.0]),
            (torch.tensor(1.0), 1),
            ([1, None, "a"], (1, None, "a")),
            ({"a": torch.ones(2)}, {"a": torch.ones(2)}),
            (torch.Size([2]), (2,)),
            (torch.tensor(float("nan")), torch.tensor(float("nan"))),
            (torch.float32, torch.float32),
            (0.1 + 0.2, 0.3),
        ):
            self.assertEqual(x, y)
        self.assertEqual(torch.ones(2), torch.ones(2).double(), exact_dtype=False)
        self.assertEqual(torch.ones(2), torch.ones(2) + 1e-3, atol=1e-2, rtol=0)

    def test_not_equal(self):
        for x, y in (
            (torch.ones(2), torch.zeros(2)),
            (torch.ones(2), torch.ones(3)),
            (torch.ones(2), torch.ones(2).double()),
            (None, 1),
            ("a", "b"),
            ([1], [1, 2]),
            (1, 2),
            ({"a": 1}, {"b": 1}),
        ):
            self.assertNotEqual(x, y)
            with self.assertRaises(AssertionError):
                self.assertEqual(x, y)

    def test_seeded(self):
        first = torch.rand(2)
        self.setUp()
        self.assertNotEqual(first, torch.zeros(2))

    @parametrize("n", [1, 2])
    @parametrize("name", ["sin", "exp"])
    def test_gradients(self, n, name):
        self.assertTrue(gradcheck(getattr(torch, name), torch.rand(n, dtype=torch.double, requires_grad=True)))

    def test_that_fails(self):
        self.assertEqual(torch.ones(2), torch.zeros(2))


instantiate_parametrized_tests(TestComparing)


class TestOnDevices(TestCase):
    @dtypes(torch.float32, torch.int64)
    def test_dtype(self, device, dtype):
        self.assertEqual(torch.ones(1, device=device, dtype=dtype).dtype, dtype)

    @onlyCPU
    @parametrize("flag", [True, False])
    def test_flag(self, device, flag):
        self.assertEqual(device, "cpu")

    @onlyCUDA
    def test_elsewhere(self, device):
        self.fail("there is no such device")


instantiate_device_type_tests(TestOnDevices, globals(), only_for="cpu")

for case in (TestComparing, TestOnDevicesCPU):  # noqa: F821
    names = unittest.defaultTestLoader.getTestCaseNames(case)
    print(names)
    result = unittest.TextTestRunner(io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    print(result.testsRun, [test.id().rpartition(".")[2] for test, _ in result.failures + result.errors])
