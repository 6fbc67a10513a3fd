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
from reference_engine.testing._internal.parametrized import instantiate_parametrized_tests, parametrize, subtest

IS_WINDOWS = sys.platform == "win32"
IS_MACOS = sys.platform == "darwin"
IS_LINUX = sys.platform == "linux"
IS_JETSON = IS_SANDCASTLE = IS_FBCODE = IS_CI = False
TEST_NUMPY = TEST_SCIPY = True
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


def noncontiguous_like(t: Tensor) -> Tensor:
    """The same values, not row-major where that is possible."""
    if not t.is_contiguous() or t.numel() < 2:
        return t
    made: Tensor = torch.stack((t.detach(), t.detach()), -1)[..., 0]
    return made.requires_grad_(t.requires_grad)


def random_symmetric_matrix(n: int, *batch: int, dtype: Any = None) -> Tensor:
    """A random symmetric matrix."""
    a = torch.randn(*batch, n, n, dtype=dtype)
    made: Tensor = (a + a.mT).div(2)
    return made


def random_symmetric_pd_matrix(n: int, *batch: int, dtype: Any = None) -> Tensor:
    """A random symmetric positive definite matrix."""
    a = torch.randn(*batch, n, n, dtype=dtype)
    made: Tensor = torch.matmul(a, a.mT) + torch.eye(n, dtype=dtype) * 1e-5
    return made


def is_iterable(obj: Any) -> bool:
    """Whether there is something in it to go through."""
    try:
        iter(obj)
    except TypeError:
        return False
    return True


__all__ = [
    "SEED", "TestCase", "disable_gc", "freeze_rng_state", "gradcheck", "gradgradcheck",
    "instantiate_parametrized_tests", "parametrize", "run_tests", "set_default_dtype", "set_rng_seed",
    "set_warn_always_context", "slowTest", "subtest", "suppress_warnings",
]  # fmt: skip
