"""Anomaly mode: remember where each node was made, name the one that failed, refuse nan gradients.

Source: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_engine.modes import _ContextDecorator
from reference_engine.semantics import refusal, warn

if TYPE_CHECKING:
    from reference_engine.autograd.node import Node

_enabled = False
_check_nan = True


def enabled() -> bool:
    return _enabled


def is_anomaly_check_nan_enabled() -> bool:
    return _check_nan


def checks_nan() -> bool:
    return _enabled and _check_nan


class set_detect_anomaly(_ContextDecorator):
    """Switch anomaly detection when called; restores the former state as a context manager."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        global _enabled, _check_nan
        self._before = _enabled, _check_nan
        self._mode = mode, check_nan
        _enabled, _check_nan = self._mode

    def clone(self) -> Any:
        return type(self)(*self._mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        global _enabled, _check_nan
        _enabled, _check_nan = self._before


class detect_anomaly(_ContextDecorator):
    """Anomaly detection inside a ``with`` block; entering warns that it is slow."""

    def __init__(self, check_nan: bool = True) -> None:
        self._nan = check_nan
        self._before: list[tuple[bool, bool]] = []
        warn("anomaly.detect.slow")

    def clone(self) -> Any:
        return type(self)(self._nan)

    def __enter__(self) -> None:
        global _enabled, _check_nan
        self._before.append((_enabled, _check_nan))
        _enabled, _check_nan = True, self._nan

    def __exit__(self, *exc: object) -> None:
        global _enabled, _check_nan
        _enabled, _check_nan = self._before.pop()


def remember(node: Node) -> None:
    """Keep the stack of the forward call that made ``node``, and the node that was being evaluated then."""
    from reference_engine.autograd.engine import current_node

    node.forward_trace = "".join(traceback.format_stack()[:-3])
    parent = current_node()
    if parent is not None:
        node.metadata["parent_"] = parent


def report(node: Node) -> None:
    """Warn where the failing node came from, and the nodes that made that one."""
    if not _enabled:
        return
    if node.forward_trace is None:
        warn("anomaly.error.no_trace", node=node.name())
        return
    warn("anomaly.error.trace", node=node.name(), trace=node.forward_trace)
    parent = node.metadata.get("parent_")
    while parent is not None:
        if parent.forward_trace is None:
            warn("anomaly.error.parent_no_trace", node=node.name(), parent=parent.name())
            return
        warn("anomaly.error.parent", node=node.name(), parent=parent.name(), trace=parent.forward_trace)
        node, parent = parent, parent.metadata.get("parent_")


def refuse_nan(node: Node, grads: Sequence[Any]) -> None:
    for i, grad in enumerate(grads):
        if grad is not None and np.isnan(grad._read()).any():
            report(node)
            raise refusal("anomaly.nan", node=node.name(), index=i)
