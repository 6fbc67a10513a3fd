"""A Trace: what a subject did, step by step, in plain data."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from conformance.subjects.base import Places


class TensorState(msgspec.Struct, frozen=True, gc=False):
    """All that can be seen of a tensor. Other tensors appear by name."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None
    offset: int | None
    value: bytes | None  # row-major, of the logical value; None where there is none to read (the meta device)
    requires_grad: bool
    is_leaf: bool
    grad_fn: str | None
    output_nr: int
    version: int | None  # inference tensors have none
    is_view: bool
    base: str | None  # a name, or "unnamed"
    storage: str | None  # the first name among the live tensors that share this storage
    retains_grad: bool
    is_inference: bool
    is_conj: bool
    is_neg: bool
    device: str
    layout: str
    same_as: str | None  # the first name of this very object, if it has several
    grad: TensorState | str | None  # a name, where .grad is a named tensor
    places: Places | None = None  # of a tensor that is not strided


class Glimpse(msgspec.Struct, frozen=True, gc=False, tag="tensor"):
    """A tensor in passing: the argument of a hook, or a result without a name."""

    name: str | None
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None
    value: bytes | None
    requires_grad: bool
    grad_fn: str | None


class Number(msgspec.Struct, frozen=True, gc=False, tag="number"):
    """Numbers outside of a tensor: a Python float (shape None) or a NumPy array."""

    dtype: str
    shape: tuple[int, ...] | None
    value: bytes


# What a step returned or a hook was given: None, bool, int, str, a Number, a Glimpse, or (kind, item, ...) of the same.
Seen: TypeAlias = object

Outcome: TypeAlias = Literal["ok", "raised", "skipped"]


class Call(msgspec.Struct, frozen=True):
    """A hook or a method of a custom Function was called."""

    label: str
    args: tuple[Seen, ...]


class StepTrace(msgspec.Struct, frozen=True):
    """One step: what came of it, and the tensors whose state it changed."""

    outcome: Outcome
    exception: tuple[str, str] | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    calls: tuple[Call, ...] = ()
    clauses: tuple[str, ...] = ()
    tensors: dict[str, TensorState] = {}
    result: Seen = None
    grad_enabled: bool = True
    inference_mode: bool = False
    evidence: tuple[tuple[str, str], ...] = ()  # (column of the op matrix, op): gradient formulas that ran


class Trace(msgspec.Struct, frozen=True):
    """A whole Program on one subject."""

    subject: str
    steps: tuple[StepTrace, ...]
