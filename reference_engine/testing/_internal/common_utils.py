"""The names that tests of torch import first."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import reference_engine as torch
from reference_engine import dtypes, random
from reference_engine.autograd import gradcheck as _gradcheck
from reference_engine.autograd import gradgradcheck as _gradgradcheck
from reference_engine.tensor import Tensor
from reference_engine.testing._internal.case import SEED, TestCase, run_tests
from reference_engine.testing._internal.means import (
    BytesIOContext,
    DeterministicGuard,
    TemporaryDirectoryName,
    TemporaryFileName,
    clone_input_helper,
    coalescedonoff,
    decorateIf,
    dtype2prec_DONTUSE,
    first_sample,
    is_iterable_of_tensors,
    make_fullrank_matrices_with_distinct_singular_values,
    numpy_to_torch_dtype_dict,
    random_hermitian_matrix,
    random_hermitian_pd_matrix,
    random_hermitian_psd_matrix,
    random_symmetric_matrix,
    random_symmetric_pd_matrix,
    random_symmetric_psd_matrix,
    torch_to_numpy_dtype_dict,
)
from reference_engine.testing._internal.parametrized import instantiate_parametrized_tests, parametrize, subtest
from reference_engine.testing.creation import make_tensor

IS_WINDOWS = sys.platform == "win32"
IS_MACOS = sys.platform == "darwin"
IS_LINUX = sys.platform == "linux"
IS_JETSON = IS_SANDCASTLE = IS_FBCODE = IS_CI = False
IS_X86 = IS_ARM64 = IS_PPC = IS_S390X = False
TEST_NUMPY = TEST_SCIPY = True
TEST_DILL = TEST_LIBROSA = TEST_NUMBA = TEST_OPT_EINSUM = TEST_PRIVATEUSE1 = TEST_HPU = TEST_ACL = TEST_CUDNN = False
TEST_SKIP_FAST = NOTEST_CPU = NO_MULTIPROCESSING_SPAWN = False
GRADCHECK_NONDET_TOL = 0.0
TEST_CUDA = TEST_MULTIGPU = TEST_XPU = TEST_MPS = TEST_MKL = TEST_WITH_ROCM = TEST_WITH_CROSSREF = False
TEST_WITH_TORCHDYNAMO = TEST_WITH_TORCHINDUCTOR = TEST_WITH_SLOW_GRADCHECK = False
TEST_WITH_ASAN = TEST_WITH_TSAN = TEST_WITH_UBSAN = False
TEST_WITH_SLOW = os.environ.get("PYTORCH_TEST_WITH_SLOW", "0") == "1"


def _leave(*args: Any, **kwargs: Any) -> Any:
    """A condition that never holds here, as a bare decorator or as one with arguments."""
    if len(args) == 1 and callable(args[0]) and not kwargs:
        return args[0]
    return lambda fn: fn


skipIfTorchDynamo = skipIfTorchInductor = skipIfRocm = skipIfXpu = skipIfMPS = skipIfWindows = skipIfCrossRef = _leave
skipIfNoLapack = skipIfNoSciPy = skipIfSlowGradcheckEnv = skipCUDANonDefaultStreamIf = xfailIfTorchDynamo = _leave
skipIfMps = skipIfHpu = skipIfNNModuleInlined = skipRocmIfTorchInductor = skipIfNotRegistered = _leave
skipIfLegacyJitExecutor = skipIfNotMiopenSuggestNHWC = skipIfTBB = serialTest = retry = runOnRocm = _leave
skipCUDAMemoryLeakCheckIf = unMarkDynamoStrictTest = markDynamoStrictTest = dontWrapTorchFunction = _leave


def slowTest(fn: Any) -> Any:
    """Runs only where PYTORCH_TEST_WITH_SLOW says so."""
    return unittest.skipUnless(TEST_WITH_SLOW, "test is slow; run with PYTORCH_TEST_WITH_SLOW to enable test")(fn)


def set_rng_seed(seed: int = SEED) -> None:
    """Seed all generators."""
    random.manual_seed(seed)
    np.random.seed(seed)


@contextlib.contextmanager
def freeze_rng_state() -> Iterator[None]:
    """Leave the default generator as it was."""
    state = random.get_rng_state()
    try:
        yield
    finally:
        random.set_rng_state(state)


@contextlib.contextmanager
def set_default_dtype(d: dtypes.dtype) -> Iterator[None]:
    """Another default dtype inside."""
    before = dtypes.get_default_dtype()
    dtypes.set_default_dtype(d)
    try:
        yield
    finally:
        dtypes.set_default_dtype(before)


@contextlib.contextmanager
def set_warn_always_context(new_val: bool) -> Iterator[None]:
    """Every warning is given each time, always: nothing needs to be set."""
    yield


@contextlib.contextmanager
def disable_gc() -> Iterator[None]:
    """No cyclic garbage collection inside."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def suppress_warnings(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function, without its warnings."""

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fn(*args, **kwargs)

    return wrapped


