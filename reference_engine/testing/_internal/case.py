"""A ``unittest.TestCase`` that compares tensors."""

from __future__ import annotations

import inspect
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reference_engine import creation, random
from reference_engine.dtypes import dtype
from reference_engine.tensor import Tensor
from reference_engine.testing.comparison import Mismatch, Options, as_tensor, compare, is_sequence

SEED = 1234


class TestCase(unittest.TestCase):
    """Seeds the generators before each test; ``assertEqual`` allows for rounding where there are floats."""

    #: Tolerances that all comparisons of a test have at least.
    precision: float = 0.0
    rel_tol: float = 0.0

    def setUp(self) -> None:
        """Every test sees the same random numbers."""
        random.manual_seed(SEED)
        np.random.seed(SEED)

    def assertEqual(
        self,
        x: Any,
        y: Any,
        msg: str | Callable[[str], str] | None = None,
        *,
        atol: float | None = None,
        rtol: float | None = None,
        equal_nan: bool = True,
        exact_dtype: bool = True,
        exact_device: bool = False,
        exact_layout: bool = False,
        exact_stride: bool = False,
        exact_is_coalesced: bool = False,
    ) -> None:
        """Tensors, arrays, numbers, and containers of them are close; anything else is equal.

        A number may stand for a tensor of one element, and a tuple for a list.
        """
        options = Options(True, rtol, atol, equal_nan, exact_dtype, exact_stride, self.precision, self.rel_tol)
        try:
            _compare(x, y, options)
        except Mismatch as mismatch:
            place = "".join(f"[{key!r}]" for key in mismatch.path)
            text = mismatch.text + (f"\n\nThe failure occurred for item {place}" if place else "")
            if callable(msg):
                text = msg(text)
            elif msg:
                text += f"\n{msg}"
            raise self.failureException(text) from None

    def assertNotEqual(self, x: Any, y: Any, msg: Any = None, **options: Any) -> None:  # type: ignore[override]
        """The opposite of ``assertEqual``."""
        with self.assertRaises(AssertionError, msg=msg):
            self.assertEqual(x, y, msg, **options)

    def assertEqualIgnoreType(self, x: Any, y: Any, **options: Any) -> None:
        """``assertEqual`` whatever the dtypes."""
        self.assertEqual(x, y, exact_dtype=False, **options)

    def assertEqualTypeString(self, x: Any, y: Any) -> None:
        """The same device and dtype."""
        self.assertEqual((x.device, x.dtype), (y.device, y.dtype))

    def assertObjectIn(self, obj: Any, iterable: Any) -> None:
        """The very object is among these."""
        if not any(obj is elem for elem in iterable):
            raise self.failureException("object not found in iterable")

    def assertExpectedInline(self, actual: str, expect: str, skip: int = 0) -> None:
        """Text as it stands in the test."""
        self.assertMultiLineEqual(expect, actual)

    def assertExpected(self, s: str, subname: str | None = None) -> None:
        """Text as it stands in ``expect/<Class>.<test>-<subname>.expect`` beside the test."""
        here = Path(inspect.getfile(type(self))).resolve().parent
        name = ".".join(self.id().split(".")[-2:]) + (f"-{subname}" if subname else "")
        expected = (here / "expect" / f"{name}.expect").read_text()
        self.assertMultiLineEqual(expected.rstrip("\n"), s.rstrip("\n"))

    @contextmanager
    def assertWarnsOnceRegex(self, category: type[Warning], regex: str = "") -> Iterator[None]:
        """Exactly one warning, of this kind and in these words."""
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            yield
        self.assertEqual(len(seen), 1)
        self.assertTrue(issubclass(seen[0].category, category))
        self.assertRegex(str(seen[0].message), regex)

    def assertNotWarn(self, callable: Callable[[], Any], msg: str = "") -> None:
        """The call warns of nothing."""
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            callable()
        self.assertTrue(not seen, msg or [str(w.message) for w in seen])


def _compare(x: Any, y: Any, options: Options) -> None:
    """What ``compare`` does for tensors and numbers, and equality for what has no tolerance."""
    if is_sequence(x) and is_sequence(y):
        if len(x) != len(y):
            raise Mismatch(f"The length of the sequences mismatch: {len(x)} != {len(y)}")
        pairs = list(zip(range(len(x)), x, y, strict=True))
    elif isinstance(x, Mapping) and isinstance(y, Mapping):
        if x.keys() != y.keys():
            raise Mismatch(f"The keys of the mappings do not match: {list(x)} != {list(y)}")
        pairs = [(key, x[key], y[key]) for key in x]
    else:
        _compare_leaves(x, y, options)
        return
    for key, mine, theirs in pairs:
        try:
            _compare(mine, theirs, options)
        except Mismatch as inner:
            raise Mismatch(inner.text, (key, *inner.path)) from None


_NUMBERS = (int, float, complex, np.number, np.bool_)


def _compare_leaves(x: Any, y: Any, options: Options) -> None:
    if isinstance(x, (set, frozenset, str, bytes, type, dtype)) or isinstance(y, (set, frozenset, str, bytes, type)):
        if x != y:
            raise Mismatch(f"{type(x).__name__} comparison failed: {x!r} != {y!r}")
    elif isinstance(x, (Tensor, np.ndarray)) or isinstance(y, (Tensor, np.ndarray)):
        if not all(isinstance(v, (Tensor, np.ndarray, list, tuple, *_NUMBERS)) for v in (x, y)):
            raise Mismatch(f"{type(x)} is not comparable with {type(y)}")
        mixed = [not isinstance(v, (Tensor, np.ndarray)) for v in (x, y)]
        first, second = (creation.tensor(v) if bare else as_tensor(v) for v, bare in zip((x, y), mixed, strict=True))
        if any(mixed):
            options = options.ignoring_dtype()
        compare(first.detach(), second.detach(), options)
    elif all(isinstance(v, _NUMBERS) for v in (x, y)) and not all(isinstance(v, bool) for v in (x, y)):
        compare(_plain(x), _plain(y), options.ignoring_dtype())
    elif x is not y and x != y:
        raise Mismatch(f"Object comparison failed: {x} != {y}")


def _plain(number: Any) -> Any:
    number = number.item() if isinstance(number, np.generic) else number
    return int(number) if isinstance(number, bool) else number


def run_tests(argv: list[str] | None = None) -> None:
    """Run the tests of the main module."""
    unittest.main(argv=argv or sys.argv)
