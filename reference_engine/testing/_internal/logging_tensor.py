"""A tensor, and a mode, that log all operations below autograd: ``$2: f32[1] = torch._ops.aten.mul.Tensor($0, $1)``."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from reference_engine import printing
from reference_engine.dispatcher.subclasses import make_wrapper_subclass
from reference_engine.overrides import enable_reentrant_dispatch
from reference_engine.tensor import Tensor
from reference_engine.utils._dtype_abbrs import dtype_abbrs
from reference_engine.utils._python_dispatch import TorchDispatchMode
from reference_engine.utils._pytree import tree_map
from reference_engine.utils.weak import WeakTensorKeyDictionary

logger = logging.getLogger("LoggingTensor")


def _log(func: Any, args: Any, kwargs: Any, results: Any) -> None:
    logger.info(f"{func.__module__}.{func.__name__}", args, kwargs, results)


class LoggingTensor(Tensor):
    """Holds a tensor, does to it what is done to itself, and logs that."""

    elem: Any
    __slots__ = ["elem"]
    context: Any = contextlib.nullcontext

    @staticmethod
    def __new__(cls: Any, elem: Any, *args: Any, **kwargs: Any) -> Any:
        made = make_wrapper_subclass(
            cls, elem.size(), strides=elem.stride(), storage_offset=elem.storage_offset(), dtype=elem.dtype,
            layout=elem.layout, device=elem.device, requires_grad=kwargs.get("requires_grad", False),
        )  # fmt: skip
        made.elem = elem.detach() if made.requires_grad else elem
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return printing.of_tensor(self, f"{self.elem}")

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def inner(value: Any) -> Any:
            return value.elem if isinstance(value, cls) else value

        def outer(value: Any) -> Any:
            return cls(value) if isinstance(value, Tensor) else value

        with cls.context():
            results = tree_map(outer, func(*tree_map(inner, args), **tree_map(inner, kwargs or {})))
        _log(func, args, kwargs or {}, results)
        return results


class LoggingTensorMode(TorchDispatchMode):
    """Logs every operation."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        _log(func, args, kwargs or {}, results)
        return results


class LoggingTensorReentrant(LoggingTensor):
    """What is done to the tensor inside is recorded."""

    context = enable_reentrant_dispatch


class LoggingTensorHandler(logging.Handler):
    """Writes each logged operation as a line, with tensors numbered as they come."""

    def __init__(
        self, log_list: list[str], use_shortid_for_all_tensors: bool, with_type: bool, tracebacks_list: Any = None
    ) -> None:
        super().__init__()
        self.log_list, self.with_type = log_list, with_type
        self.use_shortid_for_all_tensors, self.tracebacks_list = use_shortid_for_all_tensors, tracebacks_list
        self.memo, self.next_id = WeakTensorKeyDictionary(), 0

    def _shortid(self, t: Any) -> int:
        if t not in self.memo:
            self.memo[t] = self.next_id
            self.next_id += 1
        number: int = self.memo[t]
        return number

    def _fmt(self, a: object, with_type: bool = False) -> str:
        kind = Tensor if self.use_shortid_for_all_tensors else LoggingTensor
        if not isinstance(a, kind):
            return repr(a)
        shown = f": {dtype_abbrs[a.dtype]}[{', '.join(map(str, a.shape))}]" if with_type and self.with_type else ""
        return f"${self._shortid(a)}{shown}"

    def emit(self, record: Any) -> None:
        args, kwargs, results = record.args
        shown = [str(tree_map(self._fmt, a)) for a in args]
        shown += [f"{name}={tree_map(self._fmt, value)}" for name, value in kwargs.items()]
        made = tree_map(lambda a: self._fmt(a, with_type=True), results)
        self.log_list.append(f"{made} = {record.msg}({', '.join(shown)})")


def log_input(name: str, var: object) -> None:
    logger.info("input", (name,), {}, var)


@contextlib.contextmanager
def capture_logs(is_mode: bool = False, **tracebacks: bool) -> Iterator[list[str]]:
    """Inside, what is logged becomes lines of a list."""
    lines: list[str] = []
    handler = LoggingTensorHandler(lines, use_shortid_for_all_tensors=is_mode, with_type=True)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def capture_logs_with_logging_tensor_mode(**tracebacks: bool) -> Iterator[list[str]]:
    with LoggingTensorMode(), capture_logs(True) as lines:
        yield lines


__all__ = [
    "LoggingTensor", "LoggingTensorHandler", "LoggingTensorMode", "LoggingTensorReentrant", "capture_logs",
    "capture_logs_with_logging_tensor_mode", "log_input",
]  # fmt: skip