def gradcheck(fn: Any, inputs: Any, **kwargs: Any) -> bool:
    """gradcheck as the suites run it: fast, and with batched gradients."""
    return _gradcheck(fn, inputs, **{"check_batched_grad": True, "fast_mode": True, **kwargs})


def gradgradcheck(fn: Any, inputs: Any, grad_outputs: Any = None, **kwargs: Any) -> bool:
    """gradgradcheck as the suites run it: fast, and with batched gradients."""
    return _gradgradcheck(fn, inputs, grad_outputs, **{"check_batched_grad": True, "fast_mode": True, **kwargs})


def _assertGradAndGradgradChecks(test_case: Any, apply_fn: Any, inputs: Any, **kwargs: Any) -> None:
    """First and second derivatives agree with numerical ones."""
    for check in (gradcheck, gradgradcheck):
        test_case.assertTrue(check(apply_fn, inputs, **kwargs))  # noqa: PT009


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """All the tests that a module has."""
    return tests


def noncontiguous_like(t: Tensor) -> Tensor:
    """The same values, not row-major where that is possible."""
    if not t.is_contiguous() or t.numel() < 2:
        return t
    made: Tensor = torch.stack((t.detach(), t.detach()), -1)[..., 0]
    return made.requires_grad_(t.requires_grad)


def is_iterable(obj: Any) -> bool:
    """Whether there is something in it to go through."""
    try:
        iter(obj)
    except TypeError:
        return False
    return True


__all__ = [
    "BytesIOContext", "DeterministicGuard", "GRADCHECK_NONDET_TOL", "IS_ARM64", "IS_CI", "IS_FBCODE", "IS_JETSON",
    "IS_LINUX", "IS_MACOS", "IS_PPC", "IS_S390X", "IS_SANDCASTLE", "IS_WINDOWS", "IS_X86", "NOTEST_CPU",
    "NO_MULTIPROCESSING_SPAWN", "SEED", "TEST_ACL", "TEST_CUDA", "TEST_CUDNN", "TEST_DILL", "TEST_HPU",
    "TEST_LIBROSA", "TEST_MKL", "TEST_MPS", "TEST_MULTIGPU", "TEST_NUMBA", "TEST_NUMPY", "TEST_OPT_EINSUM",
    "TEST_PRIVATEUSE1", "TEST_SCIPY", "TEST_SKIP_FAST", "TEST_WITH_ASAN", "TEST_WITH_CROSSREF", "TEST_WITH_ROCM",
    "TEST_WITH_SLOW", "TEST_WITH_SLOW_GRADCHECK", "TEST_WITH_TORCHDYNAMO", "TEST_WITH_TORCHINDUCTOR",
    "TEST_WITH_TSAN", "TEST_WITH_UBSAN", "TEST_XPU", "TemporaryDirectoryName", "TemporaryFileName", "TestCase",
    "_assertGradAndGradgradChecks", "clone_input_helper", "coalescedonoff", "decorateIf", "disable_gc",
    "dontWrapTorchFunction", "dtype2prec_DONTUSE", "first_sample", "freeze_rng_state", "gradcheck", "gradgradcheck",
    "instantiate_parametrized_tests", "is_iterable", "is_iterable_of_tensors", "load_tests",
    "make_fullrank_matrices_with_distinct_singular_values", "make_tensor", "markDynamoStrictTest",
    "noncontiguous_like", "numpy_to_torch_dtype_dict", "parametrize",
    "random_hermitian_matrix", "random_hermitian_pd_matrix",
    "random_hermitian_psd_matrix", "random_symmetric_matrix", "random_symmetric_pd_matrix",
    "random_symmetric_psd_matrix", "retry", "runOnRocm", "run_tests", "serialTest", "set_default_dtype",
    "set_rng_seed", "set_warn_always_context", "skipCUDAMemoryLeakCheckIf", "skipCUDANonDefaultStreamIf",
    "skipIfCrossRef", "skipIfHpu", "skipIfLegacyJitExecutor", "skipIfMPS", "skipIfMps", "skipIfNNModuleInlined",
    "skipIfNoLapack", "skipIfNoSciPy", "skipIfNotMiopenSuggestNHWC", "skipIfNotRegistered", "skipIfRocm",
    "skipIfSlowGradcheckEnv", "skipIfTBB", "skipIfTorchDynamo", "skipIfTorchInductor", "skipIfWindows", "skipIfXpu",
    "skipRocmIfTorchInductor", "slowTest", "subtest", "suppress_warnings", "torch_to_numpy_dtype_dict",
    "unMarkDynamoStrictTest", "xfailIfTorchDynamo",
]  # fmt: skip
