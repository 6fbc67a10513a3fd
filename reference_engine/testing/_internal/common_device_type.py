"""Tests that take a device, and perhaps a dtype: written out for the one device that there is."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from reference_engine.dtypes import dtype
from reference_engine.testing._internal.parametrized import written_out

Decorator = Callable[[Any], Any]


def _leave(*args: Any, **kwargs: Any) -> Decorator:
    """A decorator for other devices changes nothing here."""
    return lambda fn: fn


def _never(reason: str) -> Callable[[Any], Any]:
    return unittest.skip(reason)


class dtypes:
    """The dtypes that a test is written out for."""

    def __init__(self, *args: Any) -> None:
        self.wanted = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args

    def __call__(self, fn: Any) -> Any:
        fn.with_dtypes = tuple(self.wanted)
        return fn


dtypesIfCPU = dtypes
dtypesIfCUDA = dtypesIfMPS = dtypesIfHPU = dtypesIfXPU = precisionOverride = toleranceOverride = _leave
skipCUDAIf = skipCUDAIfNotMiopenSuggestNHWC = skipMPSIf = skipMetaIf = _leave
expectedFailureMPS = expectedFailureMeta = skipMeta = skipXLA = skipMPS = skipCUDAIfRocm = _leave()
skipCPUIfNoLapack = skipCUDAIfNoMagma = onlyCPU = onlyNativeDeviceTypes = onlyOn = _leave()
onlyNativeDeviceTypesAnd = skipCUDAIfCudnnVersionLessThan = skipCUDAIfRocmVersionLessThan = skipCUDAVersionIn = _leave
skipGPUIf = largeTensorTest = _leave
skipCUDAIfMiopen = skipCUDAIfNoCudnn = skipCUDAIfNoMiopen = skipCUDAIfNoCusolver = _leave()
skipCUDAIfNoMagmaAndNoCusolver = skipCPUIfNoMkl = skipCPUIfNoFFT = skipCPUIfNoMklSparse = _leave()
expectedFailureXLA = expectedFailureCUDA = disablecuDNN = disableMkldnn = _leave()
onlyCUDA = onlyMPS = onlyXPU = onlyAccelerator = _never("only runs on another device")


class tol(NamedTuple):
    """Tolerances for a dtype."""

    atol: float
    rtol: float


def get_all_device_types() -> list[str]:
    """The one device."""
    return ["cpu"]


def skipIf(condition: Any, reason: str) -> Decorator:
    return unittest.skipIf(bool(condition), reason)


def skipCPUIf(condition: Any, reason: str) -> Decorator:
    return unittest.skipIf(bool(condition), reason)


def deviceCountAtLeast(count: int) -> Decorator:
    """The test is given a list of that many devices."""

    def decorate(fn: Any) -> Any:
        fn.device_count = count
        return fn if count <= 1 else unittest.skip(f"fewer than {count} devices detected")(fn)

    return decorate


def instantiate_device_type_tests(
    generic: Any, scope: dict[str, Any], except_for: Any = None, only_for: Any = None, **options: Any
) -> None:
    """Replace a class by one whose tests are given the device: ``TestX.test_y`` becomes ``TestXCPU.test_y_cpu``."""
    scope.pop(generic.__name__, None)
    if "cpu" in _listed(except_for) or (only_for is not None and "cpu" not in _listed(only_for)):
        return
    members: dict[str, Any] = {"device_type": "cpu", "__module__": generic.__module__}
    for name, fn in vars(generic).items():
        if not name.startswith("test"):
            continue
        members[name] = None  # hides the inherited one
        for suffix, test in written_out(fn):
            for d in getattr(fn, "with_dtypes", (None,)):
                full = f"{name}{suffix}_cpu" + (f"_{d.name}" if d is not None else "")
                members[full] = _on_the_cpu(test, d, full)
    name = f"{generic.__name__}CPU"
    scope[name] = type(name, (generic,), members)


def _listed(value: Iterable[str] | str | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _on_the_cpu(test: Any, d: dtype | None, name: str) -> Any:
    @functools.wraps(test)
    def run(self: Any) -> Any:
        device: Any = ["cpu"] if hasattr(test, "device_count") else "cpu"
        return test(self, device) if d is None else test(self, device, d)

    run.__name__ = name
    del run.__wrapped__  # runners would look for its arguments
    return run
