"""Anomaly mode: remember where each node was made, name the one that failed, refuse nan gradients.

Source: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_engine.semantics import cite, refusal, warn

if TYPE_CHECKING:
    from reference_engine.autograd.node import Node

_OURS = str(Path(__file__).parents[1]) + os.sep  # what is not the user's own code

_enabled = False
_check_nan = True


def enabled() -> bool:
    return _enabled


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switch anomaly detection.

    Raises:
        TypeError: no bool.
    """
    set_detect_anomaly(enabled, check_nan)


def is_anomaly_check_nan_enabled() -> bool:
    return _check_nan


def checks_nan() -> bool:
    return _enabled and _check_nan


class set_detect_anomaly:
    """Switch anomaly detection when called; restores the former state as a context manager.

    Raises:
        TypeError: ``mode`` is no bool.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        global _enabled, _check_nan
        if not isinstance(mode, bool):
            raise refusal("anomaly.type", type=type(mode).__name__)
        self.prev, self.prev_check_nan = _enabled, _check_nan
        _enabled, _check_nan = mode, check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        global _enabled, _check_nan
        _enabled, _check_nan = self.prev, self.prev_check_nan


class detect_anomaly:
    """Anomaly detection inside a ``with`` block; making one warns that it is slow."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self.prev, self.prev_check_nan = _enabled, _check_nan
        warn("anomaly.detect.slow")

    def __enter__(self) -> None:
        global _enabled, _check_nan
        self.prev, self.prev_check_nan = _enabled, _check_nan
        _enabled, _check_nan = True, self.check_nan

    def __exit__(self, *exc: object) -> None:
        global _enabled, _check_nan
        _enabled, _check_nan = self.prev, self.prev_check_nan


def remember(node: Node) -> None:
    """Keep the stack of the forward call that made ``node``, and the node that was being evaluated then."""
    from reference_engine.autograd.engine import current_node

    frames = traceback.extract_stack()
    while len(frames) > 1 and frames[-1].filename.startswith(_OURS):
        frames.pop()
    node.metadata["traceback_"] = frames.format()
    parent = current_node()
    if parent is not None:
        node.metadata["parent_"] = parent


def report(node: Node) -> None:
    """Warn where the failing node came from, and the nodes that made that one.

    Where warnings are errors they are printed instead: what is raised is why the node failed.
    """
    if not _enabled:
        return
    try:
        _warn_of_origins(node)
    except Warning as warning:
        print(f"{type(warning).__name__}: {warning}", file=sys.stderr)


def _warn_of_origins(node: Node) -> None:
    trace = _trace(node)
    if trace is None:
        warn("anomaly.error.no_trace", node=node.name())
        return
    warn("anomaly.error.trace", node=node.name(), trace=trace)
    parent = node.metadata.get("parent_")
    while parent is not None:
        trace = _trace(parent)
        if trace is None:
            warn("anomaly.error.parent_no_trace", node=node.name(), parent=parent.name())
            return
        warn("anomaly.error.parent", node=node.name(), parent=parent.name(), trace=trace)
        node, parent = parent, parent.metadata.get("parent_")


def _trace(node: Node) -> str | None:
    lines = node.metadata.get("traceback_")
    return None if lines is None else "".join(lines)


def refuse_nan(node: Node, grads: Sequence[Any]) -> None:
    """Refuse a node's gradients if there is a nan among them, unless they are not looked at."""
    for i, grad in enumerate(grads):
        if grad is None:
            continue
        values = grad if grad._sparse is None else grad._sparse.values
        if np.isnan(values._read()).any():
            if not _check_nan:
                cite("anomaly.no_check_nan")
                return
            raise refusal("anomaly.nan", node=node.name(), index=i)
